import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, sequential } from './layers-problem.js';
import { expectEqualsLoop, type Problem } from './one-example-loop.js';
import { integers, normal, oneHot, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));
const embedding = (inputLength: number, inputDim = 6, outputDim = 4) =>
  tfl.layers.embedding({ inputDim, outputDim, inputShape: [inputLength] });

eachBackend(() => {
  describe('embeddings', () => {
    it.each([1, 2, 7])('ids repeated inside and across %i examples', (batch) => {
      const model = sequential([embedding(9)]);
      expectEqualsLoop(regression(model, [integers([batch, 9], 6, 1)]));
    });

    it('every token the same, and the first and last row of the table', () => {
      const ids = tf.tensor2d([3, 3, 3, 3, 0, 5, 0, 5, 5, 5, 5, 0], [3, 4], 'int32');
      expectEqualsLoop(regression(sequential([embedding(4)]), [ids]));
    });

    it('ids given as floats, as model.fit gives them', () => {
      const ids = tf.tensor2d([1, 2, 2, 4, 0, 1], [2, 3], 'float32');
      expectEqualsLoop(regression(sequential([embedding(3)]), [ids]));
    });

    it('one token an example', () => {
      expectEqualsLoop(regression(sequential([embedding(1)]), [integers([5, 1], 6, 1)]));
    });

    it('as many tokens as examples, rows and columns', () => {
      expectEqualsLoop(regression(sequential([embedding(4, 4, 4)]), [integers([4, 4], 4, 1)]));
    });

    it('long sequences over a small table, and short ones over a large one', () => {
      expectEqualsLoop(regression(sequential([embedding(60, 3, 2)]), [integers([3, 60], 3, 1)]));
      expectEqualsLoop(regression(sequential([embedding(2, 200, 16)]), [integers([3, 2], 200, 1)]));
    });

    it('averaged and classified by a dense layer', () => {
      const model = sequential([
        embedding(8),
        tfl.layers.globalAveragePooling1d({}),
        tfl.layers.dense({ units: 5, activation: 'relu' }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [integers([6, 8], 6, 2)]));
    });

    it('through a convolution, and through the maximum over time', () => {
      const model = sequential([
        embedding(8),
        tfl.layers.conv1d({ filters: 3, kernelSize: 3, activation: 'relu' }),
        tfl.layers.globalMaxPooling1d({}),
      ]);
      expectEqualsLoop(regression(model, [integers([4, 8], 6, 2)]));
    });

    it('through a recurrent layer that masks id 0', () => {
      const model = sequential([
        tfl.layers.embedding({ inputDim: 6, outputDim: 3, inputLength: 3, maskZero: true }),
        tfl.layers.lstm({ units: 3, recurrentInitializer: 'glorotNormal' }),
      ]);
      const ids = tf.tensor2d([1, 2, 0, 4, 4, 5, 3, 0, 0], [3, 3], 'int32');
      expectEqualsLoop(regression(model, [ids]));
    });

    it('one layer on two inputs', () => {
      const [left, right] = [tfl.input({ shape: [4] }), tfl.input({ shape: [3] })];
      const shared = tfl.layers.embedding({ inputDim: 6, outputDim: 4 });
      const parts = [left, right].map((ids) => shared.apply(ids) as tfl.SymbolicTensor);
      const both = tfl.layers.concatenate({ axis: 1 }).apply(parts) as tfl.SymbolicTensor;
      const output = tfl.layers.dense({ units: 2 }).apply(both) as tfl.SymbolicTensor;
      const model = tfl.model({ inputs: [left, right], outputs: output });
      expectEqualsLoop(regression(model, [integers([5, 4], 6, 1), integers([5, 3], 6, 2)]));
    });

    it('tied with the output projection', () => {
      const table = variable([6, 4], 1);
      const hidden = variable([4, 4], 2);
      expectEqualsLoop(tied(table, hidden));
    });

    it('tied with the output projection, the other way round', () => {
      const table = variable([6, 4], 1);
      const hidden = variable([4, 4], 2);
      const { data, loss } = tied(table, hidden);
      expectEqualsLoop({ data, loss, variables: [hidden, table] });
      expectEqualsLoop({ data, loss, variables: [table] });
    });

    it('a table that is looked up twice, once by computed ids', () => {
      const table = variable([6, 4], 1);
      expectEqualsLoop({
        data: [integers([5, 3], 5, 1)],
        variables: [table],
        loss: ([ids]) => {
          const next = tf.add(ids!, tf.scalar(1, 'int32')) as tf.Tensor2D;
          return power(tf.mul(tf.gather(table, ids as tf.Tensor2D), tf.gather(table, next)));
        },
      });
    });

    it('a lookup in a function of the table', () => {
      const table = variable([6, 4], 1);
      expectEqualsLoop({
        data: [integers([5, 3], 6, 1)],
        variables: [table],
        loss: ([ids]) => power(tf.gather(tf.tanh(table), ids as tf.Tensor2D)),
      });
    });

    it.each([
      [4, 6, 5],
      [6, 6, 6],
    ])('a lookup along the second axis of a [%i, %i] table by %i examples', (rows, columns, batch) => {
      const table = variable([rows, columns], 1);
      expectEqualsLoop({
        data: [integers([batch], columns, 1)],
        variables: [table],
        loss: ([ids]) => power(tf.transpose(tf.gather(table, ids as tf.Tensor1D, 1))),
      });
    });

    it('positions from a table, the same for every example', () => {
      const [table, positions] = [variable([6, 4], 1), variable([3, 4], 2)];
      expectEqualsLoop({
        data: [integers([5, 3], 6, 1)],
        variables: [table, positions],
        loss: ([ids]) => power(tf.add(tf.gather(table, ids as tf.Tensor2D), positions)),
      });
    });

    it('one-hot vectors times the table', () => {
      const table = variable([6, 4], 1);
      expectEqualsLoop({
        data: [oneHot([15], 6, 1)].map((flat) => tf.reshape(flat, [5, 3, 6])),
        variables: [table],
        loss: ([hot]) => {
          const rows = tf.matMul(tf.reshape(hot!, [-1, 6]) as Matrix, table as Matrix);
          return power(tf.reshape(rows, [-1, 3, 4]));
        },
      });
    });
  });
});

function tied(table: tf.Variable, hidden: tf.Variable): Problem {
  return {
    data: [integers([5, 3], 6, 1), normal([5, 3, 6], 2)],
    variables: [table, hidden],
    loss: ([ids, target]) => {
      const rows = tf.reshape(tf.gather(table, ids as tf.Tensor2D), [-1, 4]) as Matrix;
      const features = tf.tanh(tf.matMul(rows, hidden as Matrix)) as Matrix;
      const logits = tf.reshape(tf.matMul(features, table as Matrix, false, true), [-1, 3, 6]);
      return meanOfExample(tf.squaredDifference(logits, target!));
    },
  };
}

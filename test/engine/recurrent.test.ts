import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { regression, sequential } from './layers-problem.js';
import { expectEqualsLoop } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

// The orthogonal default initializer uses chained ops, which core and layers alone do not register.
const recurrentInitializer = 'glorotNormal' as const;

eachBackend(() => {
  describe('recurrent layers', () => {
    const makers = [
      ['simpleRNN', tfl.layers.simpleRNN],
      ['lstm', tfl.layers.lstm],
      ['gru', tfl.layers.gru],
    ] as const;

    it.each(makers)('%s, its last step', (_, make) => {
      const model = sequential([
        make({ units: 4, recurrentInitializer, inputShape: [3, 3] }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([4, 3, 3], 1)]));
    });

    it.each(makers)('%s, every step, two layers deep', (_, make) => {
      const model = sequential([
        make({ units: 3, recurrentInitializer, returnSequences: true, inputShape: [3, 3] }),
        make({ units: 4, recurrentInitializer, returnSequences: true, goBackwards: true }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([2, 3, 3], 1)]));
    });

    it.each(makers)('%s without bias, with as many steps as examples and units', (_, make) => {
      const model = sequential([
        make({ units: 3, recurrentInitializer, useBias: false, returnSequences: true, inputShape: [3, 3] }),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 3, 3], 1)]));
    });

    it.each([
      [1, 3],
      [1, 1],
      [2, 1],
    ])('batch %i, steps %i', (batch, steps) => {
      const model = sequential([tfl.layers.lstm({ units: 3, recurrentInitializer, inputShape: [steps, 3] })]);
      expectEqualsLoop(regression(model, [normal([batch, steps, 3], 1)]));
    });

    it.each(['concat', 'mul'] as const)('bidirectional, merged by %s', (mergeMode) => {
      const layer = tfl.layers.gru({ units: 3, recurrentInitializer, returnSequences: true }) as tfl.RNN;
      const model = sequential([
        tfl.layers.bidirectional({ layer, mergeMode, inputShape: [3, 3] }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 3, 3], 1)]));
    });

    it('masked steps', () => {
      const x = normal([4, 5, 3], 1);
      const keep = tf.tensor3d([5, 3, 1, 4].map((n) => [0, 1, 2, 3, 4].map((t) => [t < n ? 1 : 0])));
      const model = sequential([
        tfl.layers.masking({ maskValue: 0, inputShape: [5, 3] }),
        tfl.layers.lstm({ units: 4, recurrentInitializer }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [tf.mul(x, keep)]));
    });

    it('timeDistributed dense', () => {
      const model = sequential([
        tfl.layers.timeDistributed({
          layer: tfl.layers.dense({ units: 4, activation: 'tanh' }),
          inputShape: [5, 3],
        }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 5, 3], 1)]));
    });

    it('timeDistributed convolution', () => {
      const model = sequential([
        tfl.layers.timeDistributed({
          layer: tfl.layers.conv2d({ filters: 2, kernelSize: 2, activation: 'relu' }),
          inputShape: [3, 4, 5, 2],
        }),
        tfl.layers.timeDistributed({ layer: tfl.layers.flatten() }),
        tfl.layers.lstm({ units: 3, recurrentInitializer }),
      ]);
      expectEqualsLoop(regression(model, [normal([2, 3, 4, 5, 2], 1)]));
    });

    it('a hand-written cell over time-major steps', () => {
      const input = variable([3, 4], 1);
      const recurrent = variable([4, 4], 2);
      const bias = variable([4], 3);
      expectEqualsLoop({
        data: [normal([5, 6, 3], 4)],
        variables: [input, recurrent, bias],
        loss: ([x]) => {
          const steps = tf.unstack(tf.transpose(x!, [1, 0, 2])) as tf.Tensor2D[];
          let state: tf.Tensor2D = tf.zeros([x!.shape[0]!, 4]);
          const outputs = steps.map((step) => {
            const drive = tf.add(
              tf.matMul(step, input as tf.Tensor2D),
              tf.matMul(state, recurrent as tf.Tensor2D),
            );
            state = tf.tanh(tf.add(drive, bias)) as tf.Tensor2D;
            return state;
          });
          return tf.mean(tf.square(tf.stack(outputs)), [0, 2]);
        },
      });
    });

    it('dense products over time-major tensors', () => {
      const first = variable([3, 5], 1);
      const second = variable([5, 2], 2);
      const bias = variable([2], 3);
      expectEqualsLoop({
        data: [normal([4, 6, 3], 4)],
        variables: [first, second, bias],
        loss: ([x]) => {
          const [batch, time] = [x!.shape[0]!, x!.shape[1]!];
          const rows = tf.reshape(tf.transpose(x!, [1, 0, 2]), [time * batch, 3]);
          const hidden = tf.tanh(tf.matMul(rows, first as tf.Tensor2D));
          const back = tf.reshape(tf.add(tf.matMul(hidden, second as tf.Tensor2D), bias), [time, batch, 2]);
          return tf.mean(tf.square(tf.transpose(back, [1, 0, 2])), [1, 2]);
        },
      });
    });
  });
});

/** What keeps examples apart must not be refused, and is exact. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, sequential, weightsOf } from './layers-problem.js';
import {
  concatenated,
  disposeResult,
  expectEqualsLoop,
  expectEqualsLoopOrRefused,
  normOf,
} from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const [features, units] = [3, 2];
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));

/** Functions of x [B, T = 5, 3] that keep the examples apart, before or after a product with the weights. */
const apart: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  'centred by its own mean': (x) => tf.sub(x, tf.mean(x, 1, true)),
  'standardised over the features of each step': (x) => {
    const { mean, variance } = tf.moments(x, 2, true);
    return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)));
  },
  'divided by its own norm': (x) => tf.div(x, tf.sqrt(tf.sum(tf.square(x), [1, 2], true))),
  'attention inside the example': (x) => tf.matMul(tf.softmax(tf.matMul(x, x, false, true)), x),
  'causal attention with a mask made inside': (x) => {
    const steps = tf.range(0, 5, 1, 'int32');
    const later = tf.greater(tf.expandDims(steps, 0), tf.expandDims(steps, 1));
    const scores = tf.matMul(x, x, false, true);
    return tf.matMul(tf.softmax(tf.add(scores, tf.mul(tf.cast(later, 'float32'), -1e4))), x);
  },
  'positions made inside': (x) => tf.add(x, tf.reshape(tf.sin(tf.range(0, 15)), [5, 3])),
  'a literal matrix': (x) => tf.add(x, tf.tensor2d([[1, 2, 3]])),
  'public scalars': (x) => tf.add(tf.mul(x, 0.5), tf.scalar(0.1)),
  'steps reversed': (x) => tf.reverse(x, 1),
  'steps cut and put together': (x) =>
    tf.concat([tf.slice(x, [0, 2, 0], [-1, 3, -1]), tf.slice(x, [0, 0, 0], [-1, 2, -1])], 1),
  'steps shifted by padding': (x) =>
    tf.slice(
      tf.pad(x, [
        [0, 0],
        [1, 0],
        [0, 0],
      ]),
      [0, 0, 0],
      [-1, 5, -1],
    ),
  'cumulative sums over the features': (x) => tf.cumsum(x, 2),
  'steps unstacked and stacked': (x) => tf.stack([...tf.unstack(x, 1)].reverse(), 1),
  'split and joined along the features': (x) => tf.concat([...tf.split(x, 3, 2)].reverse(), 2),
  'split into unequal parts along the features': (x) => tf.concat([...tf.split(x, [1, 2], 2)].reverse(), 2),
  'split into unequal parts along time': (x) => tf.concat([...tf.split(x, [3, 2], 1)].reverse(), 1),
  'to time major and back': (x) => tf.transpose(tf.mul(tf.transpose(x, [1, 0, 2]), 2), [1, 0, 2]),
  'to features first and back': (x) => tf.transpose(tf.tanh(tf.transpose(x, [2, 1, 0])), [2, 1, 0]),
  'flattened to [B·T, 3] and back': (x) => tf.reshape(tf.tanh(tf.reshape(x, [-1, 3])), [-1, 5, 3]),
  'flattened to [B, 15] and back': (x) => tf.reshape(tf.softmax(tf.reshape(x, [-1, 15])), [-1, 5, 3]),
  'the greatest step': (x) => tf.mul(x, tf.max(x, 1, true)),
  'a mask from its own values': (x) => tf.mul(x, tf.step(x)),
  'tiled over the features and averaged': (x) => tf.sub(x, tf.mean(tf.tile(x, [1, 1, 2]), 2, true)),
  'clipped by value': (x) => tf.clipByValue(x, -0.5, 0.5),
  'pooled over time': (x) => {
    const pooled = tf.maxPool(tf.reshape(x, [-1, 5, 3, 1]) as tf.Tensor4D, [3, 1], 1, 'same');
    return tf.reshape(pooled, [-1, 5, 3]);
  },
  'a logarithm of a sum of exponentials inside': (x) => tf.sub(x, tf.logSumExp(x, 2, true)),
  'without gradient: rounded': (x) => tf.mul(x, tf.floor(x)),
};

eachBackend((backend) => {
  describe('accepts and is exact', () => {
    const problem = (
      before: (x: tf.Tensor) => tf.Tensor,
      after: (y: tf.Tensor) => tf.Tensor,
      batch: number,
    ) => {
      const [w, v] = [variable([features, features], 1), variable([features, units], 2)];
      const times = (x: tf.Tensor, matrix: tf.Variable) => {
        const flat = tf.matMul(tf.reshape(x, [-1, features]) as Matrix, matrix as Matrix);
        return tf.reshape(flat, [-1, 5, matrix.shape[1]!]);
      };
      return {
        data: [normal([batch, 5, features], 3)],
        variables: [w, v],
        loss: ([x]: readonly tf.Tensor[]) => power(times(after(times(before(x!), w)), v)),
      };
    };

    it.each(Object.entries(apart))('%s', (_, transform) => {
      expectEqualsLoop(problem(transform, (y) => y, 4));
      expectEqualsLoop(problem((x) => x, transform, 2));
    });

    it.each(['to time major and back', 'flattened to [B·T, 3] and back', 'attention inside the example'])(
      '%s, with as many examples as steps, and with one',
      (name) => {
        expectEqualsLoop(problem((x) => x, apart[name]!, 5));
        expectEqualsLoop(problem((x) => x, apart[name]!, 1));
      },
    );

    it('steps gathered by public indices, whose gradient wasm lacks', () => {
      const gather = (y: tf.Tensor) => tf.gather(y, tf.tensor1d([4, 0, 0, 2, 1], 'int32'), 1);
      expectEqualsLoop(problem(gather, (y) => y, 4));
      if (backend !== 'wasm') expectEqualsLoop(problem((x) => x, gather, 4));
      else
        expectEqualsLoopOrRefused(
          problem((x) => x, gather, 4),
          /gather/i,
        );
    });

    /** A batch of one leaves open which axis of length one is the batch; Poisson sampling draws such batches. */
    it.each([1, 2, 3])('one example of %i steps, after a product in time-major order', (steps) => {
      const [w, v] = [variable([features, features], 1), variable([1, 2, features, units], 2)];
      const major = (x: tf.Tensor) => {
        const rows = tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, features]) as Matrix;
        const y = tf.matMul(rows, w as Matrix);
        return tf.transpose(tf.reshape(y, [steps, -1, features]), [1, 0, 2]);
      };
      const ways: ((x: tf.Tensor) => tf.Tensor)[] = [
        (x) => power(major(x)),
        (x) => power(tf.matMul(tf.softmax(tf.matMul(major(x), x, false, true)), major(x))),
        (x) => {
          const image = tf.reshape(major(x), [-1, 1, steps, features]) as tf.Tensor4D;
          return power(tf.conv2d(image, v as tf.Tensor4D, 1, 'same'));
        },
        // tfjs cannot differentiate an unstack into one.
        (x) => power(steps > 1 ? tf.stack(tf.unstack(major(x), 1), 1) : major(x)),
      ];
      for (const batch of [1, 2]) {
        for (const [k, way] of ways.entries()) {
          expectEqualsLoop({
            data: [normal([batch, steps, features], 3)],
            variables: k === 2 ? [w, v] : [w],
            loss: ([x]) => way(x!),
          });
        }
      }
    });

    it('a mask that comes with the data', () => {
      const { data, variables, loss } = problem(
        (x) => x,
        (y) => y,
        4,
      );
      const mask = tf.cast(tf.greater(normal([4, 5], 8), 0), 'float32');
      expectEqualsLoop({
        data: [...data, mask],
        variables,
        loss: ([x, keep]) => loss([tf.mul(x!, tf.expandDims(keep!, 2))]),
      });
    });

    it('masks and choices by comparing the data, which have no gradient', () => {
      const { data, variables, loss } = problem(
        (x) => tf.where(tf.greater(x, 0), tf.mul(x, tf.cast(tf.less(x, 1), 'float32')), tf.square(x)),
        (y) => y,
        4,
      );
      expectEqualsLoop({ data, variables, loss });
    });

    it('a gradient by the inputs, example by example: exact, or refused', () => {
      const w = variable([features, units], 1);
      const energy = (rows: tf.Tensor) => tf.sum(tf.tanh(tf.matMul(rows as Matrix, w as Matrix)));
      const problem = {
        data: [normal([4, features], 2)],
        variables: [w],
        loss: ([rows]: readonly tf.Tensor[]) => {
          const slopes = tf.grad(energy)(rows!);
          return tf.add(power(tf.matMul(rows as Matrix, w as Matrix)), tf.sum(tf.square(slopes), 1));
        },
      };
      try {
        expectEqualsLoop(problem);
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^DP_(CROSS_EXAMPLE|UNSUPPORTED_OP)$/) });
      }
    });

    it('metrics computed beside the loss, however much they mix', () => {
      const w = variable([features, units], 1);
      const x = normal([4, features], 2);
      expectEqualsLoop({
        data: [x],
        variables: [w],
        loss: ([rows]) => {
          const z = tf.matMul(rows as Matrix, w as Matrix);
          tf.keep(tf.mean(z)).dispose();
          tf.matMul(z, z, false, true);
          tf.sum(tf.reverse(z, 0));
          tf.mean(tf.cast(tf.equal(tf.argMax(z, 1), 0), 'float32'));
          return power(z);
        },
      });
    });

    it('a mean of the outputs that is computed and thrown away, in a tidy', () => {
      const w = variable([features, units], 1);
      expectEqualsLoop({
        data: [normal([4, features], 2)],
        variables: [w],
        loss: ([rows]) => {
          const z = tf.matMul(rows as Matrix, w as Matrix);
          tf.tidy(() => void tf.max(tf.abs(z)).dataSync());
          return power(z);
        },
      });
    });

    it('frozen weights that are read as variables', () => {
      const [frozen, w] = [
        tf.variable(normal([features, features], 1), false),
        variable([features, units], 2),
      ];
      expectEqualsLoop({
        data: [normal([4, features], 2)],
        variables: [w],
        loss: ([rows]) =>
          power(tf.add(tf.matMul(tf.matMul(rows as Matrix, frozen as Matrix), w as Matrix), 1)),
      });
    });

    it('a transformer block of tfjs-layers parts', () => {
      const input = tfl.input({ shape: [4, 6] });
      const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]) =>
        layer.apply(x) as tfl.SymbolicTensor;
      const query = apply(tfl.layers.dense({ units: 6 }), input);
      const key = apply(tfl.layers.dense({ units: 6 }), input);
      const scores = apply(tfl.layers.dot({ axes: [2, 2] }), [query, key]);
      const mixed = apply(tfl.layers.dot({ axes: [2, 1] }), [
        apply(tfl.layers.softmax({ axis: -1 }), scores),
        input,
      ]);
      const sum = apply(tfl.layers.add(), [mixed, input]);
      const output = apply(tfl.layers.dense({ units: 2 }), sum);
      expectEqualsLoop(regression(tfl.model({ inputs: input, outputs: output }), [normal([3, 4, 6], 1)]));
    });

    it('dropout and noise layers: their random numbers are public', () => {
      const model = sequential([
        tfl.layers.dense({ units: 6, inputShape: [4] }),
        tfl.layers.dropout({ rate: 0.5, seed: 3 }),
        tfl.layers.gaussianNoise({ stddev: 0.1 }),
        tfl.layers.dense({ units: 2 }),
      ]);
      const x = normal([4, 4], 1);
      const f = () => power(model.apply(x, { training: true }) as tf.Tensor);
      const engine = new PerExampleEngine();
      const result = engine.clippedSum(f, weightsOf(model), { l2NormClip: 0.1 });
      expect(normOf([concatenated(result)])).toBeGreaterThan(0);
      expect(normOf([concatenated(result)])).toBeLessThanOrEqual(0.4);
      disposeResult(result);
    });

    it('every layer that the backend can differentiate: pooling, upsampling by repetition, masking, merging', () => {
      const model = sequential([
        tfl.layers.dense({ units: 3, inputShape: [8, 2] }),
        tfl.layers.maxPooling1d({ poolSize: 2 }),
        tfl.layers.averagePooling1d({ poolSize: 2, strides: 1 }),
        tfl.layers.permute({ dims: [2, 1] }),
        tfl.layers.flatten(),
        tfl.layers.repeatVector({ n: 2 }),
        tfl.layers.dense({ units: 2 }),
        tfl.layers.globalMaxPooling1d({}),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 8, 2], 1)]));
    });
  });
});

/** Layer normalisation, PReLU and other parameters that work element by element: exact, without the fallback. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, seeded, sequential, weightsOf } from './layers-problem.js';
import { expectBoundedByNeighbours } from './neighbouring-steps.js';
import { expectNoFallback } from './no-fallback.js';
import { expectEqualsLoop, oneExampleGradients, type Problem } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));
const { dense, layerNormalization, prelu } = tfl.layers;

function expectExactByRule(problem: Problem, tolerance = 1e-5): void {
  expectEqualsLoop(problem, { tolerance });
  expectNoFallback(problem);
}

/** x̂ is a difference of near numbers divided by a root: its own float32 error is a few times that of a product. */
const normalised = 4e-5;

eachBackend((backend) => {
  describe('layerNormalization', () => {
    it.each([[[4]], [[3, 4]], [[2, 3, 4]]])('on %j between dense layers', (shape) => {
      const model = sequential([
        dense({ units: 4, inputShape: shape }),
        layerNormalization(),
        dense({ units: 2 }),
      ]);
      expectExactByRule(regression(model, [normal([4, ...shape], 1)]), normalised);
    });

    const options: [string, Parameters<typeof layerNormalization>[0], number[]][] = [
      ['a large epsilon', { epsilon: 0.5 }, [4]],
      ['over time', { axis: 1 }, [3, 4]],
      ['over time and features', { axis: [1, 2] }, [3, 4]],
      ['over rows and columns of images', { axis: [1, 2] }, [2, 3, 4]],
      ['over the channels first', { axis: [3, 1] }, [2, 3, 2]],
    ];
    it.each(options)('%s', (_, option, shape) => {
      const model = sequential([layerNormalization({ ...option, inputShape: shape }), dense({ units: 2 })]);
      expectExactByRule(regression(model, [normal([3, ...shape], 1)]), normalised);
    });

    it.each([1, 2, 4])('%i examples of four steps of four features', (batch) => {
      const model = sequential([layerNormalization({ inputShape: [4, 4] }), dense({ units: 4 })]);
      expectExactByRule(regression(model, [normal([batch, 4, 4], 1)]), normalised);
    });

    it('without offset, which tfjs itself cannot differentiate', () => {
      const model = sequential([layerNormalization({ center: false, inputShape: [4] })]);
      const [gain] = weightsOf(model) as [tf.Variable];
      const target = normal([3, 4], 2);
      const data = [normal([3, 4], 1), target];
      const byHand = ([x, y]: readonly tf.Tensor[]) => {
        const { mean, variance } = tf.moments(x!, 1, true);
        const unit = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, 1e-3)));
        return meanOfExample(tf.squaredDifference(tf.mul(unit, gain), y!));
      };
      const gradients = oneExampleGradients({ data, variables: [gain], loss: byHand });
      const loss = ([x, y]: readonly tf.Tensor[]) =>
        meanOfExample(tf.squaredDifference(model.apply(x!) as tf.Tensor, y!));
      expectEqualsLoop({ data, variables: [gain], loss }, { gradients, tolerance: normalised });
      expectNoFallback({ data, variables: [gain], loss });
    });

    it('without scale, which tfjs itself cannot differentiate, it says what to do', () => {
      const model = sequential([dense({ units: 4, inputShape: [4] }), layerNormalization({ scale: false })]);
      const f = () => power(model.apply(normal([3, 4], 1)) as tf.Tensor);
      expect(() => new PerExampleEngine().clippedSum(f, weightsOf(model), { l2NormClip: 1 })).toThrow(
        expect.objectContaining({ code: 'DP_UNSUPPORTED_OP', message: expect.stringMatching(/scale: true/) }),
      );
    });

    it('one layer used twice', () => {
      const input = tfl.input({ shape: [3, 4] });
      const norm = layerNormalization();
      const hidden = dense({ units: 4, activation: 'tanh' }).apply(norm.apply(input)) as tfl.SymbolicTensor;
      const model = seeded(tfl.model({ inputs: input, outputs: norm.apply(hidden) as tfl.SymbolicTensor }));
      expectExactByRule(regression(model, [normal([4, 3, 4], 1)]), normalised);
    });

    it('written out with tf.moments', () => {
      const [gain, bias] = [variable([4], 1), variable([4], 2)];
      expectExactByRule(
        {
          data: [normal([3, 5, 4], 3)],
          variables: [gain, bias],
          loss: ([x]) => {
            const { mean, variance } = tf.moments(x!, 2, true);
            const unit = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, 1e-3)));
            return power(tf.add(tf.mul(unit, gain), bias));
          },
        },
        normalised,
      );
    });

    it('neighbouring steps differ by at most C', () => {
      const model = sequential([layerNormalization({ inputShape: [4] })]);
      expectBoundedByNeighbours({
        width: 4,
        variables: weightsOf(model),
        loss: (rows) => meanOfExample(tf.square(model.apply(rows, { training: true }) as tf.Tensor)),
      });
    });

    it('batch normalisation stays refused', () => {
      const model = sequential([
        dense({ units: 4, inputShape: [4] }),
        tfl.layers.batchNormalization(),
        dense({ units: 2 }),
      ]);
      const x = normal([4, 4], 1);
      const f = () => power(model.apply(x, { training: true }) as tf.Tensor);
      expect(() => new PerExampleEngine().clippedSum(f, weightsOf(model), { l2NormClip: 1 })).toThrow(
        /batchnorm/i,
      );
    });
  });

  describe('PReLU', () => {
    it.each([
      ['one slope a unit', [4], undefined],
      ['on sequences', [3, 4], undefined],
      ['one slope shared by the steps', [3, 4], [1]],
      ['one slope for all', [3, 4], [1, 2]],
      ['one slope a channel of images', [3, 2, 4], [1, 2]],
    ])('%s', (_, shape, sharedAxes) => {
      const model = sequential([
        dense({ units: 4, inputShape: shape }),
        prelu(sharedAxes ? { sharedAxes } : {}),
        dense({ units: 2 }),
      ]);
      expectExactByRule(regression(model, [normal([4, ...shape], 1)]));
    });

    it('as many examples as units, and one example', () => {
      for (const batch of [4, 1]) {
        const model = sequential([prelu({ inputShape: [4] }), dense({ units: 2 })]);
        expectExactByRule(regression(model, [normal([batch, 4], 1)]));
      }
    });

    it('neighbouring steps differ by at most C', () => {
      const alpha = variable([4], 1);
      expectBoundedByNeighbours({
        width: 4,
        variables: [alpha],
        loss: (rows) => tf.sum(tf.prelu(rows, alpha as unknown as tf.Tensor2D), 1),
      });
    });
  });

  describe('parameters element by element', () => {
    const parameters: Record<string, (x: Matrix, w: tf.Tensor) => tf.Tensor> = {
      'a divisor': (x, w) => tf.div(x, tf.add(w, 3)),
      'a dividend': (x, w) => tf.div(w, tf.add(tf.square(x), 1)),
      'an exponent': (x, w) => tf.pow(tf.add(tf.square(x), 0.5), w),
      'a base': (x, w) => tf.pow(tf.add(w, 3), x),
      'an angle': (x, w) => tf.atan2(x, tf.add(w, 2)),
    };
    it.each(Object.entries(parameters))('%s', (_, meet) => {
      for (const shape of [[3], [1, 3], [], [1]]) {
        const w = variable(shape, 1);
        expectExactByRule(
          {
            data: [normal([4, 3], 2)],
            variables: [w],
            loss: ([x]) => power(meet(x as Matrix, w)),
          },
          4e-5,
        );
      }
    });

    /** tfjs gives these gradients the shape of the output: the oracle broadcasts by an addition of zeros. */
    const unreduced: Record<string, (x: tf.Tensor, w: tf.Tensor) => tf.Tensor> = {
      'a lower limit': tf.maximum,
      'an upper limit': (x, w) => tf.minimum(w, x),
      'centres, by squared differences': tf.squaredDifference,
    };
    it.each(Object.entries(unreduced))('%s, whose broadcast tfjs cannot differentiate', (_, meet) => {
      const w = variable([3], 1);
      const data = [normal([4, 5, 3], 2)];
      const wide = ([x]: readonly tf.Tensor[]) => power(meet(x!, tf.add(tf.zerosLike(x!), w)));
      const gradients = oneExampleGradients({ data, variables: [w], loss: wide });
      const problem = { data, variables: [w], loss: ([x]: readonly tf.Tensor[]) => power(meet(x!, w)) };
      expectEqualsLoop(problem, { gradients });
      expectNoFallback(problem);
    });

    it('distances to five centres', () => {
      const centres = variable([5, 3], 1);
      expectExactByRule({
        data: [normal([4, 3], 2)],
        variables: [centres],
        loss: ([x]) => {
          const squares = tf.square(tf.sub(tf.expandDims(x!, 1), tf.expandDims(centres, 0)));
          return tf.neg(tf.logSumExp(tf.neg(tf.sum(squares, 2)), 1));
        },
      });
    });

    if (backend !== 'wasm') {
      it('a learned filling where a mask says so', () => {
        const token = variable([3], 1);
        const keep = tf.cast(tf.greater(normal([4, 5, 1], 3), 0), 'float32');
        expectExactByRule({
          data: [normal([4, 5, 3], 2), keep],
          variables: [token],
          loss: ([x, mask]) => {
            const shape = x!.shape as [number, number, number];
            const condition = tf.cast(tf.tile(mask!, [1, 1, 3]), 'bool');
            return power(tf.where(condition, x!, tf.broadcastTo(token, shape)));
          },
        });
      });
    }
  });
});

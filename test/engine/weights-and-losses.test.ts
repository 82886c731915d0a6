/** Sample weights, several inputs and outputs, penalties, randomness and frozen layers, in loops of one's own. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, seeded, sequential, weightsOf } from './layers-problem.js';
import { expectBoundedByNeighbours } from './neighbouring-steps.js';
import { expectNoFallback } from './no-fallback.js';
import {
  concatenated,
  disposeResult,
  distance,
  expectEqualsLoop,
  normOf,
  type Problem,
} from './one-example-loop.js';
import { normal, oneHot, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const { dense, layerNormalization } = tfl.layers;

function expectExactByRule(problem: Problem, tolerance = 1e-5): void {
  expectEqualsLoop(problem, { tolerance });
  expectNoFallback(problem);
}

const classifier = () =>
  sequential([dense({ units: 5, activation: 'tanh', inputShape: [4] }), dense({ units: 3 })]);

eachBackend(() => {
  describe('sample weights', () => {
    const weights = tf.tensor1d([0, 1, 0.2, 7, 1]);
    const data = () => [normal([5, 4], 1), oneHot([5], 3, 2), weights];
    const weighted =
      (model: tfl.LayersModel) =>
      ([x, y, w]: readonly tf.Tensor[]) => {
        const logits = model.apply(x!, { training: true }) as tf.Tensor;
        return tf.mul(tf.losses.softmaxCrossEntropy(y!, logits, undefined, 0, tf.Reduction.NONE), w!);
      };

    it('per-example losses times a vector that comes with the batch: exact, and they act before clipping', () => {
      const model = classifier();
      const problem = { data: data(), variables: weightsOf(model), loss: weighted(model) };
      const gradients = expectEqualsLoop(problem);
      expectNoFallback(problem);
      expect(normOf(gradients[0]!)).toBe(0);
      const mean = { ...problem, loss: (rows: readonly tf.Tensor[]) => tf.mean(problem.loss(rows)) };
      expectExactByRule(mean);
    });

    it('their sum as a divisor is refused, and the message says what to do', () => {
      const model = classifier();
      const rows = data();
      const f = () => tf.div(tf.sum(weighted(model)(rows)), tf.sum(rows[2]!));
      expect(() => new PerExampleEngine().clippedSum(f, weightsOf(model), { l2NormClip: 1 })).toThrow(
        expect.objectContaining({ code: 'DP_CROSS_EXAMPLE', message: expect.stringMatching(/divi/) }),
      );
    });

    it('in model.fit, tfjs itself refuses them', async () => {
      const model = classifier();
      model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
      const [x, y, w] = data();
      await expect(model.fit(x!, y!, { sampleWeight: w as tf.Tensor1D, verbose: 0 })).rejects.toThrow(
        /sample ?weight/i,
      );
    });

    it('a weight of each step of each example', () => {
      const model = sequential([dense({ units: 3, inputShape: [6, 2] }), layerNormalization()]);
      const problem = {
        data: [normal([4, 6, 2], 1), normal([4, 6, 3], 2), tf.abs(normal([4, 6], 3))],
        variables: weightsOf(model),
        loss: ([x, y, w]: readonly tf.Tensor[]) => {
          const z = model.apply(x!, { training: true }) as tf.Tensor;
          return tf.sum(tf.mul(tf.mean(tf.squaredDifference(z, y!), 2), w!), 1);
        },
      };
      expectExactByRule(problem, 4e-5);
    });

    it('neighbouring steps differ by at most C, whatever the weight', () => {
      const w = variable([3, 2], 1);
      expectBoundedByNeighbours({
        width: 4,
        variables: [w],
        loss: (rows) => {
          const x = tf.slice(rows, [0, 0], [-1, 3]);
          const weight = tf.reshape(tf.slice(rows, [0, 3], [-1, 1]), [-1]);
          return tf.mul(meanOfExample(tf.square(tf.matMul(x, w as Matrix))), weight);
        },
      });
    });
  });

  describe('several inputs and outputs', () => {
    it('three inputs of different rank, two losses weighed against each other', () => {
      const [flat, steps, image] = [
        tfl.input({ shape: [3] }),
        tfl.input({ shape: [4, 2] }),
        tfl.input({ shape: [4, 4, 1] }),
      ];
      const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]) =>
        layer.apply(x) as tfl.SymbolicTensor;
      const branches = [
        apply(dense({ units: 3 }), flat),
        apply(tfl.layers.gru({ units: 3, recurrentInitializer: 'glorotNormal' }), steps),
        apply(
          tfl.layers.globalAveragePooling2d({}),
          apply(tfl.layers.conv2d({ filters: 3, kernelSize: 2 }), image),
        ),
      ];
      const joined = apply(layerNormalization(), apply(tfl.layers.concatenate(), branches));
      const outputs = [apply(dense({ units: 3 }), joined), apply(dense({ units: 1 }), joined)];
      const model = seeded(tfl.model({ inputs: [flat, steps, image], outputs }));
      const problem = {
        data: [
          normal([3, 3], 1),
          normal([3, 4, 2], 2),
          normal([3, 4, 4, 1], 3),
          oneHot([3], 3, 4),
          normal([3, 1], 5),
        ],
        variables: weightsOf(model),
        loss: (rows: readonly tf.Tensor[]) => {
          const [logits, value] = model.apply(rows.slice(0, 3), { training: true }) as tf.Tensor[];
          const first = tf.losses.softmaxCrossEntropy(rows[3]!, logits!, undefined, 0, tf.Reduction.NONE);
          return tf.add(first, tf.mul(0.3, tf.mean(tf.squaredDifference(value!, rows[4]!), 1)));
        },
      };
      expectExactByRule(problem, 4e-5);
    });
  });

  describe('randomness', () => {
    const layers: Record<string, () => tfl.layers.Layer> = {
      dropout: () => tfl.layers.dropout({ rate: 0.4 }),
      'dropout with a mask shared by the steps': () =>
        tfl.layers.dropout({ rate: 0.4, noiseShape: [4, 1, 6] }),
      spatialDropout1d: () => tfl.layers.spatialDropout1d({ rate: 0.4 }),
      gaussianDropout: () => tfl.layers.gaussianDropout({ rate: 0.4 }),
      gaussianNoise: () => tfl.layers.gaussianNoise({ stddev: 0.5 }),
      alphaDropout: () => tfl.layers.alphaDropout({ rate: 0.4 }),
    };
    it.each(Object.entries(layers))(
      '%s: checked on the very same draws, within C, another draw at every step',
      (_, make) => {
        const model = sequential([dense({ units: 6, inputShape: [5, 3] }), make(), dense({ units: 2 })]);
        const x = normal([4, 5, 3], 1);
        const f = () => meanOfExample(tf.square(model.apply(x, { training: true }) as tf.Tensor));
        const engine = new PerExampleEngine();
        const sums = [0, 1].map(() => {
          // The first call compares its rules with masked back-propagation on the same tape, and throws if they differ.
          const result = engine.clippedSum(f, weightsOf(model), { l2NormClip: 0.1 });
          const sum = concatenated(result);
          disposeResult(result);
          return sum;
        });
        for (const sum of sums) {
          expect(normOf([sum])).toBeGreaterThan(0);
          expect(normOf([sum])).toBeLessThanOrEqual(0.4 * (1 + 1e-6));
        }
        expect(distance(sums[0]!, sums[1]!)).toBeGreaterThan(0);
        expectNoFallback({ data: [x], variables: weightsOf(model), loss: f });
      },
    );

    it('drawn by operations: a random mask, random noise', () => {
      const w = variable([4, 3], 1);
      const x = normal([5, 4], 2);
      const f = () => {
        const noisy = tf.add(
          tf.mul(x, tf.cast(tf.greater(tf.randomUniform([5, 4]), 0.3), 'float32')),
          tf.randomNormal([5, 4]),
        );
        return meanOfExample(tf.square(tf.matMul(tf.dropout(noisy, 0.2) as Matrix, w as Matrix)));
      };
      const result = new PerExampleEngine().clippedSum(f, [w], { l2NormClip: 0.1 });
      expect(normOf([concatenated(result)])).toBeLessThanOrEqual(0.5 * (1 + 1e-6));
      disposeResult(result);
    });
  });

  describe('penalties and frozen layers', () => {
    it.each([
      ['L1', () => tfl.regularizers.l1({ l1: 0.3 })],
      ['L2', () => tfl.regularizers.l2({ l2: 0.3 })],
      ['both', () => tfl.regularizers.l1l2({ l1: 0.2, l2: 0.1 })],
    ])('%s on gain, offset, slope and embedding is a penalty: not clipped, not in the norms', (_, make) => {
      const model = sequential([
        dense({ units: 4, inputShape: [3] }),
        layerNormalization({ gammaRegularizer: make(), betaRegularizer: make() }),
        tfl.layers.prelu({ alphaRegularizer: make() }),
      ]);
      const variables = weightsOf(model);
      const x = normal([4, 3], 1);
      const losses = () => meanOfExample(tf.square(model.apply(x, { training: true }) as tf.Tensor));
      const engines = [new PerExampleEngine(), new PerExampleEngine()];
      const plain = engines[0]!.clippedSum(() => tf.mean(losses()), variables, { l2NormClip: 0.1 });
      const both = engines[1]!.clippedSum(
        () =>
          tf.add(
            tf.mean(losses()),
            (model as unknown as { calculateLosses(): tf.Scalar[] })
              .calculateLosses()
              .reduce((a, b) => tf.add(a, b)),
          ),
        variables,
        { l2NormClip: 0.1 },
      );
      expect(distance(concatenated(plain), concatenated(both))).toBeLessThan(1e-5);
      expect(both.penalties.map((penalty) => penalty !== null)).toEqual([false, false, true, true, true]);
      disposeResult(plain);
      disposeResult(both);
    });

    it('a regulariser of activities is refused by tfjs itself', () => {
      const layer = dense({ units: 2, inputShape: [3], activityRegularizer: 'l1l2' });
      expect(() => sequential([layer]).apply(normal([2, 3], 1))).toThrow(/activity regularizer/i);
    });

    it('a penalty on activities, written per example, is part of the loss', () => {
      const model = classifier();
      expectExactByRule({
        data: [normal([5, 4], 1)],
        variables: weightsOf(model),
        loss: ([x]) => {
          const z = model.apply(x!, { training: true }) as tf.Tensor;
          return tf.add(meanOfExample(tf.square(tf.sub(z, 1))), tf.mul(0.1, tf.sum(tf.abs(z), 1)));
        },
      });
    });

    it.each([0, 1, 2, 3, 4])(
      'layer %i frozen: out of the norm, the others exact by their rules',
      (frozen) => {
        const layers = [
          dense({ units: 4, inputShape: [3, 3] }),
          layerNormalization(),
          tfl.layers.prelu(),
          tfl.layers.simpleRNN({ units: 3, recurrentInitializer: 'glorotNormal' }),
          dense({ units: 2 }),
        ];
        layers[frozen]!.trainable = false;
        const model = sequential(layers);
        const problem = regression(model, [normal([3, 3, 3], 1)]);
        expect(problem.variables.length).toBeLessThan(model.weights.length);
        expectExactByRule(problem, 4e-5);
      },
    );
  });
});

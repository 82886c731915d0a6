/** The function that tfjs-layers hands to an optimizer, with its losses, class weights and regularisers. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { seeded, sequential } from './layers-problem.js';
import {
  clipAndSum,
  disposeResult,
  distance,
  type ExampleGradients,
  gradientOnCpu,
  normOf,
} from './one-example-loop.js';
import { integers, normal, oneHot } from './seeded-data.js';

/** An optimizer that hands on what model.fit asks it to minimise. */
class Probe extends tf.Optimizer {
  act: (f: () => tf.Scalar, variables: tf.Variable[]) => void = () => {};

  override minimize(f: () => tf.Scalar, _: boolean, variables?: tf.Variable[]): tf.Scalar {
    this.act(f, variables!);
    return tf.scalar(0);
  }
  applyGradients(): void {}
  getConfig() {
    return {};
  }
}

interface Fit {
  readonly model: tfl.LayersModel;
  readonly loss: string | string[];
  readonly xs: readonly tf.Tensor[];
  readonly ys: readonly tf.Tensor[];
  readonly classWeight?: tfl.ClassWeight;
}

const many = (tensors: readonly tf.Tensor[]) => (tensors.length === 1 ? tensors[0]! : [...tensors]);

/** The per-example gradients by fits on one example each, and the engine's result inside a fit on them all. */
async function inFit(fit: Fit, l2NormClip: number) {
  const optimizer = new Probe();
  fit.model.compile({ optimizer, loss: fit.loss });
  const run = async (rows: (tensor: tf.Tensor) => tf.Tensor, batchSize: number) => {
    const options = { batchSize, epochs: 1, shuffle: false, verbose: 0 as const };
    const weighting = fit.classWeight ? { classWeight: fit.classWeight } : {};
    await fit.model.fit(many(fit.xs.map(rows)), many(fit.ys.map(rows)), { ...options, ...weighting });
  };
  const examples = fit.xs[0]!.shape[0]!;
  const gradients: Float64Array[][] = [];
  optimizer.act = (f, variables) => gradients.push(gradientOnCpu(f, variables));
  for (let i = 0; i < examples; i++) await run((tensor) => tf.slice(tensor, [i], [1]), 1);
  const found: { sums: Float64Array[]; penalties: (Float64Array | null)[]; norms: Float32Array }[] = [];
  optimizer.act = (f, variables) => {
    const result = new PerExampleEngine().clippedSum(f, variables, { l2NormClip });
    found.push({
      sums: result.sums.map((sum) => Float64Array.from(sum.dataSync())),
      penalties: result.penalties.map((penalty) => penalty && Float64Array.from(penalty.dataSync())),
      norms: result.privateValues.norms,
    });
    disposeResult(result);
  };
  await run((tensor) => tensor, examples);
  expect(found).toHaveLength(1);
  return { gradients: gradients as ExampleGradients, ...found[0]! };
}

async function expectFitEqualsLoop(fit: Fit, l2NormClip = 0.2): Promise<void> {
  const { gradients, sums, norms, penalties } = await inFit(fit, l2NormClip);
  const expected = clipAndSum(gradients, l2NormClip);
  expect(expected.norms.some((norm) => norm > l2NormClip)).toBe(true);
  expected.norms.forEach((norm, i) => {
    expect(Math.abs(norms[i]! - norm)).toBeLessThanOrEqual(1e-5 * norm + 1e-9);
  });
  sums.forEach((sum, v) => {
    const allowed = 1e-5 * expected.scales[v]! + 1e-7 * normOf([expected.scales]);
    expect(distance(sum, expected.sums[v]!)).toBeLessThanOrEqual(allowed);
  });
  expect(penalties.every((penalty) => penalty === null)).toBe(true);
}

const network = (activation: 'linear' | 'softmax' | 'sigmoid', units = 3) =>
  sequential([
    tfl.layers.dense({ units: 5, activation: 'tanh', inputShape: [4] }),
    tfl.layers.dense({ units, activation }),
  ]);

eachBackend(() => {
  describe('inside model.fit', () => {
    it.each([
      ['meanSquaredError', 'linear'],
      ['meanAbsoluteError', 'linear'],
      ['meanAbsolutePercentageError', 'linear'],
      ['meanSquaredLogarithmicError', 'sigmoid'],
      ['squaredHinge', 'linear'],
      ['hinge', 'linear'],
      ['categoricalHinge', 'linear'],
      ['logcosh', 'linear'],
      ['categoricalCrossentropy', 'softmax'],
      ['binaryCrossentropy', 'sigmoid'],
      ['kullbackLeiblerDivergence', 'softmax'],
      ['poisson', 'sigmoid'],
      ['cosineProximity', 'linear'],
    ] as const)('loss %s', async (loss, activation) => {
      const ys = [oneHot([5], 3, 2)];
      await expectFitEqualsLoop({ model: network(activation), loss, xs: [normal([5, 4], 1)], ys }, 0.02);
    });

    it('sparse labels', async () => {
      const ys = [tf.cast(integers([5, 1], 3, 2), 'float32')];
      await expectFitEqualsLoop({
        model: network('softmax'),
        loss: 'sparseCategoricalCrossentropy',
        xs: [normal([5, 4], 1)],
        ys,
      });
    });

    it.each([1, 2])('a batch of %i', async (batch) => {
      const ys = [oneHot([batch], 3, 2)];
      const model = network('softmax');
      await expectFitEqualsLoop({ model, loss: 'categoricalCrossentropy', xs: [normal([batch, 4], 1)], ys });
    });

    it('class weights act before clipping', async () => {
      await expectFitEqualsLoop({
        model: network('softmax'),
        loss: 'categoricalCrossentropy',
        xs: [normal([6, 4], 1)],
        ys: [oneHot([6], 3, 2)],
        classWeight: { 0: 0.1, 1: 1, 2: 7 },
      });
    });

    it('sequences: one loss a step, averaged over [B, T]', async () => {
      const model = sequential([
        tfl.layers.dense({ units: 4, activation: 'tanh', inputShape: [3, 2] }),
        tfl.layers.dense({ units: 3, activation: 'softmax' }),
      ]);
      const ys = [tf.reshape(oneHot([15], 3, 2), [5, 3, 3])];
      await expectFitEqualsLoop(
        { model, loss: 'categoricalCrossentropy', xs: [normal([5, 3, 2], 1)], ys },
        0.1,
      );
    });

    it('two inputs and two outputs of the same rank', async () => {
      const [left, right] = [tfl.input({ shape: [4] }), tfl.input({ shape: [3] })];
      const both = tfl.layers.concatenate().apply([left, right]) as tfl.SymbolicTensor;
      const hidden = tfl.layers.dense({ units: 5, activation: 'tanh' }).apply(both) as tfl.SymbolicTensor;
      const outputs = [
        tfl.layers.dense({ units: 2 }).apply(hidden) as tfl.SymbolicTensor,
        tfl.layers.dense({ units: 3, activation: 'softmax' }).apply(hidden) as tfl.SymbolicTensor,
      ];
      const model = seeded(tfl.model({ inputs: [left, right], outputs }));
      await expectFitEqualsLoop({
        model,
        loss: ['meanSquaredError', 'categoricalCrossentropy'],
        xs: [normal([5, 4], 1), normal([5, 3], 2)],
        ys: [normal([5, 2], 3), oneHot([5], 3, 4)],
      });
    });

    it('one layer applied twice', async () => {
      const input = tfl.input({ shape: [4] });
      const shared = tfl.layers.dense({ units: 4, activation: 'tanh' });
      const hidden = shared.apply(shared.apply(input)) as tfl.SymbolicTensor;
      const model = seeded(tfl.model({ inputs: input, outputs: hidden }));
      await expectFitEqualsLoop({
        model,
        loss: 'meanSquaredError',
        xs: [normal([5, 4], 1)],
        ys: [normal([5, 4], 3)],
      });
    });

    it('regularisers are penalties: not clipped, not counted in the norms, their own gradient', async () => {
      const { l1l2, l2 } = tfl.regularizers;
      const build = (regularised: boolean) =>
        sequential([
          tfl.layers.dense({
            units: 5,
            activation: 'tanh',
            inputShape: [4],
            ...(regularised ? { kernelRegularizer: l1l2({ l1: 0.1, l2: 0.2 }) } : {}),
          }),
          tfl.layers.dense({ units: 3, ...(regularised ? { biasRegularizer: l2({ l2: 0.5 }) } : {}) }),
        ]);
      const common = { loss: 'meanSquaredError', xs: [normal([5, 4], 1)], ys: [normal([5, 3], 2)] };
      const plain = await inFit({ model: build(false), ...common }, 0.2);
      const model = build(true);
      const regularised = await inFit({ model, ...common }, 0.2);
      plain.sums.forEach((sum, v) => {
        expect(distance(sum, regularised.sums[v]!)).toBeLessThan(1e-5);
      });
      expect(distance(plain.norms, regularised.norms)).toBeLessThan(1e-5);
      const [kernel, , , bias] = model.trainableWeights.map((weight) => weight.read().dataSync());
      const ofKernel = kernel!.map((value) => 0.1 * Math.sign(value) + 0.4 * value);
      expect(distance(regularised.penalties[0]!, ofKernel)).toBeLessThan(1e-5);
      expect(distance(regularised.penalties[3]!, bias!)).toBeLessThan(1e-5);
      expect(regularised.penalties[1]).toBeNull();
      expect(regularised.penalties[2]).toBeNull();
    });
  });
});

/**
 * GroupNormalization: values against a reference in float64, gradients against central differences of that reference
 * and against the one-example loop, on every backend; its place in tfjs's models (files, fit, wrappers).
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { dpOptimizer, type GroupNormalization, groupNormalization } from '../../src/index.js';
import { eachBackend } from '../backends.js';
import { regression, seeded, sequential } from '../engine/layers-problem.js';
import { expectNoFallback } from '../engine/no-fallback.js';
import { expectEqualsLoop } from '../engine/one-example-loop.js';
import { normal, normals } from '../engine/seeded-data.js';

interface Setup {
  readonly shape: readonly number[];
  readonly axis: number;
  readonly groups: number;
}

/** y = γ (x − μ)/√(v + ε) + β in float64, element by element and group by group. */
function reference(x: ArrayLike<number>, gamma: ArrayLike<number>, beta: ArrayLike<number>, setup: Setup) {
  const { shape, groups } = setup;
  const axis = (setup.axis + shape.length) % shape.length;
  const channels = shape[axis]!;
  const behind = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const example = shape.slice(1).reduce((a, b) => a * b, 1);
  const perGroup = channels / (groups === -1 ? channels : groups);
  const channelOf = (k: number) => Math.floor(k / behind) % channels;
  const cellOf = (k: number) => `${Math.floor(k / example)}:${Math.floor(channelOf(k) / perGroup)}`;
  const cells = new Map<string, number[]>();
  for (let k = 0; k < x.length; k++) cells.set(cellOf(k), [...(cells.get(cellOf(k)) ?? []), x[k]!]);
  const moments = new Map(
    [...cells].map(([cell, values]) => {
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      return [cell, { mean, root: Math.sqrt(variance + 1e-3) }];
    }),
  );
  return Float64Array.from(x, (value, k) => {
    const { mean, root } = moments.get(cellOf(k))!;
    return (gamma[channelOf(k)]! * (value - mean)) / root + beta[channelOf(k)]!;
  });
}

const setups: Record<string, Setup> = {
  'vectors, two groups': { shape: [3, 8], axis: -1, groups: 2 },
  'vectors, one group': { shape: [3, 5], axis: 1, groups: 1 },
  sequences: { shape: [2, 4, 6], axis: -1, groups: 3 },
  'images, channels last': { shape: [2, 3, 4, 6], axis: -1, groups: 2 },
  'images, channels first': { shape: [2, 6, 3, 4], axis: 1, groups: 3 },
  'images, channels between': { shape: [2, 3, 6, 4], axis: 2, groups: 3 },
  'images, a channel a group': { shape: [2, 3, 4, 5], axis: -1, groups: -1 },
  volumes: { shape: [2, 2, 3, 2, 4], axis: 4, groups: 2 },
  'volumes, channels first': { shape: [2, 4, 2, 3, 2], axis: -4, groups: 4 },
  'a batch of one': { shape: [1, 3, 3, 4], axis: -1, groups: 2 },
};

function built(setup: Setup): { layer: GroupNormalization; model: tfl.LayersModel } {
  const { shape, axis, groups } = setup;
  const layer = groupNormalization({ axis, groups, inputShape: shape.slice(1) });
  return { layer, model: seeded(tfl.sequential({ layers: [layer] }), 3) };
}

eachBackend(() => {
  describe.each(Object.entries(setups))('%s', (_, setup) => {
    const size = setup.shape.reduce((a, b) => a * b, 1);

    it('has the values of the reference', () => {
      const { layer } = built(setup);
      // A mean of 100 costs a one-pass variance its digits; two passes keep them.
      const x = normals(size, 5, 2).map((value) => value + 100);
      const [gamma, beta] = layer.getWeights().map((weight) => weight.dataSync());
      const expected = reference(x, gamma!, beta!, setup);
      const y = (layer.apply(tf.tensor(x, [...setup.shape])) as tf.Tensor).dataSync();
      expected.forEach((value, k) => {
        expect(Math.abs(y[k]! - value)).toBeLessThan(5e-5);
      });
    });

    it('has the gradients of the reference', () => {
      const { layer } = built(setup);
      const x = normals(size, 5);
      const weights = layer.getWeights().map((weight) => Float64Array.from(weight.dataSync()));
      const [gamma, beta] = weights as [Float64Array, Float64Array];
      const direction = normals(size, 6);
      const loss = (values: readonly Float64Array[]) =>
        reference(values[0]!, values[1]!, values[2]!, setup).reduce(
          (sum, y, k) => sum + y * direction[k]!,
          0,
        );
      const values = [Float64Array.from(x), gamma, beta];
      const { grads } = tf.valueAndGrads((input: tf.Tensor) =>
        tf.sum(tf.mul(layer.apply(input) as tf.Tensor, tf.tensor(direction, [...setup.shape]))),
      )([tf.tensor(x, [...setup.shape])]);
      const { grads: ofWeights } = tf.variableGrads(
        () =>
          tf.sum(
            tf.mul(
              layer.apply(tf.tensor(x, [...setup.shape])) as tf.Tensor,
              tf.tensor(direction, [...setup.shape]),
            ),
          ) as tf.Scalar,
      );
      const [g, b] = layer.trainableWeights.map((weight) =>
        ofWeights[(weight.read() as tf.Variable).name]!.dataSync(),
      );
      [grads[0]!.dataSync(), g!, b!].forEach((gradient, part) => {
        gradient.forEach((value, k) => {
          const moved = (h: number) =>
            loss(
              values.map((list, i) => {
                const copy = Float64Array.from(list);
                if (i === part) copy[k]! += h;
                return copy;
              }),
            );
          const difference = (moved(1e-4) - moved(-1e-4)) / 2e-4;
          expect(Math.abs(value - difference)).toBeLessThan(2e-4 * Math.max(1, Math.abs(difference)));
        });
      });
    });

    it('equals the one-example loop, by rules', () => {
      const { model } = built(setup);
      const problem = regression(model, [normal([...setup.shape], 7)]);
      expectEqualsLoop(problem);
      expectNoFallback(problem);
    });
  });

  it('gives exact gradients to the layers before it', () => {
    const model = sequential([
      tfl.layers.conv2d({ filters: 4, kernelSize: 2, inputShape: [5, 5, 2] }),
      groupNormalization({ groups: 2 }),
      tfl.layers.activation({ activation: 'relu' }),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 2 }),
    ]);
    const problem = regression(model, [normal([4, 5, 5, 2], 1)]);
    expectEqualsLoop(problem);
    expectNoFallback(problem);
  });

  it('works in timeDistributed', () => {
    const model = sequential([
      tfl.layers.timeDistributed({ layer: groupNormalization({ groups: 2 }), inputShape: [3, 4, 4, 6] }),
    ]);
    const problem = regression(model, [normal([2, 3, 4, 4, 6], 1)]);
    expectEqualsLoop(problem);
    expectNoFallback(problem);
  });

  it('passes inputs without positions or examples', () => {
    const layer = groupNormalization({ groups: 2 });
    expect((layer.apply(tf.zeros([2, 0, 3, 4])) as tf.Tensor).shape).toEqual([2, 0, 3, 4]);
    expect((layer.apply(tf.zeros([0, 2, 3, 4])) as tf.Tensor).shape).toEqual([0, 2, 3, 4]);
  });

  it('gives beta for constant groups, and finite values for huge ones', () => {
    const layer = groupNormalization({ groups: 1, betaInitializer: 'ones' });
    expect([...(layer.apply(tf.fill([1, 4], 7)) as tf.Tensor).dataSync()]).toEqual([1, 1, 1, 1]);
    const huge = (layer.apply(tf.tensor2d([[1e30, -1e30, 3e30, 0]])) as tf.Tensor).dataSync();
    expect([...huge].every(Number.isFinite)).toBe(true);
  });

  it('trains in fit, and leaks nothing', async () => {
    const model = tfl.sequential({
      layers: [
        tfl.layers.dense({ units: 8, inputShape: [3] }),
        groupNormalization({ groups: 2, gammaRegularizer: 'l1l2' }),
        tfl.layers.dense({ units: 1 }),
      ],
    });
    const optimizer = dpOptimizer(tf.train.sgd(0.1), {
      l2NormClip: 1,
      noiseMultiplier: 0.5,
      expectedBatchSize: 4,
      seed: 1,
    });
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const [xs, ys] = [normal([8, 3], 1), normal([8, 1], 2)];
    const before = model.getWeights().map((weight) => weight.dataSync().slice());
    await model.fit(xs, ys, { epochs: 1, batchSize: 4, verbose: 0 });
    const count = tf.memory().numTensors;
    await model.fit(xs, ys, { epochs: 2, batchSize: 4, verbose: 0 });
    expect(tf.memory().numTensors).toBe(count);
    model.getWeights().forEach((weight, k) => {
      expect(weight.dataSync()).not.toEqual(before[k]);
    });
  });
});

describe('a model with GroupNormalization', () => {
  it('is saved and loaded with its options and weights', async () => {
    const layer = groupNormalization({
      groups: 2,
      axis: 1,
      epsilon: 0.01,
      gammaInitializer: tfl.initializers.constant({ value: 2 }),
      betaRegularizer: tfl.regularizers.l2({ l2: 0.3 }),
      inputShape: [4, 3],
      name: 'norm',
    });
    const model = tfl.sequential({ layers: [layer, groupNormalization({ groups: 1, scale: false })] });
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
    expect(loaded.getLayer('norm').getConfig()).toEqual(layer.getConfig());
    const x = normal([2, 4, 3], 1);
    expect((loaded.predict(x) as tf.Tensor).dataSync()).toEqual((model.predict(x) as tf.Tensor).dataSync());
    expect(loaded.getWeights().map((weight) => weight.shape)).toEqual([[4], [4], [3]]);
    // The regulariser came along: the loss of the weights is not zero when beta is not.
    loaded.getLayer('norm').setWeights([tf.ones([4]), tf.ones([4])]);
    const losses = (loaded as unknown as { calculateLosses(): tf.Scalar[] }).calculateLosses();
    expect(losses.map((loss) => loss.dataSync()[0])).toEqual([expect.closeTo(4 * 0.3, 5)]);
  });

  it('is summarised', () => {
    const lines: string[] = [];
    const model = tfl.sequential({ layers: [groupNormalization({ groups: 2, inputShape: [4] })] });
    model.summary(undefined, undefined, (line: string) => void lines.push(line));
    expect(lines.join('\n')).toMatch(/group_normalization.*\[null,4\] +8/);
  });
});

describe('groupNormalization refuses by name', () => {
  it.each([
    [{ groups: 3, inputShape: [8] }, /groups that divides the 8 channels of 'group_norm.*got 3.*1, 2, 4, 8/],
    [{ inputShape: [8] }, /got 32/],
    [{ groups: 0 }, /groups to be a whole number/],
    [{ groups: 1.5 }, /groups/],
    [{ axis: 0 }, /axis to be/],
    [{ axis: 3, groups: 1, inputShape: [8] }, /axis 3/],
    [{ groups: 1, inputShape: [8, null as unknown as number] }, /known number of channels/],
    [{ groups: 1, inputShape: [2, 2, 2, 2, 2] }, /rank 2 to 5/],
    [{ epsilon: 0 }, /epsilon/],
    [{ epsilon: Number.NaN }, /epsilon/],
  ])('%j', (args, message) => {
    const make = () => tfl.sequential({ layers: [groupNormalization({ inputShape: [8], ...args })] });
    expect(make).toThrow(DpError);
    expect(make).toThrow(message);
  });
});

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { errorText } from '../../test/error-text.js';
import { selectBackend } from '../backend/index.js';
import { gaussianSource, seededRandomWords } from '../noise/index.js';
import { dpAdamBC, dpOptimizer, exponentialSchedule, linearSchedule } from './index.js';

beforeAll(async () => {
  await selectBackend({ prefer: 'cpu' });
});

/** The last update's denominator squared, max(v̂ − φ̂, γ′), from outside: with β₁ = 0 the update is η·g/√(…). */
function secondMomentAfter(
  optimizer: tf.Optimizer & { setNoiseStandardDeviation?(sd: number): void },
  gradients: readonly (readonly number[])[],
  sd: (step: number) => number,
): number[] {
  const w = tf.variable(tf.zeros([gradients[0]!.length]), true);
  let before = [...w.dataSync()];
  gradients.forEach((gradient, step) => {
    before = [...w.dataSync()];
    optimizer.setNoiseStandardDeviation?.(sd(step));
    const tensor = tf.tensor1d([...gradient]);
    optimizer.applyGradients([{ name: w.name, tensor }]);
    tensor.dispose();
  });
  const last = gradients[gradients.length - 1] as readonly number[];
  const moved = [...w.dataSync()];
  w.dispose();
  return last.map((gradient, i) => (gradient / (before[i]! - moved[i]!)) ** 2);
}

const SIZE = 2000;
/** A seeded normal sample. */
function noise(steps: number, sd: (step: number) => number, mean = 0): number[][] {
  const source = gaussianSource(seededRandomWords('adam'));
  return Array.from({ length: steps }, (_, step) => {
    const out = new Float32Array(SIZE);
    source.fill(out, sd(step));
    return [...out].map((value) => value + mean);
  });
}
const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
// A learning rate of 1 and β₁ = 0 let the denominator be read off the weights.
const options = { learningRate: 1, beta1: 0, beta2: 0.9 };

describe('dpAdamBC', () => {
  it('on pure noise comes down to the floor, where Adam keeps the variance of the noise', () => {
    const sd = () => 0.5;
    const gradients = noise(100, sd);
    const stability = 1e-4;
    const corrected = secondMomentAfter(dpAdamBC({ ...options, stability }), gradients, sd);
    const plain = secondMomentAfter(tf.train.adam(1, 0, 0.9), gradients, sd);
    expect(average(plain)).toBeCloseTo(0.25, 1);
    // v̂ is skewed below its mean, so more than half of the coordinates are at the floor.
    const atFloor = corrected.filter((value) => value < 1.01 * stability).length / SIZE;
    expect(atFloor).toBeGreaterThan(0.45);
    expect(Math.min(...corrected)).toBeGreaterThan(0.99 * stability);
    expect(Math.min(...plain)).toBeGreaterThan(100 * stability);
  });

  it.each([
    ['constant noise', () => 0.3],
    ['noise that falls', (step: number) => 0.6 * 0.97 ** step],
  ])('is unbiased for the second moment of the gradients under %s', (_, sd) => {
    // g = 2 + noise: E v̂ − φ̂ = 4. Its standard error over 2,000 coordinates is below 0.02; seven of those: 3e-12.
    const gradients = noise(60, sd, 2);
    const corrected = secondMomentAfter(dpAdamBC(options), gradients, sd);
    expect(Math.abs(average(corrected) - 4)).toBeLessThan(0.14);
    const wrong = secondMomentAfter(dpAdamBC(options), gradients, () => 0);
    expect(average(wrong) - average(corrected)).toBeGreaterThan(0.5 * sd(59) ** 2);
  });

  it('is unbiased from the first steps on', () => {
    // g = 2 + N(0, 1), three steps: a standard error of 0.06 over 2,000 coordinates; seven of them: 3e-12.
    const gradients = noise(3, () => 1, 2);
    const corrected = secondMomentAfter(dpAdamBC(options), gradients, () => 1);
    expect(Math.abs(average(corrected) - 4)).toBeLessThan(0.42);
  });

  it('is Adam where there is no noise', () => {
    const gradients = [
      [1, -2, 0.5],
      [0.5, 1, 0.1],
      [-1, 0.3, 2],
    ];
    const run = (optimizer: tf.Optimizer & { setNoiseStandardDeviation?(sd: number): void }) => {
      const w = tf.variable(tf.tensor1d([1, 2, 3]), true);
      for (const gradient of gradients) {
        optimizer.setNoiseStandardDeviation?.(0);
        optimizer.applyGradients([{ name: w.name, tensor: tf.tensor1d(gradient) }]);
      }
      return [...w.dataSync()];
    };
    const plain = run(tf.train.adam(0.1, 0.9, 0.999, 1e-12));
    run(dpAdamBC({ learningRate: 0.1, stability: 1e-24 })).forEach((value, i) => {
      expect(value).toBeCloseTo(plain[i] as number, 5);
    });
  });

  it('is told the noise of each step by the private optimizer, under schedules as well', () => {
    const inner = dpAdamBC();
    const told: number[] = [];
    const set = inner.setNoiseStandardDeviation.bind(inner);
    inner.setNoiseStandardDeviation = (sd) => {
      told.push(sd);
      set(sd);
    };
    const optimizer = dpOptimizer(inner, {
      l2NormClip: linearSchedule({ from: 4, to: 2, steps: 2 }),
      noiseMultiplier: exponentialSchedule({ from: 1, to: 4, steps: 2 }),
      expectedBatchSize: 8,
    });
    const w = tf.variable(tf.zeros([3]), true);
    for (let step = 0; step < 3; step++) optimizer.step([w]);
    [0.5, 0.75, 1].forEach((sd, step) => {
      expect(told[step]).toBeCloseTo(sd, 12);
    });
    w.dispose();
  });

  it('goes on where it was saved, and comes back from its configuration', async () => {
    const sd = () => 0.2;
    const gradients = noise(6, sd, 0.1).map((row) => row.slice(0, 4));
    const w = tf.variable(tf.zeros([4]), true, 'saved/w');
    const step = (optimizer: ReturnType<typeof dpAdamBC>, k: number) => {
      optimizer.setNoiseStandardDeviation(sd());
      const tensor = tf.tensor1d(gradients[k] as number[]);
      optimizer.applyGradients([{ name: w.name, tensor }]);
      tensor.dispose();
    };
    const one = dpAdamBC({ learningRate: 0.1, beta2: 0.8 });
    for (let k = 0; k < 3; k++) step(one, k);
    const weights = await one.getWeights();
    expect(weights.map(({ name }) => name)).toEqual([
      'iter',
      'saved/w/m',
      'saved/w/v',
      'DpAdamBC/noise_variance',
    ]);
    const two = dpAdamBC(JSON.parse(JSON.stringify(one.getConfig())) as never);
    await two.setWeights(weights);
    const middle = [...w.dataSync()];
    for (let k = 3; k < 6; k++) step(one, k);
    const expected = [...w.dataSync()];
    w.assign(tf.tensor1d(middle));
    for (let k = 3; k < 6; k++) step(two, k);
    [...w.dataSync()].forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 5);
    });
    await expect(two.setWeights(weights.slice(0, 3))).rejects.toMatchObject({ code: 'DP_CORRUPT' });
    w.dispose();
  });

  it('refuses to guess the noise, and options out of range', () => {
    const w = tf.variable(tf.zeros([1]), true);
    const gradients = [{ name: w.name, tensor: tf.tensor1d([1]) }];
    const alone = dpAdamBC();
    expect(errorText(() => alone.applyGradients(gradients))).toMatch(/inside dpOptimizer/);
    alone.setNoiseStandardDeviation(1);
    alone.applyGradients(gradients);
    expect(errorText(() => alone.applyGradients(gradients))).toMatch(/inside dpOptimizer/);
    for (const wrong of [
      { learningRate: -1 },
      { beta1: 1 },
      { beta2: Number.NaN },
      { stability: 0 },
      { epsilon: 1 } as never,
    ]) {
      expect(errorText(() => dpAdamBC(wrong))).toMatch(/^DP_INVALID_ARGUMENT/);
    }
    w.dispose();
  });
});

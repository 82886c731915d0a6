import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { regression, sequential } from './layers-problem.js';
import {
  clipAndSum,
  concatenated,
  disposeResult,
  distance,
  gradientOnCpu,
  normOf,
  oneExampleGradients,
  type Problem,
} from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

const problems: Record<string, () => Problem> = {
  'an MLP': () =>
    regression(
      sequential([
        tfl.layers.dense({ units: 6, activation: 'tanh', inputShape: [4] }),
        tfl.layers.dense({ units: 3 }),
      ]),
      [normal([7, 4], 2)],
    ),
  'a convolution': () =>
    regression(
      sequential([
        tfl.layers.conv2d({ filters: 2, kernelSize: 2, activation: 'relu', inputShape: [4, 4, 1] }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 2 }),
      ]),
      [normal([7, 4, 4, 1], 2)],
    ),
  'an embedding': () =>
    regression(
      sequential([
        tfl.layers.embedding({ inputDim: 5, outputDim: 3, inputShape: [6] }),
        tfl.layers.globalAveragePooling1d({}),
        tfl.layers.dense({ units: 2 }),
      ]),
      [integers([7, 6], 5, 2)],
    ),
  'a layer without a rule': () =>
    regression(
      sequential([
        tfl.layers.dense({ units: 4, inputShape: [3] }),
        tfl.layers.prelu({}),
        tfl.layers.dense({ units: 2 }),
      ]),
      [normal([7, 3], 2)],
    ),
};

function sumOver({ data, variables, loss }: Problem, l2NormClip: number, engine = new PerExampleEngine()) {
  const result = engine.clippedSum(() => loss(data), variables, { l2NormClip });
  const { norms, clippedExamples } = result.privateValues;
  const sum = concatenated(result);
  disposeResult(result);
  return { sum, norms, clippedExamples };
}

const rowsOf = (problem: Problem, rows: readonly number[]): Problem => ({
  ...problem,
  data: problem.data.map((tensor) => tf.gather(tensor, tf.tensor1d([...rows], 'int32'))),
});

const all = [0, 1, 2, 3, 4, 5, 6];

eachBackend(() => {
  describe.each(Object.entries(problems))('clipping: %s', (_, build) => {
    const problem = build();

    it('no contribution is longer than C, and the clipped ones reach C(1 - 1e-5)', () => {
      const { norms } = sumOver(problem, Number.POSITIVE_INFINITY);
      const l2NormClip = Array.from(norms).sort((a, b) => a - b)[3]!;
      const engine = new PerExampleEngine();
      for (const i of all) {
        const length = normOf([sumOver(rowsOf(problem, [i]), l2NormClip, engine).sum]);
        expect(length).toBeLessThanOrEqual(l2NormClip);
        expect(length).toBeGreaterThanOrEqual(Math.min(l2NormClip, norms[i]!) * (1 - 1e-5));
      }
    });

    it('without clipping it is the plain gradient of the mean, times the number of examples', () => {
      const mean: Problem = { ...problem, loss: (data) => tf.mean(problem.loss(data)) };
      const plain = gradientOnCpu(() => mean.loss(mean.data), mean.variables).flatMap((part) =>
        Array.from(part),
      );
      const expected = Float64Array.from(plain, (value) => 7 * value);
      const { sum, clippedExamples } = sumOver(mean, Number.POSITIVE_INFINITY);
      expect(normOf([expected])).toBeGreaterThan(0);
      expect(distance(sum, expected)).toBeLessThanOrEqual(1e-5 * normOf([expected]));
      expect(clippedExamples).toBe(0);
    });

    it('the order of the examples does not matter', () => {
      const order = [3, 6, 0, 5, 1, 4, 2];
      const [sorted, shuffled] = [sumOver(problem, 0.3), sumOver(rowsOf(problem, order), 0.3)];
      expect(distance(sorted.sum, shuffled.sum)).toBeLessThanOrEqual(1e-5 * normOf([sorted.sum]));
      order.forEach((from, to) => {
        const off = Math.abs(shuffled.norms[to]! - sorted.norms[from]!);
        expect(off).toBeLessThanOrEqual(1e-5 * sorted.norms[from]!);
      });
    });

    it.each([
      [
        [0, 1, 2],
        [3, 4, 5, 6],
      ],
      [[0], [1, 2, 3, 4, 5], [6]],
      [[0, 1, 2, 3, 4, 5, 6]],
    ])('physical batches %j add up to the whole', (...parts) => {
      const engine = new PerExampleEngine();
      const whole = sumOver(problem, 0.3).sum;
      const total = new Float64Array(whole.length);
      for (const part of parts) {
        const { sum } = sumOver(rowsOf(problem, part as number[]), 0.3, engine);
        sum.forEach((value, k) => {
          total[k]! += value;
        });
      }
      expect(distance(whole, total)).toBeLessThanOrEqual(1e-5 * normOf([whole]));
    });

    it('counts the examples that it clipped', () => {
      const norms = oneExampleGradients(problem)
        .map((parts) => normOf(parts))
        .sort((a, b) => a - b);
      const between = (norms[4]! + norms[5]!) / 2;
      expect(sumOver(problem, between).clippedExamples).toBe(2);
      expect(sumOver(problem, norms[0]! / 2).clippedExamples).toBe(7);
    });
  });

  describe('clipping', () => {
    it('one norm over all variables together, not one each', () => {
      const [a, b] = [tf.variable(tf.zeros([1])), tf.variable(tf.zeros([1]))];
      const [x, y] = [tf.tensor2d([[3], [0]]), tf.tensor2d([[4], [0]])];
      const f = () => tf.reshape(tf.add(tf.mul(x, a), tf.mul(y, b)), [-1]);
      const { sum, norms } = sumOver({ data: [], variables: [a, b], loss: f }, 1);
      expect(norms[0]).toBeCloseTo(5, 5);
      expect(sum[0]).toBeCloseTo(0.6, 4);
      expect(sum[1]).toBeCloseTo(0.8, 4);
    });

    it('the same variables, one after the other in any order', () => {
      const [w, v] = [variable([4, 3], 1), variable([3, 2], 2)];
      const data = [normal([5, 4], 3)];
      const loss = ([x]: readonly tf.Tensor[]) => {
        const hidden = tf.tanh(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)) as tf.Tensor2D;
        return tf.mean(tf.square(tf.matMul(hidden, v as tf.Tensor2D)), 1);
      };
      const forward = sumOver({ data, variables: [w, v], loss }, 0.1).sum;
      const backward = sumOver({ data, variables: [v, w], loss }, 0.1).sum;
      expect(normOf([forward])).toBeGreaterThan(0);
      expect(Array.from(forward.slice(0, 12))).toEqual(Array.from(backward.slice(6)));
      expect(Array.from(forward.slice(12))).toEqual(Array.from(backward.slice(0, 6)));
    });

    it('leaves the variables as they were', () => {
      const problem = problems['an MLP']!();
      const before = problem.variables.map((v) => Array.from(v.dataSync()));
      sumOver(problem, 0.1);
      expect(problem.variables.map((v) => Array.from(v.dataSync()))).toEqual(before);
    });

    it.each([0, -1, Number.NaN, Number.NEGATIVE_INFINITY])('refuses a clip of %d', (l2NormClip) => {
      const problem = problems['an MLP']!();
      expect(() => sumOver(problem, l2NormClip)).toThrow(
        expect.objectContaining({
          code: 'DP_INVALID_ARGUMENT',
          message: expect.stringContaining('l2NormClip'),
        }),
      );
    });

    it('tiny and huge clips are kept to', () => {
      const problem = problems['an MLP']!();
      const gradients = oneExampleGradients(problem);
      for (const l2NormClip of [1e-12, 1e-9, 1e12, 1e30]) {
        const { sum } = sumOver(problem, l2NormClip);
        const { sums } = clipAndSum(gradients, l2NormClip);
        const expected = Float64Array.from(sums.flatMap((part) => Array.from(part)));
        expect(distance(sum, expected) / normOf([expected]), `clip ${l2NormClip}`).toBeLessThanOrEqual(1e-5);
      }
    });
  });
});

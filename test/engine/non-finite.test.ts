/** An example with an infinite or NaN gradient contributes exactly zero and leaves the others alone. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, sequential, weightsOf } from './layers-problem.js';
import { concatenated, disposeResult, distance, normOf } from './one-example-loop.js';
import { normals, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
interface Case {
  readonly shape: readonly number[];
  readonly variables: readonly tf.Variable[];
  readonly loss: (x: tf.Tensor) => tf.Tensor;
}

function ofModel(shape: readonly number[], layers: tfl.layers.Layer[], reduce = meanOfExample): Case {
  const model = sequential(layers);
  const loss = (x: tf.Tensor) => reduce(tf.square(model.apply(x, { training: true }) as tf.Tensor));
  return { shape, variables: weightsOf(model), loss };
}

const { dense, conv2d, flatten, prelu, lstm, layerNormalization } = tfl.layers;
const cases: Record<string, () => Case> = {
  'an MLP': () =>
    ofModel([4], [dense({ units: 5, activation: 'tanh', inputShape: [4] }), dense({ units: 3 })]),
  'an MLP with dead units': () =>
    ofModel([4], [dense({ units: 5, activation: 'relu', inputShape: [4] }), dense({ units: 3 })]),
  'an MLP, the mean of the batch': () =>
    ofModel([4], [dense({ units: 5, activation: 'sigmoid', inputShape: [4] }), dense({ units: 3 })], (y) =>
      tf.mean(meanOfExample(y)),
    ),
  'dense on sequences': () => ofModel([3, 2], [dense({ units: 3, inputShape: [3, 2] }), dense({ units: 2 })]),
  'a convolution': () =>
    ofModel(
      [4, 4, 1],
      [
        conv2d({ filters: 2, kernelSize: 2, padding: 'same', inputShape: [4, 4, 1] }),
        flatten(),
        dense({ units: 2 }),
      ],
    ),
  'a recurrent layer': () =>
    ofModel([2, 3], [lstm({ units: 2, recurrentInitializer: 'glorotNormal', inputShape: [2, 3] })]),
  'layers without a rule': () =>
    ofModel(
      [4],
      [dense({ units: 3, inputShape: [4] }), prelu({}), layerNormalization(), dense({ units: 2 })],
    ),
  'an embedding, weighted by data': () => {
    const [table, w] = [variable([5, 3], 1), variable([3, 2], 2)];
    const ids = [0, 3, 3, 1];
    const idsOf = [0, 1, 2, 3, 4, 5].map((count) => {
      return tf.tensor2d(new Array(count).fill(ids).flat(), [count, 4], 'int32');
    });
    return {
      shape: [4],
      variables: [table, w],
      loss: (x) => {
        const rows = tf.mul(tf.gather(table, idsOf[x.shape[0]!]!), tf.reshape(x, [-1, 4, 1]));
        return tf.mean(tf.square(tf.matMul(tf.sum(rows, 1) as Matrix, w as Matrix)), 1);
      },
    };
  },
};

/** Rows of finite data with `bad` written over one number of some of them. */
function spoiled(shape: readonly number[], count: number, bad: Readonly<Record<number, number>>): number[][] {
  const size = tf.util.sizeFromShape([...shape]);
  const values = normals(size * count, 5);
  return Array.from({ length: count }, (_, i) => {
    const row = Array.from(values.slice(i * size, (i + 1) * size));
    if (bad[i] !== undefined) row[i % size] = bad[i];
    return row;
  });
}

/** A fresh engine, or one that has already checked itself on finite data. */
function run({ shape, variables, loss }: Case, rows: readonly number[][], when: When = 'at the first step') {
  const engine = new PerExampleEngine();
  const over = (values: readonly number[][]) => {
    const x = tf.tensor(values.flat(), [values.length, ...shape]);
    const result = engine.clippedSum(() => loss(x), variables, { l2NormClip: 0.5 });
    const found = { sum: concatenated(result), ...result.privateValues };
    disposeResult(result);
    x.dispose();
    return found;
  };
  if (when === 'later') over(spoiled(shape, rows.length, {}));
  return over(rows);
}

const times = ['at the first step', 'later'] as const;
type When = (typeof times)[number];

eachBackend(() => {
  describe.each(Object.entries(cases))('examples that are not finite: %s', (_, build) => {
    const spoilings = [
      ['a NaN', { 1: Number.NaN }],
      ['an infinity', { 0: Number.POSITIVE_INFINITY }],
      ['a negative infinity, last', { 4: Number.NEGATIVE_INFINITY }],
      ['three of five', { 0: Number.NaN, 2: Number.POSITIVE_INFINITY, 3: Number.NaN }],
      ['all but one', { 0: Number.NaN, 1: Number.NaN, 2: Number.NEGATIVE_INFINITY, 3: Number.NaN }],
    ] as [string, Record<number, number>][];
    it.each(spoilings.flatMap(([name, bad]) => times.map((when) => ({ name, bad, when }))))(
      '$name, $when',
      (spoiling) => {
        const { bad, when } = spoiling;
        const problem = build();
        const rows = spoiled(problem.shape, 5, bad);
        const sound = rows.filter((row) => row.every(Number.isFinite));
        const { sum, norms, nonFiniteExamples } = run(problem, rows, when);
        const rest = run(problem, sound);
        // An infinite input may leave a finite gradient where a saturated unit stops it: count by the norms then.
        const counted = Array.from(norms).filter((norm) => !Number.isFinite(norm)).length;
        expect(sum.every(Number.isFinite)).toBe(true);
        expect(normOf([rest.sum])).toBeGreaterThan(0);
        if (Object.values(bad).every(Number.isNaN)) {
          expect(nonFiniteExamples).toBe(Object.keys(bad).length);
          expect(counted === 0 || counted === nonFiniteExamples).toBe(true);
        }
        if (nonFiniteExamples === Object.keys(bad).length) {
          expect(distance(sum, rest.sum)).toBeLessThanOrEqual(1e-6 * normOf([rest.sum]));
        }
        expect(nonFiniteExamples).toBeLessThanOrEqual(Object.keys(bad).length);
      },
    );

    it.each(times)('every one, %s: the sum is exactly zero', (when) => {
      const problem = build();
      const rows = spoiled(problem.shape, 3, { 0: Number.NaN, 1: Number.NaN, 2: Number.NaN });
      const { sum, nonFiniteExamples } = run(problem, rows, when);
      expect(nonFiniteExamples).toBe(3);
      expect(Array.from(sum).every((value) => value === 0)).toBe(true);
    });
  });

  describe('gradients that are not finite though the data are', () => {
    const w = variable([2], 1);

    it.each([
      ['the logarithm of zero', (z: tf.Tensor) => tf.log(z)],
      ['one over zero', (z: tf.Tensor) => tf.div(1, z)],
      ['the root of zero, whose own value is finite', (z: tf.Tensor) => tf.sqrt(z)],
      ['zero times an infinite slope', (z: tf.Tensor) => tf.mul(tf.sqrt(z), z)],
    ])('%s', (_, singular) => {
      const problem: Case = {
        shape: [2],
        variables: [w],
        loss: (x) => tf.sum(singular(tf.square(tf.mul(x, w))), 1),
      };
      const rows = [
        [1, 2],
        [0, 1],
        [3, 1],
      ];
      const { sum, nonFiniteExamples } = run(problem, rows);
      const rest = run(problem, [rows[0]!, rows[2]!]);
      expect(nonFiniteExamples).toBe(1);
      expect(distance(sum, rest.sum)).toBeLessThanOrEqual(1e-6 * normOf([rest.sum]));
    });

    it('a gradient that is infinite in one variable only counts for none', () => {
      const [a, b] = [variable([2], 1), variable([2], 2)];
      const problem: Case = {
        shape: [2],
        variables: [a, b],
        loss: (x) => tf.sum(tf.add(tf.mul(x, a), tf.sqrt(tf.mul(tf.square(x), tf.square(b)))), 1),
      };
      const { sum, nonFiniteExamples } = run(problem, [
        [0, 1],
        [2, 1],
      ]);
      const rest = run(problem, [[2, 1]]);
      expect(nonFiniteExamples).toBe(1);
      expect(distance(sum, rest.sum)).toBeLessThanOrEqual(1e-6 * normOf([rest.sum]));
    });

    it('an exploding loss', () => {
      const problem: Case = { shape: [2], variables: [w], loss: (x) => tf.sum(tf.exp(tf.mul(x, w)), 1) };
      const huge = 200 / Math.min(...Array.from(w.dataSync()).map(Math.abs));
      const rows = [
        [1, 2],
        [huge * Math.sign(w.dataSync()[0]!), 0],
      ];
      const { sum, nonFiniteExamples } = run(problem, rows);
      expect(nonFiniteExamples).toBe(1);
      const rest = run(problem, [rows[0]!]);
      expect(distance(sum, rest.sum)).toBeLessThanOrEqual(1e-6 * normOf([rest.sum]));
    });
  });
});

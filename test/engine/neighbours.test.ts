/**
 * The guarantee itself: whatever the data, removing or zeroing one example moves the concatenated clipped sums by
 * at most C, replacing one by at most 2C. Rounding may add C·1e-6.
 */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { concatenated, disposeResult, distance, normOf } from './one-example-loop.js';
import { normals, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
type Row = readonly number[];

/** A loss over rows of plain numbers, so that data sets are easy to change by one row. */
interface Family {
  readonly width: number;
  readonly variables: readonly tf.Variable[];
  readonly loss: (rows: Matrix) => tf.Tensor;
  /** Where the row holds token ids they are made valid. */
  readonly admit?: (row: Row) => Row;
}

const families: Record<string, () => Family> = {
  'an MLP': () => {
    const [first, b, second] = [variable([4, 5], 1), variable([5], 2), variable([5, 3], 3)];
    return {
      width: 4,
      variables: [first, b, second],
      loss: (rows) => {
        const hidden = tf.relu(tf.add(tf.matMul(rows, first as Matrix), b)) as Matrix;
        return tf.mean(tf.square(tf.sub(tf.matMul(hidden, second as Matrix), 1)), 1);
      },
    };
  },
  'an MLP, the mean of a batch': () => {
    const { loss, ...rest } = families['an MLP']!();
    return { ...rest, loss: (rows) => tf.mean(loss(rows)) };
  },
  'a classifier by tf.losses, the mean of a batch': () => {
    const [w, b] = [variable([4, 3], 1), variable([3], 2)];
    const labels = Array.from({ length: 16 }, (_, count) =>
      tf.tensor2d(new Array(count).fill([1, 0, 0]).flat(), [count, 3]),
    );
    return {
      width: 4,
      variables: [w, b],
      loss: (rows) => {
        const logits = tf.add(tf.matMul(rows, w as Matrix), b);
        const ofClass = labels[rows.shape[0]]!;
        return tf.losses.softmaxCrossEntropy(ofClass, logits, undefined, 0, tf.Reduction.MEAN);
      },
    };
  },
  'a dense layer on sequences': () => {
    const w = variable([2, 40], 1);
    return {
      width: 8,
      variables: [w],
      loss: (rows) => {
        const y = tf.matMul(tf.reshape(rows, [-1, 2]) as Matrix, w as Matrix);
        return meanOfExample(tf.square(tf.reshape(y, [-1, 4, 40])));
      },
    };
  },
  'a convolution': () => {
    const [filter, b] = [variable([2, 2, 1, 3], 1), variable([3], 2)];
    return {
      width: 9,
      variables: [filter, b],
      loss: (rows) => {
        const y = tf.conv2d(
          tf.reshape(rows, [-1, 3, 3, 1]) as tf.Tensor4D,
          filter as tf.Tensor4D,
          1,
          'valid',
        );
        return meanOfExample(tf.square(tf.add(y, b)));
      },
    };
  },
  'an embedding, weighted by data': () => {
    const table = variable([5, 3], 1);
    return {
      width: 8,
      variables: [table],
      admit: (row) =>
        row.map((value, k) =>
          k < 4 ? Math.floor(Math.abs(Math.sin(k + (Number.isFinite(value) ? value : 0))) * 4.999) : value,
        ),
      loss: (rows) => {
        const ids = tf.cast(tf.slice(rows, [0, 0], [-1, 4]), 'int32') as tf.Tensor2D;
        const scale = tf.reshape(tf.slice(rows, [0, 4], [-1, 4]), [-1, 4, 1]);
        return meanOfExample(tf.square(tf.mul(tf.gather(table, ids), scale)));
      },
    };
  },
};

/** Clipped sums of one family's data sets, with one engine, as an optimizer would. */
function summing(family: Family, l2NormClip: number) {
  const engine = new PerExampleEngine();
  return (rows: readonly Row[]): Float64Array => {
    const admitted = rows.map((row) => Array.from(family.admit ? family.admit(row) : row));
    const data = tf.tensor2d(admitted, [rows.length, family.width]);
    const result = engine.clippedSum(() => family.loss(data), family.variables, { l2NormClip });
    const sum = concatenated(result);
    disposeResult(result);
    data.dispose();
    return sum;
  };
}

const without = (rows: readonly Row[], i: number) => rows.filter((_, k) => k !== i);
const replaced = (rows: readonly Row[], i: number, row: Row) => rows.map((old, k) => (k === i ? row : old));

function random(width: number, seed: number, count: number, scale = 1): Row[] {
  const values = normals(width * count, seed, scale);
  return Array.from({ length: count }, (_, i) => Array.from(values.slice(i * width, (i + 1) * width)));
}

/** Rows made to break a clipping: overflow, underflow, non-numbers, twins. */
function adversarial(width: number): Row[] {
  const filled = (value: number) => new Array<number>(width).fill(value);
  const spiked = (value: number, k = width - 1) => filled(0.5).map((x, j) => (j === k ? value : x));
  return [
    filled(1e20),
    filled(-3e38),
    spiked(1e19),
    filled(1e-25),
    spiked(1e-40),
    filled(1e-42),
    filled(0),
    spiked(Number.NaN),
    spiked(Number.POSITIVE_INFINITY),
    filled(Number.NEGATIVE_INFINITY),
    spiked(1e10),
    spiked(-1e10),
  ];
}

eachBackend(() => {
  describe.each(Object.entries(families))('neighbouring data sets: %s', (_, build) => {
    const family = build();

    it('random data, at clips below, among and above the norms', () => {
      for (const [l2NormClip, scale] of [
        [0.05, 1],
        [1, 1],
        [3, 2],
        [1e3, 1],
        [1, 30],
      ] as const) {
        const sumOf = summing(family, l2NormClip);
        const rows = random(family.width, 11, 5, scale);
        const whole = sumOf(rows);
        expect(normOf([whole])).toBeGreaterThan(0);
        const strangers = random(family.width, 12, 5, 3 * scale);
        rows.forEach((_row, i) => {
          expect(distance(whole, sumOf(without(rows, i))), `without ${i}`).toBeLessThanOrEqual(
            l2NormClip * (1 + 1e-6),
          );
          const other = sumOf(replaced(rows, i, strangers[i]!));
          expect(distance(whole, other), `replacing ${i}`).toBeLessThanOrEqual(2 * l2NormClip * (1 + 1e-6));
        });
      }
    });

    it.each(['from the first step on', 'after steps on sound data'])('adversarial data, %s', (when) => {
      const l2NormClip = 1;
      const sumOf = summing(family, l2NormClip);
      const rows = [...random(family.width, 13, 2), ...adversarial(family.width)];
      if (when !== 'from the first step on') {
        const sound = random(family.width, 15, rows.length);
        sumOf(sound);
        sumOf(without(sound, 0));
      }
      const whole = sumOf(rows);
      expect(whole.every(Number.isFinite)).toBe(true);
      rows.forEach((row, i) => {
        const moved = distance(whole, sumOf(without(rows, i)));
        expect(moved, `without [${row}]`).toBeLessThanOrEqual(l2NormClip * (1 + 1e-6));
        const zeroed = distance(whole, sumOf(replaced(rows, i, new Array<number>(family.width).fill(0))));
        expect(zeroed, `zeroing [${row}]`).toBeLessThanOrEqual(2 * l2NormClip * (1 + 1e-6));
      });
    });

    it('twins: each of two equal examples counts as itself', () => {
      const l2NormClip = 0.05;
      const sumOf = summing(family, l2NormClip);
      const [b, ...others] = random(family.width, 14, 8);
      const a = others.find((row) => normOf([sumOf([row])]) > 0.99 * l2NormClip);
      const [pair, triple] = [sumOf([a!, b!]), sumOf([a!, a!, b!])];
      const [one, two] = [sumOf([a!]), sumOf([a!, a!])];
      expect(distance(pair, triple)).toBeLessThanOrEqual(l2NormClip * (1 + 1e-6));
      expect(distance(pair, triple)).toBeGreaterThan(l2NormClip * 0.99);
      expect(normOf([two])).toBeCloseTo(2 * normOf([one]), 5);
    });
  });

  it.each([64, 256, 1024])(
    '%i examples that all pull the same way: rounding their sum adds nothing',
    (count) => {
      const [w, engine] = [tf.variable(tf.zeros([4, 1])), new PerExampleEngine()];
      const sumOf = (x: tf.Tensor) => {
        const losses = () => tf.sum(tf.matMul(x as Matrix, w as Matrix), 1);
        const result = engine.clippedSum(losses, [w], { l2NormClip: 1, expectedBatchSize: count });
        const sum = concatenated(result);
        disposeResult(result);
        return sum;
      };
      for (const seed of [1, 2, 3]) {
        const [direction, lengths] = [normals(4, seed), normals(count, seed + 10)];
        const rows = Array.from(lengths, (length, i) =>
          Array.from(direction, (value, k) => (2 + Math.abs(length)) * (value + 0.01 * Math.sin(4 * i + k))),
        );
        const x = tf.tensor2d(rows);
        const whole = sumOf(x);
        for (const i of [0, count >> 1, count - 1]) {
          const rest = tf.concat([tf.slice(x, [0, 0], [i, 4]), tf.slice(x, [i + 1, 0], [count - i - 1, 4])]);
          expect(distance(whole, sumOf(rest)), `without ${i}`).toBeLessThanOrEqual(1 + 1e-6);
        }
      }
    },
  );

  const places: [string, (count: number) => tf.Tensor][] = [
    [
      'written out',
      (count) => tf.tensor1d(Array.from({ length: count }, (_, place) => (place % 2 === 0 ? 1 : 0))),
    ],
    ['a range', (count) => tf.mod(tf.range(1, count + 1), 2)],
    ['counted by a cumulative sum', (count) => tf.mod(tf.cumsum(tf.ones([count])), 2)],
  ];
  it.each(places)(
    'weights by the place in the batch, %s, which change when one leaves: refused, or within C',
    (_, weights) => {
      const w = tf.variable(tf.zeros([2]));
      const engine = new PerExampleEngine();
      const sumOf = (rows: readonly Row[]) => {
        const x = tf.tensor2d(rows.map((row) => [...row]));
        const loss = () => {
          return tf.mul(tf.sum(tf.mul(x, w), 1), weights(rows.length));
        };
        const result = engine.clippedSum(loss, [w], { l2NormClip: 1 });
        const sum = concatenated(result);
        disposeResult(result);
        return sum;
      };
      const rows = [1, -1, 1, -1, 1, -1].map((sign) => [3 * sign, 4 * sign]);
      try {
        expect(distance(sumOf(rows), sumOf(without(rows, 0)))).toBeLessThanOrEqual(1 + 1e-6);
      } catch (error) {
        if ((error as { code?: string }).code !== 'DP_CROSS_EXAMPLE') throw error;
      }
    },
  );

  /** Examples whose gradient is of moderate size although its factors leave the range of float32 squares. */
  describe('norms of factors that cannot be squared in float32', () => {
    it.each([
      { activation: 1e-20, weight: 1e19 },
      { activation: 1e-23, weight: 1e19 },
      { activation: 1e-30, weight: 1e25 },
      { activation: 1e-35, weight: 1e35 },
      { activation: 1e20, weight: 1e-20 },
      { activation: 1e30, weight: 1e-30 },
      { activation: 1e-5, weight: 1e-4 },
      { activation: 1e-22, weight: 1e14 },
      { activation: 1, weight: 1e20 },
    ])('activations of $activation, output gradients of $weight', ({ activation, weight }) => {
      const [features, units] = [64, 3];
      const w = variable([features, units], 1, 1e-3);
      const lossOf = (value: number, factor: number) => {
        const [x, scale] = [tf.fill([2, features], value), tf.tensor1d([0, factor])];
        return () => tf.mul(tf.sum(tf.matMul(x as Matrix, w as Matrix), 1), scale);
      };
      const norm = Math.sqrt(features * units) * activation * weight;
      for (const l2NormClip of [norm / 10, norm / 1000]) {
        const engine = new PerExampleEngine();
        disposeResult(engine.clippedSum(lossOf(1, 1), [w], { l2NormClip }));
        const result = engine.clippedSum(lossOf(activation, weight), [w], { l2NormClip });
        const moved = normOf([concatenated(result)]);
        expect(moved).toBeLessThanOrEqual(l2NormClip * (1 + 1e-6));
        disposeResult(result);
      }
    });

    it.each([1e-11, 1e-6, 1e18, 1.7e19])('40 variables, each with a gradient of %d', (size) => {
      const variables = Array.from({ length: 40 }, () => tf.variable(tf.zeros([4])));
      const keep = tf.tensor2d([0, 1], [2, 1]);
      const lossOf = (value: number) => {
        const x = tf.fill([2, 4], value);
        return () => tf.sum(tf.mul(keep, tf.addN(variables.map((v) => tf.mul(x, v)))), 1);
      };
      const engine = new PerExampleEngine();
      const l2NormClip = size / 2;
      disposeResult(engine.clippedSum(lossOf(1), variables, { l2NormClip }));
      const result = engine.clippedSum(lossOf(size), variables, { l2NormClip });
      expect(normOf([concatenated(result)])).toBeLessThanOrEqual(l2NormClip * (1 + 1e-6));
      disposeResult(result);
    });
  });

  /**
   * Steps of ±size that sum to one: the gradient is small, its Gram terms are not. The engine has checked itself on
   * tame data before; all numbers and their sums are exact in float32.
   */
  describe('gradients that cancel', () => {
    const sizes = [2 ** 10, 2 ** 16, 2 ** 20, 2 ** 22];
    const cancelling = (size: number, steps: number) =>
      Array.from({ length: steps }, (_, t) => (t === 0 ? size + 1 : t % 2 === 0 ? size : -size));

    /** `lossOf(values)` weighs the steps of the first of two examples by `values`; the second has no gradient. */
    function expectBounded(
      parameter: tf.Variable,
      steps: number,
      size: number,
      lossOf: (values: readonly number[]) => () => tf.Tensor,
    ): void {
      for (const clip of [0.5, 0.7]) {
        const engine = new PerExampleEngine();
        const tame = engine.clippedSum(lossOf(cancelling(1, steps)), [parameter], { l2NormClip: clip });
        const result = engine.clippedSum(lossOf(cancelling(size, steps)), [parameter], { l2NormClip: clip });
        expect(normOf([concatenated(tame)])).toBeGreaterThan(clip * 0.9999);
        expect(normOf([concatenated(result)])).toBeLessThanOrEqual(clip * (1 + 1e-6));
        disposeResult(tame);
        disposeResult(result);
      }
    }

    const shapes = sizes.flatMap((size) =>
      (
        [
          [16, 16, 4],
          [2, 2, 8],
          [16, 1, 4],
        ] as const
      ).map(([features, units, steps]) => ({ size, features, units, steps })),
    );

    it.each(shapes)(
      'dense [$features, $units] on $steps steps of ±$size',
      ({ size, features, units, steps }) => {
        const w = tf.variable(tf.zeros([features, units]));
        const products = (x: tf.Tensor) =>
          tf.reshape(tf.matMul(tf.reshape(x, [-1, features]) as Matrix, w as Matrix), [2, steps, units]);
        const ones = tf.ones([2, steps, features]);
        const column = (values: readonly number[]) =>
          tf.tensor3d([...values, ...values.map(() => 0)], [2, steps, 1]);
        // Once the activations cancel, once the gradients of the outputs.
        expectBounded(w, steps, size, (values) => {
          const x = tf.mul(ones, column(values));
          return () => tf.sum(products(x), [1, 2]);
        });
        expectBounded(w, steps, size, (values) => {
          const weights = column(values);
          return () => tf.sum(tf.mul(products(ones), weights), [1, 2]);
        });
      },
    );

    it.each(shapes)(
      'embedding [$features, $units] of $steps steps of ±$size',
      ({ size, features, units, steps }) => {
        const table = tf.variable(tf.zeros([3 * features, units]));
        const ids = tf.fill([2, steps], 1, 'int32') as tf.Tensor2D;
        expectBounded(table, steps, size, (values) => {
          const weights = tf.tensor3d([...values, ...values.map(() => 0)], [2, steps, 1]);
          return () => tf.sum(tf.mul(tf.gather(table, ids), weights), [1, 2]);
        });
      },
    );

    it.each(sizes)('a convolution over pixels of ±%i', (size) => {
      const filter = tf.variable(tf.zeros([1, 1, 8, 8]));
      const ones = tf.ones([2, 2, 2, 8]);
      const products = (x: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'valid');
      const pixels = (values: readonly number[]) =>
        tf.tensor4d([...values, ...values.map(() => 0)], [2, 2, 2, 1]);
      expectBounded(filter, 4, size, (values) => {
        const x = tf.mul(ones, pixels(values));
        return () => tf.sum(products(x), [1, 2, 3]);
      });
      expectBounded(filter, 4, size, (values) => {
        const weights = pixels(values);
        return () => tf.sum(tf.mul(products(ones), weights), [1, 2, 3]);
      });
    });

    it.each(sizes)('a bias over steps of ±%i', (size) => {
      const bias = tf.variable(tf.zeros([8]));
      const ones = tf.ones([2, 4, 8]);
      expectBounded(bias, 4, size, (values) => {
        const weights = tf.tensor3d([...values, ...values.map(() => 0)], [2, 4, 1]);
        return () => tf.sum(tf.mul(tf.add(ones, bias), weights), [1, 2]);
      });
    });

    it.each(sizes)('uses of one weight in one example, by ±%i', (size) => {
      const w = tf.variable(tf.zeros([8, 8]));
      const x = tf.ones([2, 8]) as Matrix;
      expectBounded(w, 4, size, (values) => {
        const weights = values.map((value) => tf.tensor2d([value, 0], [2, 1]));
        return () => tf.sum(tf.addN(weights.map((weight) => tf.matMul(tf.mul(x, weight), w as Matrix))), 1);
      });
      expectBounded(w, 4, size, (values) => {
        const weights = values.map((value) => tf.tensor2d([value, 0], [2, 1]));
        return () => tf.sum(tf.addN(weights.map((weight) => tf.mul(tf.matMul(x, w as Matrix), weight))), 1);
      });
    });

    it('the norms stay right where float32 can still tell', () => {
      const w = tf.variable(tf.zeros([16, 16]));
      const values = cancelling(2 ** 10, 4);
      const x = tf.mul(tf.ones([2, 4, 16]), tf.tensor3d([...values, 0, 0, 0, 0], [2, 4, 1]));
      const loss = () =>
        tf.sum(tf.reshape(tf.matMul(tf.reshape(x, [-1, 16]) as Matrix, w as Matrix), [2, 4, 16]), [1, 2]);
      const result = new PerExampleEngine().clippedSum(loss, [w], { l2NormClip: 1 });
      expect(result.privateValues.norms[0]! / 16).toBeCloseTo(1, 4);
      disposeResult(result);
    });
  });
});

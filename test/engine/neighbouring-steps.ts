/** The guarantee, for tests of one rule: neighbouring data sets, tame and adversarial, through whole steps. */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { concatenated, disposeResult, distance, normOf } from './one-example-loop.js';
import { normals } from './seeded-data.js';

/** A loss over rows of `width` numbers, so that data sets are easy to change by one row. */
export interface RowLoss {
  readonly width: number;
  readonly variables: readonly tf.Variable[];
  readonly loss: (rows: tf.Tensor2D) => tf.Tensor;
}

/** Removing an example moves the clipped sum by at most C, zeroing it by at most 2C; rounding may add 1e-6 of it. */
export function expectBoundedByNeighbours(problem: RowLoss, l2NormClip = 0.1): void {
  const { width, variables, loss } = problem;
  const values = normals(4 * width, 21);
  const tame = Array.from({ length: 4 }, (_, i) => Array.from(values.slice(i * width, (i + 1) * width)));
  const filled = (value: number) => new Array<number>(width).fill(value);
  const spiked = (value: number) => filled(0.5).map((x, k) => (k === width - 1 ? value : x));
  const adversarial = [
    filled(1e19),
    spiked(-3e38),
    filled(1e-42),
    spiked(1e10),
    spiked(Number.NaN),
    filled(Number.POSITIVE_INFINITY),
  ];
  const bound = l2NormClip * (1 + 1e-6);
  for (const [rows, firstOnTame] of [
    [tame, false],
    [[...tame, ...adversarial], false],
    [[...tame, ...adversarial], true],
  ] as const) {
    const engine = new PerExampleEngine();
    const sumOf = (data: readonly (readonly number[])[]): Float64Array => {
      const tensor = tf.tensor2d(
        data.map((row) => [...row]),
        [data.length, width],
      );
      const result = engine.clippedSum(() => loss(tensor), variables, { l2NormClip });
      const sum = concatenated(result);
      disposeResult(result);
      tensor.dispose();
      return sum;
    };
    if (firstOnTame) {
      sumOf(tame);
      sumOf(tame.slice(1));
    }
    const whole = sumOf(rows);
    expect(whole.every(Number.isFinite)).toBe(true);
    expect(normOf([whole])).toBeGreaterThan(0);
    rows.forEach((row, i) => {
      const others = rows.filter((_, k) => k !== i);
      expect(distance(whole, sumOf(others)), `without [${row}]`).toBeLessThanOrEqual(bound);
      const zeroed = rows.map((other, k) => (k === i ? filled(0) : other));
      expect(distance(whole, sumOf(zeroed)), `zeroing [${row}]`).toBeLessThanOrEqual(2 * bound);
    });
  }
}

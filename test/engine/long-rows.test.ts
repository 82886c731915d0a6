/**
 * Gradients of many numbers alike: a float32 sum of their squares, one after another, drifts by 1e-5 at some thousand of
 * them and by 1e-2 at a million, and so would the bound.
 */
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { ghostNorms } from '../../src/engine/norm-terms.js';
import { eachBackend } from '../backends.js';
import { disposeResult } from './one-example-loop.js';
import { variable } from './seeded-data.js';

/** ‖·‖ in double precision. */
const lengthOf = (tensors: readonly tf.Tensor[]): number =>
  Math.sqrt(
    tensors.flatMap((tensor) => [...tensor.dataSync()]).reduce((sum, value) => sum + value * value, 0),
  );

const contribution = (loss: () => tf.Tensor, weight: tf.Variable): number => {
  const result = new PerExampleEngine().clippedSum(loss, [weight], { l2NormClip: 1 });
  const length = lengthOf(result.sums);
  disposeResult(result);
  return length;
};

eachBackend(() => {
  it.each([
    [0.1, 4096],
    [0.3, 65_536],
    [0.1, 1_000_000],
  ])('a gradient of %d everywhere in %i numbers contributes at most C', (value, width) => {
    const weight = variable([width, 1], 1);
    const x = tf.fill([1, width], value);
    const length = contribution(() => tf.sum(tf.matMul(x, weight as tf.Tensor2D), 1), weight);
    expect(length).toBeLessThanOrEqual(1);
    expect(length).toBeGreaterThan(1 - 1e-5);
    tf.dispose([x, weight]);
  });

  it('norms of many positions alike, from Gram matrices, are those of the gradients', () => {
    const [time, width] = [512, 8];
    const factor = tf.fill([1, time, width], 0.3) as tf.Tensor3D;
    const norms = ghostNorms({ kind: 'outer', left: factor, right: factor }) as tf.Tensor1D;
    const exact = (time * width * Math.fround(0.3) ** 2) ** 2;
    expect(Math.abs((norms.dataSync()[0] as number) / exact - 1)).toBeLessThan(2e-6);
    tf.dispose([factor, norms]);
  });
});

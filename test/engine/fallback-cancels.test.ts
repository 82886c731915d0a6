/** Gradients without a rule whose terms cancel: what float32 leaves of them is clipped as well. */
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { type ClippingOptions, PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { disposeResult } from './one-example-loop.js';
import { variable } from './seeded-data.js';

const [TIME, WIDTH] = [64, 8];
/** Example 0 meets each input with both signs, the others do not. */
const inputs = [0, 1, 2].flatMap((example) => {
  const half = Array.from(
    { length: (TIME * WIDTH) / 2 },
    (_, k) => 1000 * Math.sin(12.9 * (k + 999 * example)),
  );
  return [...half, ...half.map((value) => value * (example === 0 ? -1 : 0.5))];
});

eachBackend(() => {
  it.each<ClippingOptions>([
    { l2NormClip: 1e-4 },
    { l2NormClip: 1, rescaling: { kind: 'automatic', stability: 0 } },
  ])('an example whose terms cancel moves the sum by C at most: %o', (options) => {
    const weight = variable([WIDTH, WIDTH], 1);
    const sumOf = (first: number): Float32Array => {
      const x = tf.tensor3d(inputs.slice(first * TIME * WIDTH), [3 - first, TIME, WIDTH]);
      // Nothing is known of a running sum of parameters.
      const loss = () => {
        const y = tf.matMul(tf.reshape(x, [-1, WIDTH]), tf.cumsum(weight as tf.Tensor2D, 0) as tf.Tensor2D);
        return tf.sum(tf.reshape(y, [3 - first, TIME * WIDTH]), 1);
      };
      const step = new PerExampleEngine().clippedSum(loss, [weight], options);
      const sum = (step.sums[0] as tf.Tensor).dataSync() as Float32Array;
      disposeResult(step);
      x.dispose();
      return sum;
    };
    const [all, others] = [sumOf(0), sumOf(1)];
    const moved = Math.hypot(...all.map((value, k) => value - (others[k] as number)));
    expect(moved).toBeLessThanOrEqual(options.l2NormClip);
    weight.dispose();
  });
});

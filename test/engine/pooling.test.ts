/** Pooling in two dimensions and three, against sums and maxima of what each window holds. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { type Convolve, leavesOver, noPads, samePads, tapsOf, withOracle } from './convolution-problems.js';
import { expectEqualsLoop } from './one-example-loop.js';

type Size = readonly number[];
interface Pool {
  readonly size: Size;
  readonly stride: Size;
  readonly padding: 'valid' | 'same';
}

const pools = (sizes: readonly Size[], strides: readonly Size[]): Pool[] =>
  sizes.flatMap((size) =>
    strides.flatMap((stride) => (['valid', 'same'] as const).map((padding) => ({ size, stride, padding }))),
  );

const flat = pools(
  [
    [2, 2],
    [3, 3],
    [2, 3],
  ],
  [
    [1, 1],
    [2, 2],
    [1, 3],
  ],
);
const deep = pools(
  [
    [2, 2, 2],
    [3, 2, 1],
    [1, 3, 2],
  ],
  [
    [1, 1, 1],
    [2, 2, 2],
    [1, 2, 1],
  ],
);

const walkOf = ({ size, stride, padding }: Pool, extents: Size) => ({
  strides: stride,
  dilations: size.map(() => 1),
  pads:
    padding === 'valid'
      ? noPads(size.length)
      : samePads(
          extents,
          size,
          stride,
          size.map(() => 1),
        ),
});

/** The mean of what a window holds: what lies outside of the image does not count. */
const mean =
  (pool: Pool, extents: Size): Convolve =>
  (x) => {
    const walk = walkOf(pool, extents);
    const held = tf.addN(tapsOf(tf.onesLike(x), pool.size, walk));
    return tf.div(tf.addN(tapsOf(x, pool.size, walk)), held);
  };
const largest =
  (pool: Pool, extents: Size): Convolve =>
  (x) =>
    tapsOf(x, pool.size, walkOf(pool, extents), -1e6).reduce((a, b) => tf.maximum(a, b));

eachBackend((backend) => {
  const isOne = (pool: Pool, extents: Size) =>
    pool.padding === 'valid' || !leavesOver(extents, pool.size, pool.stride);

  /** The pooled image plays the filter's part as well: its gradient then is that of the scale below alone. */
  const check = (extents: Size, run: Convolve, oracle: Convolve) => {
    const shapes = { x: [3, ...extents, 2], filter: [1, 2], filters: 2 };
    const used =
      (convolve: Convolve): Convolve =>
      (x, filter, bias) =>
        tf.mul(convolve(x, filter, bias), tf.reshape(tf.slice(filter, [0, 0], [1, 2]), [2]));
    const { problem, gradients } = withOracle(shapes, used(run), used(oracle));
    expectEqualsLoop(problem, { gradients });
  };

  describe('pooling in two dimensions', () => {
    const extents = [5, 6];
    it.each(flat)('average of $size by $stride, $padding', (pool) => {
      const [size, stride] = [pool.size as [number, number], pool.stride as [number, number]];
      const run: Convolve = (x) => tf.avgPool(x as tf.Tensor4D, size, stride, pool.padding);
      check(extents, run, mean(pool, extents));
    });

    it.each(flat)('maximum of $size by $stride, $padding', (pool) => {
      const [size, stride] = [pool.size as [number, number], pool.stride as [number, number]];
      const run: Convolve = (x) => tf.maxPool(x as tf.Tensor4D, size, stride, pool.padding);
      check(extents, run, largest(pool, extents));
    });
  });

  describe('pooling in three dimensions', () => {
    const extents = [3, 4, 5];
    // Where 'same' leaves part of the input over, tfjs cuts on both sides.
    const defined = deep.filter((pool) => isOne(pool, extents));
    it.each(defined)('average of $size by $stride, $padding', (pool) => {
      const [size, stride] = [pool.size, pool.stride] as [[number, number, number], [number, number, number]];
      const run: Convolve = (x) => tf.avgPool3d(x as tf.Tensor5D, size, stride, pool.padding);
      check(extents, run, mean(pool, extents));
    });

    it.each(defined)('maximum of $size by $stride, $padding', (pool) => {
      const [size, stride] = [pool.size, pool.stride] as [[number, number, number], [number, number, number]];
      const run: Convolve = (x) => tf.maxPool3d(x as tf.Tensor5D, size, stride, pool.padding);
      const oracle = largest(pool, extents);
      // The wasm backend takes no maximum to be below zero.
      const clipped: Convolve = (...inputs) => tf.relu(oracle(...inputs));
      check(extents, run, backend === 'wasm' ? clipped : oracle);
    });
  });
});

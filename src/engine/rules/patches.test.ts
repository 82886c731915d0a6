import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { eachBackend } from '../../../test/backends.js';
import { gatheredPatches } from './gathered-patches.js';
import type { Geometry } from './geometry.js';
import { extractPatches } from './patches.js';

/** Geometries of `valid` convolutions: image side, channels, filter, stride, dilation; and how patches are cut natively. */
const CASES: readonly {
  side: number;
  channels: number;
  kernel: [number, number];
  stride: [number, number];
  dilation?: number;
  way: 'gathered' | 'other';
}[] = [
  { side: 13, channels: 16, kernel: [4, 4], stride: [2, 2], way: 'gathered' },
  { side: 13, channels: 32, kernel: [3, 3], stride: [1, 1], way: 'gathered' },
  { side: 16, channels: 8, kernel: [3, 2], stride: [2, 3], way: 'gathered' },
  { side: 17, channels: 8, kernel: [3, 3], stride: [1, 1], dilation: 2, way: 'gathered' },
  // Rows of the filter joined first: as many as the stride, or one at a time.
  { side: 34, channels: 1, kernel: [8, 8], stride: [2, 2], way: 'gathered' },
  { side: 21, channels: 3, kernel: [5, 5], stride: [1, 1], way: 'gathered' },
  { side: 22, channels: 3, kernel: [7, 6], stride: [2, 3], way: 'gathered' },
  { side: 20, channels: 2, kernel: [9, 9], stride: [3, 1], way: 'gathered' },
  // So narrow that unit filters are cheaper.
  { side: 12, channels: 1, kernel: [3, 3], stride: [1, 1], way: 'other' },
  { side: 9, channels: 5, kernel: [1, 1], stride: [1, 1], way: 'other' },
];

const IMAGES = 3;

function geometryOf({ side, kernel, stride, dilation = 1 }: (typeof CASES)[number]): Geometry {
  const output = kernel.map((k, axis) =>
    Math.floor((side - (k - 1) * dilation - 1) / (stride[axis] as number) + 1),
  );
  const dilations = [dilation, dilation];
  return { input: [side, side], kernel, strides: stride, dilations, before: [0, 0], output };
}

/** The patches by definition: [images, positions, kh, kw, channels], flat. */
function patchesByLoop(x: Float32Array, g: Geometry, side: number, channels: number): number[] {
  const [oh, ow] = g.output as [number, number];
  const [kh, kw] = g.kernel as [number, number];
  const [sh, sw] = g.strides as [number, number];
  const [dilation] = g.dilations as [number];
  const all: number[] = [];
  for (let n = 0; n < IMAGES; n++)
    for (let y = 0; y < oh; y++)
      for (let z = 0; z < ow; z++)
        for (let a = 0; a < kh; a++)
          for (let b = 0; b < kw; b++)
            for (let c = 0; c < channels; c++) {
              const [row, column] = [y * sh + a * dilation, z * sw + b * dilation];
              all.push(x[((n * side + row) * side + column) * channels + c] as number);
            }
  return all;
}

eachBackend((backend) => {
  describe('patches', () => {
    it.each(CASES)('$kernel of $channels channels, stride $stride: what the filter meets', (shape) => {
      const { side, channels, way } = shape;
      const g = geometryOf(shape);
      // Whole numbers: exact in every float32 product with a one.
      const values = Float32Array.from({ length: IMAGES * side * side * channels }, (_, i) => i % 4093);
      tf.tidy(() => {
        const x = tf.tensor4d(values, [IMAGES, side, side, channels]);
        const { patches, order } = extractPatches(x, g);
        const [, positions, width] = patches.shape;
        const inOrder =
          order === undefined
            ? patches
            : tf.transpose(tf.reshape(patches, [IMAGES * positions, ...order.shape]), [
                0,
                ...order.perm.map((axis) => axis + 1),
              ]);
        expect(width).toBe(g.kernel[0]! * g.kernel[1]! * channels);
        expect([...inOrder.dataSync()]).toEqual(patchesByLoop(values, g, side, channels));
        if (way === 'gathered') {
          expect(gatheredPatches(x, g) !== undefined).toBe(backend === 'tensorflow');
        }
      });
    });
  });
});

import * as tf from '@tensorflow/tfjs-core';
import type { RowOrder } from '../piece.js';
import { gatheredPatches, type Window } from './gathered-patches.js';
import { fitted, type Geometry } from './geometry.js';
import { joinedByUnitFilters } from './unit-filters.js';

/** im2col: the patch under each position of the filter. */
export interface Patches {
  /** [images, positions, kh·kw·channels]. */
  readonly patches: tf.Tensor3D;
  /** How a patch's elements lie, where not as in the filter [kh, kw, channels]. */
  readonly order?: RowOrder;
}

/** Widest patch for which a convolution with unit filters is the cheapest way to form it. */
const NARROW = 64;

/**
 * Extracts the patches of `image` [images, height, width, channels] the cheapest way that the shapes allow: a
 * reshape for 1×1; a gather on the native backend; a convolution with unit filters where patches are narrow; slices, one
 * for each tap of the filter, otherwise. A stride that divides the filter is first folded into the channels, so that the slices are contiguous.
 */
export function extractPatches(image: tf.Tensor4D, geometry: Geometry): Patches {
  const [kh, kw] = geometry.kernel as Pair;
  const [sh, sw] = geometry.strides as Pair;
  const dilations = geometry.dilations as Pair;
  const [outHeight, outWidth] = geometry.output as Pair;
  const x = fitted(image, geometry) as tf.Tensor4D;
  const [images, , , channels] = x.shape;
  const width = kh * kw * channels;
  const flat = (tensor: tf.Tensor) =>
    tf.reshape(tensor, [images, outHeight * outWidth, width]) as tf.Tensor3D;
  if (kh === 1 && kw === 1 && sh === 1 && sw === 1) return { patches: flat(x) };
  const gathered = gatheredPatches(x, geometry);
  if (gathered !== undefined) return { patches: gathered };
  if (width <= NARROW) {
    return { patches: flat(joinedByUnitFilters(x, { kernel: [kh, kw], strides: [sh, sw], dilations })) };
  }
  const undilated = dilations[0] === 1 && dilations[1] === 1;
  if (undilated && sh * sw > 1 && kh % sh === 0 && kw % sw === 0) {
    const folded = foldStride(x, [sh, sw], [outHeight - 1 + kh / sh, outWidth - 1 + kw / sw]);
    const window = { ...geometry, kernel: [kh / sh, kw / sw], strides: [1, 1] };
    return {
      patches: flat(taps(folded, window)),
      order: { shape: [kh / sh, kw / sw, sh, sw, channels], perm: [0, 2, 1, 3, 4] },
    };
  }
  return { patches: flat(taps(x, geometry)) };
}

type Pair = readonly [number, number];

/** [n, h·sh, w·sw, c] as [n, h, w, sh·sw·c]: what a stride steps over becomes channels. */
function foldStride(x: tf.Tensor4D, [sh, sw]: Pair, [rows, columns]: Pair): tf.Tensor4D {
  const [images, height, width, channels] = x.shape;
  const [h, w] = [rows * sh, columns * sw];
  const used = height === h && width === w ? x : tf.slice(x, [0, 0, 0, 0], [images, h, w, channels]);
  const split = tf.reshape(used, [images * rows, sh, columns, sw * channels]);
  return tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [images, rows, columns, sh * sw * channels]);
}

/** What one tap of the filter meets at every position of it: [images, …output, channels] of a fitted image. */
export function seenByTap(x: tf.Tensor4D, g: Window, [row, column]: Pair): tf.Tensor4D {
  const [images, , , channels] = x.shape;
  const [sh, sw] = g.strides as Pair;
  const [height, width] = g.output as Pair;
  const top = row * (g.dilations[0] as number);
  const left = column * (g.dilations[1] as number);
  if (sh === 1 && sw === 1) return tf.slice(x, [0, top, left, 0], [images, height, width, channels]);
  const end = [images, top + (height - 1) * sh + 1, left + (width - 1) * sw + 1, channels];
  return tf.stridedSlice(x, [0, top, left, 0], end, [1, sh, sw, 1]) as tf.Tensor4D;
}

/** One slice for each tap of the filter, joined along the channels. */
function taps(x: tf.Tensor4D, g: Window): tf.Tensor {
  const [kh, kw] = g.kernel as Pair;
  const slices = Array.from({ length: kh * kw }, (_, tap) =>
    seenByTap(x, g, [Math.floor(tap / kw), tap % kw]),
  );
  return slices.length === 1 ? (slices[0] as tf.Tensor) : tf.concat(slices, 3);
}

import * as tf from '@tensorflow/tfjs-core';
import type { RowOrder } from '../piece.js';
import { fitted, type Geometry } from './geometry.js';

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
 * reshape for 1×1; a convolution with unit filters where patches are narrow; slices, one for each tap of the filter,
 * otherwise. A stride that divides the filter is first folded into the channels, so that the slices are contiguous.
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
  if (width <= NARROW) {
    const units = tf.reshape(tf.eye(width), [kh, kw, channels, width]) as tf.Tensor4D;
    return { patches: flat(tf.conv2d(x, units, [sh, sw], 'valid', 'NHWC', [...dilations])) };
  }
  const undilated = dilations[0] === 1 && dilations[1] === 1;
  if (undilated && sh * sw > 1 && kh % sh === 0 && kw % sw === 0) {
    const folded = foldStride(x, [sh, sw], [outHeight - 1 + kh / sh, outWidth - 1 + kw / sw]);
    return {
      patches: flat(taps(folded, [kh / sh, kw / sw], [1, 1], [1, 1], [outHeight, outWidth])),
      order: { shape: [kh / sh, kw / sw, sh, sw, channels], perm: [0, 2, 1, 3, 4] },
    };
  }
  return { patches: flat(taps(x, [kh, kw], [sh, sw], dilations, [outHeight, outWidth])) };
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

/** One slice for each tap of the filter, joined along the channels. */
function taps(x: tf.Tensor4D, kernel: Pair, stride: Pair, dilation: Pair, out: Pair): tf.Tensor {
  const [images, , , channels] = x.shape;
  const slices: tf.Tensor[] = [];
  for (let row = 0; row < kernel[0]; row++) {
    for (let column = 0; column < kernel[1]; column++) {
      const top = row * dilation[0];
      const left = column * dilation[1];
      slices.push(
        stride[0] === 1 && stride[1] === 1
          ? tf.slice(x, [0, top, left, 0], [images, out[0], out[1], channels])
          : tf.stridedSlice(
              x,
              [0, top, left, 0],
              [images, top + (out[0] - 1) * stride[0] + 1, left + (out[1] - 1) * stride[1] + 1, channels],
              [1, stride[0], stride[1], 1],
            ),
      );
    }
  }
  return slices.length === 1 ? (slices[0] as tf.Tensor) : tf.concat(slices, 3);
}

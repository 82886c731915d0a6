import * as tf from '@tensorflow/tfjs-core';

/** A two-dimensional convolution, NHWC, as one call of its kernel had it. */
export interface Convolution {
  readonly x: tf.Tensor4D;
  readonly filter: tf.Tensor4D;
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly rounding?: 'floor' | 'round' | 'ceil';
}

/** Where the filter goes: sizes, positions, padding. */
export function geometryOf(conv: Convolution): tf.backend_util.Conv2DInfo {
  const { x, filter, strides, dilations, pad, rounding } = conv;
  return tf.backend_util.computeConv2DInfo(
    x.shape,
    filter.shape,
    [...strides],
    [...dilations],
    pad,
    rounding,
  );
}

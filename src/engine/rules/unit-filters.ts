import * as tf from '@tensorflow/tfjs-core';

type Pair = readonly [number, number];

/**
 * What a window of [height, width] pixels meets at each place in `image` [images, …, channels], joined along the channels:
 * [images, …output, height·width·channels], by a convolution with one filter for each number, which is 1 there and 0
 * elsewhere.
 */
export function joinedByUnitFilters(
  image: tf.Tensor4D,
  window: { readonly kernel: Pair; readonly strides: Pair; readonly dilations?: Pair },
): tf.Tensor4D {
  const [height, width] = window.kernel;
  const [sh, sw] = window.strides;
  const [dh, dw] = window.dilations ?? [1, 1];
  const channels = image.shape[3];
  const size = height * width * channels;
  const filters = tf.reshape(tf.eye(size), [height, width, channels, size]) as tf.Tensor4D;
  return tf.conv2d(image, filters, [sh, sw], 'valid', 'NHWC', [dh, dw]);
}

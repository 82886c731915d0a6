import * as tf from '@tensorflow/tfjs-core';
import type { Convolution } from './conv2d.js';

interface NodeBackend {
  executeSingleOutput?(name: string, attributes: readonly unknown[], inputs: readonly tf.Tensor[]): tf.Tensor;
  readonly binding?: Readonly<Record<string, number>>;
}

/**
 * im2col: the patch under each position of the filter, [images, positions, kh·kw·channels], with the channel
 * fastest, as the filter [kh, kw, channels, out] lies in memory.
 */
export function extractPatches(conv: Convolution): tf.Tensor3D {
  const { x, filter, strides, dilations } = conv;
  const [kh, kw, channels] = filter.shape;
  const info = tf.backend_util.computeConv2DInfo(
    x.shape,
    filter.shape,
    [...strides],
    [...dilations],
    conv.pad,
  );
  const { outHeight, outWidth, padInfo } = info;
  const { top, bottom, left, right } = padInfo;
  const images = x.shape[0];
  if (kh === 1 && kw === 1 && strides[0] === 1 && strides[1] === 1 && top + bottom + left + right === 0) {
    return tf.reshape(x, [images, outHeight * outWidth, channels]);
  }
  const padded =
    top + bottom + left + right === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ]);
  const shape: [number, number, number] = [images, outHeight * outWidth, kh * kw * channels];
  const native = nativePatches(padded, conv);
  if (native !== undefined) return tf.reshape(native, shape);
  const taps: tf.Tensor[] = [];
  for (let row = 0; row < kh; row++) {
    for (let column = 0; column < kw; column++) {
      const begin = [0, row * dilations[0], column * dilations[1], 0];
      taps.push(
        strides[0] === 1 && strides[1] === 1
          ? tf.slice(padded, begin, [images, outHeight, outWidth, channels])
          : tf.stridedSlice(
              padded,
              begin,
              [
                images,
                (begin[1] as number) + (outHeight - 1) * strides[0] + 1,
                (begin[2] as number) + (outWidth - 1) * strides[1] + 1,
                channels,
              ],
              [1, strides[0], strides[1], 1],
            ),
      );
    }
  }
  return tf.reshape(tf.concat(taps, 3), shape);
}

/** TensorFlow's own kernel, which tfjs does not wrap, on the native backend. */
function nativePatches(padded: tf.Tensor, conv: Convolution): tf.Tensor | undefined {
  if (tf.getBackend() !== 'tensorflow') return undefined;
  const backend = tf.backend() as unknown as NodeBackend;
  const { binding } = backend;
  const listOfInts = binding?.TF_ATTR_INT;
  const typeAttribute = binding?.TF_ATTR_TYPE;
  const stringAttribute = binding?.TF_ATTR_STRING;
  const float = binding?.TF_FLOAT;
  if (
    typeof backend.executeSingleOutput !== 'function' ||
    listOfInts === undefined ||
    typeAttribute === undefined ||
    stringAttribute === undefined ||
    float === undefined
  ) {
    return undefined;
  }
  const [kh, kw] = conv.filter.shape;
  return backend.executeSingleOutput(
    'ExtractImagePatches',
    [
      { name: 'ksizes', type: listOfInts, value: [1, kh, kw, 1] },
      { name: 'strides', type: listOfInts, value: [1, ...conv.strides, 1] },
      { name: 'rates', type: listOfInts, value: [1, ...conv.dilations, 1] },
      { name: 'T', type: typeAttribute, value: float },
      { name: 'padding', type: stringAttribute, value: 'VALID' },
    ],
    [padded],
  );
}

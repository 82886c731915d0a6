/** Whole steps of convolutional losses on neighbouring data sets, adversarial ones included: the guarantee itself. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { expectBoundedByNeighbours, type RowLoss } from './neighbouring-steps.js';
import { variable } from './seeded-data.js';

type Image = tf.Tensor4D;
type Volume = tf.Tensor5D;

/** A scale below and a squared error above, so that the input's gradient counts as well. */
function family(
  shape: readonly number[],
  filterShape: number[],
  convolve: (x: tf.Tensor, filter: tf.Tensor) => tf.Tensor,
): RowLoss {
  const [scale, filter] = [variable([1], 1), variable(filterShape, 2)];
  return {
    width: shape.reduce((a, b) => a * b, 1),
    variables: [scale, filter],
    loss: (rows) => {
      const below = tf.mul(tf.reshape(rows, [-1, ...shape]), scale);
      return meanOfExample(tf.square(convolve(below, filter)));
    },
  };
}

const families: Record<string, () => RowLoss> = {
  'a dilated convolution': () =>
    family([4, 3, 1], [2, 2, 1, 3], (x, f) => tf.conv2d(x as Image, f as Image, 1, 'same', 'NHWC', 2)),
  'a strided convolution with pooling': () =>
    family([5, 5, 1], [2, 2, 1, 2], (x, f) => {
      const y = tf.conv2d(x as Image, f as Image, [2, 1], 'same');
      return tf.maxPool(y, 2, 1, 'same');
    }),
  'average pooling over edges': () =>
    family([3, 3, 1], [2, 2, 1, 2], (x, f) =>
      tf.avgPool(tf.conv2d(x as Image, f as Image, 1, 'same'), 2, 2, 'same'),
    ),
  'a depthwise convolution': () =>
    family([3, 3, 2], [2, 2, 2, 2], (x, f) => tf.depthwiseConv2d(x as Image, f as Image, 1, 'same')),
  'a dilated depthwise convolution': () =>
    family([4, 4, 1], [2, 2, 1, 1], (x, f) =>
      tf.depthwiseConv2d(x as Image, f as Image, 1, 'valid', 'NHWC', 2),
    ),
  'a transposed convolution': () =>
    family([2, 2, 2], [3, 3, 2, 2], (x, f) =>
      tf.conv2dTranspose(x as Image, f as Image, [x.shape[0]!, 4, 4, 2], 2, 'same'),
    ),
  'a convolution in three dimensions': () =>
    family([2, 3, 2, 1], [2, 2, 2, 1, 2], (x, f) => tf.conv3d(x as Volume, f as Volume, 1, 'same')),
};

eachBackend(() => {
  describe('neighbouring data sets', () => {
    it.each(Object.entries(families))('%s', (_, build) => expectBoundedByNeighbours(build()));
  });
});

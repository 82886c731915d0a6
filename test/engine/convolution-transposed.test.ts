/** Transposed convolution: every padding, stride and format that tfjs has. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { around, expectByRule, type Pair, windows } from './convolution-problems.js';
import { regression, sequential } from './layers-problem.js';
import { normal } from './seeded-data.js';

type Image = tf.Tensor4D;

/** The output that a transposed convolution of 3×4 has in tfjs-layers. */
const outputOf = (kernel: Pair, stride: Pair, padding: 'valid' | 'same'): Pair =>
  [3, 4].map((extent, a) => {
    const length = extent * stride[a]!;
    return padding === 'valid' ? length + Math.max(kernel[a]! - stride[a]!, 0) : length;
  }) as Pair;

eachBackend((backend) => {
  describe('transposed convolution', () => {
    it.each(windows)('kernel $kernel, stride $stride, $padding', ({ kernel, stride, padding }) => {
      const [height, width] = outputOf(kernel, stride, padding);
      const convolve = (x: tf.Tensor, f: tf.Tensor) =>
        tf.conv2dTranspose(x as Image, f as Image, [x.shape[0]!, height, width, 3], stride, padding);
      expectByRule(around(convolve, { x: [3, 3, 4, 2], filter: [...kernel, 3, 2], filters: 3 }));
    });

    it.each([
      [8, 9],
      [9, 8],
    ])('an output of %i×%i, one of several that have that input', (height, width) => {
      const convolve = (x: tf.Tensor, f: tf.Tensor) =>
        tf.conv2dTranspose(x as Image, f as Image, [x.shape[0]!, height, width, 2], 2, 'valid');
      const rows = [height, width].map((extent) => Math.floor((extent - 3) / 2) + 1);
      expectByRule(around(convolve, { x: [3, ...rows, 2], filter: [3, 3, 2, 2], filters: 2 }));
    });

    // tfjs-node has neither numeric nor explicit padding here.
    if (backend !== 'tensorflow') {
      it.each([1, 2])('numeric padding at stride %i', (stride) => {
        const convolve = (x: tf.Tensor, f: tf.Tensor) =>
          tf.conv2dTranspose(x as Image, f as Image, [x.shape[0]!, 7, 7, 2], stride, 1, 'floor');
        const rows = Math.floor((7 - 3 + 2) / stride) + 1;
        expectByRule(around(convolve, { x: [3, rows, rows, 2], filter: [3, 3, 2, 2], filters: 2 }));
      });
    }

    it('one filter used twice', () => {
      const once = (x: tf.Tensor, f: tf.Tensor) =>
        tf.conv2dTranspose(x as Image, f as Image, [x.shape[0]!, 4, 5, 2], 1, 'same');
      const twice = (x: tf.Tensor, f: tf.Tensor) => once(tf.tanh(once(x, f)), f);
      expectByRule(around(twice, { x: [4, 4, 5, 2], filter: [3, 3, 2, 2], filters: 2 }));
    });

    it.each(['channelsLast', 'channelsFirst'] as const)('an auto-encoder of layers, %s', (dataFormat) => {
      const shape = dataFormat === 'channelsLast' ? [6, 6, 2] : [2, 6, 6];
      const model = sequential([
        tfl.layers.conv2d({
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          activation: 'relu',
          dataFormat,
          inputShape: shape,
        }),
        tfl.layers.conv2dTranspose({
          filters: 3,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          activation: 'tanh',
          dataFormat,
        }),
        tfl.layers.conv2dTranspose({ filters: 2, kernelSize: 2, useBias: false, dataFormat }),
      ]);
      expectByRule(regression(model, [normal([3, ...shape], 1)]));
    });

    it('on every frame of a sequence', () => {
      const frame = tfl.layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, activation: 'tanh' });
      const model = sequential([tfl.layers.timeDistributed({ layer: frame, inputShape: [3, 3, 2, 2] })]);
      expectByRule(regression(model, [normal([4, 3, 3, 2, 2], 1)]));
    });

    it('time and batch merged into one axis by hand', () => {
      const frames = (x: tf.Tensor, f: tf.Tensor) => {
        const images = tf.reshape(x, [-1, 3, 2, 2]) as Image;
        const y = tf.conv2dTranspose(images, f as Image, [images.shape[0], 6, 4, 3], 2, 'same');
        return tf.reshape(y, [x.shape[0]!, -1, 6, 4, 3]);
      };
      expectByRule(around(frames, { x: [3, 2, 3, 2, 2], filter: [3, 2, 3, 2], filters: 3 }));
    });
  });
});

/** Convolution in three dimensions: every padding, stride, dilation and format that tfjs has. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import {
  around,
  byTaps,
  expectByRule,
  leavesOver,
  noPads,
  samePads,
  withOracle,
} from './convolution-problems.js';
import { regression, sequential } from './layers-problem.js';
import { normal } from './seeded-data.js';

type Triple = [number, number, number];
type Volume = tf.Tensor5D;

const kernels: Triple[] = [
  [1, 1, 1],
  [2, 2, 2],
  [3, 2, 1],
  [1, 3, 2],
];
const strides: Triple[] = [
  [1, 1, 1],
  [2, 2, 2],
  [1, 2, 1],
  [2, 1, 3],
];
const extents: Triple = [4, 5, 4];
const grid = kernels.flatMap((kernel) =>
  strides.flatMap((stride) => (['valid', 'same'] as const).map((padding) => ({ kernel, stride, padding }))),
);

eachBackend((backend) => {
  // Where 'same' leaves part of the input over, tfjs and TensorFlow compute two functions: the oracle's is tfjs's.
  const defined = grid.filter(
    ({ kernel, stride, padding }) =>
      backend !== 'tensorflow' || padding === 'valid' || !leavesOver(extents, kernel, stride),
  );

  describe('conv3d', () => {
    it.each(defined)('kernel $kernel, stride $stride, $padding', ({ kernel, stride, padding }) => {
      const convolve = (x: tf.Tensor, f: tf.Tensor) => tf.conv3d(x as Volume, f as Volume, stride, padding);
      expectByRule(around(convolve, { x: [3, ...extents, 2], filter: [...kernel, 2, 3], filters: 3 }));
    });

    it('wide patches, whose taps are slices, and a stride that folds', () => {
      const convolve = (x: tf.Tensor, f: tf.Tensor) =>
        tf.conv3d(x as Volume, f as Volume, [1, 2, 2], 'valid');
      expectByRule(around(convolve, { x: [2, 3, 6, 6, 6], filter: [2, 4, 2, 6, 2], filters: 2 }));
      const plain = (x: tf.Tensor, f: tf.Tensor) => tf.conv3d(x as Volume, f as Volume, 1, 'same');
      expectByRule(around(plain, { x: [2, 3, 3, 4, 5], filter: [2, 3, 3, 5, 2], filters: 2 }));
    });

    // tfjs-node refuses a dilation along the depth.
    const dilations: Triple[] =
      backend === 'tensorflow'
        ? [[1, 2, 3]]
        : [
            [2, 2, 2],
            [1, 2, 3],
            [3, 1, 1],
          ];
    const dilated = dilations.flatMap((dilation) =>
      (['valid', 'same'] as const).map((padding) => ({ dilation, padding })),
    );
    it.each(dilated)('dilation $dilation, $padding', ({ dilation, padding }) => {
      const kernel: Triple = [2, 3, 2];
      const pads = padding === 'valid' ? noPads(3) : samePads([5, 7, 6], kernel, [1, 1, 1], dilation);
      const { problem, gradients } = withOracle(
        { x: [3, 5, 7, 6, 2], filter: [...kernel, 2, 2], filters: 2 },
        (x, f) => tf.conv3d(x as Volume, f as Volume, 1, padding, 'NDHWC', dilation),
        byTaps({ strides: [1, 1, 1], dilations: dilation, pads }),
      );
      expectByRule(problem, { gradients });
    });

    it('one filter used twice', () => {
      const once = (x: tf.Tensor, f: tf.Tensor) => tf.conv3d(x as Volume, f as Volume, 1, 'same');
      const twice = (x: tf.Tensor, f: tf.Tensor) => once(tf.tanh(once(x, f)), f);
      expectByRule(around(twice, { x: [3, 3, 4, 3, 2], filter: [2, 3, 2, 2, 2], filters: 2 }));
    });

    it.each(['channelsLast', 'channelsFirst'] as const)('as layers, %s', (dataFormat) => {
      const shape = dataFormat === 'channelsLast' ? [4, 5, 4, 2] : [2, 4, 5, 4];
      const model = sequential([
        tfl.layers.conv3d({
          filters: 3,
          kernelSize: 2,
          padding: 'same',
          activation: 'relu',
          dataFormat,
          inputShape: shape,
        }),
        tfl.layers.conv3d({ filters: 2, kernelSize: [1, 2, 3], strides: [1, 2, 1], dataFormat }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectByRule(regression(model, [normal([3, ...shape], 1)]));
    });

    it('on every volume of a sequence', () => {
      const layer = tfl.layers.conv3d({ filters: 2, kernelSize: 2, activation: 'tanh' });
      const model = sequential([tfl.layers.timeDistributed({ layer, inputShape: [2, 3, 3, 3, 2] })]);
      expectByRule(regression(model, [normal([3, 2, 3, 3, 3, 2], 1)]));
    });
  });
});

/** Depthwise and separable convolutions: every padding, stride, dilation and format that tfjs has. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { eachBackend } from '../backends.js';
import {
  around,
  byTaps,
  expectByRule,
  leavesOver,
  noPads,
  type Pair,
  roundedWalk,
  samePads,
  windows,
  withOracle,
} from './convolution-problems.js';
import { regression, sequential } from './layers-problem.js';
import { expectEqualsLoop } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

type Image = tf.Tensor4D;

eachBackend((backend) => {
  describe('depthwise convolution', () => {
    it.each(windows)('kernel $kernel, stride $stride, $padding', ({ kernel, stride, padding }) => {
      const multiplier = kernel[0] === 3 ? 2 : 1;
      const shapes = { x: [3, 6, 7, 2], filter: [...kernel, 2, multiplier], filters: 2 * multiplier };
      const problem = around((x, f) => tf.depthwiseConv2d(x as Image, f as Image, stride, padding), shapes);
      const zeros = padding === 'same' && kernel.some((k) => k > 1) && leavesOver([6, 7], kernel, stride);
      if (backend === 'wasm' && zeros) {
        const refused = expect.objectContaining({ code: 'DP_UNSUPPORTED_OP' });
        return expect(() => expectEqualsLoop(problem)).toThrow(refused);
      }
      return expectByRule(problem);
    });

    const dilated = [
      [2, 2],
      [1, 3],
      [3, 2],
    ].flatMap((dilation) =>
      (['valid', 'same'] as const).flatMap((padding) =>
        [1, 2].map((multiplier) => ({ dilation: dilation as Pair, padding, multiplier })),
      ),
    );
    it.each(dilated)(
      'dilation $dilation, $padding, multiplier $multiplier',
      ({ dilation, padding, multiplier }) => {
        const kernel: Pair = [2, 3];
        const pads = padding === 'valid' ? noPads(2) : samePads([7, 8], kernel, [1, 1], dilation);
        const { problem, gradients } = withOracle(
          { x: [3, 7, 8, 2], filter: [...kernel, 2, multiplier], filters: 2 * multiplier },
          (x, f) => tf.depthwiseConv2d(x as Image, f as Image, 1, padding, 'NHWC', dilation),
          byTaps({ strides: [1, 1], dilations: dilation, pads, depthwise: true }),
        );
        expectByRule(problem, { gradients });
      },
    );

    if (backend === 'tensorflow') {
      it('strides and dilations at once, which only this backend has', () => {
        const { problem, gradients } = withOracle(
          { x: [3, 9, 8, 2], filter: [3, 2, 2, 1], filters: 2 },
          (x, f) => tf.depthwiseConv2d(x as Image, f as Image, [2, 1], 'valid', 'NHWC', [2, 3]),
          byTaps({ strides: [2, 1], dilations: [2, 3], pads: noPads(2), depthwise: true }),
        );
        expectByRule(problem, { gradients });
      });
    }

    const edges: [[number, number], [number, number]] = [
      [1, 2],
      [0, 1],
    ];
    it('explicit padding, a width of its own for each edge', () => {
      const { problem, gradients } = withOracle(
        { x: [3, 5, 6, 2], filter: [3, 3, 2, 1], filters: 2 },
        (x, f) => tf.depthwiseConv2d(x as Image, f as Image, 2, [[0, 0], ...edges, [0, 0]]),
        byTaps({ strides: [2, 2], dilations: [1, 1], pads: edges, depthwise: true }),
      );
      expectByRule(problem, { gradients });
    });

    // tfjs-node has no numeric padding, and XNNPACK knows of no position beyond it.
    const roundings = { cpu: ['floor', 'ceil', 'round'], wasm: ['floor'], tensorflow: [] }[backend] ?? [];
    const numeric = [
      [1, 1, 'floor'],
      [2, 2, 'ceil'],
      [1, 3, 'round'],
    ] as const;
    const allowed = numeric.filter(([, , rounding]) => roundings.includes(rounding));
    if (allowed.length > 0) {
      it.each(allowed)('numeric padding %i, stride %i, rounding %s', (pad, stride, rounding) => {
        const { problem, gradients } = withOracle(
          { x: [3, 6, 6, 2], filter: [3, 3, 2, 1], filters: 2 },
          (x, f) => tf.depthwiseConv2d(x as Image, f as Image, stride, pad, 'NHWC', 1, rounding),
          byTaps({ ...roundedWalk(pad, stride, rounding), depthwise: true }),
        );
        expectByRule(problem, { gradients });
      });
    }

    it.each([1, 2])('fused with a bias, multiplier %i', (multiplier) => {
      const { problem, gradients } = withOracle(
        { x: [4, 5, 6, 3], filter: [3, 2, 3, multiplier], filters: 3 * multiplier, fused: true },
        (x, f, bias) =>
          tf.fused.depthwiseConv2d({ x: x as Image, filter: f as Image, strides: 1, pad: 'same', bias }),
        (x, f) => tf.depthwiseConv2d(x as Image, f as Image, 1, 'same'),
      );
      expectByRule(problem, { gradients });
    });

    it('one filter used twice', () => {
      const twice = (x: tf.Tensor, f: tf.Tensor) =>
        tf.depthwiseConv2d(
          tf.tanh(tf.depthwiseConv2d(x as Image, f as Image, 1, 'same')) as Image,
          f as Image,
          1,
          'same',
        );
      expectByRule(around(twice, { x: [4, 5, 5, 3], filter: [3, 3, 3, 1], filters: 3 }));
    });

    it('as a layer, channels first', () => {
      const model = sequential([
        tfl.layers.depthwiseConv2d({
          kernelSize: [2, 3],
          depthMultiplier: 2,
          activation: 'relu',
          dataFormat: 'channelsFirst',
          inputShape: [2, 5, 6],
        }),
        tfl.layers.depthwiseConv2d({
          kernelSize: 2,
          strides: 2,
          padding: 'same',
          dataFormat: 'channelsFirst',
        }),
      ]);
      expectByRule(regression(model, [normal([3, 2, 5, 6], 1)]));
    });

    it('on every frame of a sequence', () => {
      const frame = tfl.layers.depthwiseConv2d({ kernelSize: 3, strides: 2, activation: 'tanh' });
      const model = sequential([tfl.layers.timeDistributed({ layer: frame, inputShape: [3, 6, 5, 2] })]);
      expectByRule(regression(model, [normal([4, 3, 6, 5, 2], 1)]));
    });

    it('time and batch merged into one axis by hand', () => {
      const frames = (x: tf.Tensor, f: tf.Tensor) => {
        const y = tf.depthwiseConv2d(tf.reshape(x, [-1, 4, 5, 2]) as Image, f as Image, 1, 'valid');
        return tf.reshape(y, [x.shape[0]!, -1, 3, 4, 2]);
      };
      expectByRule(around(frames, { x: [3, 2, 4, 5, 2], filter: [2, 2, 2, 1], filters: 2 }));
    });
  });

  describe('separable convolution', () => {
    const options: Omit<Parameters<typeof tfl.layers.separableConv2d>[0], 'filters'>[] = [
      { kernelSize: 3, strides: 1, padding: 'valid' },
      { kernelSize: [2, 3], strides: 2, padding: 'same' },
      { kernelSize: 3, strides: 1, padding: 'same', depthMultiplier: 2, activation: 'relu' },
    ];
    it.each(options)('kernel $kernelSize, stride $strides, $padding', (shape) => {
      const model = sequential([
        tfl.layers.conv2d({ filters: 2, kernelSize: 1, activation: 'tanh', inputShape: [6, 6, 2] }),
        tfl.layers.separableConv2d({ filters: 4, ...shape }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectByRule(regression(model, [normal([3, 6, 6, 2], 1)]));
    });

    it.each(['valid', 'same'] as const)('dilated, %s', (padding) => {
      const pads = padding === 'valid' ? noPads(2) : samePads([6, 7], [2, 2], [1, 1], [2, 3]);
      const walk = byTaps({ strides: [1, 1], dilations: [2, 3], pads, depthwise: true });
      const point = variable([1, 1, 4, 3], 9) as unknown as Image;
      const { problem, gradients } = withOracle(
        { x: [3, 6, 7, 2], filter: [2, 2, 2, 2], filters: 3, more: [point as unknown as tf.Variable] },
        (x, f) => tf.separableConv2d(x as Image, f as Image, point, 1, padding, [2, 3]),
        (x, f, bias) => tf.conv2d(walk(x, f, bias) as Image, point, 1, 'valid'),
      );
      expectByRule(problem, { gradients });
    });

    it('channels first, without a bias', () => {
      const model = sequential([
        tfl.layers.separableConv2d({
          kernelSize: 2,
          filters: 3,
          useBias: false,
          dataFormat: 'channelsFirst',
          inputShape: [2, 4, 5],
        }),
      ]);
      expectByRule(regression(model, [normal([3, 2, 4, 5], 1)]));
    });
  });
});

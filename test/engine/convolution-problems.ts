/**
 * Problems around one convolution each: trainable below it, so that its input needs a gradient, a trainable bias
 * above it, and a non-linearity on both sides. And an oracle for what tfjs itself cannot differentiate.
 */
import * as tf from '@tensorflow/tfjs-core';
import { expect, vi } from 'vitest';
import { BackwardPass } from '../../src/engine/backward.js';
import { meanOfExample } from './layers-problem.js';
import { type Comparison, expectEqualsLoop, oneExampleGradients, type Problem } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

export type Layout = 'channelsLast' | 'channelsFirst';
/** A convolution of images by a filter, in whatever way; one that is fused adds the bias as well. */
export type Convolve = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) => tf.Tensor;

export interface Shapes {
  /** Of the images, the batch first. */
  readonly x: readonly number[];
  readonly filter: readonly number[];
  readonly filters: number;
  readonly layout?: Layout;
  /** Whether the convolution adds the bias itself. */
  readonly fused?: boolean;
  /** Further variables that the convolution reads. */
  readonly more?: readonly tf.Variable[];
}

export type Pair = [number, number];

const kernels: Pair[] = [
  [1, 1],
  [3, 3],
  [2, 4],
  [3, 1],
];
const strides: Pair[] = [
  [1, 1],
  [2, 2],
  [1, 2],
  [3, 1],
];
/** Filters and strides, square and oblong, under both paddings that have names. */
export const windows = kernels.flatMap((kernel) =>
  strides.flatMap((stride) => (['valid', 'same'] as const).map((padding) => ({ kernel, stride, padding }))),
);

const along = (size: number, rank: number, layout: Layout = 'channelsLast'): number[] => {
  const shape = new Array<number>(rank).fill(1);
  shape[layout === 'channelsLast' ? rank - 1 : 1] = size;
  return shape;
};

/** tanh of a scaled image, convolved, biased, tanh, squared: [x] to one loss an example. */
export function around(convolve: Convolve, shapes: Shapes): Problem {
  const { x, filter, filters, layout, fused = false, more = [] } = shapes;
  const channels = x[layout === 'channelsFirst' ? 1 : x.length - 1]!;
  const scale = variable(along(channels, x.length, layout), 7);
  const taps = filter.slice(0, -1).reduce((a, b) => a * b, 1);
  const kernel = variable([...filter], 1, 1 / Math.sqrt(taps));
  const bias = variable(fused ? [filters] : along(filters, x.length, layout), 2, 0.3);
  return {
    data: [normal([...x], 3)],
    variables: [scale, kernel, bias, ...more],
    loss: ([image]) => {
      const below = tf.tanh(tf.mul(image!, tf.add(scale, 1)));
      const y = convolve(below, kernel, bias);
      return meanOfExample(tf.square(tf.tanh(fused ? y : tf.add(y, bias))));
    },
  };
}

/** A problem, and its gradients by another way to convolve, which has the same values and adds no bias. */
export function withOracle(shapes: Shapes, convolve: Convolve, oracle: Convolve) {
  const problem = around(convolve, shapes);
  const reference = around(oracle, { ...shapes, fused: false });
  // Seeds are fixed, so both sides start from the same values.
  return { problem, gradients: oneExampleGradients(reference) };
}

/** Held to the loop, and by a rule: the only weighted backward passes are those of the self-check. */
export function expectByRule(problem: Problem, options: Comparison = {}): void {
  const spy = vi.spyOn(BackwardPass.prototype, 'parameterSums');
  try {
    expectEqualsLoop(problem, options);
    const masked = spy.mock.calls.filter(([, , asReference]) => asReference !== true);
    expect(masked, 'masked backward passes').toHaveLength(0);
    expect(spy.mock.calls.length, 'self-checks').toBeGreaterThan(0);
  } finally {
    spy.mockRestore();
  }
}

export interface Walk {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before and behind, for every axis. */
  readonly pads: readonly (readonly [number, number])[];
  readonly depthwise?: boolean;
}

/** What each tap of a filter sees, [batch, …output, channels] each. Differentiable by tfjs on cpu. */
export function tapsOf(x: tf.Tensor, kernel: readonly number[], walk: Walk, outside = 0): tf.Tensor[] {
  const axes = kernel.length;
  const pads = walk.pads.map(([a, b]): [number, number] => [a, b]);
  const padded = tf.pad(x, [[0, 0], ...pads, [0, 0]], outside);
  const output = kernel.map((size, a) => {
    const reach = (size - 1) * walk.dilations[a]! + 1;
    return Math.floor((padded.shape[a + 1]! - reach) / walk.strides[a]!) + 1;
  });
  return Array.from({ length: kernel.reduce((a, b) => a * b, 1) }, (_, tap) => {
    let seen: tf.Tensor = padded;
    let rest = tap;
    for (let a = axes - 1; a >= 0; a--) {
      const at = (rest % kernel[a]!) * walk.dilations[a]!;
      rest = Math.floor(rest / kernel[a]!);
      const index = Int32Array.from({ length: output[a]! }, (_, o) => at + o * walk.strides[a]!);
      seen = tf.gather(seen, tf.tensor1d(index, 'int32'), a + 1);
    }
    return seen;
  });
}

/** Any convolution as a sum over taps: what they see, times each one's matrix. */
export function byTaps(walk: Walk): Convolve {
  return (x, filter) => {
    const axes = walk.strides.length;
    const [channels, filters] = filter.shape.slice(axes) as [number, number];
    const matrices = tf.reshape(filter, [-1, channels, filters]);
    const seen = tapsOf(x, filter.shape.slice(0, axes), walk);
    const terms = seen.map((taken, tap) => {
      const matrix = tf.reshape(tf.slice(matrices, [tap, 0, 0], [1, -1, -1]), [channels, filters]);
      const rows = tf.reshape(taken, [-1, channels]) as tf.Tensor2D;
      return walk.depthwise
        ? tf.mul(tf.reshape(rows, [-1, channels, 1]), tf.reshape(matrix, [1, channels, filters]))
        : tf.matMul(rows, matrix as tf.Tensor2D);
    });
    const shape = seen[0]!.shape.slice(0, -1);
    return tf.reshape(tf.addN(terms), [...shape, walk.depthwise ? channels * filters : filters]);
  };
}

/** The zeros that padding 'same' adds, where the strides use up the input. */
export function samePads(
  extents: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): [number, number][] {
  return extents.map((extent, a) => {
    const reach = (kernel[a]! - 1) * dilations[a]! + 1;
    const total = Math.max(0, (Math.ceil(extent / strides[a]!) - 1) * strides[a]! + reach - extent);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
}

export const noPads = (axes: number): [number, number][] => Array.from({ length: axes }, () => [0, 0]);

/** Whether padding 'same' leaves part of the input over, which wasm then computes as zeros and others cut. */
export function leavesOver(
  extents: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
): boolean {
  return extents.some(
    (extent, a) => (Math.ceil(extent / strides[a]!) - 1) * strides[a]! + kernel[a]! < extent,
  );
}

/** Numeric padding of a 6×6 image under a 3×3 filter: positions rounded beyond it read further zeros. */
export function roundedWalk(pad: number, stride: number, rounding: 'floor' | 'ceil' | 'round'): Walk {
  const rows = Math[rounding]((6 - 3 + 2 * pad) / stride);
  const after = Math.max(pad, rows * stride + 3 - 6 - pad);
  return {
    strides: [stride, stride],
    dilations: [1, 1],
    pads: [
      [pad, after],
      [pad, after],
    ],
  };
}

import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { reduceToParameter, shaped, toBatchTime } from '../batch-time.js';
import { layoutAt, type RowLayout } from '../isolation/layout.js';
import type { Piece } from '../piece.js';
import { hasKernel, type KernelCall } from '../tape.js';
import type { Geometry } from './geometry.js';
import { layoutOf, type Use } from './op-rule.js';
import type { Patches } from './patches.js';

/**
 * Reading a two-dimensional convolution off the tape, plain or fused, full or depthwise; and what all convolutions
 * have in common. Everything is turned to channels last on the way in.
 */
export interface Convolution extends Geometry {
  /** [images, height, width, channels]. */
  readonly x: Rows<tf.Tensor4D>;
  readonly filter: tf.Tensor4D;
  /** The gradient of the output, [images, …output, filters]. */
  readonly delta: Rows<tf.Tensor4D>;
  readonly call: KernelCall;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly channelsFirst: boolean;
  readonly isFused: boolean;
}

/** A tensor that carries examples, and where they lie in it. */
export interface Rows<T extends tf.Tensor = tf.Tensor> {
  readonly tensor: T;
  readonly layout: RowLayout;
}

/** What the inputs of a plain and of a fused convolution are called. */
export const INPUT_NAMES: Readonly<Record<string, 'x' | 'filter' | 'bias'>> = {
  x: 'x',
  filter: 'filter',
  0: 'x',
  1: 'filter',
  2: 'bias',
};

const LAST = [0, 2, 3, 1];
const FIRST = [0, 3, 1, 2];

export function convolutionOf(use: Use, kernels: { plain: string; fused: string }): Convolution | undefined {
  const { node } = use;
  const call = node.calls.find((c) => c.kernelName === kernels.plain || c.kernelName === kernels.fused);
  const out = call?.outputs[0];
  const gradient = use.outputGradients[0];
  if (call === undefined || out === undefined || !gradient) return undefined;
  const { strides, dilations, dataFormat, dimRoundingMode } = call.attrs;
  // The fused node keeps [filter, x, y, bias], the plain one [x, filter].
  const isFused = call.kernelName === kernels.fused;
  const saved = node.saved[isFused ? 1 : 0];
  const filter = node.saved[isFused ? 0 : 1] as tf.Tensor4D | undefined;
  const deltaLayout = layoutOf(use, out);
  if (!saved || !filter || deltaLayout === undefined) return undefined;
  // Zeros that a recurrent convolution starts from carry no example, and have a place for each.
  const layout = layoutOf(use, call.inputs.x) ?? layoutAt(saved.shape, 0, saved.shape[0] / use.batch);
  const depthwise = kernels.plain !== 'Conv2D';
  const channelsFirst = dataFormat === 'NCHW';
  if (channelsFirst && depthwise) return undefined;
  const dy = shaped(gradient, out.shape as [number]);
  const [x, delta] = (channelsFirst ? [tf.transpose(saved, LAST), tf.transpose(dy, LAST)] : [saved, dy]) as [
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  const pad = call.attrs.pad as Convolution['pad'];
  const info = tf.backend_util.computeConv2DInfo(
    x.shape,
    filter.shape,
    pair(strides),
    pair(dilations ?? 1),
    channelsFirst && Array.isArray(pad) ? ([pad[0], pad[2], pad[3], pad[1]] as typeof pad) : pad,
    (dimRoundingMode ?? undefined) as 'floor' | undefined,
    depthwise,
  );
  const conv: Convolution = {
    x: { tensor: x, layout },
    filter,
    delta: { tensor: delta, layout: deltaLayout },
    call,
    pad,
    channelsFirst,
    isFused,
    input: x.shape.slice(1, 3),
    kernel: filter.shape.slice(0, 2),
    strides: pair(strides),
    dilations: pair(dilations ?? 1),
    before: [info.padInfo.top, info.padInfo.left],
    output: delta.shape.slice(1, 3),
  };
  refuseWrongOutput(conv, [info.padInfo.bottom, info.padInfo.right]);
  return conv;
}

export function pair(value: unknown): [number, number] {
  return Array.isArray(value) ? [value[0] as number, value[1] as number] : [value as number, value as number];
}

/**
 * Whether a node's padding is given in numbers: tfjs's gradients forget dimRoundingMode then, and on wasm read beyond
 * their memory with oblong filters.
 */
export const padsByNumbers = (use: Use): boolean =>
  use.node.calls.some(({ attrs }) => 'pad' in attrs && typeof attrs.pad !== 'string');

/** Whether tfjs's own gradient serves: that of a plain node, undilated, where the backend has its kernel. */
export const isStock = (conv: Convolution, kernel: string): boolean =>
  hasKernel(kernel) && !conv.isFused && typeof conv.pad === 'string' && !isDilated(conv);

export const isDilated = (g: Geometry): boolean => g.dilations.some((dilation) => dilation > 1);

/**
 * Refuses what the wasm backend computes wrongly, forwards already: XNNPACK makes no operator whose 'same' padding
 * would be negative, and the output stays zero; and where tfjs counts positions in its own way (an oblong filter with
 * numeric padding, dimRoundingMode) it writes another number of them.
 */
function refuseWrongOutput(conv: Convolution, behind: readonly number[]): void {
  if (tf.getBackend() !== 'wasm' || conv.kernel.every((k) => k === 1)) return;
  const isRight = conv.input.every((extent, axis) => {
    const stride = conv.strides[axis] as number;
    const reach = ((conv.kernel[axis] as number) - 1) * (conv.dilations[axis] as number) + 1;
    const last = ((conv.output[axis] as number) - 1) * stride;
    if (conv.pad === 'same') return last + reach >= extent;
    const room = extent + (conv.before[axis] as number) + (behind[axis] as number) - reach;
    return room >= last && room - last < stride;
  });
  if (isRight) return;
  throw new DpError(
    'DP_UNSUPPORTED_OP',
    `Expected padding and strides that use up the input, got a ${conv.kernel.join('×')} filter at strides of ` +
      `${conv.strides.join('×')} on ${conv.input.join('×')} with padding ${JSON.stringify(conv.pad)}, for which the ` +
      `wasm backend's ${conv.call.kernelName} returns wrong values. Use padding 'valid' or another backend.`,
  );
}

/** A gradient of the input, channels last, in the order that the input had. */
export function asInput(gradient: tf.Tensor, conv: Convolution): tf.Tensor {
  return conv.channelsFirst ? tf.transpose(gradient, FIRST) : gradient;
}

/** The gradient of a fused bias: δ, summed within each example. */
export function biasPiece(use: Use, conv: Convolution, bias: tf.Tensor | undefined): Piece | undefined {
  if (bias === undefined) return undefined;
  const { tensor, layout } = conv.delta;
  const gradient = reduceToParameter(tensor, layout, bias.shape, use.batch);
  return gradient === undefined ? undefined : { kind: 'direct', gradient };
}

/** The gradient of a fused bias, summed over the examples. */
export function summedBiasGradient(dy: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(bias.shape, dy.shape);
  return tf.reshape(tf.sum(dy, axes), bias.shape);
}

/**
 * Σ over positions of patch ⊗ row: the gradient of a filter [...kernel, channels, filters] as an outer piece.
 * `images` is what the patches were cut from, `rows` holds one row of `width` numbers for each position.
 */
export function patchPiece(use: Use, cut: Patches, images: Rows, rows: Rows): Piece | undefined {
  const { patches, order } = cut;
  const [count, positions, width] = patches.shape;
  // Patches lie image by image, as the rows do.
  const share = images.layout.inner / (images.tensor.size / count);
  const left = toBatchTime(patches, { inner: share * positions * width }, width, use.batch);
  const right = toBatchTime(
    rows.tensor,
    rows.layout,
    rows.tensor.shape[rows.tensor.rank - 1] as number,
    use.batch,
  );
  if (left === undefined || right === undefined || left.shape[1] !== right.shape[1]) return undefined;
  return { kind: 'outer', left, right, ...(order === undefined ? {} : { order }) };
}

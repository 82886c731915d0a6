import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { reduceToParameter, toBatchTime } from '../batch-time.js';
import type { Piece } from '../piece.js';
import { hasKernel } from '../tape.js';
import { type Convolution, geometryOf } from './geometry.js';
import { layoutOf, type OpRule, soleGradient, type Use } from './op-rule.js';
import { extractPatches } from './patches.js';

/**
 * Two-dimensional convolution, plain and fused, NHWC: im2col makes it the matrix product of patches
 * [batch, positions, kh·kw·c] with the filter. The wasm backend has no gradient of the filter at all, so here
 * it is two products; and a fused convolution's own gradient computes that of the filter even when only the
 * input's is asked for, so here that is taken directly.
 */

const pair = (value: unknown): [number, number] =>
  Array.isArray(value) ? [value[0] as number, value[1] as number] : [value as number, value as number];

function convolutionOf(use: Use): Convolution | undefined {
  const { node } = use;
  const call = node.calls.find((c) => c.kernelName === 'Conv2D' || c.kernelName === 'FusedConv2D');
  if (call === undefined) return undefined;
  const { strides, dilations, pad, dataFormat, dimRoundingMode } = call.attrs;
  if (dataFormat !== undefined && dataFormat !== 'NHWC') return undefined;
  // The fused node keeps [filter, x, y, bias], the plain one [x, filter].
  const fused = call.kernelName === 'FusedConv2D';
  const x = node.saved[fused ? 1 : 0];
  const filter = node.saved[fused ? 0 : 1];
  if (!x || !filter) return undefined;
  return {
    x: x as tf.Tensor4D,
    filter: filter as tf.Tensor4D,
    strides: pair(strides),
    dilations: pair(dilations ?? 1),
    pad: pad as Convolution['pad'],
    ...(dimRoundingMode ? { rounding: dimRoundingMode as 'floor' } : {}),
  };
}

const names: Readonly<Record<string, 'x' | 'filter' | 'bias'>> = {
  x: 'x',
  filter: 'filter',
  0: 'x',
  1: 'filter',
  2: 'bias',
};

function refuseDilation(conv: Convolution, use: Use): void {
  if (conv.dilations[0] === 1 && conv.dilations[1] === 1) return;
  throw new DpError(
    'DP_UNSUPPORTED_OP',
    `Expected dilations of 1 where the input of ${use.node.kernelName} needs a gradient, got ` +
      `${conv.dilations.join('×')}: tfjs has no such gradient. Freeze the layers below, or use stride.`,
  );
}

function filterPiece(use: Use): Piece | undefined {
  const conv = convolutionOf(use);
  const output = soleGradient(use);
  const x = use.node.calls.find((c) => c.inputs.filter !== undefined)?.inputs.x;
  const layout = layoutOf(use, x);
  if (conv === undefined || output === undefined || layout === undefined) return undefined;
  const [, , , channels] = conv.filter.shape;
  const { patches, order } = extractPatches(conv);
  const images = conv.x.shape[0] / use.batch;
  const delta = toBatchTime(output.gradient, output.layout, channels, use.batch);
  const positions = patches.shape[1];
  const width = patches.shape[2];
  // Patches lie image by image, as the rows of δ do.
  const left = toBatchTime(
    patches,
    { inner: (layout.inner / (conv.x.size / conv.x.shape[0])) * positions * width },
    width,
    use.batch,
  );
  if (left === undefined || delta === undefined || left.shape[1] !== images * positions) return undefined;
  return { kind: 'outer', left, right: delta, ...(order === undefined ? {} : { order }) };
}

/**
 * Σ over examples of the filter's gradient by one more convolution: channels become the batch and the batch
 * becomes channels. Slower than patches and independent of them, so the self-check can trust it.
 */
function summedFilterGradient(conv: Convolution, dy: tf.Tensor4D): tf.Tensor4D | undefined {
  if (Math.max(...conv.strides) > 1 && Math.max(...conv.dilations) > 1) return undefined;
  const [kh, kw] = conv.filter.shape;
  const info = geometryOf(conv);
  const { top, bottom, left, right } = info.padInfo;
  const padded = tf.pad(conv.x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
  const images = tf.transpose(padded, [3, 1, 2, 0]) as tf.Tensor4D;
  const filters = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D;
  const swapped = tf.conv2d(images, filters, [...conv.dilations], 'valid', 'NHWC', [...conv.strides]);
  const whole = tf.transpose(swapped, [1, 2, 0, 3]);
  return tf.slice(whole, [0, 0, 0, 0], [kh, kw, -1, -1]) as tf.Tensor4D;
}

export const conv2dRule: OpRule = {
  nodes: ['Conv2D', 'fusedConv2d__op'],

  inputGradient(use, input) {
    const conv = convolutionOf(use);
    const dy = use.outputGradients[0];
    if (conv === undefined || !dy || names[input] !== 'x') return undefined;
    refuseDilation(conv, use);
    return tf.conv2dTranspose(dy as tf.Tensor4D, conv.filter, conv.x.shape, [...conv.strides], conv.pad);
  },

  parameterPiece(use, input) {
    if (names[input] === 'filter') return filterPiece(use);
    const output = soleGradient(use);
    const bias = use.node.inputs[input];
    if (names[input] !== 'bias' || output === undefined || bias === undefined) return undefined;
    const gradient = reduceToParameter(output.gradient, output.layout, bias.shape, use.batch);
    return gradient === undefined ? undefined : { kind: 'direct', gradient };
  },

  parameterGradient(use, input) {
    if (hasKernel('Conv2DBackpropFilter') && use.node.kernelName === 'Conv2D') return undefined;
    const conv = convolutionOf(use);
    const dy = use.outputGradients[0];
    if (conv === undefined || !dy) return undefined;
    if (names[input] === 'filter') return summedFilterGradient(conv, dy as tf.Tensor4D);
    const bias = use.node.inputs[input];
    if (names[input] !== 'bias' || bias === undefined) return undefined;
    const axes = tf.broadcast_util.getReductionAxes(bias.shape, dy.shape);
    return tf.reshape(tf.sum(dy, axes), bias.shape);
  },
};

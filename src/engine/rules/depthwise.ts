import * as tf from '@tensorflow/tfjs-core';
import { toBatchTime } from '../batch-time.js';
import type { Piece } from '../piece.js';
import {
  biasPiece,
  type Convolution,
  convolutionOf,
  INPUT_NAMES,
  isStock,
  padsByNumbers,
  summedBiasGradient,
} from './convolution.js';
import { fitted, inputByCorrelation, turnedRound } from './geometry.js';
import type { OpRule, Use } from './op-rule.js';
import { seenByTap } from './patches.js';

/**
 * Depthwise convolution, plain and fused: each channel has filters of its own, so an example's gradient is as small as
 * the filter, and is formed. All of them are one depthwise convolution themselves, with every example's channels side
 * by side and δ as the filter; strides and dilations exchange their roles.
 */

const KERNELS = { plain: 'DepthwiseConv2dNative', fused: 'FusedDepthwiseConv2D' };

const read = (use: Use): Convolution | undefined => convolutionOf(use, KERNELS);

/** Every image's gradient of the filter, [images, kh·kw·channels·multiplier]. */
function imageGradients(conv: Convolution): tf.Tensor2D {
  const [kh, kw, channels, multiplier] = conv.filter.shape;
  const x = fitted(conv.x.tensor, conv);
  const [images, height, width] = x.shape as [number, number, number];
  const side = tf.transpose(x, [1, 2, 0, 3]);
  // A multiplier other than one is hundreds of times slower than repeated channels on the native backend.
  const repeated =
    multiplier === 1
      ? side
      : tf.tile(tf.reshape(side, [height, width, images * channels, 1]), [1, 1, 1, multiplier]);
  const columns = images * channels * multiplier;
  const image = tf.reshape(repeated, [1, height, width, columns]) as tf.Tensor4D;
  const [rows, across] = conv.output as [number, number];
  const filter = tf.reshape(tf.transpose(conv.delta.tensor, [1, 2, 0, 3]), [
    rows,
    across,
    columns,
    1,
  ]) as tf.Tensor4D;
  const [strides, dilations] = [conv.strides, conv.dilations] as [[number, number], [number, number]];
  const swapped = tf.depthwiseConv2d(image, filter, dilations, 'valid', 'NHWC', strides);
  // What a stride left over at the edge makes further rows and columns.
  const taps =
    swapped.shape[1] === kh && swapped.shape[2] === kw
      ? swapped
      : tf.slice(swapped, [0, 0, 0, 0], [1, kh, kw, columns]);
  const byTap = tf.reshape(taps, [kh * kw, images, channels * multiplier]);
  return tf.reshape(tf.transpose(byTap, [1, 0, 2]), [images, conv.filter.size]);
}

function filterPiece(use: Use, conv: Convolution): Piece | undefined {
  const elements = conv.filter.size;
  const share = conv.x.layout.inner / (conv.x.tensor.size / conv.x.tensor.shape[0]);
  const gradients = toBatchTime(imageGradients(conv), { inner: share * elements }, elements, use.batch);
  if (gradients === undefined) return undefined;
  const [batch, time] = gradients.shape;
  return {
    kind: 'direct',
    gradient: (time === 1 ? tf.reshape(gradients, [batch, elements]) : tf.sum(gradients, 1)) as tf.Tensor2D,
  };
}

/** Σ over examples of the filter's gradient, tap by tap: slow, and independent of the rule. */
function summedFilterGradient(conv: Convolution): tf.Tensor {
  const delta = conv.delta.tensor;
  const [kh, kw, channels, multiplier] = conv.filter.shape;
  const x = fitted(conv.x.tensor, conv);
  const right = tf.reshape(delta, [-1, channels, multiplier]);
  const taps: tf.Tensor[] = [];
  for (let tap = 0; tap < kh * kw; tap++) {
    const seen = seenByTap(x as tf.Tensor4D, conv, [Math.floor(tap / kw), tap % kw]);
    taps.push(tf.sum(tf.mul(tf.reshape(seen, [-1, channels, 1]), right), 0));
  }
  return tf.reshape(tf.stack(taps), conv.filter.shape);
}

function inputGradient(conv: Convolution): tf.Tensor {
  const [kh, kw, channels, multiplier] = conv.filter.shape;
  const turned = tf.reshape(turnedRound(conv.filter), [kh, kw, channels * multiplier, 1]) as tf.Tensor4D;
  const gradient = inputByCorrelation(conv.delta.tensor, conv, (spread) =>
    tf.depthwiseConv2d(spread as tf.Tensor4D, turned, 1, 'valid', 'NHWC', [...conv.dilations] as [
      number,
      number,
    ]),
  );
  return multiplier === 1 ? gradient : tf.sum(tf.reshape(gradient, [...conv.x.tensor.shape, multiplier]), -1);
}

export const depthwiseRule: OpRule = {
  nodes: ['DepthwiseConv2dNative', 'fusedDepthwiseConv2d__op'],

  wrongInTfjs: padsByNumbers,

  inputGradient(use, input) {
    const conv = INPUT_NAMES[input] === 'x' ? read(use) : undefined;
    if (conv === undefined || isStock(conv, 'DepthwiseConv2dNativeBackpropInput')) return undefined;
    return inputGradient(conv);
  },

  parameterPiece(use, input) {
    const conv = read(use);
    const name = INPUT_NAMES[input];
    if (conv === undefined || name === 'x') return undefined;
    return name === 'bias' ? biasPiece(use, conv, use.node.inputs[input]) : filterPiece(use, conv);
  },

  parameterGradient(use, input) {
    const conv = read(use);
    const name = INPUT_NAMES[input];
    if (conv === undefined) return undefined;
    if (name === 'filter') {
      const stock = isStock(conv, 'DepthwiseConv2dNativeBackpropFilter');
      return stock ? undefined : summedFilterGradient(conv);
    }
    const bias = use.node.inputs[input];
    return name === 'bias' && bias ? summedBiasGradient(conv.delta.tensor, bias) : undefined;
  },
};

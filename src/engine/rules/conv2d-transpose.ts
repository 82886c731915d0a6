import * as tf from '@tensorflow/tfjs-core';
import { shaped } from '../batch-time.js';
import { hasKernel } from '../tape.js';
import { summedFilterGradient } from './conv2d.js';
import { pair, patchPiece, type Rows } from './convolution.js';
import { fitted, type Geometry } from './geometry.js';
import { layoutOf, type OpRule, type Use } from './op-rule.js';
import { extractPatches } from './patches.js';

/**
 * Transposed convolution: the gradient of a convolution's input, run forwards. So its own gradients are those of that
 * convolution with the roles exchanged: δ is the image that patches are cut from, and the input is what they meet.
 */

/** The convolution whose input gradient the node computes: its image is δ, its output the node's input. */
interface Mirrored extends Geometry {
  readonly delta: Rows<tf.Tensor4D>;
  readonly data: Rows<tf.Tensor4D>;
  readonly filter: tf.Tensor4D;
  readonly pad: unknown;
}

function mirrored(use: Use): Mirrored | undefined {
  const { node } = use;
  const call = node.calls.find(({ kernelName }) => kernelName === 'Conv2DBackpropInput');
  const gradient = use.outputGradients[0];
  const [data, filter] = node.saved as readonly (tf.Tensor4D | undefined)[];
  const out = call?.outputs[0];
  const layout = layoutOf(use, call?.inputs.dy);
  const deltaLayout = layoutOf(use, out);
  if (call === undefined || !gradient || !data || !filter || !out || !layout || !deltaLayout)
    return undefined;
  const { strides, dataFormat, dimRoundingMode, pad } = call.attrs;
  if (dataFormat !== undefined && dataFormat !== 'NHWC') return undefined;
  const delta = shaped<tf.Rank.R4>(gradient, out.shape as [number, number, number, number]);
  const { padInfo } = tf.backend_util.computeConv2DInfo(
    delta.shape,
    filter.shape,
    pair(strides),
    1,
    pad as 'valid',
    (dimRoundingMode ?? undefined) as 'floor' | undefined,
  );
  return {
    delta: { tensor: delta, layout: deltaLayout },
    data: { tensor: data, layout },
    filter,
    pad,
    input: delta.shape.slice(1, 3),
    kernel: filter.shape.slice(0, 2),
    strides: pair(strides),
    dilations: [1, 1],
    before: [padInfo.top, padInfo.left],
    output: data.shape.slice(1, 3),
  };
}

export const conv2dTransposeRule: OpRule = {
  nodes: ['Conv2DBackpropInput'],

  // The wasm backend's padding 'same' gives zeros where a stride leaves part of the image over.
  wrongInTfjs: (use) =>
    use.node.calls.some(
      ({ attrs: { pad } }) =>
        pad !== undefined && (typeof pad !== 'string' || (tf.getBackend() === 'wasm' && pad === 'same')),
    ),

  inputGradient(use, input) {
    const conv = input === 'dy' ? mirrored(use) : undefined;
    const stock = typeof conv?.pad === 'string' && tf.getBackend() !== 'wasm';
    if (conv === undefined || stock) return undefined;
    const image = fitted(conv.delta.tensor, conv) as tf.Tensor4D;
    return tf.conv2d(image, conv.filter, conv.strides as [number, number], 'valid');
  },

  parameterPiece(use, input) {
    const conv = input === 'filter' ? mirrored(use) : undefined;
    return conv && patchPiece(use, extractPatches(conv.delta.tensor, conv), conv.delta, conv.data);
  },

  parameterGradient(use, input) {
    const conv = input === 'filter' ? mirrored(use) : undefined;
    if (conv === undefined) return undefined;
    if (hasKernel('Conv2DBackpropFilter') && typeof conv.pad === 'string') return undefined;
    return summedFilterGradient(conv, conv.delta.tensor, conv.data.tensor);
  },
};

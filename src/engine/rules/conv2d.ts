import * as tf from '@tensorflow/tfjs-core';
import {
  asInput,
  biasPiece,
  type Convolution,
  convolutionOf,
  INPUT_NAMES,
  isDilated,
  isStock,
  padsByNumbers,
  patchPiece,
  summedBiasGradient,
} from './convolution.js';
import { fitted, fittedShape, type Geometry, inputByCorrelation, turnedRound, unfitted } from './geometry.js';
import type { OpRule, Use } from './op-rule.js';
import { extractPatches } from './patches.js';

/**
 * Convolution in two dimensions, and in one, which tfjs runs as an image of height one; plain and fused. im2col makes
 * it the matrix product of patches [batch, positions, kh·kw·c] with the filter. The wasm backend has no gradient of
 * the filter at all, so here it is two products; a fused convolution's own gradient computes that of the filter even
 * when only the input's is asked for, so here that is taken directly; and where tfjs has no gradient of a dilated
 * convolution's input, it is one more convolution.
 */

const KERNELS = { plain: 'Conv2D', fused: 'FusedConv2D' };

const read = (use: Use): Convolution | undefined => convolutionOf(use, KERNELS);

/** On wasm a convolution takes an eighth of the time of its own backward kernel; strides multiply its work. */
const correlates = ({ strides }: Convolution): boolean =>
  tf.getBackend() === 'wasm' && strides.reduce((product, stride) => product * stride, 1) <= 4;

function inputGradient(conv: Convolution): tf.Tensor {
  const { filter, pad } = conv;
  const [x, dy] = [conv.x.tensor, conv.delta.tensor];
  const strides = conv.strides as [number, number];
  if (isDilated(conv) || correlates(conv)) {
    const [kh, kw, channels, filters] = filter.shape;
    const turned = tf.reshape(tf.transpose(turnedRound(filter), [0, 2, 1]), [kh, kw, filters, channels]);
    return inputByCorrelation(dy, conv, (delta) =>
      tf.conv2d(delta as tf.Tensor4D, turned as tf.Tensor4D, 1, 'valid', 'NHWC', [
        ...conv.dilations,
      ] as typeof strides),
    );
  }
  if (typeof pad === 'string') return tf.conv2dTranspose(dy, filter, x.shape, strides, pad);
  const shape = fittedShape(x, conv) as [number, number, number, number];
  return unfitted(tf.conv2dTranspose(dy, filter, shape, strides, 'valid'), conv);
}

/**
 * Σ over examples of the filter's gradient by one more convolution: channels become the batch and the batch
 * becomes channels. Slower than patches and independent of them, so the self-check can trust it.
 */
export function summedFilterGradient(g: Geometry, x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor4D {
  const [kh, kw] = g.kernel as [number, number];
  const images = tf.transpose(fitted(x, g), [3, 1, 2, 0]) as tf.Tensor4D;
  const filters = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D;
  const [strides, dilations] = [g.strides, g.dilations] as [[number, number], [number, number]];
  const swapped = tf.conv2d(images, filters, dilations, 'valid', 'NHWC', strides);
  const whole = tf.transpose(swapped, [1, 2, 0, 3]);
  return tf.slice(whole, [0, 0, 0, 0], [kh, kw, -1, -1]) as tf.Tensor4D;
}

export const conv2dRule: OpRule = {
  nodes: ['Conv2D', 'fusedConv2d__op'],

  wrongInTfjs: padsByNumbers,

  inputGradient(use, input) {
    const conv = INPUT_NAMES[input] === 'x' ? read(use) : undefined;
    return conv && asInput(inputGradient(conv), conv);
  },

  parameterPiece(use, input) {
    const conv = read(use);
    const name = INPUT_NAMES[input];
    if (conv === undefined || name === 'x') return undefined;
    if (name === 'bias') return biasPiece(use, conv, use.node.inputs[input]);
    return patchPiece(use, extractPatches(conv.x.tensor, conv), conv.x, conv.delta);
  },

  parameterGradient(use, input) {
    const conv = read(use);
    if (conv === undefined) return undefined;
    const delta = conv.delta.tensor;
    const name = INPUT_NAMES[input];
    if (name === 'filter') {
      const stock = isStock(conv, 'Conv2DBackpropFilter');
      return stock ? undefined : summedFilterGradient(conv, conv.x.tensor, delta);
    }
    const bias = use.node.inputs[input];
    return name === 'bias' && bias ? summedBiasGradient(delta, bias) : undefined;
  },
};

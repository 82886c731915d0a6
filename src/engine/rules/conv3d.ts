import * as tf from '@tensorflow/tfjs-core';
import { isDilated, patchPiece, type Rows } from './convolution.js';
import { fitted, type Geometry, inputByCorrelation, turnedRound } from './geometry.js';
import { layoutOf, type OpRule, soleGradient, type Use } from './op-rule.js';
import { extractPatches, type Patches, seenByTap } from './patches.js';

/**
 * Convolution in three dimensions: the taps along the depth become channels, and patches are then cut as in two. The
 * wasm backend's own gradients are wrong (4.22: that of the input always, that of the filter with strides), and there
 * is none of a dilated one.
 */
interface Convolution3D extends Geometry {
  /** [images, depth, height, width, channels]. */
  readonly x: Rows<tf.Tensor5D>;
  readonly filter: tf.Tensor5D;
  readonly delta: Rows;
}
type Triple = [number, number, number];

const triple = (value: unknown): Triple =>
  Array.isArray(value) ? (value as Triple) : [value as number, value as number, value as number];

function read(use: Use): Convolution3D | undefined {
  const call = use.node.calls.find(({ kernelName }) => kernelName === 'Conv3D');
  const [x, filter] = use.node.saved as readonly (tf.Tensor5D | undefined)[];
  const output = soleGradient(use);
  const layout = layoutOf(use, call?.inputs.x);
  if (call === undefined || !x || !filter || !layout || output === undefined) return undefined;
  const strides = triple(call.attrs.strides);
  const dilations = triple(call.attrs.dilations ?? 1);
  const { padInfo } = tf.backend_util.computeConv3DInfo(
    x.shape,
    filter.shape,
    strides,
    dilations,
    call.attrs.pad as 'valid',
  );
  // Where strides leave part of the input over, tfjs's 'same' cuts on both sides, and TensorFlow's behind.
  const native = tf.getBackend() === 'tensorflow';
  const before = [padInfo.front, padInfo.top, padInfo.left].map((pad) => (native ? Math.max(0, pad) : pad));
  return {
    x: { tensor: x, layout },
    filter,
    delta: { tensor: output.gradient, layout: output.layout },
    input: x.shape.slice(1, 4),
    kernel: filter.shape.slice(0, 3),
    strides,
    dilations,
    before,
    output: output.gradient.shape.slice(1, 4),
  };
}

/** Slice `tap` along the first axis of the filter for every output, [images, out, …rest]. */
function alongDepth(x: tf.Tensor, g: Geometry, tap: number): tf.Tensor {
  const [images, depth, ...rest] = x.shape as [number, number, ...number[]];
  const flat = tf.reshape(x, [images, depth, x.size / (images * depth)]);
  const start = tap * (g.dilations[0] as number);
  const [out, stride] = [g.output[0] as number, g.strides[0] as number];
  const seen =
    stride === 1
      ? tf.slice(flat, [0, start, 0], [images, out, -1])
      : tf.stridedSlice(
          flat,
          [0, start, 0],
          [images, start + (out - 1) * stride + 1, flat.shape[2] as number],
          [1, stride, 1],
        );
  return tf.reshape(seen, [images * out, ...rest]);
}

/** The geometry of the two axes behind the depth, of an input that fits already. */
function inPlane(x: tf.Tensor, g: Geometry): Geometry {
  return {
    input: x.shape.slice(2, 4),
    kernel: g.kernel.slice(1),
    strides: g.strides.slice(1),
    dilations: g.dilations.slice(1),
    before: [0, 0],
    output: g.output.slice(1),
  };
}

function volumePatches(conv: Convolution3D): Patches {
  const x = fitted(conv.x.tensor, conv);
  const [kd, , , channels] = conv.filter.shape;
  const slices = Array.from({ length: kd }, (_, tap) => alongDepth(x, conv, tap));
  const planes = (slices.length === 1 ? slices[0] : tf.concat(slices, 3)) as tf.Tensor4D;
  const { patches, order } = extractPatches(planes, inPlane(x, conv));
  const [, positions, width] = patches.shape;
  const [depth] = conv.output as [number];
  const images = conv.x.tensor.shape[0];
  // Rows lie as [...plane, kd, channels] and the filter as [kd, kh, kw, channels].
  const inPlaneShape = order?.shape.slice(0, -1) ?? conv.kernel.slice(1);
  const inPlanePerm = order?.perm.slice(0, -1) ?? [0, 1];
  const last = inPlaneShape.length;
  return {
    patches: tf.reshape(patches, [images, depth * positions, width]),
    order: { shape: [...inPlaneShape, kd, channels], perm: [last, ...inPlanePerm, last + 1] },
  };
}

/** Σ over examples of the filter's gradient, one product a tap: slow, and independent of patches. */
function summedFilterGradient(conv: Convolution3D): tf.Tensor {
  const [kd, kh, kw, channels, filters] = conv.filter.shape;
  const x = fitted(conv.x.tensor, conv);
  const plane = inPlane(x, conv);
  const right = tf.reshape(conv.delta.tensor, [-1, filters]) as tf.Tensor2D;
  const gradients: tf.Tensor[] = [];
  for (let tap = 0; tap < kd; tap++) {
    const planes = alongDepth(x, conv, tap);
    for (let row = 0; row < kh; row++) {
      for (let column = 0; column < kw; column++) {
        const seen = seenByTap(planes as tf.Tensor4D, plane, [row, column]);
        gradients.push(tf.matMul(tf.reshape(seen, [-1, channels]) as tf.Tensor2D, right, true, false));
      }
    }
  }
  return tf.reshape(tf.stack(gradients), conv.filter.shape);
}

/** Whether tfjs's own gradients serve. */
const isStock = (conv: Convolution3D): boolean => !isDilated(conv) && tf.getBackend() !== 'wasm';

export const conv3dRule: OpRule = {
  nodes: ['Conv3D'],

  wrongInTfjs: () => tf.getBackend() === 'wasm',

  inputGradient(use, input) {
    const conv = input === 'x' ? read(use) : undefined;
    if (conv === undefined || isStock(conv)) return undefined;
    const [kd, kh, kw, channels, filters] = conv.filter.shape;
    const turned = tf.transpose(turnedRound(conv.filter), [0, 2, 1]);
    const filter = tf.reshape(turned, [kd, kh, kw, filters, channels]) as tf.Tensor5D;
    const dilations = [...conv.dilations] as Triple;
    return inputByCorrelation(conv.delta.tensor, conv, (delta) =>
      tf.conv3d(delta as tf.Tensor5D, filter, 1, 'valid', 'NDHWC', dilations),
    );
  },

  parameterPiece(use, input) {
    const conv = input === 'filter' ? read(use) : undefined;
    return conv && patchPiece(use, volumePatches(conv), conv.x, conv.delta);
  },

  parameterGradient(use, input) {
    const conv = input === 'filter' ? read(use) : undefined;
    return conv === undefined || isStock(conv) ? undefined : summedFilterGradient(conv);
  },
};

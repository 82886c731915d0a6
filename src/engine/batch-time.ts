import * as tf from '@tensorflow/tfjs-core';
import { batchAxisOf, type RowLayout, sizeOf } from './isolation/layout.js';

/**
 * Bringing the batch to the front: the engine's rules see every tensor as [batch, time, width], where time
 * counts all positions of one example, whatever axes they came from.
 */

/**
 * `tensor` as [batch, time, width], or undefined where the batch lies inside the last `width` elements.
 * A view where the batch is already in front, one transposition where it is not.
 */
export function toBatchTime(
  tensor: tf.Tensor,
  layout: RowLayout,
  width: number,
  batch: number,
): tf.Tensor3D | undefined {
  if (width === 0 || layout.inner % width !== 0) return undefined;
  const block = layout.inner / width;
  const outer = tensor.size / (batch * layout.inner);
  if (outer === 1) return shaped(tensor, [batch, block, width]);
  const split = tf.reshape(tensor, [outer, batch, block, width]);
  return tf.reshape(tf.transpose(split, [1, 0, 2, 3]), [batch, outer * block, width]);
}

/** A reshape that costs nothing where the tensor, or the one that it was made of here, has the shape already. */
export function shaped<R extends tf.Rank>(tensor: tf.Tensor, shape: tf.ShapeMap[R]): tf.Tensor<R> {
  if (hasShape(tensor, shape)) return tensor as tf.Tensor<R>;
  const origin = origins.get(tensor) ?? tensor;
  if (hasShape(origin, shape) && !origin.isDisposed) return origin as tf.Tensor<R>;
  const view = tf.reshape(tensor, shape);
  origins.set(view, origin);
  return view;
}

export const hasShape = (tensor: tf.Tensor, shape: readonly number[]): boolean =>
  tensor.rank === shape.length && tensor.shape.every((extent, axis) => extent === shape[axis]);

/** The tensors that views were made of. */
const origins = new WeakMap<tf.Tensor, tf.Tensor>();

/**
 * What identifies a tensor's elements, whatever shape `shaped` gave them: a bias and its kernel meet one and the same δ.
 * Backends differ in whether a reshaped tensor has the data of the old.
 */
export function elementsOf(tensor: tf.Tensor): object {
  return origins.get(tensor) ?? tensor;
}

/** Multiplies every element by its example's weight; `weights` has shape [batch]. */
export function scaleRows(
  tensor: tf.Tensor,
  layout: RowLayout,
  weights: tf.Tensor1D,
  batch: number,
): tf.Tensor {
  const outer = tensor.size / (batch * layout.inner);
  const scaled = tf.mul(tf.reshape(tensor, [outer, batch, layout.inner]), tf.reshape(weights, [1, batch, 1]));
  return tf.reshape(scaled, tensor.shape);
}

/**
 * Sums an elementwise gradient over all that a broadcast parameter did not distinguish, example by example:
 * [batch, size of the parameter], or undefined where the parameter varies along the batch.
 */
export function reduceToParameter(
  gradient: tf.Tensor,
  layout: RowLayout,
  parameterShape: readonly number[],
  batch: number,
): tf.Tensor2D | undefined {
  const shape = gradient.shape;
  const at = batchAxisOf(shape, layout, batch);
  if (at === undefined) return undefined;
  const offset = shape.length - parameterShape.length;
  const extent = (axis: number): number => (axis < offset ? 1 : (parameterShape[axis - offset] as number));
  if (extent(at.axis) !== 1) return undefined;
  const split = [...shape.slice(0, at.axis), at.outer, batch, at.block, ...shape.slice(at.axis + 1)];
  const sumOver: number[] = [];
  let keptBefore = 1;
  shape.forEach((_, axis) => {
    if (axis === at.axis) {
      if (at.outer > 1) sumOver.push(axis);
      if (at.block > 1) sumOver.push(axis + 2);
    } else {
      const position = axis < at.axis ? axis : axis + 2;
      if (extent(axis) === 1) sumOver.push(position);
      else if (axis < at.axis) keptBefore *= extent(axis);
    }
  });
  const summed = sumAxes(gradient, split, sumOver);
  const size = sizeOf(parameterShape);
  if (keptBefore === 1) return shaped(summed, [batch, size]);
  const behind = size / keptBefore;
  const front = tf.transpose(tf.reshape(summed, [keptBefore, batch, behind]), [1, 0, 2]);
  return tf.reshape(front, [batch, size]);
}

/**
 * The sum over some axes of a tensor taken as of `shape`, up to a reshape. Neighbours that are both summed or both
 * kept are one axis to the backend: webgl sums tensors of rank 6 at most, and fewer axes are summed faster.
 */
function sumAxes(tensor: tf.Tensor, shape: readonly number[], over: readonly number[]): tf.Tensor {
  const merged: { extent: number; readonly summed: boolean }[] = [];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const summed = over.includes(axis);
    const last = merged.at(-1);
    if (last?.summed === summed) last.extent *= extent;
    else merged.push({ extent, summed });
  });
  const axes = merged.flatMap(({ summed }, axis) => (summed ? [axis] : []));
  if (axes.length === 0) return tensor;
  const extents = merged.map(({ extent }) => extent);
  return tf.sum(shaped(tensor, extents as [number]), axes);
}

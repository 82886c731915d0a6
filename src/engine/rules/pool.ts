import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall } from '../tape.js';
import type { Geometry } from './geometry.js';

/** The windows of a pooling kernel, in two dimensions or three. */
export function poolOf(x: tf.Tensor, call: KernelCall): Geometry {
  const { filterSize, strides, pad, dimRoundingMode } = call.attrs;
  const axes = x.rank - 2;
  const list = (value: unknown): number[] =>
    Array.isArray(value) ? (value as number[]) : new Array<number>(axes).fill(value as number);
  const [size, stride] = [list(filterSize), list(strides)];
  const rounding = (dimRoundingMode ?? undefined) as 'floor' | undefined;
  const padding = pad as 'valid';
  let before: number[];
  if (axes === 2) {
    const { padInfo } = tf.backend_util.computePool2DInfo(
      x.shape as [number, number, number, number],
      size as [number, number],
      stride as [number, number],
      1,
      padding,
      rounding,
    );
    before = [padInfo.top, padInfo.left];
  } else {
    const { padInfo } = tf.backend_util.computePool3DInfo(
      x.shape as [number, number, number, number, number],
      size as [number, number, number],
      stride as [number, number, number],
      1,
      padding,
      rounding,
    );
    before = [padInfo.front, padInfo.top, padInfo.left];
  }
  return {
    input: x.shape.slice(1, -1),
    kernel: size,
    strides: stride,
    dilations: size.map(() => 1),
    before,
    output: (call.outputs[0] as tf.Tensor).shape.slice(1, -1),
  };
}

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../isolation/layout.js';
import type { OpRule, Use } from './op-rule.js';

/**
 * Sums and means hand the same gradient to every element that they took in. tfjs multiplies it with ones of the
 * input's size, made outside the backend; here it is repeated by the backend, in a tenth of the time.
 */
export const reduceRule: OpRule = {
  nodes: ['Sum', 'Mean'],
  inputGradient(use, input) {
    const x = use.node.inputs[input];
    const gradient = use.outputGradients[0];
    const axes = reducedAxes(use);
    if (x === undefined || !gradient || axes === undefined) return undefined;
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const count = sizeOf(axes.map((axis) => x.shape[axis] as number));
    const share = use.node.kernelName === 'Sum' ? gradient : tf.div(gradient, count);
    return tf.broadcastTo(tf.reshape(share, kept), x.shape as [number]);
  },
};

/** The axes that a call reduced over, from 0; undefined where they cannot be told. */
function reducedAxes(use: Use): number[] | undefined {
  const call = use.node.calls.find(({ kernelName }) => kernelName === use.node.kernelName);
  const input = call && Object.values(call.inputs)[0];
  if (call === undefined || input === undefined) return undefined;
  const { axis } = call.attrs;
  const listed = Array.isArray(axis)
    ? (axis as number[])
    : axis === undefined || axis === null
      ? []
      : [axis as number];
  const rank = input.rank;
  return listed.length === 0
    ? input.shape.map((_, k) => k)
    : listed.map((each) => (each < 0 ? each + rank : each));
}

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../isolation/layout.js';
import { reducedAxes } from '../isolation/taint-rule.js';
import type { OpRule } from './op-rule.js';

/**
 * Sums and means hand the same gradient to every element that they took in. tfjs multiplies it with ones of the
 * input's size, made outside the backend; here it is repeated by the backend, in a tenth of the time.
 */
export const reduceRule: OpRule = {
  nodes: ['Sum', 'Mean'],
  inputGradient(use, input) {
    const x = use.node.inputs[input];
    const gradient = use.outputGradients[0];
    const call = use.node.calls.find(({ kernelName }) => kernelName === use.node.kernelName);
    const reduced = call && Object.values(call.inputs)[0];
    if (x === undefined || !gradient || call === undefined || reduced === undefined) return undefined;
    const axes = reducedAxes(call, reduced.rank);
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const count = sizeOf(axes.map((axis) => x.shape[axis] as number));
    const share = use.node.kernelName === 'Sum' ? gradient : tf.div(gradient, count);
    return tf.broadcastTo(tf.reshape(share, kept), x.shape as [number]);
  },
};

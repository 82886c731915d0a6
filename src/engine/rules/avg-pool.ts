import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall } from '../tape.js';
import type { OpRule, Use } from './op-rule.js';
import { poolOf } from './pool.js';

/**
 * Average pooling over edges. Forwards, all backends divide by the elements that a window holds; backwards, all but
 * the native one divide by the window's whole area, padding included (4.22: they differ from finite differences).
 */

function wrongCall(use: Use): KernelCall | undefined {
  const call = use.node.calls.find(({ attrs }) => 'filterSize' in attrs);
  return tf.getBackend() === 'tensorflow' || call?.attrs.pad === 'valid' ? undefined : call;
}

export const avgPoolRule: OpRule = {
  nodes: ['AvgPool', 'AvgPool3D'],
  wrongInTfjs: (use) => wrongCall(use) !== undefined,

  inputGradient(use, input) {
    const call = wrongCall(use);
    const dy = use.outputGradients[0];
    const x = use.node.saved[0];
    if (call === undefined || !dy || !x || use.node.gradient === undefined) return undefined;
    const pool = poolOf(x, call);
    // What the backward pass divides by too much: area over elements, the product of that along each axis.
    const share = pool.output.map((positions, axis) => {
      const [size, stride] = [pool.kernel[axis] as number, pool.strides[axis] as number];
      return Float32Array.from({ length: positions }, (_, o) => {
        const start = o * stride - (pool.before[axis] as number);
        const end = Math.min(pool.input[axis] as number, start + size);
        return size / (end - Math.max(0, start));
      });
    });
    const scaled = share.reduce((product: tf.Tensor, values, axis) => {
      const shape = dy.shape.map((extent, k) => (k === axis + 1 ? extent : 1));
      return tf.mul(product, tf.tensor(values, shape));
    }, dy);
    return use.node.gradient([scaled])[input]?.();
  },
};

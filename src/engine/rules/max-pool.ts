import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall } from '../tape.js';
import type { Geometry } from './geometry.js';
import type { OpRule, Use } from './op-rule.js';
import { poolOf } from './pool.js';

/**
 * Max pooling where tfjs's own gradient is wrong (4.22: it differs from the other backends' and from finite
 * differences): on the wasm backend, and in three dimensions on the cpu backend where windows are not square. Formed
 * in JavaScript: the gradient of a window goes to its first largest element.
 *
 * In three dimensions the wasm backend takes no window to be below zero; such a window has no gradient then.
 */

function wrongCall(use: Use): KernelCall | undefined {
  const call = use.node.calls.find(({ attrs }) => 'filterSize' in attrs);
  const backend = tf.getBackend();
  if (backend === 'wasm') return call;
  return backend === 'cpu' && use.node.kernelName === 'MaxPool3D' ? call : undefined;
}

export const maxPoolRule: OpRule = {
  nodes: ['MaxPool', 'MaxPool3D'],
  wrongInTfjs: (use) => wrongCall(use) !== undefined,

  inputGradient(use, input) {
    const x = use.node.saved[0];
    const dy = use.outputGradients[0];
    if (input !== 'x' || !x || !dy) return undefined;
    const call = wrongCall(use);
    if (call === undefined) return undefined;
    const floor = tf.getBackend() === 'wasm' && x.rank === 5 ? 0 : Number.NEGATIVE_INFINITY;
    return tf.tensor(routeToMaxima(x, dy, poolOf(x, call), floor), x.shape);
  },
};

function routeToMaxima(x: tf.Tensor, dy: tf.Tensor, pool: Geometry, floor: number): Float32Array {
  const [values, gradients] = [x.dataSync(), dy.dataSync()];
  const [images, channels] = [x.shape[0] as number, x.shape[x.rank - 1] as number];
  // An image is a volume of depth one.
  const volume = (list: readonly number[], depth: number) =>
    (list.length === 3 ? list : [depth, ...list]) as readonly [number, number, number];
  const [depth, height, width] = volume(pool.input, 1);
  const [outDepth, outHeight, outWidth] = volume(pool.output, 1);
  const [kd, kh, kw] = volume(pool.kernel, 1);
  const [sd, sh, sw] = volume(pool.strides, 1);
  const [front, above, beside] = volume(pool.before, 0);
  const dx = new Float32Array(x.size);
  let out = 0;
  for (let image = 0; image < images; image++) {
    for (let plane = 0; plane < outDepth; plane++) {
      const near = Math.max(0, plane * sd - front);
      const far = Math.min(depth, plane * sd - front + kd);
      for (let row = 0; row < outHeight; row++) {
        const top = Math.max(0, row * sh - above);
        const bottom = Math.min(height, row * sh - above + kh);
        for (let column = 0; column < outWidth; column++) {
          const left = Math.max(0, column * sw - beside);
          const right = Math.min(width, column * sw - beside + kw);
          for (let channel = 0; channel < channels; channel++) {
            let largest = floor;
            let at = -1;
            for (let d = near; d < far; d++) {
              for (let r = top; r < bottom; r++) {
                for (let c = left; c < right; c++) {
                  const index = (((image * depth + d) * height + r) * width + c) * channels + channel;
                  const value = values[index] as number;
                  // A NaN is kept, so that an example that holds one cannot pass for finite.
                  if (value > largest || (at < 0 && value === largest) || Number.isNaN(value)) {
                    largest = value;
                    at = index;
                  }
                }
              }
            }
            if (at >= 0) dx[at] = (dx[at] as number) + (gradients[out] as number);
            out++;
          }
        }
      }
    }
  }
  return dx;
}

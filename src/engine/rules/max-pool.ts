import * as tf from '@tensorflow/tfjs-core';
import type { OpRule } from './op-rule.js';

/**
 * Max pooling on the wasm backend, whose own gradient is wrong (4.22: it differs from the other backends' and
 * from finite differences). Formed in JavaScript: the gradient of a window goes to its first largest element.
 */
export const maxPoolRule: OpRule = {
  nodes: ['MaxPool'],
  wrongInTfjs: () => tf.getBackend() === 'wasm',

  inputGradient(use, input) {
    const x = use.node.saved[0] as tf.Tensor4D | undefined;
    const dy = use.outputGradients[0];
    const attrs = use.node.calls[0]?.attrs;
    if (tf.getBackend() !== 'wasm' || input !== 'x' || !x || !dy || attrs === undefined) return undefined;
    const info = tf.backend_util.computePool2DInfo(
      x.shape,
      attrs.filterSize as [number, number],
      attrs.strides as [number, number],
      1,
      attrs.pad as 'valid',
      attrs.dimRoundingMode as 'floor' | undefined,
    );
    return tf.tensor(routeToMaxima(x.dataSync(), dy.dataSync(), info), x.shape);
  },
};

function routeToMaxima(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  info: tf.backend_util.Conv2DInfo,
): Float32Array {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth } = info;
  const { strideHeight, strideWidth, effectiveFilterHeight, effectiveFilterWidth, padInfo } = info;
  const dx = new Float32Array(batchSize * inHeight * inWidth * inChannels);
  let out = 0;
  for (let image = 0; image < batchSize; image++) {
    for (let row = 0; row < outHeight; row++) {
      const top = Math.max(0, row * strideHeight - padInfo.top);
      const bottom = Math.min(inHeight, row * strideHeight - padInfo.top + effectiveFilterHeight);
      for (let column = 0; column < outWidth; column++) {
        const left = Math.max(0, column * strideWidth - padInfo.left);
        const right = Math.min(inWidth, column * strideWidth - padInfo.left + effectiveFilterWidth);
        for (let channel = 0; channel < inChannels; channel++) {
          let largest = Number.NEGATIVE_INFINITY;
          let at = -1;
          for (let r = top; r < bottom; r++) {
            for (let c = left; c < right; c++) {
              const index = ((image * inHeight + r) * inWidth + c) * inChannels + channel;
              const value = x[index] as number;
              // A NaN is kept, so that an example that holds one cannot pass for finite.
              if (value > largest || (at < 0 && value === largest) || Number.isNaN(value)) {
                largest = value;
                at = index;
              }
            }
          }
          if (at >= 0) dx[at] = (dx[at] as number) + (dy[out] as number);
          out++;
        }
      }
    }
  }
  return dx;
}

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel } from './tape.js';

/**
 * Σ of the rows of `values` [n, width] that share an id, as [rows, width]. By the backend's segment sum where
 * it has one; the wasm backend has none, so there the sum is formed in JavaScript.
 */
export function scatterRows(ids: tf.Tensor1D, values: tf.Tensor2D, rows: number): tf.Tensor2D {
  if (hasKernel('UnsortedSegmentSum')) {
    return tf.unsortedSegmentSum(values, tf.cast(ids, 'int32'), rows);
  }
  const width = values.shape[1];
  const at = ids.dataSync();
  const from = values.dataSync();
  const sums = new Float32Array(rows * width);
  for (let i = 0; i < at.length; i++) {
    const target = (at[i] as number) * width;
    const source = i * width;
    for (let k = 0; k < width; k++)
      sums[target + k] = (sums[target + k] as number) + (from[source + k] as number);
  }
  return tf.tensor2d(sums, [rows, width]);
}

import * as tf from '@tensorflow/tfjs-core';
import { scatterSum } from './native-ops.js';
import { hasKernel } from './tape.js';

/** The wasm backend has no segment sum, and that of the cpu backend passes over all values once for each segment. */
function hasSegmentSum(): boolean {
  return tf.getBackend() !== 'cpu' && hasKernel('UnsortedSegmentSum');
}

/**
 * Σ of the rows of `values` [n, width] that share an id, as [rows, width]. By the backend's segment sum where
 * it has a good one, in JavaScript where not.
 */
export function scatterRows(ids: tf.Tensor1D, values: tf.Tensor2D, rows: number): tf.Tensor2D {
  const native = scatterSum(ids, values, rows);
  if (native !== undefined) return native;
  if (hasSegmentSum()) {
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

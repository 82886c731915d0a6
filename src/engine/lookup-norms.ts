import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { LookupPiece } from './piece.js';
import { hasSegmentSum } from './scatter.js';

/**
 * The gradient of a table, example by example, without its zero rows: [batch, time · width], in which the terms of
 * one row stand added in the place of the first of them. ‖gᵢ‖² is the sum of squares of row i.
 *
 * Exact as a float32 sum is: no products of large terms cancel, as they do in Gram matrices. Memory is that of
 * the terms, [batch, time, width], where Gram matrices take [batch, time, time] several times over. Undefined where
 * no example meets a row twice: then the terms are the gradient.
 */
export function addedByRow(part: LookupPiece): tf.Tensor2D | undefined {
  const [batch, time, width] = part.right.shape;
  const places = firstPlaces(part.ids.dataSync(), time, part.rows);
  if (places === undefined) return undefined;
  if (hasSegmentSum()) {
    const terms = tf.reshape(part.right, [batch * time, width]);
    const sums = tf.unsortedSegmentSum(terms, tf.tensor1d(places, 'int32'), batch * time);
    return tf.reshape(sums, [batch, time * width]);
  }
  const sums = Float32Array.from(part.right.dataSync());
  places.forEach((place, at) => {
    if (place === at) return;
    const to = place * width;
    const from = at * width;
    for (let k = 0; k < width; k++) {
      sums[to + k] = (sums[to + k] as number) + (sums[from + k] as number);
      sums[from + k] = 0;
    }
  });
  return tf.tensor2d(sums, [batch, time * width]);
}

/** For each position the first of its example with the same id; undefined where no id comes twice. */
function firstPlaces(ids: ArrayLike<number>, time: number, rows: number): Int32Array | undefined {
  const places = new Int32Array(ids.length);
  // The first place of each row in the example at hand, told from earlier examples' by being in range.
  const seen = new Int32Array(rows).fill(-1);
  let repeats = false;
  for (let start = 0; start < ids.length; start += time) {
    for (let at = start; at < start + time; at++) {
      const id = ids[at] as number;
      if (!(id >= 0 && id < rows)) throw outOfRange(id, rows);
      const first = seen[id] as number;
      if (first >= start) {
        places[at] = first;
        repeats = true;
      } else {
        seen[id] = at;
        places[at] = at;
      }
    }
  }
  return repeats ? places : undefined;
}

/** Some backends read zeros there and drop the gradient, so that its norm would count nothing. */
function outOfRange(id: number, rows: number): DpError {
  return new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected ids in 0 … ${rows - 1} for an embedding of ${rows} rows, got ${id}. Map unknown words to an id of their own.`,
  );
}

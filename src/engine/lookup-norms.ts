import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { FLOAT32_UNIT, NORM_MARGIN, squaresOfRows } from './norm-terms.js';
import type { LookupPiece } from './piece.js';

/**
 * ‖gᵢ‖² of a table's gradient, example by example: the terms of one row are added before they are squared, so that a
 * row that is met often counts as its sum.
 *
 * The terms of rows that an example meets once are squared on the backend; the others are read, and added in double
 * precision. No [batch, rows, width] and no [batch, time, time] is made. The clipped sum adds the same terms in
 * float32, so each row that is met more than once counts with what that addition may err: n·2⁻²⁴·Σₜ‖δₜ‖ for n terms, as
 * far as the rounding margin of the engine does not hold it already. Throws `DP_INVALID_ARGUMENT` on an id outside
 * the table.
 */
export function lookupNorms(part: LookupPiece): Float64Array {
  const [batch, time, width] = part.right.shape;
  const terms: tf.Tensor2D = tf.reshape(part.right, [batch * time, width]);
  const squares = squaresOfRows(terms);
  const groups = repeatedRows(part.ids.dataSync(), time, part.rows);
  const places = groups.flat();
  const repeated = places.length === 0 ? [] : tf.gather(terms, tf.tensor1d(places, 'int32')).dataSync();
  const norms = new Float64Array(batch);
  const errors = new Float64Array(batch);
  const sum = new Float64Array(width);
  let read = 0;
  // Plain loops over one array: iterators take twice the time, and there may be millions of numbers.
  for (const group of groups) {
    const example = Math.floor((group[0] as number) / time);
    let mass = 0;
    for (let k = 0; k < width; k++) sum[k] = repeated[read + k] as number;
    for (let j = 0; j < group.length; j++) {
      const place = group[j] as number;
      mass += Math.sqrt(squares[place] as number);
      squares[place] = 0;
      if (j > 0) for (let k = 0; k < width; k++) sum[k] = (sum[k] as number) + (repeated[read + k] as number);
      read += width;
    }
    let square = 0;
    for (let k = 0; k < width; k++) square += (sum[k] as number) ** 2;
    norms[example] = (norms[example] as number) + square;
    errors[example] = (errors[example] as number) + (group.length * FLOAT32_UNIT * mass) ** 2;
  }
  for (let i = 0, at = 0; i < batch; i++) {
    let total = norms[i] as number;
    for (const end = at + time; at < end; at++) total += squares[at] as number;
    norms[i] = total;
  }
  return norms.map((square, i) => {
    const norm = Math.sqrt(square);
    return (norm + Math.max(0, Math.sqrt(errors[i] as number) - norm * NORM_MARGIN)) ** 2;
  });
}

/** The positions of each row that an example meets more than once. */
function repeatedRows(ids: ArrayLike<number>, time: number, rows: number): number[][] {
  const groups: number[][] = [];
  // For each id its last position, told from earlier examples' by being in range, and the group that it opened.
  const last = new Int32Array(rows).fill(-1);
  const groupOf = new Map<number, number[]>();
  for (let start = 0; start < ids.length; start += time) {
    groupOf.clear();
    for (let at = start; at < start + time; at++) {
      const id = ids[at] as number;
      if (!(id >= 0 && id < rows)) throw outOfRange(id, rows);
      const before = last[id] as number;
      last[id] = at;
      if (before < start) continue;
      const group = groupOf.get(id);
      if (group !== undefined) group.push(at);
      else {
        const opened = [before, at];
        groupOf.set(id, opened);
        groups.push(opened);
      }
    }
  }
  return groups;
}

/** Some backends read zeros there and drop the gradient, so that its norm would count nothing. */
function outOfRange(id: number, rows: number): DpError {
  return new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected ids in 0 … ${rows - 1} for an embedding of ${rows} rows, got ${id}. Map unknown words to an id of their own.`,
  );
}

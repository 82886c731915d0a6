import * as tf from '@tensorflow/tfjs-core';
import { elementsOf } from './batch-time.js';
import { rowNorms } from './native-ops.js';
import type { OuterPiece } from './piece.js';

/**
 * Squared norms of per-example gradients, as products of vectors [batch] that stay on the backend until all
 * parameters' are read together: one transfer a step, and the products are formed in double precision.
 */
export interface NormTerm {
  readonly factors: readonly Squares[];
}

/** Sums of squares [batch], and what they may have lost: squares below float32's range count as this much. */
export interface Squares {
  /** On the backend, or formed outside it. */
  readonly values: tf.Tensor1D | Float64Array;
  /** Whether the values are the roots of the sums. */
  readonly rooted?: boolean;
  readonly floor: number;
}

/** Relative rounding of one float32 operation. */
export const FLOAT32_UNIT = 2 ** -24;
/** What the engine's rounding margin holds of a norm: its rounding, and the factor's. */
export const NORM_MARGIN = 2 ** -20;
/** The smallest positive float32 with full precision. */
const SMALLEST_NORMAL = 2 ** -126;

/** Sums of squares over all axes but the first, each computed once: a bias and its kernel share their δ. */
export class RowSquares {
  private readonly known = new Map<object, Omit<Squares, 'floor'>>();

  of(tensor: tf.Tensor): Squares {
    const rows = tensor.shape[0] as number;
    let sums = this.known.get(elementsOf(tensor));
    if (sums === undefined) {
      const norms = rowNorms(tensor);
      sums =
        norms === undefined
          ? { values: tf.tidy(() => rowSums(tf.square(tensor))) }
          : { values: norms, rooted: true };
      this.known.set(elementsOf(tensor), sums);
    }
    // The floor keeps a product an upper bound where one factor vanishes and the other is large.
    return { ...sums, floor: (tensor.size / rows) * SMALLEST_NORMAL };
  }
}

/**
 * Sums over all axes but the first. The wasm backend adds one number after another in float32, which drifts by 1e-5 in
 * some thousand numbers alike and by 1e-2 in a million, far beyond the rounding margin: there it adds a few at a time,
 * and their sums are added here.
 */
export function rowSums(tensor: tf.Tensor): tf.Tensor1D {
  if (tf.getBackend() !== 'wasm') {
    return tf.sum(tensor, tensor.shape.map((_, axis) => axis).slice(1));
  }
  const rows = tensor.shape[0] as number;
  const width = tensor.size / rows;
  const few = [16, 8, 4, 2].find((count) => width % count === 0) ?? 1;
  const parts = few === 1 ? tensor : tf.sum(tf.reshape(tensor, [-1, few]), 1);
  const values = parts.dataSync();
  const count = width / few;
  const sums = Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let at = row * count; at < (row + 1) * count; at++) sum += values[at] as number;
    return sum;
  });
  return tf.tensor1d(sums);
}

/** Sums of squares of the rows of a matrix, read from the backend; never less than the exact ones by underflow. */
export function squaresOfRows(matrix: tf.Tensor2D): Float64Array {
  const floor = matrix.shape[1] * SMALLEST_NORMAL;
  const norms = rowNorms(matrix);
  const values = (norms ?? rowSums(tf.square(matrix))).dataSync();
  // A loop: Float64Array.from with a function takes thirty times as long.
  const squares = new Float64Array(values.length);
  for (let i = 0; i < squares.length; i++) {
    const value = values[i] as number;
    squares[i] = (norms === undefined ? value : value * value) + floor;
  }
  return squares;
}

/** Reads all terms at once: Σ over a parameter's terms of the product of its factors, for every parameter. */
export function readNorms(parameters: readonly (readonly NormTerm[])[], batch: number): Float64Array[] {
  const factors = parameters.flat().flatMap((term) => term.factors);
  const vectors = [...new Set(factors.map(({ values }) => values))].filter((v) => v instanceof tf.Tensor);
  const read = vectors.length === 0 ? [] : tf.concat(vectors).dataSync();
  const at = new Map(vectors.map((vector, k) => [vector, k * batch]));
  const entryOf = (values: Squares['values'], i: number): number =>
    (values instanceof tf.Tensor ? read[(at.get(values) as number) + i] : values[i]) as number;
  return parameters.map((terms) => {
    const norms = new Float64Array(batch);
    for (const { factors } of terms) {
      for (let i = 0; i < batch; i++) {
        let product = 1;
        for (const { values, floor, rooted } of factors) {
          const value = entryOf(values, i);
          product *= (rooted === true ? value * value : value) + floor;
        }
        norms[i] = (norms[i] as number) + product;
      }
    }
    return norms;
  });
}

/**
 * ‖Σₜ lₜ ⊗ rₜ‖² = Σₜₛ ⟨lₜ, lₛ⟩⟨rₜ, rₛ⟩, or undefined where the sum cancels so far that float32 leaves too few
 * digits: then the gradients themselves are formed.
 */
export function ghostNorms(part: OuterPiece): tf.Tensor1D | undefined {
  let found: tf.Tensor1D | undefined;
  // What the norms are made of is larger than all else in the step: none of it may outlive them.
  tf.tidy(() => {
    const products = tf.mul(
      tf.matMul(part.left, part.left, false, true),
      tf.matMul(part.right, part.right, false, true),
    );
    const norms = rowSums(products);
    if (cancels(norms, products)) return undefined;
    const time = part.left.shape[1];
    const squares = rowSums(tf.mul(products, tf.eye(time)));
    found = withRoundingOfSum(norms, tf.mul(squares, time));
    return found;
  });
  return found;
}

/**
 * Norms² enlarged by what the float32 sum over time may err: where large terms cancel, the sum's own rounding
 * is part of what an example contributes. `massSquared` is at least (Σₜ ‖lₜ‖‖rₜ‖)². What stays below the
 * engine's rounding margin changes nothing.
 */
export function withRoundingOfSum(norms: tf.Tensor1D, massSquared: tf.Tensor1D): tf.Tensor1D {
  const norm = tf.sqrt(norms);
  const error = tf.mul(tf.sqrt(massSquared), 4 * FLOAT32_UNIT);
  return tf.square(tf.add(norm, tf.relu(tf.sub(error, tf.mul(norm, NORM_MARGIN)))));
}

/** Whether cancellation left any example's sum of products below an eighth of its terms: three bits lost. */
function cancels(norms: tf.Tensor1D, products: tf.Tensor): boolean {
  const sizes = rowSums(tf.abs(products));
  const share = tf.tidy(() => tf.any(tf.less(norms, tf.mul(sizes, 0.125))).dataSync()[0]);
  return share === 1;
}

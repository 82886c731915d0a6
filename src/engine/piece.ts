import * as tf from '@tensorflow/tfjs-core';

/**
 * What one use of a parameter leaves behind: enough to form any example's gradient, without forming it.
 *
 * - `outer`: gradient of example i = Σₜ left[i,t] ⊗ right[i,t], a matrix [P, D]. Dense and convolution.
 * - `lookup`: the same with left[i,t] the unit vector of row ids[i,t]. Embedding.
 * - `direct`: the gradient itself, where that is small. Bias and scale.
 *
 * The matrix has the parameter's elements in the parameter's own order, or those of a block of columns of it.
 */
export type Piece =
  | {
      readonly kind: 'outer';
      readonly left: tf.Tensor3D;
      readonly right: tf.Tensor3D;
      readonly columns?: Columns;
      readonly order?: RowOrder;
    }
  | {
      readonly kind: 'lookup';
      readonly ids: tf.Tensor2D;
      readonly rows: number;
      readonly right: tf.Tensor3D;
      readonly columns?: Columns;
    }
  | {
      readonly kind: 'direct';
      readonly gradient: tf.Tensor2D;
      readonly columns?: Columns;
      /**
       * Given for a viewed tensor that itself runs along the batch, such as a gain tiled to every example: the
       * count of its elements between one example and the next. `gradient` then holds of each example's gradient the
       * elements in that example's own rows, all others being zero.
       */
      readonly ownRows?: number;
    };

/**
 * How the P rows of an outer piece lie: as an array of `shape`, which `perm` brings into the parameter's order.
 * Norms do not depend on it; the one summed matrix is permuted, not every example's.
 */
export interface RowOrder {
  readonly shape: readonly number[];
  readonly perm: readonly number[];
}

/** A matrix [P, D] with its rows brought into the parameter's order. */
export function inOrder(matrix: tf.Tensor, order: RowOrder | undefined): tf.Tensor {
  if (order === undefined) return matrix;
  const width = matrix.size / order.shape.reduce((product, extent) => product * extent, 1);
  const split = tf.reshape(matrix, [...order.shape, width]);
  return tf.transpose(split, [...order.perm, order.perm.length]);
}

/** A block of columns [start, start + count) of a parameter that has `of` columns. */
export interface Columns {
  readonly start: number;
  readonly count: number;
  readonly of: number;
}
export type OuterPiece = Extract<Piece, { kind: 'outer' }>;
export type LookupPiece = Extract<Piece, { kind: 'lookup' }>;

/** The tensors that a piece holds. */
export function tensorsOf(piece: Piece): tf.Tensor[] {
  switch (piece.kind) {
    case 'outer':
      return [piece.left, piece.right];
    case 'lookup':
      return [piece.ids, piece.right];
    case 'direct':
      return [piece.gradient];
  }
}

/** The piece with the rows of some examples set to zero: 0 · NaN is NaN, so a factor of zero is not enough. */
export function maskPiece(piece: Piece, keep: tf.Tensor1D): Piece {
  const only = <T extends tf.Tensor>(tensor: T): T => {
    const condition = tf.broadcastTo(
      tf.reshape(keep, [keep.size, ...new Array<number>(tensor.rank - 1).fill(1)]),
      tensor.shape as [number],
    );
    return tf.where(tf.cast(condition, 'bool'), tensor, tf.zerosLike(tensor)) as T;
  };
  switch (piece.kind) {
    case 'outer':
      return { ...piece, left: only(piece.left), right: only(piece.right) };
    case 'lookup':
      return { ...piece, right: only(piece.right) };
    case 'direct':
      return { ...piece, gradient: only(piece.gradient) };
  }
}

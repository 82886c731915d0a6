import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { sizeOf } from './isolation/layout.js';
import { type Columns, inOrder, type LookupPiece, type OuterPiece, type Piece } from './piece.js';

/** Adds the uses of a parameter that share a block of columns, and refuses blocks that overlap in part. */
export function combinePieces(
  pieces: readonly Piece[],
  variable: tf.Variable,
  batch: number,
): readonly Piece[] {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const key = piece.columns === undefined ? 'all' : `${piece.columns.start}+${piece.columns.count}`;
    groups.set(key, [...(groups.get(key) ?? []), piece]);
  }
  const combined = [...groups.values()].map((group) => addPieces(group, variable, batch));
  const blocks = combined.map((piece) => piece.columns).sort((a, b) => (a?.start ?? 0) - (b?.start ?? 0));
  const disjoint = blocks.every((block, i) => {
    const next = blocks[i + 1];
    if (block === undefined) return blocks.length === 1;
    return next === undefined || block.start + block.count <= next.start;
  });
  if (disjoint) return combined;
  const size = sizeOf(variable.shape);
  const whole = combined.map((piece) => ({
    kind: 'direct' as const,
    gradient: padColumns(instantiate(piece, batch), piece.columns, size, batch),
  }));
  return [{ kind: 'direct', gradient: tf.addN(whole.map((piece) => piece.gradient)) as tf.Tensor2D }];
}

function padColumns(
  gradient: tf.Tensor2D,
  columns: Columns | undefined,
  size: number,
  batch: number,
): tf.Tensor2D {
  if (columns === undefined) return gradient;
  const { start, count, of } = columns;
  const padded = tf.pad(tf.reshape(gradient, [batch, size / of, count]), [
    [0, 0],
    [0, 0],
    [start, of - start - count],
  ]);
  return tf.reshape(padded, [batch, size]);
}

function addPieces(group: readonly Piece[], variable: tf.Variable, batch: number): Piece {
  const first = group[0] as Piece;
  if (group.length === 1) return first;
  const block = first.columns === undefined ? {} : { columns: first.columns };
  if (group.every((piece) => piece.kind === 'direct')) {
    const gradients = group.map((piece) => (piece as Extract<Piece, { kind: 'direct' }>).gradient);
    return { kind: 'direct', gradient: tf.addN(gradients) as tf.Tensor2D, ...block };
  }
  if (group.every((piece) => piece.kind === 'lookup')) {
    const lookups = group as readonly LookupPiece[];
    return {
      ...(first as LookupPiece),
      ids: tf.concat(
        lookups.map((piece) => piece.ids),
        1,
      ),
      right: tf.concat(
        lookups.map((piece) => piece.right),
        1,
      ),
    };
  }
  if (group.every((piece) => piece.kind !== 'direct')) {
    const outers = (group as readonly (OuterPiece | LookupPiece)[]).map((piece) =>
      piece.kind === 'outer'
        ? piece
        : {
            kind: 'outer' as const,
            left: tf.cast(tf.oneHot(piece.ids, piece.rows), 'float32') as tf.Tensor3D,
            right: piece.right,
          },
    );
    const orderOf = (piece: (typeof outers)[number]) => ('order' in piece ? piece.order : undefined);
    const shapes = new Set(
      outers.map((piece) => JSON.stringify([piece.left.shape[2], piece.right.shape[2], orderOf(piece)])),
    );
    if (shapes.size === 1) {
      const order = orderOf(outers[0] as (typeof outers)[number]);
      return {
        ...(order === undefined ? {} : { order }),
        kind: 'outer',
        left: tf.concat(
          outers.map((piece) => piece.left),
          1,
        ),
        right: tf.concat(
          outers.map((piece) => piece.right),
          1,
        ),
        ...block,
      };
    }
  }
  const gradients = group.map((piece) => instantiate(piece, batch));
  if (gradients.some((gradient) => gradient.size !== (gradients[0] as tf.Tensor2D).size)) {
    throw new DpError(
      'DP_UNSUPPORTED_OP',
      `Expected the uses of '${variable.name}' to have one shape, got pieces of different sizes.`,
    );
  }
  return { kind: 'direct', gradient: tf.addN(gradients) as tf.Tensor2D, ...block };
}

/** The gradients themselves, [batch, elements]. */
function instantiate(piece: Piece, batch: number): tf.Tensor2D {
  if (piece.kind === 'direct') return piece.gradient;
  const left = piece.kind === 'outer' ? piece.left : tf.cast(tf.oneHot(piece.ids, piece.rows), 'float32');
  const gradients = tf.matMul(left, piece.right, true, false);
  if (piece.kind === 'lookup' || piece.order === undefined)
    return tf.reshape(gradients, [batch, -1]) as tf.Tensor2D;
  const { order } = piece;
  const rows = tf.unstack(gradients).map((gradient) => tf.reshape(inOrder(gradient, order), [-1]));
  return tf.stack(rows) as tf.Tensor2D;
}

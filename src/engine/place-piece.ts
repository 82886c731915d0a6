import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from './isolation/layout.js';
import { type Columns, inOrder, type OuterPiece, type Piece } from './piece.js';
import { scatterRows } from './scatter.js';
import { extentOf, indicesOf, merged, regroup, type Step, type Strided } from './strided.js';
import { isWhole, type Part } from './views.js';

/** Most elements that bringing a piece into its parameter's shape may fill. */
const PLACE_ELEMENTS = 1 << 24;

/**
 * The piece of a parameter, from the piece of a tensor that contains it as `part` says; undefined where the two do
 * not fit together cheaply.
 *
 * A gradient that reaches a box of the viewed tensor is cut out of the piece, factor by factor. What then lies in the
 * parameter as whole rows and columns keeps its factors; repeated elements are added first, since the norm of their
 * sum is asked for, not the sum of their norms.
 */
export function placePiece(
  piece: Piece,
  shape: readonly number[],
  part: Part,
  batch: number,
): Piece | undefined {
  const boxed = isWhole(part, shape) ? piece : boxOf(piece, shape, part);
  if (boxed === undefined) return undefined;
  const { scale, where, variable } = part;
  const own = scale === undefined ? boxed : scaledPiece(boxed, scale);
  switch (own.kind) {
    case 'outer':
      return placeOuter(own, where, variable, batch);
    case 'lookup': {
      const grouped = regroup(where.axes, [own.rows, own.right.shape[2]]);
      const [rows, columns] = grouped ?? [];
      const matrix = rows && columns && factorise(rows, columns, where.offset, variable);
      if (matrix === undefined) return undefined;
      const right = ontoColumns(own.right, matrix);
      if (right === undefined) return undefined;
      const ids = isIdentity(matrix.rows, matrix.height)
        ? own.ids
        : (tf.gather(tf.tensor1d(matrix.rows, 'int32') as tf.Tensor, own.ids) as tf.Tensor2D);
      return { kind: 'lookup', ids, rows: matrix.height, ...right };
    }
    case 'direct': {
      const steps = own.ownRows === undefined ? where.axes.flat() : withoutBatch(where, own.ownRows, batch);
      return steps && placeDirect(own.gradient, steps, where.offset, variable);
    }
  }
}

/**
 * The pieces of one parameter with blocks of columns of one and the same matrix: where uses saw it in different shapes,
 * or one saw all of it, blocks are filled up to whole rows.
 */
export function withOneWidth(pieces: readonly Piece[]): readonly Piece[] {
  if (new Set(pieces.map(({ columns }) => columns?.of)).size < 2) return pieces;
  return pieces.map((piece) => {
    if (piece.columns === undefined) return piece;
    const { columns, ...whole } = piece;
    const fill = (factor: tf.Tensor): tf.Tensor => {
      const none = factor.shape.slice(1).map((): [number, number] => [0, 0]);
      return tf.pad(factor, [...none, [columns.start, columns.of - columns.start - columns.count]]);
    };
    if (whole.kind !== 'direct') return { ...whole, right: fill(whole.right) as tf.Tensor3D };
    const [batch] = whole.gradient.shape;
    const split = tf.reshape(whole.gradient, [batch, -1, columns.count]);
    return { ...whole, gradient: tf.reshape(fill(split), [batch, -1]) as tf.Tensor2D };
  });
}

function scaledPiece(piece: Piece, scale: (gradient: tf.Tensor) => tf.Tensor): Piece {
  return piece.kind === 'direct'
    ? { ...piece, gradient: scale(piece.gradient) as tf.Tensor2D }
    : { ...piece, right: scale(piece.right) as tf.Tensor3D };
}

/** The part of a piece that reaches a box of the viewed tensor. */
function boxOf(piece: Piece, shape: readonly number[], part: Part): Piece | undefined {
  const { start } = part;
  const box = part.where.axes.map(extentOf);
  const last = shape.length - 1;
  const inBox = (factor: tf.Tensor, axes: readonly number[]): tf.Tensor => {
    const front = factor.shape.slice(0, -1);
    const split = tf.reshape(factor, [sizeOf(front), ...axes.map((k) => shape[k] as number)]);
    const cut = tf.slice(
      split,
      [0, ...axes.map((k) => start[k] as number)],
      [-1, ...axes.map((k) => box[k] as number)],
    );
    return tf.reshape(cut, [...front, -1]);
  };
  const leading = shape.map((_, k) => k).slice(0, -1);
  if (last < 0) return undefined;
  switch (piece.kind) {
    case 'outer':
      if (piece.order !== undefined || piece.right.shape[2] !== shape[last]) return undefined;
      return {
        ...piece,
        left: inBox(piece.left, leading) as tf.Tensor3D,
        right: inBox(piece.right, [last]) as tf.Tensor3D,
      };
    case 'lookup': {
      if (shape.length !== 2) return undefined;
      const ids = tf.sub(piece.ids, tf.scalar(start[0] as number, 'int32'));
      const inside = tf.logicalAnd(tf.greaterEqual(ids, 0), tf.less(ids, box[0] as number));
      const right = inBox(piece.right, [1]);
      const zeros = tf.zerosLike(right);
      return {
        kind: 'lookup',
        rows: box[0] as number,
        ids: tf.where(inside, ids, tf.zerosLike(ids)) as tf.Tensor2D,
        right: tf.where(
          tf.broadcastTo(tf.expandDims(inside, 2), right.shape as [number]),
          right,
          zeros,
        ) as tf.Tensor3D,
      };
    }
    case 'direct':
      if (piece.ownRows !== undefined) return undefined;
      return { ...piece, gradient: inBox(piece.gradient, [...leading, last]) as tf.Tensor2D };
  }
}

/** A parameter seen as a matrix, and where rows and columns of a view lie in it. */
interface Matrix {
  readonly height: number;
  readonly width: number;
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

function factorise(
  rows: readonly Step[],
  columns: readonly Step[],
  offset: number,
  variable: tf.Variable,
): Matrix | undefined {
  const { size } = variable;
  const common = rows.reduce((divisor, { stride }) => greatestCommonDivisor(divisor, Math.abs(stride)), size);
  for (const width of [variable.shape.at(-1) ?? 1, common]) {
    if (rows.some(({ stride }) => stride % width !== 0)) continue;
    const first = offset % width;
    const reach = (step: Step) => (step.extent - 1) * step.stride;
    const low = columns.reduce((sum, step) => sum + Math.min(0, reach(step)), first);
    const high = columns.reduce((sum, step) => sum + Math.max(0, reach(step)), first);
    if (low < 0 || high >= width) continue;
    const inRows = rows.map(({ extent, stride }) => ({ extent, stride: stride / width }));
    return {
      height: size / width,
      width,
      rows: indicesOf((offset - first) / width, inRows),
      columns: indicesOf(first, columns),
    };
  }
  return undefined;
}

function placeOuter(
  piece: OuterPiece,
  where: Strided,
  variable: tf.Variable,
  batch: number,
): Piece | undefined {
  const steps = merged(where.axes.flat());
  if (isContiguous(steps, where.offset, variable.size)) return piece;
  const [count, time, height] = piece.left.shape;
  const width = piece.right.shape[2];
  if (piece.order !== undefined) {
    if (count * height * width > PLACE_ELEMENTS || time === 0) return undefined;
    const gradients = tf.matMul(piece.left, piece.right, true, false);
    const ordered = tf.unstack(gradients).map((gradient) => tf.reshape(inOrder(gradient, piece.order), [-1]));
    return placeDirect(tf.stack(ordered) as tf.Tensor2D, where.axes.flat(), where.offset, variable);
  }
  const [rows, columns] = regroup(where.axes, [height, width]) ?? [];
  if (rows !== undefined && columns !== undefined) {
    const upright = factorise(rows, columns, where.offset, variable);
    if (upright !== undefined) return ontoMatrix(piece.left, piece.right, upright);
    const turned = factorise(columns, rows, where.offset, variable);
    if (turned !== undefined) return ontoMatrix(piece.right, piece.left, turned);
  }
  const order = steps.map((_, k) => k).sort((a, b) => (steps[b]?.stride ?? 0) - (steps[a]?.stride ?? 0));
  if (isContiguous(merged(order.map((k) => steps[k] as Step)), where.offset, variable.size)) {
    return { ...piece, order: { shape: steps.map(({ extent }) => extent), perm: order } };
  }
  if (batch * height * width > PLACE_ELEMENTS) return undefined;
  const gradients = tf.reshape(tf.matMul(piece.left, piece.right, true, false), [batch, height * width]);
  return placeDirect(gradients as tf.Tensor2D, where.axes.flat(), where.offset, variable);
}

function ontoMatrix(left: tf.Tensor3D, right: tf.Tensor3D, matrix: Matrix): Piece | undefined {
  const placed = ontoColumns(right, matrix);
  const rows = remap(left, matrix.rows, matrix.height);
  if (placed === undefined || rows === undefined) return undefined;
  return { kind: 'outer', left: rows as tf.Tensor3D, ...placed };
}

function ontoColumns(
  right: tf.Tensor3D,
  { columns, width }: Matrix,
): { readonly right: tf.Tensor3D; readonly columns?: Columns } | undefined {
  const start = columns[0] as number;
  if (columns.length < width && columns.every((at, k) => at === start + k)) {
    return { right, columns: { start, count: columns.length, of: width } };
  }
  const placed = remap(right, columns, width);
  return placed && { right: placed as tf.Tensor3D };
}

function placeDirect(
  gradient: tf.Tensor2D,
  steps: readonly Step[],
  offset: number,
  variable: tf.Variable,
): Piece | undefined {
  const batch = gradient.shape[0];
  const joined = merged(steps);
  if (isContiguous(joined, offset, variable.size)) return { kind: 'direct', gradient };
  const repeats = joined.map((_, k) => k).filter((k) => joined[k]?.stride === 0);
  const kept = merged(joined.filter(({ stride }) => stride !== 0));
  const summed =
    repeats.length === 0
      ? gradient
      : tf.sum(
          tf.reshape(gradient, [batch, ...joined.map(({ extent }) => extent)]),
          repeats.map((k) => k + 1),
        );
  const flat = tf.reshape(summed, [batch, -1]) as tf.Tensor2D;
  const index = indicesOf(offset, kept);
  const of = variable.size;
  if (index.length < of && index.every((at, k) => at === offset + k)) {
    return { kind: 'direct', gradient: flat, columns: { start: offset, count: index.length, of } };
  }
  const placed = remap(flat, index, of);
  return placed && { kind: 'direct', gradient: placed as tf.Tensor2D };
}

/** The steps of one example's rows of a tensor that repeats along the batch; undefined where it does not repeat. */
function withoutBatch(where: Strided, inner: number, batch: number): readonly Step[] | undefined {
  const size = where.axes.reduce((product, axis) => product * extentOf(axis), 1);
  const [outer, along, behind] = regroup(where.axes, [size / (batch * inner), batch, inner]) ?? [];
  if (outer === undefined || along === undefined || behind === undefined) return undefined;
  return along.every(({ stride }) => stride === 0) ? [...outer, ...behind] : undefined;
}

/** A factor [..., n] as [..., size], entry k at `index[k]`; entries with one place are added. */
function remap(factor: tf.Tensor, index: Int32Array, size: number): tf.Tensor | undefined {
  if (isIdentity(index, size)) return factor;
  const front = factor.shape.slice(0, -1);
  if (sizeOf(front) * size > PLACE_ELEMENTS) return undefined;
  const start = index[0] as number;
  if (index.every((at, k) => at === start + k)) {
    const none = front.map((): [number, number] => [0, 0]);
    return tf.pad(factor, [...none, [start, size - start - index.length]]);
  }
  const inverse = new Int32Array(size).fill(index.length);
  let repeats = false;
  index.forEach((at, k) => {
    repeats ||= inverse[at] !== index.length;
    inverse[at] = k;
  });
  const flat = tf.reshape(factor, [sizeOf(front), index.length]) as tf.Tensor2D;
  if (repeats) {
    const sums = scatterRows(tf.tensor1d(index, 'int32'), tf.transpose(flat), size);
    return tf.reshape(tf.transpose(sums), [...front, size]);
  }
  const padded = tf.pad(flat, [
    [0, 0],
    [0, 1],
  ]);
  return tf.reshape(tf.gather(padded, tf.tensor1d(inverse, 'int32'), 1), [...front, size]);
}

function isIdentity(index: Int32Array, size: number): boolean {
  return index.length === size && index.every((at, k) => at === k);
}

function isContiguous(steps: readonly Step[], offset: number, size: number): boolean {
  const [only, ...others] = steps;
  if (offset !== 0 || others.length > 0) return false;
  return only === undefined ? size === 1 : only.extent === size && only.stride === 1;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { sizeOf } from './isolation/layout.js';
import { type Columns, type LookupPiece, maskPiece, type OuterPiece, type Piece } from './piece.js';
import { scatterRows } from './scatter.js';

/** Largest number of elements that per-example gradients of one parameter may take at a time. */
const INSTANTIATE_ELEMENTS = 1 << 25;
/** Relative rounding of one float32 operation. */
const FLOAT32_UNIT = 2 ** -24;
/** The smallest positive float32 with full precision. */
const SMALLEST_NORMAL = 2 ** -126;

/**
 * The gradients of one parameter, one an example, held as pieces.
 *
 * All uses of the parameter are added before a norm is taken (rule 8: tied weights, time steps). The norm is
 * taken the cheapest exact way: from the factors where each example has one position, from Gram matrices
 * where 2·T² ≤ P·D (the ghost norm of Li et al. 2021, 2110.05679, §4), from the gradients themselves otherwise.
 */
export class ParameterGradient {
  readonly variable: tf.Variable;
  private readonly batch: number;
  private readonly parts: readonly Piece[];
  private norms: tf.Tensor1D | undefined;
  private instantiated: tf.Tensor2D | undefined;

  constructor(variable: tf.Variable, pieces: readonly Piece[], batch: number) {
    this.variable = variable;
    this.batch = batch;
    this.parts = combine(pieces, variable, batch);
  }

  /** ‖gᵢ‖² of every example, shape [batch]. */
  squaredNorms(): tf.Tensor1D {
    if (this.norms === undefined) {
      const norms = this.parts.map((part) => this.partNorms(part));
      this.norms = norms.length === 1 ? (norms[0] as tf.Tensor1D) : (tf.addN(norms) as tf.Tensor1D);
    }
    return this.norms;
  }

  /** Σᵢ weights[i] · gᵢ in the parameter's shape. */
  weightedSum(weights: tf.Tensor1D): tf.Tensor {
    const sums = this.parts.map((part) => this.partSum(part, weights));
    const total = sums.length === 1 ? (sums[0] as tf.Tensor) : tf.addN(sums);
    return tf.reshape(total, this.variable.shape);
  }

  /** The same gradients with those of some examples exactly zero; `keep` is 1 or 0 an example. */
  masked(keep: tf.Tensor1D): ParameterGradient {
    return new ParameterGradient(
      this.variable,
      this.parts.map((part) => maskPiece(part, keep)),
      this.batch,
    );
  }

  private partNorms(part: Piece): tf.Tensor1D {
    if (part.kind === 'direct') return sumSquares(part.gradient);
    if (part.kind === 'lookup') return lookupNorms(part);
    const [, time, p] = part.left.shape;
    const d = part.right.shape[2];
    if (time === 1) {
      // Squares below float32's range would vanish and hide a large other factor: the floor keeps the product
      // an upper bound.
      return tf.mul(
        tf.add(sumSquares(part.left), p * SMALLEST_NORMAL),
        tf.add(sumSquares(part.right), d * SMALLEST_NORMAL),
      );
    }
    if (2 * time * time <= p * d) {
      const norms = ghostNorms(part);
      if (norms !== undefined) return norms;
    }
    return this.instantiatedNorms(part);
  }

  private instantiatedNorms(part: OuterPiece): tf.Tensor1D {
    const [batch, , p] = part.left.shape;
    const d = part.right.shape[2];
    const chunk = Math.max(1, Math.floor(INSTANTIATE_ELEMENTS / (p * d)));
    if (chunk >= batch) {
      const gradients = tf.reshape(tf.matMul(part.left, part.right, true, false), [
        batch,
        p * d,
      ]) as tf.Tensor2D;
      // One product serves the norm and, weighted, the sum.
      if (this.parts.length === 1) this.instantiated = gradients;
      return sumSquares(gradients);
    }
    const norms: tf.Tensor1D[] = [];
    for (let start = 0; start < batch; start += chunk) {
      norms.push(
        tf.tidy(() => {
          const count = Math.min(chunk, batch - start);
          const left = tf.slice(part.left, [start, 0, 0], [count, -1, -1]);
          const right = tf.slice(part.right, [start, 0, 0], [count, -1, -1]);
          return sumSquares(tf.matMul(left, right, true, false));
        }),
      );
    }
    return tf.concat(norms);
  }

  private partSum(part: Piece, weights: tf.Tensor1D): tf.Tensor {
    const row = tf.reshape(weights, [1, this.batch]) as tf.Tensor2D;
    const total = sizeOf(this.variable.shape);
    let sum: tf.Tensor;
    if (part.kind === 'direct') sum = tf.matMul(row, part.gradient);
    else if (this.instantiated !== undefined) sum = tf.matMul(row, this.instantiated);
    else {
      const right = tf.mul(part.right, tf.reshape(weights, [this.batch, 1, 1]));
      const d = part.right.shape[2];
      const flat = tf.reshape(right, [-1, d]) as tf.Tensor2D;
      sum =
        part.kind === 'outer'
          ? tf.matMul(tf.reshape(part.left, [-1, part.left.shape[2]]), flat, true, false)
          : scatterRows(tf.reshape(part.ids, [-1]), flat, part.rows);
    }
    if (part.columns === undefined) return tf.reshape(sum, [total]);
    const { start, count, of } = part.columns;
    const block = tf.reshape(sum, [total / of, count]);
    return tf.reshape(
      tf.pad(block, [
        [0, 0],
        [start, of - start - count],
      ]),
      [total],
    );
  }
}

/** Σ of squares over all axes but the first. */
function sumSquares(tensor: tf.Tensor): tf.Tensor1D {
  const flat = tf.reshape(tensor, [tensor.shape[0] as number, -1]);
  return tf.sum(tf.square(flat), 1);
}

/**
 * ‖Σₜ lₜ ⊗ rₜ‖² = Σₜₛ ⟨lₜ, lₛ⟩⟨rₜ, rₛ⟩, or undefined where the sum cancels so far that float32 leaves too few
 * digits: then the gradients themselves are formed.
 */
function ghostNorms(part: OuterPiece): tf.Tensor1D | undefined {
  const products = tf.mul(
    tf.matMul(part.left, part.left, false, true),
    tf.matMul(part.right, part.right, false, true),
  );
  const norms = tf.sum(products, [1, 2]) as tf.Tensor1D;
  if (cancels(norms, products)) return undefined;
  const time = part.left.shape[1];
  const squares = tf.sum(tf.mul(products, tf.eye(time)), [1, 2]) as tf.Tensor1D;
  return withRoundingOfSum(norms, tf.mul(squares, time));
}

function lookupNorms(part: LookupPiece): tf.Tensor1D {
  const [batch, time] = part.ids.shape;
  const squares = sumSquares(part.right);
  if (time === 1) return squares;
  const same = tf.equal(tf.reshape(part.ids, [batch, time, 1]), tf.reshape(part.ids, [batch, 1, time]));
  const products = tf.mul(tf.cast(same, 'float32'), tf.matMul(part.right, part.right, false, true));
  const norms = tf.sum(products, [1, 2]) as tf.Tensor1D;
  return withRoundingOfSum(cancels(norms, products) ? exactLookupNorms(part) : norms, tf.mul(squares, time));
}

/**
 * Norms² enlarged by what the float32 sum over time may err: where large terms cancel, the sum's own rounding
 * is part of what an example contributes. `massSquared` is at least (Σₜ ‖lₜ‖‖rₜ‖)². What stays below the
 * engine's rounding margin changes nothing.
 */
function withRoundingOfSum(norms: tf.Tensor1D, massSquared: tf.Tensor1D): tf.Tensor1D {
  const norm = tf.sqrt(norms);
  const error = tf.mul(tf.sqrt(massSquared), 4 * FLOAT32_UNIT);
  return tf.square(tf.add(norm, tf.relu(tf.sub(error, tf.mul(norm, 2 ** -20)))));
}

/** The sum per distinct row, formed in double precision. */
function exactLookupNorms(part: LookupPiece): tf.Tensor1D {
  const [batch, time, d] = part.right.shape;
  const ids = part.ids.dataSync();
  const right = part.right.dataSync();
  const norms = new Float32Array(batch);
  for (let i = 0; i < batch; i++) {
    const sums = new Map<number, Float64Array>();
    for (let t = 0; t < time; t++) {
      const id = ids[i * time + t] as number;
      const sum = sums.get(id) ?? new Float64Array(d);
      sums.set(id, sum);
      const offset = (i * time + t) * d;
      for (let k = 0; k < d; k++) sum[k] = (sum[k] as number) + (right[offset + k] as number);
    }
    let norm = 0;
    for (const sum of sums.values()) for (const value of sum) norm += value * value;
    norms[i] = norm;
  }
  return tf.tensor1d(norms);
}

/** Whether cancellation left any example's sum of products below an eighth of its terms: three bits lost. */
function cancels(norms: tf.Tensor1D, products: tf.Tensor): boolean {
  const sizes = tf.sum(tf.abs(products), [1, 2]) as tf.Tensor1D;
  const share = tf.tidy(() => tf.any(tf.less(norms, tf.mul(sizes, 0.125))).dataSync()[0]);
  return share === 1;
}

/** Adds the uses of a parameter that share a block of columns, and refuses blocks that overlap in part. */
function combine(pieces: readonly Piece[], variable: tf.Variable, batch: number): readonly Piece[] {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const key = piece.columns === undefined ? 'all' : `${piece.columns.start}+${piece.columns.count}`;
    groups.set(key, [...(groups.get(key) ?? []), piece]);
  }
  const combined = [...groups.values()].map((group) => addPieces(group, variable, batch));
  const blocks = combined.map((piece) => piece.columns).sort((a, b) => (a?.start ?? 0) - (b?.start ?? 0));
  const disjoint = blocks.every((block, i) => {
    const next = blocks[i + 1];
    return next === undefined || (block !== undefined && block.start + block.count <= next.start);
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
            left: tf.oneHot(piece.ids, piece.rows) as tf.Tensor3D,
            right: piece.right,
          },
    );
    const shapes = new Set(outers.map((piece) => `${piece.left.shape[2]}×${piece.right.shape[2]}`));
    if (shapes.size === 1) {
      return {
        kind: 'outer',
        left: tf.concat(
          outers.map((piece) => tf.cast(piece.left, 'float32')),
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
  return tf.reshape(tf.matMul(left, piece.right, true, false), [batch, -1]) as tf.Tensor2D;
}

import * as tf from '@tensorflow/tfjs-core';
import { shaped } from './batch-time.js';
import { combinePieces } from './combine-pieces.js';
import type { HeldFactors } from './held-factors.js';
import { sizeOf } from './isolation/layout.js';
import { lookupNorms } from './lookup-norms.js';
import { normMethod, type OuterShape, partSize } from './norm-method.js';
import {
  ghostNorms,
  type NormTerm,
  type RowSquares,
  rowSums,
  type Squares,
  withRoundingOfSum,
} from './norm-terms.js';
import { inOrder, maskPiece, type OuterPiece, type Piece } from './piece.js';
import { scatterRows } from './scatter.js';
import type { NormReport, StepObserver } from './step-observer.js';
import type { Weights } from './weights.js';

/** What the gradients of one step share. */
export interface StepContext {
  readonly squares: RowSquares;
  readonly factors: HeldFactors;
  readonly observer?: StepObserver;
}

/**
 * The gradients of one parameter, one an example, held as pieces.
 *
 * All uses of the parameter are added before a norm is taken (rule 8: tied weights, time steps). The norm is
 * taken the cheapest exact way: from the factors where each example has one position; from the gradients
 * themselves where these are few enough to keep, since the sum is then one weighted row of them; otherwise from
 * Gram matrices where 2·T² ≤ P·D (the ghost norm of Li et al. 2021, 2110.05679, §4), and in parts where not.
 */
export class ParameterGradient {
  readonly variable: tf.Variable;
  private readonly batch: number;
  private readonly parts: readonly Piece[];
  private readonly step: StepContext;
  private terms: readonly NormTerm[] | undefined;
  private readonly instantiated = new Map<Piece, tf.Tensor2D>();

  constructor(variable: tf.Variable, pieces: readonly Piece[], batch: number, step: StepContext) {
    this.variable = variable;
    this.batch = batch;
    this.step = step;
    this.parts = combinePieces(pieces, variable, batch);
    for (const part of this.parts) step.factors.hold(part);
  }

  /** ‖gᵢ‖² of every example as a sum of products of vectors [batch]. */
  normTerms(): readonly NormTerm[] {
    this.terms ??= this.parts.map((part) => {
      const report = this.reportOf(part);
      const find = () => this.partFactors(part, report.method);
      return { factors: this.step.observer === undefined ? find() : this.step.observer.norms(report, find) };
    });
    return this.terms;
  }

  /** Σᵢ weights[i] · gᵢ in the parameter's shape. */
  weightedSum(weights: Weights): tf.Tensor {
    const sums = this.parts.map((part) => this.partSum(part, weights));
    const flat = [sizeOf(this.variable.shape)] as [number];
    const total = sums.length === 1 ? (sums[0] as tf.Tensor) : tf.addN(sums.map((sum) => shaped(sum, flat)));
    return shaped(total, this.variable.shape as [number]);
  }

  /** The same gradients with those of some examples exactly zero; `keep` is 1 or 0 an example. */
  masked(keep: tf.Tensor1D): ParameterGradient {
    const parts = this.parts.map((part) => (this.instantiated.has(part) ? part : maskPiece(part, keep)));
    const copy = new ParameterGradient(this.variable, parts, this.batch, this.step);
    for (const [part, gradient] of this.instantiated) {
      const masked = maskPiece({ kind: 'direct', gradient }, keep);
      if (masked.kind === 'direct') copy.instantiated.set(part, masked.gradient);
    }
    return copy;
  }

  private reportOf(part: Piece): NormReport {
    const { variable, batch } = this;
    if (part.kind === 'direct') {
      return { variable, method: 'direct', batch, time: 1, p: 1, d: part.gradient.shape[1] };
    }
    const [, time, d] = part.right.shape;
    if (part.kind === 'lookup') return { variable, method: 'lookup', batch, time, p: part.rows, d };
    const p = part.left.shape[2];
    const method = normMethod({ batch: this.step.observer?.asForBatch ?? batch, time, p, d });
    return { variable, method, batch, time, p, d };
  }

  private partFactors(part: Piece, method: NormReport['method']): readonly Squares[] {
    if (part.kind === 'direct') return [this.step.squares.of(part.gradient)];
    if (part.kind === 'lookup') return [{ values: lookupNorms(part), floor: 0 }];
    const [batch, time, p] = part.left.shape;
    const shape = { batch, time, p, d: part.right.shape[2] };
    switch (method) {
      case 'factors':
        return [this.step.squares.of(part.left), this.step.squares.of(part.right)];
      case 'ghost': {
        const values = ghostNorms(part);
        return [values === undefined ? squaresInParts(part, shape) : { values, floor: 0 }];
      }
      case 'kept':
        return [this.keptSquares(part, shape)];
      default:
        return [squaresInParts(part, shape)];
    }
  }

  private keptSquares(part: OuterPiece, { batch, p, d }: OuterShape): Squares {
    // The wider factor last makes the product's rows long: a third faster on the native backend.
    const product = isTall(part)
      ? tf.matMul(part.right, part.left, true, false)
      : tf.matMul(part.left, part.right, true, false);
    const gradients = tf.reshape(product, [batch, p * d]) as tf.Tensor2D;
    this.instantiated.set(part, gradients);
    this.step.factors.release(part);
    return this.step.squares.of(gradients);
  }

  private partSum(part: Piece, weights: Weights): tf.Tensor {
    const total = sizeOf(this.variable.shape);
    let sum: tf.Tensor;
    if (part.kind === 'direct') sum = weights.sum(part.gradient);
    else if (part.kind === 'outer' && this.instantiated.has(part)) {
      sum = weights.sum(this.instantiated.get(part) as tf.Tensor2D);
      if (isTall(part)) sum = tf.transpose(tf.reshape(sum, [part.right.shape[2], part.left.shape[2]]));
    } else {
      const right = weights.times(part.right);
      sum =
        part.kind === 'outer'
          ? tf.matMul(shaped(part.left, [right.shape[0], part.left.shape[2]]), right, true, false)
          : scatterRows(tf.reshape(part.ids, [-1]), right, part.rows);
    }
    if (part.kind === 'outer') sum = inOrder(sum, part.order);
    if (part.columns === undefined) return sum;
    const { start, count, of } = part.columns;
    const block = shaped(sum, [total / of, count]);
    return tf.pad(block, [
      [0, 0],
      [start, of - start - count],
    ]);
  }
}

function squaresInParts(part: OuterPiece, shape: OuterShape): Squares {
  const { batch } = shape;
  const size = partSize(shape);
  const norms: tf.Tensor1D[] = [];
  for (let start = 0; start < batch; start += size) {
    norms.push(
      tf.tidy(() => {
        const count = Math.min(size, batch - start);
        const left = tf.slice(part.left, [start, 0, 0], [count, -1, -1]);
        const right = tf.slice(part.right, [start, 0, 0], [count, -1, -1]);
        const squares = rowSums(tf.square(tf.matMul(left, right, true, false)));
        // The sum is formed by another product than these norms: what that may err counts as the example's.
        const terms = tf.mul(tf.sum(tf.square(left), 2), tf.sum(tf.square(right), 2));
        return withRoundingOfSum(squares, tf.mul(tf.sum(terms, 1), shape.time) as tf.Tensor1D);
      }),
    );
  }
  return { values: tf.concat(norms), floor: 0 };
}

function isTall(part: OuterPiece): boolean {
  return part.left.shape[2] > part.right.shape[2];
}

import * as tf from '@tensorflow/tfjs-core';
import type { BackwardPass, ParameterUse, Seeds } from './backward.js';
import { HeldFactors } from './held-factors.js';
import { RowSquares, rowSums } from './norm-terms.js';
import { ParameterGradient } from './parameter-gradient.js';
import { type Piece, tensorsOf } from './piece.js';
import { placePiece, withOneWidth } from './place-piece.js';
import type { StepObserver } from './step-observer.js';
import { partsOf } from './views.js';

/** The gradients that rules describe, and the variables that need the masked fallback. */
export function parameterGradients(
  pass: BackwardPass,
  seeds: Seeds,
  variables: readonly tf.Variable[],
  batch: number,
  observer?: StepObserver,
): { gradients: ParameterGradient[]; fallback: tf.Variable[] } {
  const byId = new Map(variables.map((variable) => [variable.id, variable]));
  const pieces = new Map<number, Piece[]>();
  const fallback = new Set<number>();
  const step = { squares: new RowSquares(), factors: new HeldFactors(), ...(observer ? { observer } : {}) };
  pass.collectUses(seeds, (use) => {
    const producers = pass.producersOf(use.tensor);
    const parts = partsOf(use.tensor, producers, (tensor) => byId.get(tensor.id));
    const piece = parts && pass.pieceOf(use);
    const placed = piece && parts.map((part) => placePiece(piece, use.tensor.shape, part, batch));
    if (placed?.every((own) => own !== undefined)) {
      parts?.forEach(({ variable }, k) => {
        const list = pieces.get(variable.id) ?? [];
        list.push(placed[k] as Piece);
        pieces.set(variable.id, list);
      });
      return placed.flatMap((own) => tensorsOf(own as Piece));
    }
    for (const id of variablesBehind(use, producers, byId)) fallback.add(id);
    return [];
  });
  return {
    gradients: variables
      .filter((variable) => pieces.has(variable.id) && !fallback.has(variable.id))
      .map(
        (variable) =>
          new ParameterGradient(variable, withOneWidth(pieces.get(variable.id) as Piece[]), batch, step),
      ),
    fallback: variables.filter((variable) => fallback.has(variable.id)),
  };
}

function variablesBehind(
  use: ParameterUse,
  producers: ReturnType<BackwardPass['producersOf']>,
  byId: ReadonlyMap<number, tf.Variable>,
): number[] {
  const inputs = producers.flatMap((node) => Object.values(node.inputs));
  return [use.tensor, ...inputs].map((tensor) => tensor.id).filter((id) => byId.has(id));
}

/**
 * ‖gᵢ‖² of each parameter without a rule, one backward pass an example; undefined where one is not finite.
 */
export function fallbackNorms(
  fallback: readonly tf.Variable[],
  pass: BackwardPass,
  seeds: Seeds,
  batch: number,
  observer?: StepObserver,
): Float64Array[] | undefined {
  const find = () => maskedNorms(fallback, pass, seeds, batch);
  if (observer === undefined) return find();
  // One walk serves all of them.
  return fallback.reduce(
    (inner, variable) => () => {
      const report = { variable, method: 'masked', batch, time: 1, p: 1, d: variable.size } as const;
      return observer.norms(report, inner);
    },
    find,
  )();
}

function maskedNorms(
  fallback: readonly tf.Variable[],
  pass: BackwardPass,
  seeds: Seeds,
  batch: number,
): Float64Array[] | undefined {
  const norms = fallback.map(() => new Float64Array(batch));
  if (fallback.length === 0) return norms;
  for (let i = 0; i < batch; i++) {
    const squares = tf.tidy(() => {
      const one = new Float32Array(batch);
      one[i] = 1;
      const sums = pass.parameterSums(seeds, tf.tensor1d(one));
      return tf
        .stack(
          fallback.map(({ id }) => {
            const sum = sums.get(id);
            return sum === undefined
              ? tf.scalar(0)
              : tf.reshape(rowSums(tf.reshape(tf.square(sum), [1, -1])), []);
          }),
        )
        .dataSync();
    });
    if (!squares.every((square) => Number.isFinite(square))) return undefined;
    squares.forEach((square, k) => {
      (norms[k] as Float64Array)[i] = square;
    });
  }
  return norms;
}

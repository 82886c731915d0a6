import * as tf from '@tensorflow/tfjs-core';
import type { BackwardPass, ParameterUse, Seeds } from './backward.js';
import { RowSquares } from './norm-terms.js';
import { ParameterGradient } from './parameter-gradient.js';
import type { Piece } from './piece.js';
import { viewOf } from './views.js';

/** The gradients that rules describe, and the variables that need the masked fallback. */
export function parameterGradients(
  pass: BackwardPass,
  seeds: Seeds,
  variables: readonly tf.Variable[],
  batch: number,
): { gradients: ParameterGradient[]; fallback: tf.Variable[] } {
  const byId = new Map(variables.map((variable) => [variable.id, variable]));
  const pieces = new Map<number, Piece[]>();
  const fallback = new Set<number>();
  const squares = new RowSquares();
  pass.collectUses(seeds, (use) => {
    const producers = pass.producersOf(use.tensor);
    const view = viewOf(use.tensor, producers, (tensor) => byId.get(tensor.id));
    const piece = view === undefined ? undefined : orient(pass.pieceOf(use), view.order);
    if (view !== undefined && piece !== undefined) {
      const list = pieces.get(view.variable.id) ?? [];
      list.push(view.columns === undefined ? piece : { ...piece, columns: view.columns });
      pieces.set(view.variable.id, list);
      return;
    }
    for (const id of variablesBehind(use, producers, byId)) fallback.add(id);
  });
  return {
    gradients: variables
      .filter((variable) => pieces.has(variable.id) && !fallback.has(variable.id))
      .map((variable) => new ParameterGradient(variable, pieces.get(variable.id) as Piece[], batch, squares)),
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

/** A piece for a transposed view, in the order of the variable itself. */
function orient(piece: Piece | undefined, order: 'same' | 'transposed'): Piece | undefined {
  if (piece === undefined || order === 'same') return piece;
  return piece.kind === 'outer' ? { kind: 'outer', left: piece.right, right: piece.left } : undefined;
}

/** Adds ‖gᵢ‖² over the parameters without rules, one backward pass an example; false where one is not finite. */
export function addFallbackNorms(
  norms: Float64Array,
  fallback: readonly tf.Variable[],
  pass: BackwardPass,
  seeds: Seeds,
): boolean {
  if (fallback.length === 0) return true;
  for (let i = 0; i < norms.length; i++) {
    const square = tf.tidy(() => {
      const one = new Float32Array(norms.length);
      one[i] = 1;
      const sums = pass.parameterSums(seeds, tf.tensor1d(one));
      const squares = fallback.flatMap((variable) => {
        const sum = sums.get(variable.id);
        return sum === undefined ? [] : [tf.sum(tf.square(sum))];
      });
      return squares.length === 0 ? 0 : (tf.addN(squares).dataSync()[0] as number);
    });
    if (!Number.isFinite(square)) return false;
    norms[i] = (norms[i] as number) + square;
  }
  return true;
}

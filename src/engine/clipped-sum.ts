import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { BackwardPass, type ParameterUse, type Seeds } from './backward.js';
import { proveIsolation } from './isolation/isolation.js';
import { ParameterGradient } from './parameter-gradient.js';
import type { Piece } from './piece.js';
import { defaultRules, type OpRule } from './rules/index.js';
import { checkAgainstMaskedBackprop, checkPerturbation } from './self-check.js';
import { recordTape, type Tape } from './tape.js';
import { viewOf } from './views.js';

/**
 * Gradients are clipped to C(1 − η) so that rounding cannot carry a contribution past C. Sums of neighbouring
 * batches in float32 were measured to move by at most 5e-7·C beyond the exact sum; η leaves a factor of seven.
 */
const ROUNDING_MARGIN = 2 ** -18;

declare const clipped: unique symbol;

/**
 * Σᵢ min(1, C/‖gᵢ‖) · gᵢ over the examples of one physical batch, parameter by parameter.
 *
 * Guarantee: adding, removing or zeroing one example moves the concatenation of `sums` by at most C in L2
 * norm; replacing one moves it by at most 2C. It is not private until noise is added.
 */
export interface ClippedSum {
  readonly [clipped]: true;
  /** In the order of the variables given, each in its variable's shape. */
  readonly sums: readonly tf.Tensor[];
  /** Gradients of terms that read no data (regularisers), in the same order; null where there is none. */
  readonly penalties: readonly (tf.Tensor | null)[];
  /** The loss that the function returned, averaged where it returned one an example. Not private. */
  readonly value: tf.Scalar;
  readonly examples: number;
  /** Values computed from the data without noise: never publish them. */
  readonly privateValues: {
    readonly norms: Float32Array;
    readonly clippedExamples: number;
    /** Examples with an infinite or NaN gradient; they contributed exactly zero. */
    readonly nonFiniteExamples: number;
  };
}

export interface ClippingOptions {
  /** C, the bound on one example's L2 norm over all parameters together; Infinity switches clipping off. */
  readonly l2NormClip: number;
}

/**
 * Per-example gradient clipping for functions over `tf.Variable`s.
 *
 * One engine serves one training run. On the first call, and whenever the computation changes, it checks
 * itself against masked back-propagation and perturbs one example; every call proves from the tape that
 * examples stay apart.
 */
export class PerExampleEngine {
  private readonly rules: readonly OpRule[];
  private readonly checked = new Set<string>();
  private readonly perturbed = new Set<string>();
  private keepLeaves = true;

  constructor(options: { readonly rules?: readonly OpRule[] } = {}) {
    this.rules = options.rules ?? defaultRules;
  }

  /**
   * Runs `f` once and returns the clipped sum of its per-example gradients with respect to `variables`.
   *
   * `f` returns either per-example losses, shape [batch], or a scalar that is their mean or sum. The caller
   * disposes the result's tensors. Throws `DP_CROSS_EXAMPLE`, `DP_UNSUPPORTED_OP` or `DP_SELF_CHECK` before
   * anything is changed.
   */
  clippedSum(f: () => tf.Tensor, variables: readonly tf.Variable[], options: ClippingOptions): ClippedSum {
    const { l2NormClip } = options;
    if (!(l2NormClip > 0)) {
      throw new DpError('DP_INVALID_ARGUMENT', `Expected l2NormClip > 0, got ${l2NormClip}.`);
    }
    if (variables.length === 0) {
      throw new DpError('DP_INVALID_ARGUMENT', 'Expected at least one trainable variable, got none.');
    }
    let result: Omit<ClippedSum, typeof clipped> | undefined;
    tf.tidy(() => {
      const tape = recordTape(f, { keepLeaves: this.keepLeaves });
      try {
        result = this.process(tape, variables, l2NormClip);
      } finally {
        tape.dispose();
      }
    });
    return result as ClippedSum;
  }

  private process(
    tape: Tape,
    variables: readonly tf.Variable[],
    l2NormClip: number,
  ): Omit<ClippedSum, typeof clipped> {
    const isolation = proveIsolation(tape);
    const pass = new BackwardPass(tape, isolation, variables, this.rules);
    if (!pass.reachesParameters) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected a loss that depends on at least one of the trainable variables, got one that depends on none.',
      );
    }
    const seeds = pass.seeds();
    const { gradients, fallback } = parameterGradients(pass, seeds, variables, isolation.batch);
    const norms = totalNorms(gradients, fallback, pass, seeds, isolation.batch);
    this.checkOnce(tape, isolation, pass, seeds, gradients, norms);

    const limit = l2NormClip * (1 - ROUNDING_MARGIN);
    const factors = new Float32Array(norms.length);
    let clippedExamples = 0;
    let nonFiniteExamples = 0;
    norms.forEach((square, i) => {
      if (!Number.isFinite(square)) {
        nonFiniteExamples++;
        return;
      }
      const norm = Math.sqrt(square);
      if (norm > l2NormClip) clippedExamples++;
      factors[i] = norm > limit ? limit / norm : 1;
    });
    const weights = tf.tensor1d(factors);
    let usable = gradients;
    if (nonFiniteExamples > 0) {
      const keep = tf.tensor1d(Float32Array.from(norms, (square) => (Number.isFinite(square) ? 1 : 0)));
      usable = gradients.map((gradient) => gradient.masked(keep));
    }
    const sums = new Map<number, tf.Tensor>();
    for (const gradient of usable) sums.set(gradient.variable.id, gradient.weightedSum(weights));
    if (fallback.length > 0 && nonFiniteExamples < norms.length) {
      const all = pass.parameterSums(seeds, weights);
      for (const variable of fallback) {
        const sum = all.get(variable.id);
        if (sum !== undefined) sums.set(variable.id, finiteOrThrow(sum, variable, nonFiniteExamples));
      }
    }
    const penalties = pass.penaltySums(seeds);
    const kept = variables.map((variable) => tf.keep(sums.get(variable.id) ?? tf.zeros(variable.shape)));
    return {
      sums: kept,
      penalties: variables.map((variable) => {
        const penalty = penalties.get(variable.id);
        return penalty === undefined ? null : tf.keep(tf.reshape(penalty, variable.shape));
      }),
      value: tf.keep(tape.value.rank === 0 ? tf.clone(tape.value) : tf.mean(tape.value)) as tf.Scalar,
      examples: isolation.batch,
      privateValues: { norms: norms.map(Math.sqrt), clippedExamples, nonFiniteExamples },
    };
  }

  private checkOnce(
    tape: Tape,
    isolation: ReturnType<typeof proveIsolation>,
    pass: BackwardPass,
    seeds: Seeds,
    gradients: readonly ParameterGradient[],
    norms: Float32Array,
  ): void {
    const signature = tape.calls.map((call) => call.kernelName).join();
    if (!this.checked.has(signature)) {
      checkAgainstMaskedBackprop(pass, seeds, gradients, norms);
      this.checked.add(signature);
    }
    if (!this.perturbed.has(signature) && isolation.batch > 1) {
      if (!this.keepLeaves) {
        // The computation changed: keep the leaves of the next step, so that it can be replayed.
        this.keepLeaves = true;
        return;
      }
      checkPerturbation(tape, isolation);
      this.perturbed.add(signature);
      this.keepLeaves = false;
    }
  }
}

/** The gradients that rules describe, and the variables that need the masked fallback. */
function parameterGradients(
  pass: BackwardPass,
  seeds: Seeds,
  variables: readonly tf.Variable[],
  batch: number,
): { gradients: ParameterGradient[]; fallback: tf.Variable[] } {
  const byId = new Map(variables.map((variable) => [variable.id, variable]));
  const pieces = new Map<number, Piece[]>();
  const fallback = new Set<number>();
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
      .map((variable) => new ParameterGradient(variable, pieces.get(variable.id) as Piece[], batch)),
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

/** ‖gᵢ‖² over all parameters. Variables without a rule cost one backward pass an example. */
function totalNorms(
  gradients: readonly ParameterGradient[],
  fallback: readonly tf.Variable[],
  pass: BackwardPass,
  seeds: Seeds,
  batch: number,
): Float32Array {
  const parts = gradients.map((gradient) => gradient.squaredNorms());
  const norms =
    parts.length === 0
      ? new Float32Array(batch)
      : Float32Array.from((parts.length === 1 ? (parts[0] as tf.Tensor1D) : tf.addN(parts)).dataSync());
  if (fallback.length === 0) return norms;
  for (let i = 0; i < batch; i++) {
    const square = tf.tidy(() => {
      const one = new Float32Array(batch);
      one[i] = 1;
      const sums = pass.parameterSums(seeds, tf.tensor1d(one));
      const squares = fallback.flatMap((variable) => {
        const sum = sums.get(variable.id);
        return sum === undefined ? [] : [tf.sum(tf.square(sum))];
      });
      return squares.length === 0 ? 0 : (tf.addN(squares).dataSync()[0] as number);
    });
    norms[i] = (norms[i] as number) + square;
  }
  return norms;
}

function finiteOrThrow(sum: tf.Tensor, variable: tf.Variable, nonFinite: number): tf.Tensor {
  if (nonFinite === 0) return sum;
  const good = tf.tidy(() => tf.all(tf.isFinite(sum)).dataSync()[0] === 1);
  if (good) return sum;
  throw new DpError(
    'DP_NUMERICAL',
    `Expected finite data: ${nonFinite} example(s) have infinite or NaN gradients, and '${variable.name}' is used ` +
      'by an operation without a rule of its own, where they cannot be masked. Remove them from the data.',
  );
}

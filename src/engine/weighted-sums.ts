import * as tf from '@tensorflow/tfjs-core';
import type { BackwardPass, Seeds } from './backward.js';
import { type ClipGroup, groupFactors, type Rescaling } from './clip-factors.js';
import type { Isolation } from './isolation/isolation.js';
import { NORM_MARGIN } from './norm-terms.js';
import type { ParameterGradient } from './parameter-gradient.js';
import type { Tape } from './tape.js';
import { Weights } from './weights.js';

/**
 * η: gradients are clipped to C(1 − η), so that rounding cannot carry a contribution past C. The first term covers
 * norms and factors. The second covers the sum as it is stored: a float32 of size up to B·C is rounded by up to
 * B·C·2⁻²⁴, in either of two neighbouring batches. 1,024 gradients of one direction were measured to move the
 * stored sum by 1e-4·C more than the exact one, gradients of mixed directions by less than 5e-7·C. B is the public
 * expected size: a margin that followed the real one would tell every example how many others there are.
 */
export const roundingMargin = (expectedBatchSize: number): number =>
  NORM_MARGIN + expectedBatchSize * 2 ** -23;

declare const clipped: unique symbol;

/**
 * Σᵢ min(1, C/‖gᵢ‖) · gᵢ over the examples of one physical batch, parameter by parameter; or the sum that other
 * groups and another rescaling give.
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
    /** ‖gᵢ‖ over all parameters, before clipping. */
    readonly norms: Float32Array;
    /** Examples that exceeded the bound of at least one group. */
    readonly clippedExamples: number;
    /** For each group, the examples whose norm was at most the group's bound. */
    readonly withinClip: readonly number[];
    /** Examples with an infinite or NaN gradient; they contributed exactly zero. */
    readonly nonFiniteExamples: number;
  };
}

export interface ClippingOptions {
  /** C, the bound on one example's L2 norm over all parameters together; Infinity switches clipping off. */
  readonly l2NormClip: number;
  /** Parameters clipped apart from each other, √ΣC² ≤ C; all together unless given. */
  readonly groups?: readonly ClipGroup[];
  /** How norms become factors; `clip` unless given. */
  readonly rescaling?: Rescaling;
  /** Multiplies the sums, their sensitivity and nothing else; 1 unless given. Saves a pass over the parameters. */
  readonly scale?: number;
  /** Public bound on the size of a logical batch, for the rounding margin; 16 unless given. */
  readonly expectedBatchSize?: number;
}

/** One tape walked back to the parameters. */
export interface Walk {
  readonly isolation: Isolation;
  readonly pass: BackwardPass;
  readonly seeds: Seeds;
  readonly gradients: readonly ParameterGradient[];
  /** The variables that no rule serves. */
  readonly fallback: readonly tf.Variable[];
}

/** A walk of which the norms are known. */
interface Measured extends Walk {
  readonly tape: Tape;
  /** Squared norms of every parameter's gradients, by the variable's id. */
  readonly squares: ReadonlyMap<number, Float64Array>;
  readonly bad: ReadonlySet<number>;
  readonly variables: readonly tf.Variable[];
  readonly clipping: Required<ClippingOptions>;
}

/** A clipped sum before the engine vouches for it. */
export type UnbrandedSum = Omit<ClippedSum, typeof clipped>;

/** Clip factors, weighted sums, and what is reported. */
export function weightedSums(measured: Measured): UnbrandedSum {
  const { tape, isolation, pass, seeds, gradients, fallback, squares, bad, variables } = measured;
  const { batch } = isolation;
  const { groups, rescaling, scale, expectedBatchSize } = measured.clipping;
  const margin = roundingMargin(expectedBatchSize);
  const allGood = bad.size === 0;
  const keep = allGood
    ? undefined
    : tf.tensor1d(Float32Array.from({ length: batch }, (_, i) => (bad.has(i) ? 0 : 1)));
  const byId = new Map(gradients.map((gradient) => [gradient.variable.id, gradient]));
  const sums = new Map<number, tf.Tensor>();
  const withinClip: number[] = [];
  const exceeded = new Set<number>();
  for (const { variables: members, l2NormClip } of groups) {
    const norms = total(
      members.flatMap((variable) => squares.get(variable.id) ?? []),
      batch,
    );
    const options = { l2NormClip, rescaling, margin, scale, excluded: bad };
    const { factors, within } = groupFactors(norms, options);
    withinClip.push(within);
    norms.forEach((square, i) => {
      if (Math.sqrt(square) > l2NormClip && !bad.has(i)) exceeded.add(i);
    });
    if (bad.size === batch) continue;
    const weights = new Weights(factors);
    for (const { id } of members) {
      const gradient = byId.get(id);
      if (gradient === undefined) continue;
      sums.set(id, (keep === undefined ? gradient : gradient.masked(keep)).weightedSum(weights));
    }
    const masked = members.filter(({ id }) => fallback.some((variable) => variable.id === id));
    if (masked.length === 0) continue;
    // One example at a time, as the norms were: where an example's terms nearly cancel, a walk with all of them leaves
    // more of it than its norm says, and the factor may multiply that.
    factors.forEach((factor, i) => {
      if (factor === 0) return;
      const added = tf.tidy(() => {
        const own = pass.parameterSums(seeds, tf.tensor1d(factors.map((_, k) => (k === i ? 1 : 0))));
        return masked.map(({ id, shape }) => {
          const term = tf.mul(own.get(id) ?? tf.zeros(shape), factor);
          const before = sums.get(id);
          return before === undefined ? term : tf.add(before, tf.reshape(term, before.shape));
        });
      });
      masked.forEach(({ id }, k) => {
        sums.get(id)?.dispose();
        sums.set(id, added[k] as tf.Tensor);
      });
    });
  }
  const norms = total([...squares.values()], batch);
  const penaltySums = pass.penaltySums(seeds);
  const totals = variables.map((variable) => sums.get(variable.id) ?? tf.zeros(variable.shape));
  const penalties = variables.map((variable) => {
    const penalty = penaltySums.get(variable.id);
    return penalty === undefined ? null : tf.reshape(penalty, variable.shape);
  });
  const value = (tape.value.rank === 0 ? tf.clone(tape.value) : tf.mean(tape.value)) as tf.Scalar;
  // Kept when all are there: one that could not be made leaves none behind.
  for (const tensor of [...totals, ...penalties, value]) if (tensor !== null) tf.keep(tensor);
  return {
    sums: totals,
    penalties,
    value,
    examples: batch,
    privateValues: {
      norms: Float32Array.from(norms, (square, i) =>
        bad.has(i) ? Number.POSITIVE_INFINITY : Math.sqrt(square),
      ),
      clippedExamples: exceeded.size,
      withinClip,
      nonFiniteExamples: bad.size,
    },
  };
}

/** The sum of vectors [batch]. */
export function total(parts: readonly Float64Array[], batch: number): Float64Array {
  const sum = new Float64Array(batch);
  for (const part of parts) for (let i = 0; i < batch; i++) sum[i] = (sum[i] as number) + (part[i] as number);
  return sum;
}

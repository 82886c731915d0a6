import type * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/**
 * From the norms of per-example gradients to the factor that multiplies each of them.
 *
 * Guarantee, for every rule here: factor · norm ≤ C(1 − η) for the group's own C, so that one example contributes
 * at most √Σ C² over the groups. The factor of an example depends on that example alone.
 */

/** Parameters that are clipped together, to a bound of their own. */
export interface ClipGroup {
  readonly variables: readonly tf.Variable[];
  /** C of the group, > 0. */
  readonly l2NormClip: number;
}

/**
 * How a norm becomes a factor.
 *
 * - `clip`: min(1, C/‖g‖) (Abadi et al. 2016, 1607.00133).
 * - `automatic`: C/(‖g‖ + γ) (AUTO-S, Bu et al. 2022, 2206.07136, with γ = `stability`); with γ = 0 every gradient
 *   is normalised to length C, and one that is exactly zero stays zero.
 */
export type Rescaling =
  | { readonly kind: 'clip' }
  | { readonly kind: 'automatic'; readonly stability: number };

/** Factors of one group, and what they tell of the data. */
export interface GroupFactors {
  /** [batch]; zero for excluded examples. */
  readonly factors: Float32Array;
  /** Examples whose norm is at most C. Private. */
  readonly within: number;
}

/**
 * The factors of one group: `squares` are its squared norms [batch], `margin` is η, `scale` multiplies every
 * factor, and the `excluded` examples contribute nothing.
 */
export function groupFactors(
  squares: Float64Array,
  options: {
    readonly l2NormClip: number;
    readonly rescaling: Rescaling;
    readonly margin: number;
    readonly scale: number;
    readonly excluded: ReadonlySet<number>;
  },
): GroupFactors {
  const { l2NormClip, rescaling, margin, scale, excluded } = options;
  const limit = l2NormClip * (1 - margin);
  const factors = new Float32Array(squares.length);
  let within = 0;
  squares.forEach((square, i) => {
    if (excluded.has(i)) return;
    const norm = Math.sqrt(square);
    if (norm <= l2NormClip) within++;
    factors[i] = scale * factorOf(norm, limit, rescaling);
  });
  return { factors, within };
}

function factorOf(norm: number, limit: number, rescaling: Rescaling): number {
  if (rescaling.kind === 'clip') return norm > limit ? limit / norm : 1;
  const divisor = norm + rescaling.stability;
  // Below this a gradient is zero in float32, whatever length it should be given.
  return norm < SMALLEST_NORM ? 0 : limit / divisor;
}

/** Smaller norms lose their digits in float32: the factor would blow up rounding noise to length C. */
const SMALLEST_NORM = 1e-15;

/** Throws `DP_INVALID_ARGUMENT` unless the rule can bound a gradient by C. */
export function requireRescaling(rescaling: Rescaling, l2NormClip: number): void {
  if (rescaling.kind === 'clip') return;
  if (!(rescaling.stability >= 0 && Number.isFinite(rescaling.stability))) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected the stability γ of automatic clipping to be finite and ≥ 0, got ${rescaling.stability}.`,
    );
  }
  if (!Number.isFinite(l2NormClip)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected a finite l2NormClip where gradients are rescaled to it, got Infinity.',
    );
  }
}

/** Throws `DP_INVALID_ARGUMENT` unless the groups hold every variable once and their bounds make up `l2NormClip`. */
export function requireGroups(
  groups: readonly ClipGroup[],
  variables: readonly tf.Variable[],
  l2NormClip: number,
): void {
  const seen = new Set<number>();
  for (const group of groups) {
    if (!(group.l2NormClip > 0)) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected each group's l2NormClip > 0, got ${group.l2NormClip}.`,
      );
    }
    for (const variable of group.variables) {
      if (seen.has(variable.id)) {
        throw new DpError(
          'DP_INVALID_ARGUMENT',
          `Expected each variable in one clipping group, got '${variable.name}' in two.`,
        );
      }
      seen.add(variable.id);
    }
  }
  const missing = variables.find((variable) => !seen.has(variable.id));
  if (missing !== undefined) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected every trained variable in a clipping group, got '${missing.name}' in none: it would not be clipped.`,
    );
  }
  const total = Math.hypot(...groups.map((group) => group.l2NormClip));
  if (Number.isFinite(l2NormClip) && total > l2NormClip * (1 + 1e-12)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected clipping groups with √ΣC² of at most l2NormClip = ${l2NormClip}, got ${total}: the noise would be ` +
        'too small for them.',
    );
  }
}

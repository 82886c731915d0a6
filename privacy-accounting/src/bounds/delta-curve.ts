import { invalidArgument, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';
import type { AccountantName } from '../bound.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';

/**
 * What a mechanism guarantees, as a curve: for every j it is (`epsilons[j]`, `deltas[j]`)-differentially private under
 * `relation`, in both directions. ε ≥ 0 ascending, δ ∈ [0, 1] descending, both upper bounds. All that the ceilings on
 * attacks need: whoever proves more points gets tighter ceilings, and no set of points makes one false.
 */
export interface DeltaCurve {
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantName;
  readonly epsilons: Float64Array;
  readonly deltas: Float64Array;
  /** An upper bound on δ at any ε ≥ 0. */
  deltaAt(epsilon: number): number;
}

/** No attacker is limited by a likelihood ratio above this; e^ε must stay finite. */
export const LARGEST_EPSILON = 700;

/**
 * The curve through points that are known to hold, such as the (ε, δ) of a published guarantee. Sorted; points that
 * others imply are left out. Between points δ is bounded by the chord in e^ε: δ(ε) = sup P(E) − e^ε·Q(E) is convex in e^ε.
 *
 * @example
 * deltaCurveThrough({ relation: 'add-or-remove-one', accountant: 'pld', points: [{ epsilon: 1, delta: 1e-6 }] });
 */
export function deltaCurveThrough(options: {
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantName;
  readonly points: readonly { readonly epsilon: number; readonly delta: number }[];
}): DeltaCurve {
  requireRecord(options, 'options', 'an object { relation, accountant, points }');
  const relation = requireRelation(options.relation);
  if (!Array.isArray(options.points))
    throw invalidArgument('points', 'a list of { epsilon, delta }', options.points);
  const points = options.points.map((point: unknown, i) => {
    const record = requireRecord(point, `points[${i}]`, 'an object { epsilon, delta }');
    const delta = requireNumber(record.delta, `points[${i}].delta`, 'from 0 to 1', (d) => d >= 0 && d <= 1);
    const { epsilon } = record;
    // An accountant's ε = ∞ is an answer, and limits nothing.
    const limit =
      epsilon === Number.POSITIVE_INFINITY ? epsilon : requireEpsilon(epsilon, `points[${i}].epsilon`);
    return { epsilon: limit, delta };
  });
  return curveThrough(relation, options.accountant, points);
}

/** {@link deltaCurveThrough} of checked points. */
export function curveThrough(
  relation: NeighboringRelation,
  accountant: AccountantName,
  points: readonly { readonly epsilon: number; readonly delta: number }[],
): DeltaCurve {
  const ascending = points
    .filter(({ epsilon, delta }) => epsilon <= LARGEST_EPSILON && delta < 1)
    .sort((a, b) => a.epsilon - b.epsilon || a.delta - b.delta);
  const kept: { epsilon: number; delta: number }[] = [];
  for (const point of ascending) {
    if (kept.length === 0 || point.delta < kept.at(-1)!.delta) kept.push(point);
  }
  const epsilons = Float64Array.from(kept, ({ epsilon }) => epsilon);
  const deltas = Float64Array.from(kept, ({ delta }) => delta);
  const deltaAt = (epsilon: number) => chord(epsilons, deltas, requireEpsilon(epsilon));
  return Object.freeze({ relation, accountant, epsilons, deltas, deltaAt });
}

/** The smallest that the points imply: between two of them the chord in e^ε, beyond the ends what DP implies. */
function chord(epsilons: Float64Array, deltas: Float64Array, epsilon: number): number {
  let above = 0;
  while (above < epsilons.length && epsilons[above]! <= epsilon) above++;
  const below = above - 1;
  if (above === epsilons.length) return below < 0 ? 1 : deltas[below]!;
  // Weight of the upper point, (e^ε − e^a)/(e^b − e^a); without a lower point the chord starts at ε = −∞, δ = 1.
  const b = epsilons[above]!;
  const a = below < 0 ? Number.NEGATIVE_INFINITY : epsilons[below]!;
  const weight =
    below < 0 ? Math.exp(epsilon - b) : (Math.exp(epsilon - b) - Math.exp(a - b)) / -Math.expm1(a - b);
  const start = below < 0 ? 1 : deltas[below]!;
  const end = deltas[above]!;
  const inside = Math.min(1, Math.max(0, weight * (1 - 8 * Number.EPSILON)));
  return Math.min(1, (start + (end - start) * inside) * (1 + 4 * Number.EPSILON));
}

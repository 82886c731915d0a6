import type { AccountantName } from '../bound.js';
import type { LossMasses, PrivacyLoss } from '../pld/privacy-loss-distribution.js';
import type { NeighboringRelation } from '../relation.js';
import { curveThrough, type DeltaCurve } from './delta-curve.js';

/** More points than this do not change a ceiling in the sixth digit. */
const LARGEST_SAMPLE = 8192;

/**
 * The curve of a composed privacy loss: δ(ε) = E_P[(1 − e^{ε−L})⁺] at the losses that the distribution holds, ε ≥ 0, the
 * larger of both directions, from its masses. Below 1e-6, and for `deltaAt`, the distribution is asked itself, which is
 * accurate in the far tail, too.
 *
 * The masses dominate the truth, errors inside, so that every point is an upper bound.
 */
export function curveOfLoss(options: {
  readonly loss: PrivacyLoss;
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantName;
}): DeltaCurve {
  const { loss, relation, accountant } = options;
  const directions = loss.directions.map((direction) => hockeyStickOf(direction.masses()));
  const sampled = sample(directions.flatMap(({ losses }) => losses.filter((value) => value > 0)));
  const points = [...sampled, ...crossings(sampled, directions)].map((epsilon) => ({
    epsilon,
    delta: Math.min(
      1,
      directions.reduce((largest, { at }) => Math.max(largest, at(epsilon)), 0),
    ),
  }));
  const curve = curveThrough(relation, accountant, [...points, ...farTail(loss, points)]);
  const deltaAt = (epsilon: number) => {
    const asked = Math.exp(loss.logDelta(epsilon).upper) * (1 + 1e-13);
    return Math.min(curve.deltaAt(epsilon), asked);
  };
  return Object.freeze({ ...curve, deltaAt });
}

/** Below this the error that the masses carry (in `infinityMass`, some 1e-9) would show in δ. */
const RESOLVED = 1e-6;
/** Down to here the distribution is asked itself. */
const SMALLEST = 1e-16;
const TAIL_SAMPLE = 128;

/** δ below 1e-6, from the distribution itself: ε from there to where δ is 1e-16, or to the largest loss that is held. */
function farTail(
  loss: PrivacyLoss,
  points: readonly { readonly epsilon: number; readonly delta: number }[],
): readonly { readonly epsilon: number; readonly delta: number }[] {
  const ascending = [...points].sort((a, b) => a.epsilon - b.epsilon);
  const start = ascending.find(({ delta }) => delta < RESOLVED)?.epsilon ?? ascending.at(-1)!.epsilon;
  const end = Math.min(loss.epsilon(SMALLEST).upper, Math.max(start, ascending.at(-1)!.epsilon));
  return Array.from({ length: TAIL_SAMPLE + 1 }, (_, j) => {
    const epsilon = start + ((end - start) * j) / TAIL_SAMPLE;
    return { epsilon, delta: Math.min(1, Math.exp(loss.logDelta(epsilon).upper) * (1 + 1e-13)) };
  }).filter(({ delta }) => delta < RESOLVED);
}

/**
 * Where the directions' δ change places, between two losses: both are linear in e^ε there, and the larger of them bends. The
 * line of that ε is the edge of the hull that joins the two trade-offs.
 */
function crossings(
  epsilons: readonly number[],
  directions: readonly { readonly at: (epsilon: number) => number }[],
): readonly number[] {
  const [first, second] = directions;
  if (first === undefined || second === undefined) return [];
  const gaps = epsilons.map((epsilon) => first.at(epsilon) - second.at(epsilon));
  return epsilons.slice(1).flatMap((high, j) => {
    const [left, right] = [gaps[j]!, gaps[j + 1]!];
    if (left * right >= 0) return [];
    const low = epsilons[j]!;
    return [Math.min(high, low + Math.log1p((left / (left - right)) * Math.expm1(high - low)))];
  });
}

/** 0 and at most 8,192 of the losses, ascending: every n-th. */
function sample(losses: readonly number[]): readonly number[] {
  const ascending = [0, ...new Set(losses)].sort((a, b) => a - b);
  const stride = Math.ceil(ascending.length / LARGEST_SAMPLE);
  return ascending.filter((_, j) => j % stride === 0 || j === ascending.length - 1);
}

/**
 * ε ↦ E_P[(1 − e^{ε−L})⁺], rounded up. With t the first loss above ε, d = L_t − ε, A_t = Σ_{j ≥ t} P_j and
 * G_t = E_P[(1 − e^{L_t − L})⁺] it is A_t·(1 − e^{−d}) + e^{−d}·G_t + P(∞); G follows from the top down by the same
 * formula. Every term is non-negative.
 */
export function hockeyStickOf({ losses, masses, infinityMass }: LossMasses): {
  readonly losses: readonly number[];
  readonly at: (epsilon: number) => number;
} {
  const n = losses.length;
  const tail = new Float64Array(n + 1);
  const excess = new Float64Array(n + 1);
  for (let j = n - 1; j >= 0; j--) {
    tail[j] = tail[j + 1]! + masses[j]!;
    const gap = j + 1 < n ? losses[j]! - losses[j + 1]! : 0;
    excess[j] = excess[j + 1]! * Math.exp(gap) - tail[j + 1]! * Math.expm1(gap);
  }
  const slack = 1 + 4 * (n + 8) * Number.EPSILON;
  const at = (epsilon: number) => {
    let low = 0;
    let high = n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (losses[middle]! > epsilon) high = middle;
      else low = middle + 1;
    }
    if (low === n) return infinityMass;
    // A little to the left: the difference of two losses is rounded, and δ falls with ε.
    const gap =
      (epsilon - losses[low]!) * (1 + 4 * Number.EPSILON) - 4 * Number.EPSILON * (1 + Math.abs(epsilon));
    return (excess[low]! * Math.exp(gap) - tail[low]! * Math.expm1(gap)) * slack + infinityMass;
  };
  return { losses: [...losses], at };
}

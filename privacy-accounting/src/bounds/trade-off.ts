import { requireNumber, requireRecord } from '../arguments.js';
import type { AccountantName } from '../bound.js';
import { requireMu } from '../gdp/gaussian-delta.js';
import { normalCdf, normalQuantile } from '../gdp/normal-law.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import type { DeltaCurve } from './delta-curve.js';

/**
 * A ceiling on every test that tries to tell neighbouring data sets apart from what was released, whichever of the two
 * it takes for its null hypothesis: its error rates lie on or above the curve f(FPR) ≤ FNR. f is convex, falls, is its
 * own inverse and at most 1 − FPR.
 */
export interface TradeOffBound {
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantName;
  readonly direction: 'upper';
  /** 1 − f(FPR): no test of this false-positive rate ∈ [0, 1] is right more often than that. Rounded up. */
  truePositiveRate(falsePositiveRate: number): number;
  /** f(FPR): every test of this false-positive rate misses at least so often. Rounded down. */
  falseNegativeRate(falsePositiveRate: number): number;
  /** max (TPR − FPR) of any test = the total variation distance. Rounded up. */
  readonly advantage: number;
  /** False-positive rates from 0 to the fixed point f(α) = α between which TPR is linear; none if it is smooth. */
  readonly corners: readonly number[];
}

const requireRate = (value: unknown) =>
  requireNumber(value, 'falsePositiveRate', 'a number from 0 to 1', (rate) => rate >= 0 && rate <= 1);

/**
 * The trade-off that a curve of (ε, δ) implies,
 *
 *   1 − f(α) = min over the curve of min { δ + e^ε·α,  1 − e^{−ε} + e^{−ε}(δ + α),  1 }.
 *
 * With every ε ≥ 0 of the larger δ of the two directions this is the convex hull of both directions' trade-offs, the
 * tightest that is true of both (symmetrisation); with fewer points it lies above.
 *
 * Source: Dong, Roth & Su 2022 (arXiv:1905.02383), Prop. 2.4 and 2.12; Wasserman & Zhou 2010.
 *
 * @example
 * const curve = deltaCurveThrough({ relation: 'replace-one', accountant: 'pld', points: [{ epsilon: 1, delta: 1e-5 }] });
 * tradeOffOf(curve).truePositiveRate(0.01); // 0.027192818…
 */
export function tradeOffOf(curve: DeltaCurve): TradeOffBound {
  const { relation, accountant } = curve;
  const { lines, handovers } = lowerHull(curve);
  const truePositiveRate = (falsePositiveRate: number) => {
    const rate = requireRate(falsePositiveRate);
    let least = 1;
    for (const line of around(lines, handovers, rate)) {
      const decay = Math.exp(-line.epsilon);
      const steep = line.delta + Math.exp(line.epsilon) * rate;
      const flat = -Math.expm1(-line.epsilon) + decay * (line.delta + rate);
      least = Math.min(least, steep, flat);
    }
    return Math.min(1, Math.max(rate, least * (1 + 8 * Number.EPSILON)));
  };
  const advantage = lines.reduce((least, { epsilon, delta }) => {
    const bound = Math.tanh(epsilon / 2) + (2 * delta) / (1 + Math.exp(epsilon));
    return Math.min(least, bound * (1 + 8 * Number.EPSILON));
  }, 1);
  return Object.freeze({
    relation,
    accountant,
    direction: 'upper',
    truePositiveRate,
    falseNegativeRate: (rate: number) => missed(truePositiveRate(rate)),
    advantage,
    corners: handovers.filter((corner) => corner > 0 && corner < (1 - advantage) / 2),
  });
}

/**
 * The exact trade-off of Gaussian releases with μ = sensitivity / noise standard deviation: 1 − f(α) = Φ(Φ⁻¹(α) + μ).
 *
 * Source: Dong, Roth & Su 2022 (arXiv:1905.02383), Def. 3.1.
 *
 * @example
 * gaussianTradeOff({ mu: 1, relation: 'replace-special' }).truePositiveRate(0.1); // 0.38914366…
 */
export function gaussianTradeOff(options: {
  readonly mu: number;
  readonly relation: NeighboringRelation;
}): TradeOffBound {
  requireRecord(options, 'options', 'an object { mu, relation }');
  const mu = requireMu(options.mu);
  const relation = requireRelation(options.relation);
  const truePositiveRate = (falsePositiveRate: number) => {
    const rate = requireRate(falsePositiveRate);
    if (rate === 0) return mu === Number.POSITIVE_INFINITY ? 1 : 0;
    const position = normalQuantile(rate) + mu;
    // An error of 2e-14 (1 + |z|) in z moves Φ by at most φ(z)/Φ(z) ≤ 1 + |z| times as much, relative.
    const rounding = 4e-14 * (1 + Math.abs(position) + mu) * (1 + Math.abs(Math.min(0, position)));
    return Math.min(1, Math.max(rate, normalCdf(position) * (1 + rounding)));
  };
  const advantage = mu === 0 ? 0 : Math.min(1, (1 - 2 * normalCdf(-mu / 2)) * (1 + 1e-14) + 1e-16);
  return Object.freeze({
    relation,
    accountant: 'gdp',
    direction: 'upper',
    truePositiveRate,
    falseNegativeRate: (rate: number) => missed(truePositiveRate(rate)),
    advantage,
    corners: [],
  });
}

function missed(truePositiveRate: number): number {
  return Math.max(0, (1 - truePositiveRate) * (1 - 2 * Number.EPSILON));
}

interface Line {
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * Those lines δ + e^ε·α that are the lowest somewhere left of the fixed point, by falling ε, and where each hands over
 * to the next. Rounding may drop a line that mattered by as much: then the ceiling is higher, and still holds.
 */
function lowerHull({ epsilons, deltas }: DeltaCurve): {
  readonly lines: readonly Line[];
  readonly handovers: readonly number[];
} {
  const lines: Line[] = [];
  const handovers: number[] = [];
  for (let j = epsilons.length - 1; j >= 0; j--) {
    const line = { epsilon: epsilons[j]!, delta: deltas[j]! };
    while (lines.length > 1 && crossing(lines.at(-1)!, line) <= handovers.at(-1)!) {
      lines.pop();
      handovers.pop();
    }
    if (lines.length > 0) handovers.push(crossing(lines.at(-1)!, line));
    lines.push(line);
  }
  return { lines, handovers };
}

/** α at which the line of the larger ε, lower at 0, meets the other: (δ₂ − δ₁)/(e^{ε₁} − e^{ε₂}). */
function crossing(first: Line, second: Line): number {
  return (
    (second.delta - first.delta) / (Math.exp(second.epsilon) * Math.expm1(first.epsilon - second.epsilon))
  );
}

/** The lines to ask at a rate: all when there are few, else those next to the lowest one on either side of f(α) = α. */
function around(lines: readonly Line[], handovers: readonly number[], rate: number): readonly Line[] {
  if (lines.length <= 8) return lines;
  const near = (index: number) => lines.slice(Math.max(0, index - 2), index + 3);
  return [...near(firstAbove(handovers, rate)), ...near(flattest(lines, rate))];
}

function firstAbove(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The index of the line whose mirror image 1 − e^{−ε}(1 − δ − α) is lowest at α: a single valley over the hull. */
function flattest(lines: readonly Line[], rate: number): number {
  const value = ({ epsilon, delta }: Line) => -Math.exp(-epsilon) * (1 - delta - rate);
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(lines[middle]!) <= value(lines[middle + 1]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

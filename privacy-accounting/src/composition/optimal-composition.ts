import { requireEpsilon, requireRecord } from '../arguments.js';
import { bracketRoot } from '../math/index.js';
import { advancedDeltaOf, advancedEpsilonOf, requireTotalDelta } from './advanced-composition.js';
import { sumOfEpsilons } from './basic-composition.js';
import { atomsKept, binomialLoss, hockeyStick, type LossAtoms } from './binomial-loss.js';
import {
  type GridLoss,
  gridSum,
  momentsOf,
  NO_LOSS,
  offGrid,
  onGrid,
  product,
  trimmed,
} from './loss-atoms.js';
import {
  deltaLeft,
  deltaWith,
  type ParameterGroup,
  type PrivacyParameters,
  requireParameters,
} from './parameters.js';

/** Up to this many combinations of all groups but the largest are listed one by one. */
const LARGEST_LISTING = 2 ** 17;
/** More atoms than this of one ε (billions of mechanisms) are not listed: advanced composition answers instead. */
const LARGEST_WINDOW = 2 ** 21;
/** More different ε than this are rounded up to as many: the work grows with their number. */
const LARGEST_VARIETY = 64;
/** Cells of the grid: as many as a standard deviation of the loss, but no more than so many in all. */
const CELLS_PER_DEVIATION = 128;
const LARGEST_GRID = 2 ** 15;

/**
 * The smallest ε at δ that holds for *every* choice of mechanisms that are (εᵢ, δᵢ)-differentially private: the root
 * of 1 − δ = Π (1 − δᵢ)·(1 − E[(1 − e^{ε − L})⁺]), where L is the privacy loss of randomized responses with the εᵢ.
 * The continuous optimum, not the smallest of ε(k − 2i). Mechanisms may be chosen adaptively, but the parameters
 * are fixed beforehand (a filter is for the rest).
 *
 * Exact (to 1e-9 relative, rounded up) when the εᵢ take one or two values, and when the combinations of all but the
 * most frequent are at most 2¹⁷ (in general the problem is #P-complete). Beyond, losses are split onto a
 * grid, which only raises ε, as a rule by less than 1e-3 of it; beyond 64 different εᵢ they are first rounded up to 64.
 * Counts to a million take milliseconds; those beyond some 10⁹ are answered by advanced composition. ∞ when the δᵢ alone exceed δ.
 *
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 3.3; Murtagh & Vadhan 2016 (arXiv:1507.03113): the
 * optimum for different εᵢ, and its approximation from above.
 *
 * @example
 * optimalEpsilon({ mechanisms: [{ epsilon: 0.5, delta: 1e-8, count: 20 }], delta: 1e-5 }); // 9.862425…
 */
export function optimalEpsilon(options: {
  readonly mechanisms: readonly PrivacyParameters[];
  readonly delta: number;
}): number {
  requireRecord(options, 'options', 'an object { mechanisms, delta }');
  const delta = requireTotalDelta(options.delta);
  return new OptimalComposition(requireParameters(options.mechanisms)).epsilonAt(delta);
}

/** The smallest δ at ε ≥ 0: the counterpart of {@link optimalEpsilon}, rounded up. */
export function optimalDelta(options: {
  readonly mechanisms: readonly PrivacyParameters[];
  readonly epsilon: number;
}): number {
  requireRecord(options, 'options', 'an object { mechanisms, epsilon }');
  const epsilon = requireEpsilon(options.epsilon);
  return new OptimalComposition(requireParameters(options.mechanisms)).deltaAt(epsilon);
}

/** {@link optimalEpsilon} and {@link optimalDelta} of one multiset, whose losses are combined once. */
export class OptimalComposition {
  readonly #groups: readonly ParameterGroup[];
  readonly #tooMany: boolean;
  /** True when no grid was needed: the result is the optimum, to rounding. */
  readonly exact: boolean;
  readonly #most: (x: number) => number;
  readonly #rest: LossAtoms;
  readonly #largestLoss: number;

  constructor(groups: readonly ParameterGroup[]) {
    this.#groups = groups;
    const counts = new Map<number, number>();
    for (const { epsilon, count } of groups) {
      if (epsilon > 0) counts.set(epsilon, (counts.get(epsilon) ?? 0) + count);
    }
    const all = [...counts].map(([epsilon, count]) => ({ epsilon, count }));
    this.#tooMany = all.some(({ epsilon, count }) => atomsKept(epsilon, count) > LARGEST_WINDOW);
    const parts = this.#tooMany ? [] : fewer(all);
    const losses = parts.map(({ epsilon, count }) => ({ epsilon, atoms: binomialLoss(epsilon, count) }));
    losses.sort((a, b) => b.atoms.losses.length - a.atoms.losses.length || a.epsilon - b.epsilon);
    const [most, ...others] = losses;
    this.#most =
      most === undefined ? (x) => Math.max(0, -Math.expm1(x)) : hockeyStick(most.atoms, most.epsilon);
    const rest = others.map(({ atoms }) => trimmed(atoms));
    const combinations = rest.reduce((n, { losses: { length } }) => n * length, 1);
    const listable = combinations <= LARGEST_LISTING;
    this.exact = listable && parts.length === counts.size && !this.#tooMany;
    this.#rest = listable ? rest.reduce(product, NO_LOSS) : gridded(rest);
    this.#largestLoss = sumOfEpsilons(groups);
  }

  epsilonAt(delta: number): number {
    if (this.#tooMany) return advancedEpsilonOf(this.#groups, delta);
    const left = deltaLeft(delta, this.#groups);
    if (left === undefined) return Number.POSITIVE_INFINITY;
    const above = this.#largestLoss;
    if (left === 0 || this.#loss(above) > left) return above;
    // Two logarithms are compared: δ itself must not exceed what is left by their rounding.
    const target = Math.log(left) * (1 + 4 * Number.EPSILON) - 4 * Number.EPSILON;
    const excess = (epsilon: number) => Math.log(this.#loss(epsilon)) - target;
    if (excess(0) <= 0) return 0;
    return bracketRoot({
      f: excess,
      bracket: { positive: 0, nonPositive: above },
      tolerance: (epsilon) => 1e-12 * epsilon + Number.MIN_VALUE,
    }).nonPositive;
  }

  deltaAt(epsilon: number): number {
    if (this.#tooMany) return advancedDeltaOf(this.#groups, epsilon);
    if (epsilon >= this.#largestLoss) return deltaWith(0, this.#groups);
    return deltaWith(Math.min(1, this.#loss(epsilon)), this.#groups);
  }

  /** E[(1 − e^{ε − L})⁺], rounded up. */
  #loss(epsilon: number): number {
    const { losses, masses, infinite } = this.#rest;
    let sum = 0;
    for (let j = 0; j < losses.length; j++) {
      const loss = losses[j]!;
      const x = epsilon - loss - 8 * Number.EPSILON * (epsilon + Math.abs(loss));
      sum += masses[j]! * this.#most(x);
    }
    return sum * (1 + (losses.length + 4) * Number.EPSILON) + infinite;
  }
}

interface Part {
  readonly epsilon: number;
  readonly count: number;
}

/** At most 64 values of ε: the others are rounded up to the next of 64 that lie evenly between the extremes. */
function fewer(parts: readonly Part[]): readonly Part[] {
  if (parts.length <= LARGEST_VARIETY) return parts;
  const ascending = [...parts].sort((a, b) => a.epsilon - b.epsilon);
  const lowest = ascending[0]!.epsilon;
  const highest = ascending.at(-1)!.epsilon;
  const rounded = new Map<number, Part>();
  for (const { epsilon, count } of ascending) {
    const slot = Math.max(1, Math.ceil(((epsilon - lowest) / (highest - lowest)) * LARGEST_VARIETY));
    // The largest ε of each slot stands for all of it: they come in ascending order.
    rounded.set(slot, { epsilon, count: count + (rounded.get(slot)?.count ?? 0) });
  }
  return [...rounded.values()];
}

/** The sum of all losses, on a grid that is fine against its standard deviation. */
function gridded(parts: readonly LossAtoms[]): LossAtoms {
  const deviation = Math.sqrt(parts.reduce((sum, atoms) => sum + momentsOf(atoms).variance, 0));
  const range = parts.reduce((sum, { losses }) => sum + losses.at(-1)! - losses[0]!, 0);
  const interval = Math.max(deviation / CELLS_PER_DEVIATION, range / LARGEST_GRID);
  const ascending = [...parts].sort((a, b) => a.losses.length - b.losses.length);
  let sum: GridLoss | undefined;
  for (const atoms of ascending) {
    const next = onGrid(atoms, interval);
    sum = sum === undefined ? next : onGrid(offGrid(gridSum(sum, next)), interval);
  }
  return offGrid(sum!);
}

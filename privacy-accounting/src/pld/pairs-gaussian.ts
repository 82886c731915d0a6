import { DpError } from '../errors.js';
import { millsRatio } from '../math/index.js';
import { type DominatingPair, type LossAtom, type LossContinuum, TAIL_EXPONENT } from './dominating-pair.js';

/** A mixture of unit Gaussians. */
export interface Mixture {
  readonly means: readonly number[];
  /** Positive, of sum 1 up to rounding. */
  readonly weights: readonly number[];
}

/** Beyond so many deviations a Gaussian has less than e^{−TAIL_EXPONENT}. */
const REACH = Math.sqrt(2 * TAIL_EXPONENT);
/** Below this the density at 0 does not underflow, nor the likelihood ratio overflow, wherever either law has mass. */
const LARGE_MEAN = 20;
const INV_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);
const U = 2 ** -53;

/** Nodes (on [0, 1] about the middle) and weights of Gauss–Legendre rules on [−1, 1]. */
const THREE = { nodes: [-0.7745966692414834, 0, 0.7745966692414834], weights: [5 / 9, 8 / 9, 5 / 9] };
const FIVE = {
  nodes: [-0.906179845938664, -0.5384693101056831, 0, 0.5384693101056831, 0.906179845938664],
  weights: [
    0.23692688505618908, 0.47862867049936647, 0.5688888888888889, 0.47862867049936647, 0.23692688505618908,
  ],
};

/**
 * P = Σ wⱼ N(aⱼ, 1) against Q = Σ vₖ N(bₖ, 1), every aⱼ at or above every bₖ. The likelihood ratio is then increasing,
 * because (ln P/Q)′ = E[a | x under P] − E[b | x under Q] ≥ 0, so that a cell of losses is an interval of x.
 *
 * Masses of narrow cells by Gauss–Legendre quadrature, whose error relative to the mass is below 1e-15 as chosen
 * (width · distance from each mean ≤ ½ with five nodes, ≤ 0.02 with three); of wide ones from the tail that is
 * smaller, by Mills' ratio. No mass is ever the difference of two numbers that are close.
 */
export function gaussianMixturePair(options: {
  readonly key: string;
  readonly p: Mixture;
  readonly q: Mixture;
  readonly symmetric: boolean;
}): DominatingPair {
  const { p, q } = options;
  const largest = Math.max(...p.means.map(Math.abs), ...q.means.map(Math.abs));
  const continuum = new GaussianContinuum(p, q);
  const spread = continuum.range[1] - continuum.range[0];
  if (!(spread < 1e300)) {
    throw new DpError(
      'DP_NUMERICAL',
      'The noise is too small, relative to the sensitivity, for float64 to resolve its privacy loss. Use the gdp or ' +
        'rdp accountant.',
    );
  }
  const smallest = Math.min(...p.weights, ...q.weights);
  return {
    key: options.key,
    symmetric: options.symmetric,
    atoms: [],
    continua: [continuum],
    singular: { p: 0, q: 0 },
    sketch: continuum.sketch(),
    relativeError: (512 + 8 * p.means.length) * U,
    // Conditioning of ln Σ w e^{ax − a²/2}, whose exponents are up to |loss| + ln(1/w) and up to REACH·|a|.
    lossRounding: 64 * U * (4 + Math.log(1 / smallest) + 2 * (REACH + largest) * largest),
  };
}

class GaussianContinuum implements LossContinuum {
  readonly lowest: number;
  readonly highest: number;
  readonly range: readonly [number, number];
  readonly #p: Mixture;
  readonly #q: Mixture;
  readonly #from: number;
  readonly #to: number;
  readonly #centres: readonly number[];
  /** Shifted mean of a single two-part mixture against N(0, 1), which inverts in closed form. */
  readonly #simple: { readonly weight: number; readonly mean: number } | undefined;
  /** The last cell's edges, as losses and as x: adjacent cells must share an edge to the last bit. */
  #losses: readonly [number, number] = [Number.NaN, Number.NaN];
  #places: readonly [number, number] = [Number.NaN, Number.NaN];

  constructor(p: Mixture, q: Mixture) {
    this.#p = p;
    this.#q = q;
    this.#centres = [...new Set([...p.means, ...q.means])].sort((a, b) => a - b);
    this.#from = this.#centres[0]! - REACH;
    this.#to = this.#centres[this.#centres.length - 1]! + REACH;
    const base = q.means.length === 1 && q.means[0] === 0;
    if (base && p.means.length === 2 && p.means[0] === 0) {
      this.#simple = { weight: p.weights[1]!, mean: p.means[1]! };
    }
    const least = Math.min(...p.means);
    const most = Math.max(...q.means);
    const lowBase = Math.min(...q.means);
    const highShift = Math.max(...p.means);
    // As x → −∞ the smallest mean of each mixture prevails, as x → ∞ the largest.
    const at = (mixture: Mixture, mean: number) => mixture.weights[mixture.means.indexOf(mean)]!;
    this.lowest =
      least === lowBase ? Math.log(at(p, least)) - Math.log(at(q, least)) : Number.NEGATIVE_INFINITY;
    this.highest =
      highShift === most ? Math.log(at(p, most)) - Math.log(at(q, most)) : Number.POSITIVE_INFINITY;
    if (this.#simple !== undefined) this.lowest = Math.log1p(-this.#simple.weight);
    this.range = [this.loss(this.#from), this.loss(this.#to)];
  }

  loss(x: number): number {
    return logRatio(this.#p, x) - logRatio(this.#q, x);
  }

  cell(a: number, b: number) {
    const from = this.#inverse(a);
    const to = this.#inverse(b);
    this.#losses = [a, b];
    this.#places = [from, to];
    if (!(to > from)) return { p: 0, q: 0 };
    const width = to - from;
    let distance = 1;
    for (const mean of this.#centres) {
      distance = Math.max(distance, Math.abs(from - mean), Math.abs(to - mean));
    }
    const size = width * distance;
    if (size <= 0.02) return this.#quadrature(from, width, THREE);
    if (size <= 0.5) return this.#quadrature(from, width, FIVE);
    return { p: intervalMass(this.#p, from, to), q: intervalMass(this.#q, from, to) };
  }

  sketch(): readonly LossAtom[] {
    const step = 0.125;
    const atoms: LossAtom[] = [];
    let next = this.#from;
    for (const mean of this.#centres) {
      const start = Math.max(next, mean - REACH);
      const count = Math.min(400, Math.ceil((mean + REACH - start) / step));
      for (let i = 0; i < count; i++) {
        const x = start + (i + 0.5) * step;
        atoms.push({ loss: this.loss(x), p: step * density(this.#p, x), q: step * density(this.#q, x) });
      }
      next = Math.max(next, start + count * step);
    }
    return atoms;
  }

  #quadrature(from: number, width: number, rule: typeof THREE) {
    const half = width / 2;
    const middle = from + half;
    let p = 0;
    let q = 0;
    if (this.#simple !== undefined && this.#simple.mean < LARGE_MEAN) {
      const { weight, mean } = this.#simple;
      for (let i = 0; i < rule.nodes.length; i++) {
        const x = middle + half * rule.nodes[i]!;
        const base = rule.weights[i]! * Math.exp((-x * x) / 2);
        q += base;
        p += base * (1 - weight + weight * Math.exp(mean * (x - mean / 2)));
      }
    } else {
      for (let i = 0; i < rule.nodes.length; i++) {
        const x = middle + half * rule.nodes[i]!;
        p += rule.weights[i]! * unscaledDensity(this.#p, x);
        q += rule.weights[i]! * unscaledDensity(this.#q, x);
      }
    }
    return { p: p * half * INV_SQRT_2PI, q: q * half * INV_SQRT_2PI };
  }

  /** x with loss(x) = l to within `lossRounding`; −∞ or ∞ outside of the range. */
  #inverse(l: number): number {
    if (l === this.#losses[1]) return this.#places[1];
    if (l === this.#losses[0]) return this.#places[0];
    if (l <= this.lowest) return Number.NEGATIVE_INFINITY;
    if (l >= this.highest) return Number.POSITIVE_INFINITY;
    if (this.#simple !== undefined) {
      const { weight, mean } = this.#simple;
      // e^l over a small weight could overflow, and an edge at ∞ would take in larger losses.
      const excess =
        l > 30
          ? l + Math.log1p((weight - 1) * Math.exp(-l)) - Math.log(weight)
          : Math.log1p(Math.expm1(l) / weight);
      return Number.isNaN(excess) ? Number.NEGATIVE_INFINITY : excess / mean + mean / 2;
    }
    if (this.#p.means.length === 1 && this.#q.means.length === 1) {
      const a = this.#p.means[0]!;
      const b = this.#q.means[0]!;
      return l / (a - b) + (a + b) / 2;
    }
    return this.#search(l);
  }

  /** Newton's method inside a bracket. */
  #search(l: number): number {
    let low = this.#from - 40;
    let high = this.#to + 40;
    if (this.loss(low) >= l) return Number.NEGATIVE_INFINITY;
    if (this.loss(high) <= l) return Number.POSITIVE_INFINITY;
    let x = Number.isFinite(this.#places[1]) ? this.#places[1] : 0;
    if (!(x > low && x < high)) x = (low + high) / 2;
    for (let i = 0; i < 200; i++) {
      const excess = this.loss(x) - l;
      if (Math.abs(excess) <= 8 * U * (1 + Math.abs(l))) break;
      if (excess > 0) high = x;
      else low = x;
      const next = x - excess / this.#slope(x);
      const step = next > low && next < high ? next : (low + high) / 2;
      if (step === x || high - low <= 4 * U * Math.abs(x)) break;
      x = step;
    }
    return x;
  }

  #slope(x: number): number {
    return posteriorMean(this.#p, x) - posteriorMean(this.#q, x);
  }
}

/** ln Σ wⱼ e^{mⱼx − mⱼ²/2}. */
function logRatio({ means, weights }: Mixture, x: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const mean of means) largest = Math.max(largest, mean * (x - mean / 2));
  if (largest < 1) {
    // Σ w = 1: this form keeps a loss near 0 to its own relative accuracy.
    let sum = 0;
    for (let j = 0; j < means.length; j++) sum += weights[j]! * Math.expm1(means[j]! * (x - means[j]! / 2));
    if (sum > -0.9) return Math.log1p(sum);
  }
  let sum = 0;
  for (let j = 0; j < means.length; j++) {
    sum += weights[j]! * Math.exp(means[j]! * (x - means[j]! / 2) - largest);
  }
  return largest + Math.log(sum);
}

function posteriorMean({ means, weights }: Mixture, x: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const mean of means) largest = Math.max(largest, mean * (x - mean / 2));
  let total = 0;
  let first = 0;
  for (let j = 0; j < means.length; j++) {
    const weight = weights[j]! * Math.exp(means[j]! * (x - means[j]! / 2) - largest);
    total += weight;
    first += weight * means[j]!;
  }
  return first / total;
}

function unscaledDensity({ means, weights }: Mixture, x: number): number {
  let sum = 0;
  for (let j = 0; j < means.length; j++) {
    const z = x - means[j]!;
    sum += weights[j]! * Math.exp((-z * z) / 2);
  }
  return sum;
}

function density(mixture: Mixture, x: number): number {
  return INV_SQRT_2PI * unscaledDensity(mixture, x);
}

function intervalMass({ means, weights }: Mixture, from: number, to: number): number {
  let sum = 0;
  for (let j = 0; j < means.length; j++) sum += weights[j]! * normalMass(from - means[j]!, to - means[j]!);
  return sum;
}

/** Φ(b) − Φ(a) for a < b, from the smaller tails. */
function normalMass(a: number, b: number): number {
  if (a > 0) return upperTail(a) - upperTail(b);
  if (b < 0) return upperTail(-b) - upperTail(-a);
  return 1 - upperTail(-a) - upperTail(b);
}

/** 1 − Φ(z) for z ≥ 0. */
function upperTail(z: number): number {
  if (z > 40) return 0;
  return INV_SQRT_2PI * Math.exp((-z * z) / 2) * millsRatio(z);
}

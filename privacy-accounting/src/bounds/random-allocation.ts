import { requireDelta, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';
import { logDeltaUpper } from '../gdp/gaussian-delta.js';
import { epsilonAt } from '../gdp/gaussian-inverse.js';
import { logNormalCdf } from '../gdp/normal-law.js';
import { forwardTransform, inverseTransform, transformRounding } from '../math/fft.js';

/** One round of T = `steps` Gaussians, of which every record takes part in one, uniformly at random. */
export interface AllocatedRound {
  /** σ: noise standard deviation / clipping norm. */
  readonly noiseMultiplier: number;
  readonly steps: number;
}

/** Cells up to the largest strike; the transform is twice as long. */
const CELLS = 2 ** 16;
/** Exponents of the damping over the transform's length that are tried. */
const DAMPINGS = [0, 8, 24] as const;
/** Relative error of a cell's masses around z: of φ(z) or Φ(z), and of sums of positive terms. */
const cellRounding = (z: number) => 2e-15 * (1 + z * z);
/** Widest piece of a cell, in z, that six nodes integrate to rounding. */
const PANEL = 0.25;
/** The ε that grids end at, in the order in which they are tried. */
const REACHES = [0.05, 0.2, 0.8, 3, 8] as const;
const LARGEST_EPSILON = 8;
const SCANNED = 64;

/**
 * ε at δ of one round of random allocation (balls in bins), add-or-remove-one and replace-special: the larger of both
 * directions, an upper bound, rounded up. Never above the Gaussian's without amplification.
 *
 * @example
 * randomAllocationEpsilon({ noiseMultiplier: 1, steps: 1000 }, { delta: 1e-5 }); // 0.142…
 */
export function randomAllocationEpsilon(round: AllocatedRound, options: { readonly delta: number }): number {
  const { sigma, steps } = requireRound(round);
  requireRecord(options, 'options', 'an object { delta }');
  const delta = requireDelta(options.delta);
  const unamplified = epsilonAt(1 / sigma, delta);
  let epsilon = unamplified;
  // A grid that reaches far is coarse: the shortest that holds the answer, and then one that ends just above it.
  for (const reach of REACHES) {
    const end = Math.min(reach, unamplified);
    const found = smallestEpsilon(new AllocationLaw(sigma, steps, end), end, delta);
    if (found === undefined && reach < unamplified) continue;
    if (found === undefined) break;
    epsilon = Math.min(epsilon, found);
    const closer = Math.min(end, found * 1.05);
    const again = smallestEpsilon(new AllocationLaw(sigma, steps, closer), closer, delta);
    return Math.min(epsilon, again ?? epsilon);
  }
  return epsilon;
}

/**
 * δ at ε ≥ 0 of one round of random allocation: the counterpart of {@link randomAllocationEpsilon}.
 *
 * @example
 * randomAllocationDelta({ noiseMultiplier: 1, steps: 1000 }, { epsilon: 0.15 });
 */
export function randomAllocationDelta(round: AllocatedRound, options: { readonly epsilon: number }): number {
  const { sigma, steps } = requireRound(round);
  requireRecord(options, 'options', 'an object { epsilon }');
  const epsilon = requireEpsilon(options.epsilon);
  const unamplified = Math.exp(logDeltaUpper(1 / sigma, epsilon));
  if (epsilon > LARGEST_EPSILON) return unamplified;
  return Math.min(unamplified, new AllocationLaw(sigma, steps, epsilon).delta(epsilon));
}

/**
 * The law of one round of random allocation, 1 of T, as upper bounds on both its hockey-stick divergences.
 *
 * The pair is P = (1/T) Σ_t N(e_t, σ²I) against Q = N(0, σ²I) and the reverse. Under Q the likelihood ratio P/Q is
 * Y = (1/T) Σ_t W_t with W_t = e^{Z_t/σ − 1/(2σ²)} independent, of mean 1. So, with K(c) = E_Q[(c − Y)⁺],
 *
 *   removed: E_Q[(Y − e^ε)⁺] = 1 − e^ε + K(e^ε),    added: E_Q[(1 − e^ε·Y)⁺] = e^ε·K(e^{−ε}),
 *
 * and K is all that is needed. It grows when W is replaced by anything larger in convex order; so W is moved to the points
 * of a grid, each value to its two neighbours with the mean kept (E[f(W')] ≥ E[f(W)] for convex f, and sums of independent
 * variables keep the order). What lies above the largest strike can't enter K and is dropped. The T-fold convolution is
 * one power of a Fourier transform; masses that wrap around only add to K; the transform's rounding error is bounded from
 * its own spectrum and added. Nothing is left out on the wrong side.
 *
 * Every figure is therefore sound; δ below about 1e-9 is not resolved (the error bound is larger), nor ε above 8, where the
 * unamplified Gaussian is the answer.
 *
 * Source of the pair: Chua et al. 2024 (arXiv:2412.16802); Feldman & Shenfeld 2025 (arXiv:2502.08202).
 */
export class AllocationLaw {
  readonly #steps: number;
  readonly #interval: number;
  /** Edges of cells are rounded, by a few units in the last place of ln W: so is the mean of W, and K by as much. */
  readonly #meanError: number;
  /** For each damping, T·K at the strikes j·interval. */
  readonly #puts: readonly Float64Array[];

  /** Strikes up to T·e^`largest` are covered. */
  constructor(sigma: number, steps: number, largest: number) {
    this.#steps = steps;
    this.#interval = (steps * Math.exp(largest) * (1 + 1e-12)) / (CELLS - 2);
    const masses = cellMasses(sigma, this.#interval);
    this.#meanError = 1e-13 * (1 + 1 / sigma / sigma);
    this.#puts = DAMPINGS.map((damping) => puts(masses, steps, this.#interval, damping));
  }

  /** The larger of both directions' δ. */
  delta(epsilon: number): number {
    return Math.max(this.removed(epsilon), this.added(epsilon));
  }

  /** δ(ε) of P against Q, for any real ε up to `largest`. */
  removed(epsilon: number): number {
    const ratio = Math.exp(epsilon);
    const put = this.#put(ratio * (1 + 4 * Number.EPSILON)) / this.#steps;
    return Math.min(1, Math.max(0, put - Math.expm1(epsilon) + 8 * Number.EPSILON * (1 + ratio)));
  }

  /** δ(ε) of Q against P, for any real ε from −`largest` on. */
  added(epsilon: number): number {
    const put = this.#put(Math.exp(-epsilon) * (1 + 4 * Number.EPSILON)) / this.#steps;
    return Math.min(1, Math.exp(epsilon) * put * (1 + 8 * Number.EPSILON));
  }

  /** T·K(c), linear between grid points, as it is on a grid. */
  #put(ratio: number): number {
    const strike = (ratio * this.#steps) / this.#interval;
    const below = Math.min(CELLS - 2, Math.floor(strike));
    const share = Math.min(1, strike - below);
    let least = Number.POSITIVE_INFINITY;
    for (const put of this.#puts)
      least = Math.min(least, put[below]! * (1 - share) + put[below + 1]! * share);
    return least + this.#meanError * this.#steps;
  }
}

function requireRound(round: AllocatedRound): { readonly sigma: number; readonly steps: number } {
  requireRecord(round, 'round', 'an object { noiseMultiplier, steps }');
  return {
    sigma: requireNumber(
      round.noiseMultiplier,
      'round.noiseMultiplier',
      'a finite number above 0',
      (s) => s > 0,
    ),
    steps: requireNumber(
      round.steps,
      'round.steps',
      'a whole number from 1 to 1,000,000',
      (t) => Number.isInteger(t) && t >= 1 && t <= 1_000_000,
    ),
  };
}

/** The smallest ε up to `end` at which the bound is at most `delta`; it falls, but for its own error, which grows. */
function smallestEpsilon(law: AllocationLaw, end: number, delta: number): number | undefined {
  if (law.delta(0) <= delta) return 0;
  let low = 0;
  for (let j = 1; j <= SCANNED; j++) {
    let high = (end * j) / SCANNED;
    if (law.delta(high) > delta) {
      low = high;
      continue;
    }
    while (high - low > 1e-9 * high) {
      const middle = (low + high) / 2;
      if (law.delta(middle) <= delta) high = middle;
      else low = middle;
    }
    return high;
  }
  return undefined;
}

/** W on the grid: each cell's mass to its two ends, the mean kept; W above the last cell dropped. Rounded up. */
function cellMasses(sigma: number, interval: number): Float64Array {
  const masses = new Float64Array(CELLS);
  const position = (w: number) => sigma * Math.log(w) + 0.5 / sigma;
  let left = position(interval);
  // The lowest cell: P(W < interval), and E[W; W < interval] = Φ(z − 1/σ).
  const lowest = Math.exp(logNormalCdf(left)) * (1 + cellRounding(left));
  const lowestShare = Math.min(lowest, Math.exp(logNormalCdf(left - 1 / sigma)) / interval);
  masses[0] = lowest - lowestShare;
  masses[1] = lowestShare;
  for (let i = 1; i < CELLS - 1; i++) {
    const right = position((i + 1) * interval);
    const { mass, share } = integrate(left, right, i);
    const slack = 1 + cellRounding(Math.max(Math.abs(left), Math.abs(right)));
    masses[i]! += (mass - share) * slack;
    masses[i + 1]! += share * slack;
    left = right;
  }
  return masses;
}

interface Cell {
  /** P(W in the cell). */
  readonly mass: number;
  /** E[(W/interval − i); W in the cell]: what goes to the upper end. */
  readonly share: number;
}

/** Gauss–Legendre nodes and weights of order 6 on [−1, 1], positive half. */
const LEGENDRE = [
  [0.23861918608319693, 0.46791393457269104],
  [0.6612093864662645, 0.36076157304813866],
  [0.932469514203152, 0.17132449237917036],
] as const;

/** The i-th cell, in pieces: W/interval = i·e^{(z − left)/σ} grows from i to i + 1 over it. Positive terms only. */
function integrate(left: number, right: number, i: number): Cell {
  const rate = Math.log1p(1 / i) / (right - left);
  const pieces = Math.max(1, Math.ceil((right - left) / PANEL));
  const half = (right - left) / (2 * pieces);
  let mass = 0;
  let share = 0;
  for (let piece = 0; piece < pieces; piece++) {
    const middle = left + (2 * piece + 1) * half;
    if (Math.abs(middle) > 40) continue;
    for (const [node, weight] of LEGENDRE) {
      for (const z of [middle - half * node, middle + half * node]) {
        const density = weight * Math.exp((-z * z) / 2);
        mass += density;
        share += density * i * Math.expm1(rate * (z - left));
      }
    }
  }
  const scale = half / Math.sqrt(2 * Math.PI);
  return { mass: mass * scale, share: Math.min(mass, share) * scale };
}

/** E[(j·interval − S)⁺] for j = 0 … CELLS − 1, S the sum of `steps` independent copies. Rounded up. */
function puts(masses: Float64Array, steps: number, interval: number, damping: number): Float64Array {
  const size = 2 * CELLS;
  const rate = damping / size;
  const data = new Float64Array(2 * size);
  let total = 0;
  for (let j = 0; j < CELLS; j++) {
    const mass = masses[j]! * Math.exp(-rate * j);
    data[2 * j] = mass;
    total += mass;
  }
  const spectrum = forwardTransform(data);
  const rounding = 2 * transformRounding(size) * total;
  // Σ over frequencies of |error of the power| and of |power|, over the size: bounds on every output's error.
  let powerError = 0;
  let powerSize = 0;
  // The data are real: the upper half of the spectrum mirrors the lower.
  for (let k = 0; k <= CELLS; k++) {
    const twice = k === 0 || k === CELLS ? 1 : 2;
    const re = spectrum[2 * k]!;
    const im = spectrum[2 * k + 1]!;
    const modulus = Math.sqrt(re * re + im * im);
    const grown = Math.exp((steps - 1) * Math.log(modulus + rounding));
    powerError += twice * steps * rounding * grown;
    powerSize += twice * grown * (modulus + rounding);
    raise(spectrum, k, steps);
    if (twice === 1) continue;
    spectrum[2 * (size - k)] = spectrum[2 * k]!;
    spectrum[2 * (size - k) + 1] = -spectrum[2 * k + 1]!;
  }
  const sums = inverseTransform(spectrum);
  const error = ((powerError + transformRounding(size) * powerSize) / size) * (1 + 1e-9);
  const put = new Float64Array(CELLS);
  let below = 0;
  for (let j = 0; j < CELLS - 1; j++) {
    below += Math.max(0, sums[2 * j]! + error) * Math.exp(rate * j) * (1 + 64 * Number.EPSILON);
    put[j + 1] = put[j]! + interval * below;
  }
  const slack = 1 + 4 * CELLS * Number.EPSILON;
  for (let j = 0; j < CELLS; j++) put[j]! *= slack;
  return put;
}

/** The complex number at `k` to the power `exponent`, by squaring. */
function raise(values: Float64Array, k: number, exponent: number): void {
  let re = values[2 * k]!;
  let im = values[2 * k + 1]!;
  let resultRe = 1;
  let resultIm = 0;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) [resultRe, resultIm] = [resultRe * re - resultIm * im, resultRe * im + resultIm * re];
    [re, im] = [re * re - im * im, 2 * re * im];
  }
  values[2 * k] = resultRe;
  values[2 * k + 1] = resultIm;
}

import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import { divergenceOfExcess } from './finite-rdp.js';
import { requireNoiseMultiplier, requireOrder } from './gaussian-rdp.js';
import { logIntegralUpper } from './log-integral.js';
import { LogSum } from './log-space.js';
import { logPowerExcess } from './power-excess.js';

/** Covers the rounding of the integrand; the quadrature's own error estimate is inside. */
const ROUND_UP = 1 + 1e-11;
const REACH = 12;
const PANEL = 3;
const MAX_PANELS = 4000;
/** Probabilities that add up to 1 to within this leave no rest. */
const NO_REST = 1e-15;
const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);

/** Parameters of {@link mixtureOfGaussiansRdp}. */
export interface MixtureOfGaussiansOptions {
  /** σ > 0: the noise standard deviation, in the unit of the sensitivities. */
  readonly noiseMultiplier: number;
  /** cᵢ ≥ 0: by how much the sum moves … */
  readonly sensitivities: readonly number[];
  /** … with probability pᵢ. They add up to 1. */
  readonly probabilities: readonly number[];
  readonly order: number;
}

/**
 * The Rényi divergence of order α > 1, in nats, of N(c, σ²) with random c (= `sensitivities`[i] with
 * `probabilities`[i]) from N(0, σ²): the larger of its two directions, by quadrature with its error inside, rounded
 * up. It bounds a sum to which a record, or a group of records, contributes at random up to c: under add-or-remove-one
 * and replace-special.
 *
 * Poisson-sampled Gaussians are the mixture {0, 1} with {1 − q, q}; a group of k of their records is {0, …, k} with
 * Binomial(k, q) probabilities. Where quadrature would need too many nodes (σ ≪ c), joint convexity bounds both
 * directions: A ≤ Σ pᵢ·e^{α(α−1)cᵢ²/(2σ²)}.
 *
 * Source: Choquette-Choo, Ganesh, Steinke & Thakurta 2024 (arXiv:2310.15526), § 4 (that pair dominates); Ganesh 2024
 * (arXiv:2401.10294), Thm 3.1 (groups).
 *
 * @example
 * mixtureOfGaussiansRdp({ noiseMultiplier: 2, sensitivities: [0, 1, 2], probabilities: [0.81, 0.18, 0.01], order: 4 });
 */
export function mixtureOfGaussiansRdp(options: MixtureOfGaussiansOptions): number {
  requireRecord(options, 'options', 'an object { noiseMultiplier, sensitivities, probabilities, order }');
  const sigma = requireNoiseMultiplier(options.noiseMultiplier);
  const sensitivities = requireList(options.sensitivities, 'sensitivities', (c) => c >= 0, '0 or larger');
  const probabilities = requireList(
    options.probabilities,
    'probabilities',
    (p) => p >= 0 && p <= 1,
    '0 to 1',
  );
  const total = probabilities.reduce((sum, p) => sum + p, 0);
  if (sensitivities.length !== probabilities.length || Math.abs(total - 1) > 1e-9) {
    const expected = `${sensitivities.length} numbers that add up to 1, one for each sensitivity`;
    throw invalidArgument('probabilities', expected, options.probabilities);
  }
  return mixtureOfGaussiansRdpAt(sigma, sensitivities, probabilities, requireOrder(options.order));
}

function requireList(value: unknown, path: string, accepts: (x: number) => boolean, range: string): number[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidArgument(path, 'a list of numbers', value);
  return Array.from(value, (x: unknown, i) =>
    requireNumber(x, `${path}[${i}]`, `a number, ${range}`, accepts),
  );
}

/** {@link mixtureOfGaussiansRdp} of checked arguments. */
export function mixtureOfGaussiansRdpAt(
  sigma: number,
  sensitivities: readonly number[],
  probabilities: readonly number[],
  order: number,
): number {
  const parts = sensitivities
    .map((c, i) => ({ move: c / sigma, p: probabilities[i]! }))
    .filter(({ move, p }) => p > 0 && move > 0);
  if (parts.length === 0) return 0;
  const largest = Math.max(...parts.map(({ move }) => move));
  if (!Number.isFinite(largest)) return Number.POSITIVE_INFINITY;
  const byConvexity = convexityBound(parts, order);
  if (((2 * order - 1) * largest + 2 * REACH) / PANEL > MAX_PANELS) return byConvexity;

  const beta = order - 1;
  const loss = lossOf(parts);
  const density = (x: number) => -(x * x) / 2 - LOG_SQRT_2PI;
  const more = logIntegralUpper({
    f: (x) => logPowerExcess(loss(x), beta) + density(x),
    points: [-REACH, 0, order * largest + REACH],
    width: PANEL,
  });
  const less = logIntegralUpper({
    f: (x) => loss(x) + logPowerExcess(-loss(x), beta) + density(x),
    points: [-beta * largest - REACH, 0, REACH],
    width: PANEL,
  });
  return Math.min(byConvexity, divergenceOfExcess(Math.max(more, less), order, ROUND_UP));
}

interface Part {
  /** c/σ. */
  readonly move: number;
  readonly p: number;
}

function convexityBound(parts: readonly Part[], order: number): number {
  const excess = new LogSum();
  for (const { move, p } of parts) {
    const exponent = (order * (order - 1) * move * move) / 2;
    excess.add(Math.log(p) + (exponent > 40 ? exponent : Math.log(Math.expm1(exponent))));
  }
  return divergenceOfExcess(excess.value, order, ROUND_UP);
}

/** ln Σ pᵢ e^{wᵢ}, wᵢ = x·cᵢ/σ − cᵢ²/(2σ²), with what the parts lack of probability 1 not moving at all. */
function lossOf(parts: readonly Part[]): (x: number) => number {
  const rest = 1 - parts.reduce((sum, { p }) => sum + p, 0);
  return (x) => {
    let excess = 0;
    let top = rest > NO_REST ? 0 : Number.NEGATIVE_INFINITY;
    for (const { move, p } of parts) {
      const w = x * move - (move * move) / 2;
      if (w > top) top = w;
      excess += p * Math.expm1(w);
    }
    // 1 + excess cancels next to 0, and overflows far above: there the sum itself is taken.
    if (excess > -0.5 && excess < 1e300) return Math.log1p(excess);
    let sum = rest > NO_REST ? rest * Math.exp(-top) : 0;
    for (const { move, p } of parts) sum += p * Math.exp(x * move - (move * move) / 2 - top);
    return top + Math.log(sum);
  };
}

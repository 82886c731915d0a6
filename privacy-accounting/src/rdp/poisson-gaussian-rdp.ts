import { requireRecord, requireSamplingProbability } from '../arguments.js';
import { gaussianRdpAt, requireNoiseMultiplier, requireOrder, SMALLEST_DIVERGENCE } from './gaussian-rdp.js';
import { log1pExp } from './log-space.js';
import { logExcessByQuadrature } from './moment-quadrature.js';
import { logExcessBySum } from './moment-sum.js';

/**
 * Covers the rounding of the sum and of the quadrature: the relative error was at most 2.1e-13 in 3,350 random
 * points q ∈ [1e-6, 1 − 1e-6], σ ∈ [0.05, 1000], α ∈ [1.01, 1024] against 40-digit arithmetic. Tenfold margin.
 */
const ROUND_UP = 1 + 2e-12;

/**
 * The Rényi divergence of order α > 1, in nats, of the Gaussian mechanism on a Poisson sample,
 *
 *   RDP(α) = ln A / (α − 1),  A = E_{z ~ N(0, σ²)} [(1 − q + q·e^{(2z − 1)/(2σ²)})^α],
 *
 * with q = `samplingProbability` ∈ (0, 1] and σ = `noiseMultiplier` = noise standard deviation / sensitivity.
 * Integer and fractional orders; relative error below 1e-10 and upwards (an upper bound), also when the
 * divergence is tiny. Holds under add-or-remove-one and replace-special; no formula is known for replace-one.
 *
 * A − 1 is computed, not A: from the binomial expansion at integer orders, whose terms are then all
 * non-negative, and by quadrature at fractional ones. Where the quadrature would need too many nodes
 * (σ below about 0.03) the chord of the convex function α ↦ ln A between integer orders bounds it.
 *
 * Source: Mironov, Talwar & Zhang 2019 (arXiv:1908.10530): Thm 4 and 5 (this direction is the larger), § 3.3.
 *
 * @example
 * poissonGaussianRdp({ samplingProbability: 0.01, noiseMultiplier: 1, order: 1.5 }); // 0.000127253743…
 */
export function poissonGaussianRdp(options: {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly order: number;
}): number {
  requireRecord(options, 'options', 'an object { samplingProbability, noiseMultiplier, order }');
  const q = requireSamplingProbability(options.samplingProbability);
  return poissonGaussianRdpAt(
    q,
    requireNoiseMultiplier(options.noiseMultiplier),
    requireOrder(options.order),
  );
}

/** {@link poissonGaussianRdp} of checked arguments. */
export function poissonGaussianRdpAt(q: number, sigma: number, order: number): number {
  const unsampled = gaussianRdpAt(sigma, order);
  if (q === 1 || unsampled === Number.POSITIVE_INFINITY) return unsampled;
  const divergence = (logMoment(q, sigma, order) / (order - 1)) * ROUND_UP;
  // Sampling never hurts, so the unsampled divergence is a bound too (and the tighter one as q → 1).
  return Math.min(unsampled, Math.max(divergence, SMALLEST_DIVERGENCE));
}

/** ln A. */
function logMoment(q: number, sigma: number, order: number): number {
  if (Number.isInteger(order)) return log1pExp(logExcessBySum(q, sigma, order));
  const excess = logExcessByQuadrature(q, sigma, order);
  if (excess !== undefined) return log1pExp(excess);
  const below = Math.floor(order);
  const above = below + 1;
  const atBelow = below === 1 ? 0 : log1pExp(logExcessBySum(q, sigma, below));
  return (above - order) * atBelow + (order - below) * log1pExp(logExcessBySum(q, sigma, above));
}

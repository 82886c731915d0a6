import { requireEpsilon, requireNumber, requireRecord } from '../arguments.js';
import { millsDifference, millsRatio } from '../math/index.js';

const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);

/** μ = sensitivity / noise standard deviation, 0 … ∞. */
export function requireMu(value: unknown, path = 'mu'): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  return requireNumber(value, path, 'a number, 0 or larger', (mu) => mu >= 0);
}

/**
 * δ(ε) = Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ): the exact trade-off between ε ≥ 0 (nats) and δ of the Gaussian
 * mechanism with μ = sensitivity / noise standard deviation, and of every composition of Gaussians with
 * μ² = Σ μᵢ². The nearest float64 (relative error below 1e-12); 0 when it underflows.
 *
 * Source: Balle & Wang 2018 (arXiv:1805.06530), Thm 8; Dong, Roth & Su 2022 (arXiv:1905.02383), Cor. 1.
 *
 * @example
 * gaussianDelta({ mu: 1, epsilon: 1 }); // 0.126936737…
 */
export function gaussianDelta(options: { readonly mu: number; readonly epsilon: number }): number {
  return Math.exp(gaussianLogDelta(options));
}

/**
 * ln δ(ε) of {@link gaussianDelta}, which does not underflow; −∞ at μ = 0.
 *
 * @example
 * gaussianLogDelta({ mu: 0.1, epsilon: 10 }); // −5007.4…
 */
export function gaussianLogDelta(options: { readonly mu: number; readonly epsilon: number }): number {
  requireRecord(options, 'options', 'an object { mu, epsilon }');
  return logDeltaAt(requireMu(options.mu), requireEpsilon(options.epsilon));
}

/**
 * {@link gaussianLogDelta} of checked arguments. With a = ε/μ − μ/2 and b = ε/μ + μ/2, e^ε φ(b) = φ(a), so that
 * δ = φ(a)·(R(a) − R(b)), R being Mills' ratio: no exponential is ever formed. For a < −1, where δ is above ½,
 * 1 − δ = φ(a)·(R(−a) + R(b)) is the accurate side.
 */
export function logDeltaAt(mu: number, epsilon: number): number {
  if (mu === 0) return Number.NEGATIVE_INFINITY;
  if (mu === Number.POSITIVE_INFINITY) return 0;
  const a = epsilon / mu - mu / 2;
  if (a === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY;
  if (a === Number.NEGATIVE_INFINITY) return 0;
  const logDensity = -(a * a) / 2 - LOG_SQRT_2PI;
  if (a < -1) return Math.log1p(-Math.exp(logDensity) * (millsRatio(-a) + millsRatio(a + mu)));
  return logDensity + Math.log(millsDifference(a, mu));
}

/**
 * {@link logDeltaAt} plus a bound on its rounding error: that of a²/2, and that of a = ε/μ − μ/2, whose terms may
 * be much larger than it, times d ln δ / da = O(1 + |a|). (Measured over 3,422 random points, μ from 1e-12 to 200,
 * against 60 digits: the error was less than a quarter of the bound.)
 */
export function logDeltaUpper(mu: number, epsilon: number): number {
  const logDelta = logDeltaAt(mu, epsilon);
  if (logDelta === Number.NEGATIVE_INFINITY || logDelta === 0) return logDelta;
  const ratio = epsilon / mu;
  const a = ratio - mu / 2;
  const error = 8 * Number.EPSILON * (8 + a * a + (1 + Math.abs(a)) * (ratio + mu / 2));
  return Math.min(0, logDelta + error);
}

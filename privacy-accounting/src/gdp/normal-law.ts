import { bracketRoot, millsRatio } from '../math/index.js';

const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);

/** ln Φ(x), the standard normal law's distribution function; relative error about 1e-15 (1 + x²), −∞ at −∞. */
export function logNormalCdf(x: number): number {
  if (x === Number.POSITIVE_INFINITY) return 0;
  if (x === Number.NEGATIVE_INFINITY) return x;
  if (x > 0) return Math.log1p(-Math.exp(logNormalCdf(-x)));
  return -(x * x) / 2 - LOG_SQRT_2PI + Math.log(millsRatio(-x));
}

/** Φ(x), accurate relative to itself in the lower tail. */
export function normalCdf(x: number): number {
  return x > 0 ? 1 - normalCdf(-x) : Math.exp(logNormalCdf(x));
}

/**
 * Φ⁻¹(p), p ∈ [0, 1]: −∞ at 0, ∞ at 1. Absolute error about 1e-14, from p itself in the lower half; for a p near 1
 * pass 1 − p and change the sign.
 */
export function normalQuantile(p: number): number {
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p === 0.5) return 0;
  const target = Math.log(p);
  // Φ(−x) ≤ ½e^{−x²/2}, so that −√(2 ln(1/p)) lies below the quantile.
  const { nonPositive } = bracketRoot({
    f: (x) => logNormalCdf(x) - target,
    bracket: { positive: 0, nonPositive: -Math.sqrt(-2 * target) - 1 },
    tolerance: (x) => 4 * Number.EPSILON * Math.abs(x) + 1e-300,
  });
  return nonPositive;
}

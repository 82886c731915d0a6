import { requireNumber, requireRecord } from '../arguments.js';
import { normalQuantile } from '../gdp/normal-law.js';
import type { TradeOffBound } from './trade-off.js';

/**
 * The smallest μ with 1 − f(α) ≤ Φ(Φ⁻¹(α) + μ) at every false-positive rate from `minimumFalsePositiveRate` on: no test
 * whose two error rates are both at least that does better than against the Gaussian mechanism of this μ. Rounded up;
 * ∞ when there is none.
 *
 * Not μ-GDP: that would be a statement about every α down to 0, and fails for every release with δ(∞) > 0 and for
 * Poisson-sampled Gaussians long before. The number grows slowly as the rate falls.
 *
 * Between two corners TPR is linear and the Gaussian's is concave, so that only corners, and the smallest rate itself,
 * need to be looked at; beyond the fixed point the curve is its own mirror image.
 *
 * Source: Dong, Roth & Su 2022 (arXiv:1905.02383); Gomez et al. 2025 (arXiv:2503.10945) on reporting it.
 *
 * @example
 * gdpMuOf(gaussianTradeOff({ mu: 0.7, relation: 'replace-special' })); // 0.7
 */
export function gdpMuOf(
  tradeOff: TradeOffBound,
  options: { readonly minimumFalsePositiveRate?: number } = {},
): number {
  requireRecord(tradeOff, 'tradeOff', 'a trade-off');
  const smallest = requireNumber(
    options.minimumFalsePositiveRate ?? 1e-12,
    'minimumFalsePositiveRate',
    'a number above 0 and below 1/2',
    (rate) => rate > 0 && rate < 0.5,
  );
  const rates = [
    smallest,
    (1 - tradeOff.advantage) / 2,
    ...tradeOff.corners.filter((corner) => corner > smallest),
  ];
  let mu = 0;
  for (const rate of rates) {
    if (rate < smallest) continue;
    const attained = tradeOff.truePositiveRate(rate);
    const missed = tradeOff.falseNegativeRate(rate);
    if (missed === 0) return Number.POSITIVE_INFINITY;
    // Each tail from its own probability: 1 − p would have lost what the quantile needs.
    const position = attained < 0.5 ? normalQuantile(attained) : -normalQuantile(missed);
    mu = Math.max(mu, position - normalQuantile(rate));
  }
  return mu === 0 ? 0 : mu * (1 + 1e-12) + 1e-13;
}

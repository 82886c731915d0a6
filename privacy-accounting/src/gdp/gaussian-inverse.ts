import { requireDelta, requireEpsilon, requireRecord } from '../arguments.js';
import { bracketRoot } from '../math/index.js';
import { logDeltaUpper, requireMu } from './gaussian-delta.js';

const RELATIVE = 4 * Number.EPSILON;

/**
 * The smallest ε ≥ 0 (nats) with δ(ε) ≤ δ for the Gaussian mechanism with μ = sensitivity / noise standard
 * deviation: the inverse of {@link gaussianDelta}. Rounded up by the rounding error of δ(ε), so that it is an
 * upper bound; relative error about 1e-14. 0 when δ ≥ δ(0), ∞ for μ = ∞.
 *
 * @example
 * gaussianEpsilon({ mu: 1, delta: 1e-5 }); // 4.377178095681…
 */
export function gaussianEpsilon(options: { readonly mu: number; readonly delta: number }): number {
  requireRecord(options, 'options', 'an object { mu, delta }');
  return epsilonAt(requireMu(options.mu), requireDelta(options.delta));
}

/** {@link gaussianEpsilon} of checked arguments. */
export function epsilonAt(mu: number, delta: number): number {
  if (mu === 0) return 0;
  const target = Math.log(delta);
  const excess = (epsilon: number) => logDeltaUpper(mu, epsilon) - target;
  // At mu²/2 + mu·√(2 ln(1/δ)) δ is at most half the target: Φ(−a) ≤ ½e^{−a²/2}.
  const above = mu * (mu / 2 + Math.sqrt(-2 * target));
  if (above === Number.POSITIVE_INFINITY) return above;
  if (excess(0) <= 0) return 0;
  if (excess(above) > 0) return above * (1 + 1e-9);
  return bracketRoot({
    f: excess,
    bracket: { positive: 0, nonPositive: above },
    tolerance: (epsilon) => RELATIVE * epsilon + Number.MIN_VALUE,
  }).nonPositive;
}

/**
 * The largest μ whose Gaussian mechanism is (ε, δ)-differentially private; 1/μ is the least noise, in units of
 * the sensitivity. Rounded down, so that δ(ε) ≤ δ holds; relative error about 1e-14.
 *
 * @example
 * 1 / gaussianMu({ epsilon: 1, delta: 1e-5 }); // σ = 3.730631634815…
 */
export function gaussianMu(options: { readonly epsilon: number; readonly delta: number }): number {
  requireRecord(options, 'options', 'an object { epsilon, delta }');
  const epsilon = requireEpsilon(options.epsilon);
  const target = Math.log(requireDelta(options.delta));
  const excess = (mu: number) => logDeltaUpper(mu, epsilon) - target;
  let low = 1;
  while (excess(low) > 0) low /= 2;
  let high = low * 2;
  while (excess(high) <= 0) {
    low = high;
    high *= 2;
  }
  return bracketRoot({
    f: excess,
    bracket: { positive: high, nonPositive: low },
    tolerance: (mu) => RELATIVE * mu,
  }).nonPositive;
}

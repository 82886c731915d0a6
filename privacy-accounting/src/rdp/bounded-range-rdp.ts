import { requireNumber, requireRecord } from '../arguments.js';
import { finiteRdpAt } from './finite-rdp.js';
import { requireOrder } from './gaussian-rdp.js';
import { log1mExp } from './log-space.js';

/**
 * The largest Rényi divergence of order α > 1, in nats, of an ε-bounded-range mechanism: one whose privacy losses on a
 * pair of neighbours lie in an interval of length ε = `epsilon`, [t − ε, t] for some t. The exponential mechanism,
 * which selects with probability ∝ e^{ε·score/(2Δ)}, is ε-bounded-range (as is report-noisy-max with Gumbel noise, the
 * same mechanism); it is also ε-private, but its divergences are about a quarter of what that allows. Upper bound,
 * rounded up.
 *
 *   A = max_t [ m·e^{αt} + (1 − m)·e^{α(t−ε)} ],  m = (e^{−t} − e^{−ε}) / (1 − e^{−ε})
 *
 * For given t the two-point pair is the worst, as (P/Q)^α is convex and P/Q has mean 1 under Q. The best t is known in
 * closed form, e^t = (α−1)(1 − e^{−αε}) / (α(e^{−ε} − e^{−αε})); an error in it matters only to second order.
 *
 * Source: Dong, Durfee & Rogers 2020 (arXiv:2004.07223), § 3 (bounded range, and the bound αε²/8 on this).
 *
 * @example
 * exponentialMechanismRdp({ epsilon: 0.1, order: 8 }); // 0.0099…, ε²α/8 = 0.01
 */
export function exponentialMechanismRdp(options: {
  readonly epsilon: number;
  readonly order: number;
}): number {
  requireRecord(options, 'options', 'an object { epsilon, order }');
  const epsilon = requireNumber(options.epsilon, 'epsilon', 'a finite number, 0 or larger', (e) => e >= 0);
  return boundedRangeRdpAt(epsilon, requireOrder(options.order));
}

/** {@link exponentialMechanismRdp} of checked arguments; ∞ for ε = ∞. */
export function boundedRangeRdpAt(epsilon: number, order: number): number {
  if (epsilon === 0 || epsilon === Number.POSITIVE_INFINITY) return epsilon;
  const t = Math.min(
    epsilon,
    Math.max(0, epsilon / 2 + logSinhc(order * epsilon) - logSinhc((order - 1) * epsilon)),
  );
  const logRange = log1mExp(-epsilon);
  const outcomes = [
    { logMass: t < epsilon ? -t + log1mExp(t - epsilon) - logRange : Number.NEGATIVE_INFINITY, loss: t },
    { logMass: t > 0 ? log1mExp(-t) - logRange : Number.NEGATIVE_INFINITY, loss: t - epsilon },
  ];
  return Math.min(epsilon, finiteRdpAt(outcomes, order));
}

/** ln(sinh(x/2) / (x/2)), accurate next to 0, where it is x²/24. */
function logSinhc(x: number): number {
  if (x < 0.1) {
    const x2 = x * x;
    return (x2 / 24) * (1 - x2 / 120 + (x2 * x2) / 7560);
  }
  return x / 2 + Math.log(-Math.expm1(-x) / x);
}

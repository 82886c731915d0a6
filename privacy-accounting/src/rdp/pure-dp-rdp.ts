import { requireNumber, requireRecord } from '../arguments.js';
import { finiteRdpAt, sampledLoss } from './finite-rdp.js';
import { requireOrder } from './gaussian-rdp.js';
import { log1pExp } from './log-space.js';

/**
 * The largest Rényi divergence of order α > 1, in nats, that ε-differential privacy allows:
 *
 *   RDP(α) = ln( (e^{αε} + e^{(1−α)ε}) / (1 + e^ε) ) / (α − 1),
 *
 * which randomized response on one bit attains; below both ε and αε²/2. Upper bound, rounded up. The δ of an (ε, δ)
 * guarantee is not in it: an (ε, δ)-mechanism is one that with probability δ tells everything and otherwise is
 * ε-private, so that its δ is added apart.
 *
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 2.5 (randomized response dominates); Mironov 2017
 * (arXiv:1702.07476), Prop. 5; Bun & Steinke 2016 (arXiv:1605.02065), Prop. 3.3.
 *
 * @example
 * pureDpRdp({ epsilon: 1, order: 2 }); // 0.735…
 */
export function pureDpRdp(options: { readonly epsilon: number; readonly order: number }): number {
  requireRecord(options, 'options', 'an object { epsilon, order }');
  const epsilon = requireNumber(options.epsilon, 'epsilon', 'a finite number, 0 or larger', (e) => e >= 0);
  return pureDpRdpAt(epsilon, requireOrder(options.order));
}

/** {@link pureDpRdp} of checked arguments; ∞ for ε = ∞. */
export function pureDpRdpAt(epsilon: number, order: number): number {
  return poissonPureDpRdpAt(1, epsilon, order);
}

/**
 * The same for an ε-private mechanism on a Poisson sample of rate q, under add-or-remove-one and replace-special: of
 * (1 − q)Q + qP from Q for the two answers P, Q of randomized response, exactly. Exchanging the answers exchanges P
 * and Q, so that the other direction is smaller (see `atWholeOrders`, step 3).
 */
export function poissonPureDpRdpAt(q: number, epsilon: number, order: number): number {
  if (epsilon === 0 || epsilon === Number.POSITIVE_INFINITY) return epsilon;
  const outcomes = [
    { logMass: -log1pExp(epsilon), loss: sampledLoss(q, epsilon) },
    { logMass: -log1pExp(-epsilon), loss: sampledLoss(q, -epsilon) },
  ];
  // ln(1 + q(e^ε − 1)), rounded up, is the largest loss there is.
  return Math.min(outcomes[0]!.loss * (1 + (q < 1 ? 4 * Number.EPSILON : 0)), finiteRdpAt(outcomes, order));
}

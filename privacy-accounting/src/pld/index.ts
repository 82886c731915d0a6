/*
 * Privacy loss distributions: the law of ln(dP/dQ) of a composition, and everything that follows from it.
 *
 * Is: dominating pairs of mechanisms (dominating-pair.ts, one file a family), their discretisation from above
 * (connect-the-dots.ts) and from below (merge-the-dots.ts), composition by tilted Fourier transforms
 * (tilted-composition.ts), bounds on δ(ε), ε(δ) and the trade-off function with every error inside (composed-loss.ts),
 * PldAccountant and CertifiedPldAccountant.
 * Is not: an estimate. Where a pair is not known to dominate, the mechanism is refused.
 * Invariants: lower ≤ truth ≤ upper for the dominating pair; directions are composed apart; the cost does not depend on
 * the number of steps; no NaN.
 */
export { ComposedLoss, type ComposedLossOptions } from './composed-loss.js';
export type { DominatingPair } from './dominating-pair.js';
export { pairForMechanism } from './mechanism-pairs.js';
export {
  type CertifiedBound,
  CertifiedPldAccountant,
  PldAccountant,
  type PldAccountantOptions,
} from './pld-accountant.js';
export type {
  Enclosure,
  LossDirection,
  LossMasses,
  PrivacyLoss,
  PrivacyLossDistribution,
} from './privacy-loss-distribution.js';
export type { PairCount } from './saddle-point.js';

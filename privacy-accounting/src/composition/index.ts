/*
 * Composition of mechanisms of which only (ε, δ) is known.
 *
 * Is: basic, advanced and optimal composition as functions of numbers; amplification by Poisson sampling; PureAccountant
 * (Σ ε) and ApproximateAccountant (the tightest of the three) over events.
 * Is not: for Gaussian noise, whose privacy loss is known in full: an accountant that uses it states less.
 * Invariants: ε and δ are upper bounds, rounded up; parameters are fixed beforehand, the mechanisms need not be; the
 * multiset counts, not its order; no NaN.
 */
export { advancedDelta, advancedEpsilon } from './advanced-composition.js';
export { amplifiedByPoissonSampling } from './amplification.js';
export {
  ApproximateAccountant,
  type CompositionBound,
  type CompositionTheorem,
} from './approximate-accountant.js';
export { basicComposition } from './basic-composition.js';
export { optimalDelta, optimalEpsilon } from './optimal-composition.js';
export type { PrivacyParameters } from './parameters.js';
export { PureAccountant } from './pure-accountant.js';

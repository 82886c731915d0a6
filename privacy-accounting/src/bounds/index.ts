/*
 * What a guarantee means for an attacker: ceilings, from a curve of (ε, δ) or from a Gaussian's μ.
 *
 * Is: the trade-off between false positives and true ones, μ of a trade-off, ceilings on membership, attribute and
 * reconstruction attacks, on poisoning, and on posterior odds; what random allocation costs, and what shuffled batches
 * cost at least.
 * Is not: an audit. Nothing here has seen a model; a ceiling says what no attack can do, not what one did.
 * Invariants: ceilings are upper bounds, rounded up, and carry relation and accountant; a curve with fewer points gives
 * higher ceilings, never false ones; both directions of a relation are covered; no NaN.
 */
export { deltaCurveOf, tradeOffOfAccountant } from './accountant-curve.js';
export {
  type AttackCeiling,
  attributeInferenceSuccess,
  membershipAdvantage,
  membershipSuccess,
  poisonedProbability,
  reconstructionSuccess,
} from './attacks.js';
export { type DeltaCurve, deltaCurveThrough } from './delta-curve.js';
export { gdpMuOf } from './gdp-mu.js';
export { curveOfLoss } from './loss-curve.js';
export { type PosteriorCeiling, posteriorCeiling } from './posterior.js';
export { type AllocatedRound, randomAllocationDelta, randomAllocationEpsilon } from './random-allocation.js';
export { type DeltaFloor, type ShuffledRun, shuffleDeltaFloor } from './shuffle-lower-bound.js';
export { gaussianTradeOff, type TradeOffBound, tradeOffOf } from './trade-off.js';

/*
 * privacy-accounting: how much a differentially private computation reveals about one example.
 *
 * Is: events (what was done), accountants (what that costs), questions (which bound is smallest, curves, what is left),
 * calibration (how much noise a target needs), bounds on attacks, filters and odometers, plain statements. No tfjs and
 * no Node built-in: the same in Node, browsers and workers. The FFT is fft.js; nothing else is depended on.
 * Is not: a mechanism. It adds no noise and sees no data.
 * Invariants: every ε and δ is an upper bound, rounded up, unless its `direction` says otherwise, and carries its
 * relation, unit and accountant; what can't be bounded is refused with a reason; wrong input is a DpError; no NaN is
 * returned.
 */
export type { PrivacyAccountant } from './accountant.js';
export {
  type AccountantName,
  type BoundDirection,
  type DeltaBound,
  type EpsilonBound,
  jsonNumber,
  type PrivacyUnit,
} from './bound.js';
export {
  type AllocatedRound,
  type AttackCeiling,
  attributeInferenceSuccess,
  curveOfLoss,
  type DeltaCurve,
  type DeltaFloor,
  deltaCurveOf,
  deltaCurveThrough,
  gaussianTradeOff,
  gdpMuOf,
  membershipAdvantage,
  membershipSuccess,
  type PosteriorCeiling,
  poisonedProbability,
  posteriorCeiling,
  randomAllocationDelta,
  randomAllocationEpsilon,
  reconstructionSuccess,
  type ShuffledRun,
  shuffleDeltaFloor,
  type TradeOffBound,
  tradeOffOf,
  tradeOffOfAccountant,
} from './bounds/index.js';
export * from './calibration/index.js';
export { type AccountantOptions, ComposingAccountant } from './composing-accountant.js';
export * from './composition/index.js';
export { delta, deltaOf, epsilon, epsilonOf } from './epsilon-of.js';
export { DpError, type DpErrorCode } from './errors.js';
export * from './events/index.js';
export type { Mechanism, MechanismCount } from './events/mechanisms/mechanism.js';
export { readMechanisms } from './events/mechanisms/read-mechanisms.js';
export * from './gdp/index.js';
export * from './matrix/index.js';
export * from './odometer/index.js';
export * from './pld/index.js';
export * from './questions/index.js';
export * from './rdp/index.js';
export { NEIGHBORING_RELATIONS, type NeighboringRelation, requireRelation } from './relation.js';
export * from './statement/index.js';
export * from './zcdp/index.js';

/*
 * privacy-accounting: how much a differentially private computation reveals about one example.
 *
 * Is: events (what was done), accountants (what that costs), calibration (how much noise a target needs), plain
 * statements. Pure TypeScript, no dependency, no Node built-in: the same in Node, browsers and workers.
 * Is not: a mechanism. It adds no noise and sees no data.
 * Invariants: every ε and δ is an upper bound, rounded up, and carries its relation, unit and accountant; what can't
 * be bounded is refused with a reason; wrong input is a DpError; no NaN is returned.
 */
export type { PrivacyAccountant } from './accountant.js';
export { type AccountantName, type DeltaBound, type EpsilonBound, jsonNumber } from './bound.js';
export { type CalibratedNoise, calibrateNoiseMultiplier } from './calibration/index.js';
export { ACCOUNTANT_NAMES, type AccountantChoice, deltaOf, epsilonOf } from './epsilon-of.js';
export { DpError, type DpErrorCode } from './errors.js';
export * from './events/index.js';
export * from './gdp/index.js';
export * from './rdp/index.js';
export { NEIGHBORING_RELATIONS, type NeighboringRelation, requireRelation } from './relation.js';
export * from './statement/index.js';

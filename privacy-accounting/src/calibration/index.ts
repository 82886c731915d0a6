/*
 * Calibration: from a privacy target back to a parameter of the mechanism.
 *
 * Is: any one unknown of DP-SGD, or of any event that a function of it describes, that attains (ε, δ): noise, steps,
 * epochs, batch size, sampling probability, data-set size, or a parameter of one's own; the search that finds it in few
 * evaluations.
 * Is not: a tuning of the model; choosing parameters by looking at results on private data spends budget.
 * Invariants: the answer attains the target, and carries its bound (it errs to the private side); whole numbers are
 * exact, their neighbour was seen to miss; no target is quietly relaxed; approximations are no targets.
 */
export { type CalibrateOptions, calibrate } from './calibrate.js';
export type { DpSgdParameters } from './dp-sgd-plan.js';
export { type CalibratedNoise, calibrateNoiseMultiplier } from './noise-multiplier.js';
export type { Calibration } from './settle.js';
export { UNKNOWN_NAMES, type UnknownName, type UnknownParameter } from './unknowns.js';

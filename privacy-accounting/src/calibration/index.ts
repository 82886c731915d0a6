/*
 * Calibration: from a privacy target back to a parameter of the mechanism.
 *
 * Is: the least noise multiplier that attains (ε, δ), for any event that a function of it describes.
 * Is not: a tuning of the model; choosing parameters by looking at results on private data spends budget.
 * Invariants: the answer attains the target (it errs to the private side); no target is quietly relaxed.
 */
export { type CalibratedNoise, calibrateNoiseMultiplier } from './noise-multiplier.js';

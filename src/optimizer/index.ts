/**
 * The drop-in optimizer: any tfjs optimizer, made differentially private.
 *
 * What it is: a real `tf.Optimizer` that clips per example by one of several strategies, adds secure noise once a
 * logical batch, divides by the public expected batch size, and books every step before its noise is released; with
 * schedules, a bias-corrected Adam and averages of weights beside it. What it is not: it does not sample, and it does
 * not know the data's size or order, so it claims nothing that depends on them.
 *
 * Invariants: only gradients that it noised itself reach the inner optimizer, each set once; what is booked is
 * never less than what was released; saved with a model, it carries its record of the privacy spent.
 */
export * from './clipping/index.js';
export { DpAdamBC, type DpAdamBCOptions, dpAdamBC } from './dp-adam-bc.js';
export { DpOptimizer, dpOptimizer } from './dp-optimizer.js';
export type { DpOptimizerOptions } from './dp-optimizer-options.js';
export { GradientAccumulator } from './gradient-accumulator.js';
export { innerConfig, restoreInner } from './inner-optimizer.js';
export type { NoiseAwareOptimizer } from './noise-aware.js';
export { type NoiseKind, requireNoise } from './noise-kind.js';
export { refuseUnknownKeys } from './option-keys.js';
export type { PrivateCounts } from './private-counts.js';
export { eventOfReleases, SamplerBook } from './sampler-book.js';
export { scheduledReleases } from './scheduled-releases.js';
export * from './schedules/index.js';
export { PassBook } from './step-book.js';
export { type AveragedTarget, WeightAverage, weightAverage } from './weight-average.js';

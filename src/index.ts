/**
 * tfjs-privacy: differentially private training for TensorFlow.js.
 *
 * Three ways in: `dpOptimizer` inside `model.compile` and `model.fit`; the same optimizer in a loop of one's own;
 * `privateFit`, which samples, calibrates and accounts. Accounting comes from `privacy-accounting`, attacks from
 * `tfjs-privacy/audit`, reports from `tfjs-privacy/report`.
 */
export * from 'privacy-accounting';
export { availableBackends, type BackendInfo, doctor, selectBackend } from './backend/index.js';
export {
  type ClippedSum,
  type ClippingOptions,
  defaultRules,
  type OpRule,
  PerExampleEngine,
  type Use,
} from './engine/index.js';
export * from './models/index.js';
export {
  bernoulliSource,
  type GaussianSource,
  gaussianSource,
  type RandomWords,
  secureRandomWords,
  seededRandomWords,
} from './noise/index.js';
export {
  type AdaptiveClipping,
  type AutomaticClipping,
  type AveragedTarget,
  adaptiveClipping,
  automaticClipping,
  type Clipping,
  type ConstantSchedule,
  constantSchedule,
  cosineSchedule,
  DpAdamBC,
  type DpAdamBCOptions,
  DpOptimizer,
  type DpOptimizerOptions,
  dpAdamBC,
  dpOptimizer,
  exponentialSchedule,
  type FlatClipping,
  flatClipping,
  type GroupRule,
  linearSchedule,
  type NoiseAwareOptimizer,
  type NoiseKind,
  normalizedClipping,
  type PerGroupClipping,
  type PerLayerClipping,
  type PrivateCounts,
  perGroupClipping,
  perLayerClipping,
  type RampSchedule,
  type Schedule,
  type StepSchedule,
  scheduleAt,
  stepSchedule,
  WeightAverage,
  weightAverage,
} from './optimizer/index.js';
export {
  type BatchSampler,
  poissonSampler,
  restoreSampler,
  type SamplerState,
  shuffleSampler,
} from './sampling/index.js';
export * from './training/index.js';

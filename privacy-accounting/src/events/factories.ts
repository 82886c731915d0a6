/** The factories of all events, by family: each is a thin, typed name for the parser's validation. */
export {
  epsilonDelta,
  exponentialMechanism,
  gnMax,
  randomizedResponse,
  repeatAndSelect,
  reportNoisyMax,
  zCDP,
} from './factories/claims.js';
export { composed, nonPrivate, noOp, selfComposed, unsupported } from './factories/composition.js';
export {
  cyclicPoisson,
  matrixMechanism,
  singleEpochTreeAggregation,
} from './factories/correlated-noise.js';
export {
  adaptiveClip,
  discreteGaussian,
  discreteLaplace,
  gaussian,
  laplace,
  mixtureOfGaussians,
  vectorDiscreteGaussian,
} from './factories/noise.js';
export {
  poissonSampled,
  randomAllocation,
  sampledWithoutReplacement,
  sampledWithReplacement,
  shuffled,
  truncatedPoissonSampled,
} from './factories/sampling.js';

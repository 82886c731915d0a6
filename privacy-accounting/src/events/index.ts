/*
 * Events: what a mechanism did to the data, written down as data.
 *
 * Is: frozen, JSON-serialisable trees of tagged plain objects; factories and a parser that validate every field
 * and name the path of what they refuse; one reading of a tree, as mechanisms, that accountants share; the event that a
 * group of records sees.
 * Is not: an accountant (an event carries no ε), nor a sampler (whoever samples states the event).
 * Invariants: an event that exists is valid, deeply frozen, at most MAX_EVENT_DEPTH deep; parse ∘ serialise is the
 * identity, with and without the version of the schema; a reading is sound or says `unsupported`, it never guesses.
 */
export type {
  AdaptiveClipEvent,
  ComposedEvent,
  CyclicPoissonEvent,
  DiscreteGaussianEvent,
  DiscreteLaplaceEvent,
  DpEvent,
  DpEventType,
  EpsilonDeltaEvent,
  ExponentialMechanismEvent,
  GaussianEvent,
  GnMaxEvent,
  JsonValue,
  LaplaceEvent,
  MatrixMechanismEvent,
  MatrixParticipation,
  MatrixStrategy,
  MixtureOfGaussiansEvent,
  NonPrivateEvent,
  NoOpEvent,
  PoissonSampledEvent,
  RandomAllocationEvent,
  RandomizedResponseEvent,
  RepeatAndSelectEvent,
  ReportNoisyMaxEvent,
  SampledWithoutReplacementEvent,
  SampledWithReplacementEvent,
  SelfComposedEvent,
  ShuffledEvent,
  SingleEpochTreeAggregationEvent,
  TruncatedPoissonSampledEvent,
  UnsupportedEvent,
  VectorDiscreteGaussianEvent,
  ZCdpEvent,
} from './dp-event.js';
export {
  adaptiveClip,
  composed,
  cyclicPoisson,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  gnMax,
  laplace,
  matrixMechanism,
  mixtureOfGaussians,
  nonPrivate,
  noOp,
  poissonSampled,
  randomAllocation,
  randomizedResponse,
  repeatAndSelect,
  reportNoisyMax,
  sampledWithoutReplacement,
  sampledWithReplacement,
  selfComposed,
  shuffled,
  singleEpochTreeAggregation,
  truncatedPoissonSampled,
  unsupported,
  vectorDiscreteGaussian,
  zCDP,
} from './factories.js';
export { forGroup, MAX_GROUP_SIZE } from './for-group.js';
export {
  DP_EVENT_TYPES,
  EVENT_SCHEMA,
  type EventDocument,
  eventDocument,
  MAX_EVENT_DEPTH,
  parseEvent,
} from './parse.js';

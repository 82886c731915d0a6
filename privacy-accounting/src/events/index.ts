/*
 * Events: what a mechanism did to the data, written down as data.
 *
 * Is: frozen, JSON-serialisable trees of tagged plain objects; factories and a parser that validate every field
 * and name the path of what they refuse; one reading of a tree, as Gaussian releases, that accountants share.
 * Is not: an accountant (an event carries no ε), nor a sampler (whoever samples states the event).
 * Invariants: an event that exists is valid, deeply frozen, at most MAX_EVENT_DEPTH deep; parse ∘ serialise is the
 * identity; a reading is exact or says `unsupported`, it never guesses.
 */
export type {
  ComposedEvent,
  DpEvent,
  DpEventType,
  GaussianEvent,
  NonPrivateEvent,
  NoOpEvent,
  PoissonSampledEvent,
  SelfComposedEvent,
  ShuffledEvent,
  VectorDiscreteGaussianEvent,
} from './dp-event.js';
export {
  composed,
  gaussian,
  nonPrivate,
  noOp,
  poissonSampled,
  selfComposed,
  shuffled,
  vectorDiscreteGaussian,
} from './factories.js';
export { DP_EVENT_TYPES, MAX_EVENT_DEPTH, parseEvent } from './parse.js';

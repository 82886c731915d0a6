import type { ClaimEvent } from './claim-events.js';
import type { CorrelatedNoiseEvent } from './correlated-noise-events.js';
import type { NoiseEvent } from './noise-events.js';
import type { SamplingEvent } from './sampling-events.js';

export type {
  EpsilonDeltaEvent,
  ExponentialMechanismEvent,
  GnMaxEvent,
  RandomizedResponseEvent,
  RepeatAndSelectEvent,
  ReportNoisyMaxEvent,
  ZCdpEvent,
} from './claim-events.js';
export type {
  CyclicPoissonEvent,
  MatrixMechanismEvent,
  MatrixParticipation,
  MatrixStrategy,
  SingleEpochTreeAggregationEvent,
} from './correlated-noise-events.js';
export type {
  AdaptiveClipEvent,
  DiscreteGaussianEvent,
  DiscreteLaplaceEvent,
  GaussianEvent,
  LaplaceEvent,
  MixtureOfGaussiansEvent,
  VectorDiscreteGaussianEvent,
} from './noise-events.js';
export type {
  PoissonSampledEvent,
  RandomAllocationEvent,
  SampledWithoutReplacementEvent,
  SampledWithReplacementEvent,
  ShuffledEvent,
  TruncatedPoissonSampledEvent,
} from './sampling-events.js';

/** Nothing was released. Every relation: ε = 0. */
export interface NoOpEvent {
  readonly type: 'noOp';
}

/** Something was released that has no guarantee, under any relation: ε = ∞. `reason` says why, e.g. `seeded noise`. */
export interface NonPrivateEvent {
  readonly type: 'nonPrivate';
  readonly reason?: string;
}

/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * Something was released that no event describes: no accountant bounds it, under any relation, and none may guess.
 * `reason` says what it was; `original` keeps the record of it, e.g. the JSON of an event of a newer version.
 */
export interface UnsupportedEvent {
  readonly type: 'unsupported';
  readonly reason: string;
  readonly original?: JsonValue;
}

/**
 * Several releases on the same data, each of which may depend on the results of those before it. Sound under the
 * relations under which all of them are.
 */
export interface ComposedEvent {
  readonly type: 'composed';
  readonly events: readonly DpEvent[];
}

/** `event`, `count` times over; repetitions may depend on the results of those before them. */
export interface SelfComposedEvent {
  readonly type: 'selfComposed';
  readonly count: number;
  readonly event: DpEvent;
}

/**
 * What a mechanism did to the data, as a frozen, JSON-serialisable tree: the contract between whoever samples
 * and adds noise, and whoever accounts. Build it with the factories or {@link parseEvent}.
 */
export type DpEvent =
  | NoOpEvent
  | NonPrivateEvent
  | UnsupportedEvent
  | NoiseEvent
  | ClaimEvent
  | SamplingEvent
  | CorrelatedNoiseEvent
  | ComposedEvent
  | SelfComposedEvent;

/** The tag of an event. */
export type DpEventType = DpEvent['type'];

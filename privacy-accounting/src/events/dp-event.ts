/** Nothing was released. */
export interface NoOpEvent {
  readonly type: 'noOp';
}

/** Something was released that has no guarantee: ε = ∞. `reason` says why, e.g. `seeded noise`. */
export interface NonPrivateEvent {
  readonly type: 'nonPrivate';
  readonly reason?: string;
}

/**
 * The sum of every record's contribution plus N(0, (σC)² I), where σ = `noiseMultiplier` and C is the L2 norm
 * to which one record's contribution is clipped. The sensitivity is C under add-or-remove-one and
 * replace-special, 2C under replace-one: σ is always relative to C. σ = 0 is the un-noised sum: ε = ∞.
 */
export interface GaussianEvent {
  readonly type: 'gaussian';
  readonly noiseMultiplier: number;
}

/**
 * The sum of every record's contribution, rounded to the grid γℤᵈ, plus γ·N_ℤ(0, (s/γ)²) in each coordinate: γ =
 * `granularity`, d = `dimension`, s = `standardDeviation` (the discrete Gaussian's parameter; its variance is a little
 * smaller), C = `l2NormClip`, the L2 norm to which one record's contribution is clipped. γ, s and C are in one unit,
 * that of the sum. s = 0 is the un-noised sum: ε = ∞.
 *
 * `l2Sensitivity` ≥ C + γ√d has the rounding inside: neighbours' sums that differ by C differ by up to γ more in each
 * coordinate on the grid. Under replace-one a contribution is exchanged, 2C, and the sum is rounded once:
 * `l2Sensitivity` + C.
 */
export interface VectorDiscreteGaussianEvent {
  readonly type: 'vectorDiscreteGaussian';
  readonly granularity: number;
  readonly dimension: number;
  readonly standardDeviation: number;
  readonly l2NormClip: number;
  readonly l2Sensitivity: number;
}

/** `event` on a fresh sample that holds each record independently with probability q ∈ (0, 1]. */
export interface PoissonSampledEvent {
  readonly type: 'poissonSampled';
  readonly samplingProbability: number;
  readonly event: DpEvent;
}

/**
 * One pass over fixed or shuffled batches: every record takes part in exactly one batch of the pass, and
 * `event` is what is released of that batch. No amplification is claimed. It bounds replace-special and
 * replace-one; under add-or-remove-one a removed record moves the others between batches, and no bound of this
 * form holds.
 */
export interface ShuffledEvent {
  readonly type: 'shuffled';
  readonly event: DpEvent;
}

/** Several releases on the same data, each of which may depend on the results of those before it. */
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
  | GaussianEvent
  | VectorDiscreteGaussianEvent
  | PoissonSampledEvent
  | ShuffledEvent
  | ComposedEvent
  | SelfComposedEvent;

/** The tag of an event. */
export type DpEventType = DpEvent['type'];

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
 * The sum of every record's contribution plus Laplace noise of scale b in each coordinate; `parameter` = b / C, C the
 * L1 norm that bounds one record's contribution. The sensitivity is C under add-or-remove-one and replace-special, 2C
 * under replace-one. parameter = 0 is the un-noised sum: ε = ∞.
 */
export interface LaplaceEvent {
  readonly type: 'laplace';
  readonly parameter: number;
}

/**
 * A whole-number query plus discrete Gaussian noise, P[z] ∝ exp(−z²/2σ²) on ℤ, σ = `sigma`, in one dimension. One
 * record contributes at most ±`sensitivity`, a whole number: Δ under add-or-remove-one and replace-special, 2Δ under
 * replace-one. σ = 0 is the un-noised query: ε = ∞. For vectors there is {@link VectorDiscreteGaussianEvent}.
 */
export interface DiscreteGaussianEvent {
  readonly type: 'discreteGaussian';
  readonly sigma: number;
  readonly sensitivity: number;
}

/**
 * A whole-number query plus discrete Laplace (two-sided geometric) noise, P[z] ∝ exp(−a|z|) on ℤ, a = `parameter` > 0 (an
 * inverse scale, unlike that of `laplace`), in one dimension. One record contributes at most ±`sensitivity`, a whole
 * number: Δ under add-or-remove-one and replace-special, 2Δ under replace-one.
 */
export interface DiscreteLaplaceEvent {
  readonly type: 'discreteLaplace';
  readonly parameter: number;
  readonly sensitivity: number;
}

/**
 * A sum plus N(0, (σC)² I), in which one record's contribution has a random size, drawn independently of everything
 * else: at most cᵢC in L2 norm with probability pᵢ, cᵢ = `sensitivities` ≥ 0, pᵢ = `probabilities`, of sum 1. Poisson
 * sampling is c = (0, 1), p = (1 − q, q); a group of k sampled records has c = 0 … k and binomial p.
 *
 * Sound under add-or-remove-one and replace-special: the record's part is the only difference, and sizes as large as
 * allowed, in one direction, are the worst (Choquette-Choo et al. 2023, arXiv:2310.15526, § 4). Under replace-one
 * both neighbours are mixtures, and no proof is known.
 */
export interface MixtureOfGaussiansEvent {
  readonly type: 'mixtureOfGaussians';
  readonly noiseMultiplier: number;
  readonly sensitivities: readonly number[];
  readonly probabilities: readonly number[];
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

/**
 * One step of adaptive clipping: a clipped sum plus N(0, (σC)² I), σ = `noiseMultiplier`, and with it the count of
 * unclipped records plus N(0, s²), s = `countStandardDeviation`. Every record adds ±½ to the count (its bit *minus ½*),
 * so that its sensitivity is ½; a bit of 0 or 1 would have twice that, and is not this event.
 *
 * Together they are one Gaussian of 1/σ_eff² = 1/σ² + 1/(2s)², relative to C and ½ under add-or-remove-one and
 * replace-special (a blank adds 0 to both), to 2C and 1 under replace-one. σ = 0 or s = 0: ε = ∞.
 * Source: Andrew et al. 2021 (arXiv:1905.03871), Thm 1.
 */
export interface AdaptiveClipEvent {
  readonly type: 'adaptiveClip';
  readonly noiseMultiplier: number;
  readonly countStandardDeviation: number;
}

/** Events that add noise to what records contribute. */
export type NoiseEvent =
  | GaussianEvent
  | LaplaceEvent
  | DiscreteGaussianEvent
  | DiscreteLaplaceEvent
  | MixtureOfGaussiansEvent
  | VectorDiscreteGaussianEvent
  | AdaptiveClipEvent;

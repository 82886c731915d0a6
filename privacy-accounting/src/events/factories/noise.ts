import type {
  AdaptiveClipEvent,
  DiscreteGaussianEvent,
  DiscreteLaplaceEvent,
  GaussianEvent,
  LaplaceEvent,
  MixtureOfGaussiansEvent,
  VectorDiscreteGaussianEvent,
} from '../noise-events.js';
import { buildEvent } from '../parse.js';

/**
 * A clipped sum plus N(0, (σC)² I), σ = `noiseMultiplier` ∈ [0, ∞), C the clipping norm of one record.
 * σ = 0 is accepted and means what it says: no noise, ε = ∞.
 *
 * @example
 * gaussian({ noiseMultiplier: 1.1 });
 */
export function gaussian(options: { readonly noiseMultiplier: number }): GaussianEvent {
  return buildEvent('gaussian', options, 'gaussian') as GaussianEvent;
}

/**
 * A sum plus Laplace noise in each coordinate; `parameter` ∈ [0, ∞) = the noise's scale / the L1 norm that bounds one
 * record's contribution, so that ε = 1/parameter (twice that under replace-one). 0 is no noise: ε = ∞.
 *
 * @example
 * laplace({ parameter: 2 }); // ε = 1/2 when a record is added or removed
 */
export function laplace(options: { readonly parameter: number }): LaplaceEvent {
  return buildEvent('laplace', options, 'laplace') as LaplaceEvent;
}

/**
 * A whole-number query plus discrete Gaussian noise of parameter `sigma` ∈ [0, ∞), in one dimension; one record moves the
 * query by at most `sensitivity`, a whole number from 1.
 *
 * @example
 * discreteGaussian({ sigma: 4, sensitivity: 1 });
 */
export function discreteGaussian(options: {
  readonly sigma: number;
  readonly sensitivity: number;
}): DiscreteGaussianEvent {
  return buildEvent('discreteGaussian', options, 'discreteGaussian') as DiscreteGaussianEvent;
}

/**
 * A whole-number query plus discrete Laplace noise, P[z] ∝ exp(−a|z|), a = `parameter` > 0; one record moves the query by
 * at most `sensitivity`, a whole number from 1, so that ε = parameter · sensitivity.
 *
 * @example
 * discreteLaplace({ parameter: 0.2, sensitivity: 3 }); // ε = 0.6
 */
export function discreteLaplace(options: {
  readonly parameter: number;
  readonly sensitivity: number;
}): DiscreteLaplaceEvent {
  return buildEvent('discreteLaplace', options, 'discreteLaplace') as DiscreteLaplaceEvent;
}

/**
 * A sum plus Gaussian noise in which one record's contribution has the size `sensitivities[i]` with probability
 * `probabilities[i]`; `noiseMultiplier` is in the same unit. Probabilities add up to 1 (within 1e-12).
 *
 * @example
 * mixtureOfGaussians({ noiseMultiplier: 2, sensitivities: [0, 1, 2], probabilities: [0.98, 0.0199, 0.0001] });
 */
export function mixtureOfGaussians(options: {
  readonly noiseMultiplier: number;
  readonly sensitivities: readonly number[];
  readonly probabilities: readonly number[];
}): MixtureOfGaussiansEvent {
  return buildEvent('mixtureOfGaussians', options, 'mixtureOfGaussians') as MixtureOfGaussiansEvent;
}

/**
 * A clipped sum, rounded to the grid γℤᵈ, plus discrete Gaussian noise: γ = `granularity` > 0, d = `dimension` ≥ 1,
 * `standardDeviation` ≥ 0 and `l2NormClip` C > 0, all in the units of the sum. `l2Sensitivity` is by default what
 * rounding demands, C + γ√d rounded up; a smaller one is refused.
 *
 * @example
 * vectorDiscreteGaussian({ granularity: 2 ** -20, dimension: 235_146, standardDeviation: 1.1, l2NormClip: 1 });
 */
export function vectorDiscreteGaussian(options: {
  readonly granularity: number;
  readonly dimension: number;
  readonly standardDeviation: number;
  readonly l2NormClip: number;
  readonly l2Sensitivity?: number;
}): VectorDiscreteGaussianEvent {
  return buildEvent(
    'vectorDiscreteGaussian',
    options,
    'vectorDiscreteGaussian',
  ) as VectorDiscreteGaussianEvent;
}

/**
 * A step of adaptive clipping: the clipped sum with noise of `noiseMultiplier`, and the count of unclipped records, each
 * counted as ±½, with noise of `countStandardDeviation`. Sampled or shuffled like any Gaussian.
 *
 * @example
 * adaptiveClip({ noiseMultiplier: 0.8026, countStandardDeviation: 5 }); // together worth a multiplier of 0.8
 */
export function adaptiveClip(options: {
  readonly noiseMultiplier: number;
  readonly countStandardDeviation: number;
}): AdaptiveClipEvent {
  return buildEvent('adaptiveClip', options, 'adaptiveClip') as AdaptiveClipEvent;
}

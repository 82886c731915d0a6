import type {
  ComposedEvent,
  DpEvent,
  GaussianEvent,
  NonPrivateEvent,
  NoOpEvent,
  PoissonSampledEvent,
  SelfComposedEvent,
  ShuffledEvent,
  VectorDiscreteGaussianEvent,
} from './dp-event.js';
import { buildEvent } from './parse.js';

/** Nothing was released: ε = 0. */
export function noOp(): NoOpEvent {
  return buildEvent('noOp', {}, 'noOp') as NoOpEvent;
}

/**
 * A release without a guarantee: ε = ∞ for everything that contains it.
 *
 * @example
 * nonPrivate({ reason: 'seeded noise' });
 */
export function nonPrivate(options: { readonly reason?: string } = {}): NonPrivateEvent {
  return buildEvent('nonPrivate', options, 'nonPrivate') as NonPrivateEvent;
}

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
 * `event` on a fresh Poisson sample: each record independently with probability q ∈ (0, 1]. True only of a
 * sampler that does just that; shuffled or fixed-size batches are not Poisson samples.
 *
 * @example
 * poissonSampled({ samplingProbability: 256 / 60000, event: gaussian({ noiseMultiplier: 1.1 }) });
 */
export function poissonSampled(options: {
  readonly samplingProbability: number;
  readonly event: DpEvent;
}): PoissonSampledEvent {
  return buildEvent('poissonSampled', options, 'poissonSampled') as PoissonSampledEvent;
}

/**
 * One pass over fixed or shuffled batches, every record in exactly one of them; `event` is what is released of
 * a batch. Bounded under replace-special and replace-one only, without amplification.
 *
 * @example
 * selfComposed({ count: 10, event: shuffled({ event: gaussian({ noiseMultiplier: 4 }) }) }); // ten epochs
 */
export function shuffled(options: { readonly event: DpEvent }): ShuffledEvent {
  return buildEvent('shuffled', options, 'shuffled') as ShuffledEvent;
}

/** Several releases on the same data, adaptively. `composed([])` is nothing at all. */
export function composed(events: readonly DpEvent[]): ComposedEvent {
  return buildEvent('composed', { events }, 'composed') as ComposedEvent;
}

/**
 * `event`, `count` times, adaptively; `count` is a whole number from 0 to 2⁵³ − 1.
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });
 * selfComposed({ count: 10_000, event: step });
 */
export function selfComposed(options: {
  readonly count: number;
  readonly event: DpEvent;
}): SelfComposedEvent {
  return buildEvent('selfComposed', options, 'selfComposed') as SelfComposedEvent;
}

import type { DpEvent } from '../dp-event.js';
import { buildEvent } from '../parse.js';
import type {
  PoissonSampledEvent,
  RandomAllocationEvent,
  SampledWithoutReplacementEvent,
  SampledWithReplacementEvent,
  ShuffledEvent,
  TruncatedPoissonSampledEvent,
} from '../sampling-events.js';

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
 * `event` on a Poisson sample of which at most `maxBatchSize` records are kept, a random subset of it.
 *
 * @example
 * truncatedPoissonSampled({
 *   samplingProbability: 0.01, maxBatchSize: 120, datasetSize: 10_000, event: gaussian({ noiseMultiplier: 1 }),
 * });
 */
export function truncatedPoissonSampled(options: {
  readonly samplingProbability: number;
  readonly maxBatchSize: number;
  readonly datasetSize: number;
  readonly event: DpEvent;
}): TruncatedPoissonSampledEvent {
  return buildEvent(
    'truncatedPoissonSampled',
    options,
    'truncatedPoissonSampled',
  ) as TruncatedPoissonSampledEvent;
}

/**
 * `event` on `sampleSize` different records of `datasetSize`, each set of them equally likely.
 *
 * @example
 * sampledWithoutReplacement({ datasetSize: 60_000, sampleSize: 256, event: gaussian({ noiseMultiplier: 2 }) });
 */
export function sampledWithoutReplacement(options: {
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly event: DpEvent;
}): SampledWithoutReplacementEvent {
  return buildEvent(
    'sampledWithoutReplacement',
    options,
    'sampledWithoutReplacement',
  ) as SampledWithoutReplacementEvent;
}

/**
 * `event` on `sampleSize` independent uniform draws from `datasetSize` records, repetitions included.
 *
 * @example
 * sampledWithReplacement({ datasetSize: 60_000, sampleSize: 256, event: gaussian({ noiseMultiplier: 2 }) });
 */
export function sampledWithReplacement(options: {
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly event: DpEvent;
}): SampledWithReplacementEvent {
  return buildEvent(
    'sampledWithReplacement',
    options,
    'sampledWithReplacement',
  ) as SampledWithReplacementEvent;
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

/**
 * A round of `steps` releases, each record in `selected` of them, a random set for each record by itself; `event` is what
 * is released of one step.
 *
 * @example
 * randomAllocation({ steps: 100, selected: 1, event: gaussian({ noiseMultiplier: 1 }) }); // balls in bins
 */
export function randomAllocation(options: {
  readonly steps: number;
  readonly selected: number;
  readonly event: DpEvent;
}): RandomAllocationEvent {
  return buildEvent('randomAllocation', options, 'randomAllocation') as RandomAllocationEvent;
}

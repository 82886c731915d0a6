import type { DpEvent } from './dp-event.js';

/**
 * `event` on a fresh sample that holds each record independently with probability q ∈ (0, 1]. Gaussians: every
 * relation (under replace-one both neighbours sample the exchanged record, and only the pld accountant has a bound);
 * other noise: add-or-remove-one and replace-special.
 */
export interface PoissonSampledEvent {
  readonly type: 'poissonSampled';
  readonly samplingProbability: number;
  readonly event: DpEvent;
}

/**
 * `event`, of Gaussian noise, on a Poisson sample of rate q of which a uniformly random subset of `maxBatchSize` records
 * is kept when it is larger; `datasetSize` is public, that of the larger of two neighbours. Every relation; a record can
 * displace another, which costs more than q alone. Source: Ganesh 2025 (arXiv:2508.15089).
 */
export interface TruncatedPoissonSampledEvent {
  readonly type: 'truncatedPoissonSampled';
  readonly samplingProbability: number;
  readonly maxBatchSize: number;
  readonly datasetSize: number;
  readonly event: DpEvent;
}

/**
 * `event`, of Gaussian noise, on `sampleSize` different records, each set of them equally likely, of `datasetSize`, which
 * is public. Sound under replace-one and replace-special (both at a sensitivity of 2C: where one neighbour draws the
 * record, the other draws a different one). Not under add-or-remove-one, where the sizes would differ.
 */
export interface SampledWithoutReplacementEvent {
  readonly type: 'sampledWithoutReplacement';
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly event: DpEvent;
}

/**
 * `event`, of Gaussian noise, on `sampleSize` independent uniform draws from `datasetSize` records, which is public; a
 * record that is drawn k times contributes k times. Sound under replace-one and replace-special, as without replacement.
 */
export interface SampledWithReplacementEvent {
  readonly type: 'sampledWithReplacement';
  readonly datasetSize: number;
  readonly sampleSize: number;
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

/**
 * A round of `steps` releases, each of them `event` (of Gaussian noise) on a batch of its own: every record takes part in
 * `selected` of the steps, a uniformly random set of that size, drawn for each record independently of all others. Balls
 * in bins is selected = 1. The whole round is one event. Sound under add-or-remove-one and replace-special; under
 * replace-one no bound is known. (Shuffling, which gives batches a fixed size, is not independent: that is `shuffled`.)
 * Source: Feldman & Shenfeld 2025 (arXiv:2502.08202); Chua et al. 2024 (arXiv:2412.16802).
 */
export interface RandomAllocationEvent {
  readonly type: 'randomAllocation';
  readonly steps: number;
  readonly selected: number;
  readonly event: DpEvent;
}

/** Events that choose the records that another event sees. */
export type SamplingEvent =
  | PoissonSampledEvent
  | TruncatedPoissonSampledEvent
  | SampledWithoutReplacementEvent
  | SampledWithReplacementEvent
  | ShuffledEvent
  | RandomAllocationEvent;

import type { NeighboringRelation } from '../../relation.js';
import type {
  EpsilonDeltaEvent,
  ExponentialMechanismEvent,
  GnMaxEvent,
  RandomizedResponseEvent,
  RepeatAndSelectEvent,
  ReportNoisyMaxEvent,
  ZCdpEvent,
} from '../claim-events.js';
import type { DpEvent } from '../dp-event.js';
import { buildEvent } from '../parse.js';

/**
 * One report of `buckets` values for each record: uniformly random with probability `noiseParameter` ∈ [0, 1], else true.
 *
 * @example
 * randomizedResponse({ noiseParameter: 0.5, buckets: 2 }); // ε = ln 3
 */
export function randomizedResponse(options: {
  readonly noiseParameter: number;
  readonly buckets: number;
}): RandomizedResponseEvent {
  return buildEvent('randomizedResponse', options, 'randomizedResponse') as RandomizedResponseEvent;
}

/**
 * A choice by the exponential mechanism of ε = `epsilon` ≥ 0 under `relation`.
 *
 * @example
 * exponentialMechanism({ epsilon: 0.1, relation: 'add-or-remove-one' });
 */
export function exponentialMechanism(options: {
  readonly epsilon: number;
  readonly relation: NeighboringRelation;
}): ExponentialMechanismEvent {
  return buildEvent('exponentialMechanism', options, 'exponentialMechanism') as ExponentialMechanismEvent;
}

/**
 * The candidate of the largest noisy score: `parameter` = scale of the noise / sensitivity of a score; `monotone` says
 * whether one record moves all scores in one direction (counts do).
 *
 * @example
 * reportNoisyMax({ noise: 'laplace', parameter: 10, monotone: true }); // ε = 0.1 when a record is added or removed
 */
export function reportNoisyMax(options: {
  readonly noise: 'gumbel' | 'laplace' | 'exponential';
  readonly parameter: number;
  readonly monotone: boolean;
}): ReportNoisyMaxEvent {
  return buildEvent('reportNoisyMax', options, 'reportNoisyMax') as ReportNoisyMaxEvent;
}

/**
 * Something proved to be (ε, δ)-DP under `relation`; `epsilon` ≥ 0, `delta` ∈ [0, 1). An event that says more than this
 * gives a smaller ε.
 *
 * @example
 * epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'replace-one' });
 */
export function epsilonDelta(options: {
  readonly epsilon: number;
  readonly delta: number;
  readonly relation: NeighboringRelation;
}): EpsilonDeltaEvent {
  return buildEvent('epsilonDelta', options, 'epsilonDelta') as EpsilonDeltaEvent;
}

/**
 * Something proved to be (ξ, ρ)-zCDP under `relation`; `rho` ≥ 0, `xi` ≥ 0 (default 0).
 *
 * @example
 * zCDP({ rho: 0.5, relation: 'add-or-remove-one' });
 */
export function zCDP(options: {
  readonly rho: number;
  readonly xi?: number;
  readonly relation: NeighboringRelation;
}): ZCdpEvent {
  return buildEvent('zCDP', options, 'zCDP') as ZCdpEvent;
}

/**
 * The best of a random number of runs of `event`: Poisson of mean `mean`, or truncated negative binomial of η = `shape`
 * > −1 (1: geometric, 0: logarithmic). The number must be drawn beforehand, and be used.
 *
 * @example
 * repeatAndSelect({ mean: 10, shape: 1, event: gaussian({ noiseMultiplier: 5 }) });
 */
export function repeatAndSelect(options: {
  readonly mean: number;
  readonly shape: number | 'poisson';
  readonly event: DpEvent;
}): RepeatAndSelectEvent {
  return buildEvent('repeatAndSelect', options, 'repeatAndSelect') as RepeatAndSelectEvent;
}

/**
 * An answer of PATE's noisy plurality, noise of `standardDeviation` ≥ 0 on each count of votes. `logNonPlurality` ≤ 0,
 * if given, makes its bound data-dependent: private itself.
 *
 * @example
 * selfComposed({ count: 1000, event: gnMax({ standardDeviation: 40 }) });
 */
export function gnMax(options: {
  readonly standardDeviation: number;
  readonly logNonPlurality?: number;
}): GnMaxEvent {
  return buildEvent('gnMax', options, 'gnMax') as GnMaxEvent;
}

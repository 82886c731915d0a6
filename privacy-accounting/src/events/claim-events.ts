import type { NeighboringRelation } from '../relation.js';
import type { DpEvent } from './dp-event.js';

/**
 * Each record reports one of k = `buckets` values: its own with probability 1 − p, else one drawn uniformly from all k;
 * p = `noiseParameter`. Reports are local, one for each record: it is sound under replace-one, and under replace-special
 * where a blank reports a uniformly random bucket (where it reports a fixed one, state replace-one). Under
 * add-or-remove-one the number of reports would tell.
 * p = 0 with k ≥ 2 is the truth: ε = ∞.
 */
export interface RandomizedResponseEvent {
  readonly type: 'randomizedResponse';
  readonly noiseParameter: number;
  readonly buckets: number;
}

/**
 * A choice by the exponential mechanism, ε = `epsilon` under `relation`: P[r] ∝ exp(ε·u(r)/2Δ), or exp(ε·u(r)/Δ) with
 * scores that a record moves all up or all down; Δ is the scores' sensitivity under `relation`.
 *
 * Like every claim (`epsilonDelta`, `zCDP`) it holds under `relation` and what follows from it: replace-one implies
 * replace-special (a blank is one of the records that it may be exchanged for); add-or-remove-one implies
 * replace-special where a blank counts as absent; a record exchanged is two steps of add-or-remove-one or of
 * replace-special, with group privacy's price. Nothing else implies add-or-remove-one.
 */
export interface ExponentialMechanismEvent {
  readonly type: 'exponentialMechanism';
  readonly epsilon: number;
  readonly relation: NeighboringRelation;
}

/**
 * The candidate whose score is largest after fresh noise on each score, and nothing but its name. `parameter` = the
 * noise's scale / Δ, Δ the most that one record's presence moves any score; `monotone`: one record's presence moves all
 * scores up, or all down. ε = 2/parameter, half of that when monotone, under add-or-remove-one and replace-special (a
 * blank adds to no score); twice that under replace-one, by two steps. parameter = 0: ε = ∞.
 *
 * `gumbel` noise is the exponential mechanism; `exponential` noise permute-and-flip; `laplace` report-noisy-max proper.
 * Source: Dwork & Roth 2014, Claim 3.9; McKenna & Sheldon 2020 (arXiv:2010.12603); Ding et al. 2021 (arXiv:2105.07260).
 */
export interface ReportNoisyMaxEvent {
  readonly type: 'reportNoisyMax';
  readonly noise: 'gumbel' | 'laplace' | 'exponential';
  readonly parameter: number;
  readonly monotone: boolean;
}

/** Something that was proved to be (`epsilon`, `delta`)-DP under `relation`: see {@link ExponentialMechanismEvent}. */
export interface EpsilonDeltaEvent {
  readonly type: 'epsilonDelta';
  readonly epsilon: number;
  readonly delta: number;
  readonly relation: NeighboringRelation;
}

/**
 * Something that was proved to be (ξ, ρ)-zCDP under `relation`: RDP(α) ≤ ξ + ρα for all α > 1, ξ = `xi`, ρ = `rho`. See
 * {@link ExponentialMechanismEvent}. Source: Bun & Steinke 2016 (arXiv:1605.02065).
 */
export interface ZCdpEvent {
  readonly type: 'zCDP';
  readonly rho: number;
  readonly xi: number;
  readonly relation: NeighboringRelation;
}

/**
 * `event` was run a random number of times, and only the best run's result was looked at. The number of runs was drawn
 * beforehand: Poisson of mean `mean` for `shape` = `poisson`; else from the truncated negative binomial distribution of
 * η = `shape` > −1 (1: geometric, 0: logarithmic) and mean `mean` ≥ 1. Sound under every relation that `event` is sound
 * for. A fixed number of runs is `selfComposed` instead.
 * Source: Papernot & Steinke 2022 (arXiv:2110.03620), Thm 2 and 6.
 */
export interface RepeatAndSelectEvent {
  readonly type: 'repeatAndSelect';
  readonly mean: number;
  readonly shape: number | 'poisson';
  readonly event: DpEvent;
}

/**
 * One query of PATE answered by noisy plurality: N(0, s²) is added to each class's count of teachers' votes, s =
 * `standardDeviation`, and the largest is named. Every record belongs to one teacher, and adding, removing or exchanging
 * it changes no other teacher's records: one vote moves from one class to another, √2 in L2 under every relation.
 * s = 0: ε = ∞. The threshold of confident aggregation is a `gaussian` of its own.
 *
 * `logNonPlurality`: a bound on ln P[answer ≠ plurality] computed from the votes. Bounds that use it are *data-dependent*:
 * they are private themselves, and few accountants give them.
 * Source: Papernot et al. 2018 (arXiv:1802.08908), Prop. 8, Thm 6.
 */
export interface GnMaxEvent {
  readonly type: 'gnMax';
  readonly standardDeviation: number;
  readonly logNonPlurality?: number;
}

/** Events that choose, report or claim, where no sum of contributions is in sight. */
export type ClaimEvent =
  | RandomizedResponseEvent
  | ExponentialMechanismEvent
  | ReportNoisyMaxEvent
  | EpsilonDeltaEvent
  | ZCdpEvent
  | RepeatAndSelectEvent
  | GnMaxEvent;

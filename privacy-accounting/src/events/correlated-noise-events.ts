/**
 * A whole run of `iterations` steps of a matrix mechanism x ↦ Cx + z with `bands` bands, with cyclic Poisson sampling: the
 * records are split once into `bands` groups, each record by itself, groups take turns, and a step samples its group's
 * records independently with probability q = `samplingProbability`. σ = `noiseMultiplier` = deviation of z / (clipping
 * norm × the largest column norm of C).
 *
 * It costs what ⌈iterations / bands⌉ Poisson-sampled Gaussians of (q, σ) cost: C's columns of one group's steps are
 * orthogonal. Add-or-remove-one and replace-special; replace-one when the exchanged record keeps its group.
 * Source: Choquette-Choo et al. 2023 (arXiv:2306.08153), Thm 4.
 */
export interface CyclicPoissonEvent {
  readonly type: 'cyclicPoisson';
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly iterations: number;
  readonly bands: number;
}

/**
 * Tree aggregation of the steps of one epoch, each record in at most one step *of all trees together*; `stepCounts` are
 * the trees' sizes, one for each restart. Every node of a tree gets noise of deviation σC, σ = `noiseMultiplier`.
 * A leaf is in at most ⌊log₂ steps⌋ + 1 nodes, so that the run is one Gaussian of σ / √(that of the largest tree).
 *
 * Sound under replace-special and replace-one (2C); under add-or-remove-one removing a record moves others between
 * steps. Records that return after a restart are a `composed` of several of these; that return without one, a
 * `matrixMechanism` with the strategy `tree`. Source: Kairouz et al. 2021 (arXiv:2103.00039), App. D.1.
 */
export interface SingleEpochTreeAggregationEvent {
  readonly type: 'singleEpochTreeAggregation';
  readonly noiseMultiplier: number;
  readonly stepCounts: readonly number[];
}

/**
 * The lower-triangular matrix C of a matrix mechanism of n steps.
 * - `banded`: `bands` non-zero diagonals; `squaredColumnNorms`, the n entries of the diagonal of CᵀC, are all that
 *   matters when a record's steps are at least `bands` apart: its columns are orthogonal.
 * - `toeplitz`: C[i, j] = coefficients[i − j] (0 from its end on), non-negative and not increasing.
 * - `blt`: a buffered linear Toeplitz matrix, C[i, j] = 1 on the diagonal and Σ_b ω_b θ_b^{i−j−1} below it,
 *   ω = `outputScales` ≥ 0 with Σω ≤ 1, θ = `bufferDecays` ∈ [0, 1): a Toeplitz matrix like the above.
 * - `tree`: the nodes of binary trees over n leaves, each complete node a sum with noise of its own.
 */
export type MatrixStrategy =
  | { readonly type: 'banded'; readonly bands: number; readonly squaredColumnNorms: readonly number[] }
  | { readonly type: 'toeplitz'; readonly coefficients: readonly number[] }
  | {
      readonly type: 'blt';
      readonly outputScales: readonly number[];
      readonly bufferDecays: readonly number[];
    }
  | { readonly type: 'tree' };

/**
 * In which steps one record may take part: in at most one; in `participations` steps exactly `period` apart, from any
 * first one; or in any steps of which two are at least `separation` apart, at most `maxParticipations` of them (when that
 * is missing, as many as fit).
 */
export type MatrixParticipation =
  | { readonly type: 'single' }
  | { readonly type: 'fixed'; readonly participations: number; readonly period: number }
  | { readonly type: 'minSeparation'; readonly separation: number; readonly maxParticipations?: number };

/**
 * A whole run of `steps` steps of a matrix mechanism: x ↦ Cx + z, x the clipped sums of the steps' batches, which may
 * depend on earlier outputs, z independent N(0, (σ·clip)²), σ = `noiseMultiplier`; everything computed from Cx + z is
 * free. It is one Gaussian of σ / sens, sens = the largest ‖C u‖ over what one record may contribute.
 *
 * Sound under replace-special and replace-one (twice the sensitivity), with the participation of every record the same in
 * both neighbours; under add-or-remove-one removing a record moves others between steps. No amplification by sampling.
 * Source: Denisov et al. 2022 (arXiv:2202.08312), Thm 2.1; Choquette-Choo et al. 2023 (arXiv:2211.06530).
 */
export interface MatrixMechanismEvent {
  readonly type: 'matrixMechanism';
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly strategy: MatrixStrategy;
  readonly participation: MatrixParticipation;
}

/** Events whose noise is shared between steps: each describes a whole run. */
export type CorrelatedNoiseEvent =
  | CyclicPoissonEvent
  | SingleEpochTreeAggregationEvent
  | MatrixMechanismEvent;

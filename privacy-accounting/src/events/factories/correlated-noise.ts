import type {
  CyclicPoissonEvent,
  MatrixMechanismEvent,
  MatrixParticipation,
  MatrixStrategy,
  SingleEpochTreeAggregationEvent,
} from '../correlated-noise-events.js';
import { buildEvent } from '../parse.js';

/**
 * A run of a banded matrix mechanism with cyclic Poisson sampling; q is the rate within a group, `noiseMultiplier`
 * relative to the largest column norm.
 *
 * @example
 * cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 2, iterations: 2000, bands: 10 });
 */
export function cyclicPoisson(options: {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly iterations: number;
  readonly bands: number;
}): CyclicPoissonEvent {
  return buildEvent('cyclicPoisson', options, 'cyclicPoisson') as CyclicPoissonEvent;
}

/**
 * Tree aggregation of one epoch; `stepCounts` are the sizes of its trees, and every record is in one step of all of them.
 *
 * @example
 * singleEpochTreeAggregation({ noiseMultiplier: 8.83, stepCounts: [128] });
 */
export function singleEpochTreeAggregation(options: {
  readonly noiseMultiplier: number;
  readonly stepCounts: readonly number[];
}): SingleEpochTreeAggregationEvent {
  return buildEvent(
    'singleEpochTreeAggregation',
    options,
    'singleEpochTreeAggregation',
  ) as SingleEpochTreeAggregationEvent;
}

/**
 * A whole run of a matrix mechanism x ↦ Cx + z.
 *
 * @example
 * matrixMechanism({
 *   noiseMultiplier: 4,
 *   steps: 100,
 *   strategy: { type: 'toeplitz', coefficients: [1, 0.5, 0.375] },
 *   participation: { type: 'minSeparation', separation: 10, maxParticipations: 5 },
 * });
 */
export function matrixMechanism(options: {
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly strategy: MatrixStrategy;
  readonly participation: MatrixParticipation;
}): MatrixMechanismEvent {
  return buildEvent('matrixMechanism', options, 'matrixMechanism') as MatrixMechanismEvent;
}

import type { ClippedSum } from '../engine/index.js';

/** Counts computed from data without noise. Never publish them. */
export interface PrivateCounts {
  readonly nonFiniteExamples: number;
  readonly clippedExamples: number;
  readonly examples: number;
}

/** The counts so far and those of one more physical batch. */
export function withBatch(counts: PrivateCounts, batch: ClippedSum): PrivateCounts {
  const { nonFiniteExamples, clippedExamples } = batch.privateValues;
  return {
    nonFiniteExamples: counts.nonFiniteExamples + nonFiniteExamples,
    clippedExamples: counts.clippedExamples + clippedExamples,
    examples: counts.examples + batch.examples,
  };
}

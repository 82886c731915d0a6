import type { EpsilonBound } from 'privacy-accounting';

/** Where a run is; all of it public. */
export interface StepProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly epochs: number;
}

/** One epoch's worth of training. What was computed from data without noise is kept apart. */
export interface EpochMetrics {
  readonly public: { readonly epoch: number; readonly step: number; readonly epsilon: EpsilonBound };
  /** Not covered by ε: never publish. */
  readonly private: {
    readonly epoch: number;
    readonly loss: number;
    readonly clippedFraction: number;
    readonly nonFiniteExamples: number;
  };
}

import type { EpochMetrics } from './progress.js';

/** The running figures of one epoch; all private. */
export class EpochTally {
  private loss = 0;
  private examples = 0;
  private readonly before: {
    readonly clippedExamples: number;
    readonly nonFiniteExamples: number;
    readonly examples: number;
  };

  constructor(before = { clippedExamples: 0, nonFiniteExamples: 0, examples: 0 }) {
    this.before = before;
  }

  add(loss: number, examples: number): void {
    this.loss += loss;
    this.examples += examples;
  }

  summary(
    now: { readonly clippedExamples: number; readonly nonFiniteExamples: number; readonly examples: number },
    setAside: number,
  ): Omit<EpochMetrics['private'], 'epoch'> {
    const seen = now.examples - this.before.examples;
    return {
      loss: this.examples === 0 ? 0 : this.loss / this.examples,
      clippedFraction: seen === 0 ? 0 : (now.clippedExamples - this.before.clippedExamples) / seen,
      nonFiniteExamples: setAside + now.nonFiniteExamples - this.before.nonFiniteExamples,
    };
  }
}

import {
  composed,
  DpError,
  type DpEvent,
  gaussian,
  nonPrivate,
  selfComposed,
  shuffled,
  vectorDiscreteGaussian,
} from 'privacy-accounting';
import { weakestRelease } from '../sampling/index.js';
import type { Grid } from './noise-kind.js';

/** What the optimizer knows of a step when it is about to release it. */
export interface PlannedStep {
  /**
   * σ of everything that the step releases, over its sensitivity: the noise's standard deviation over
   * {@link sensitivity} where only a sum is released, and that of one Gaussian mechanism as good as both where
   * adaptive clipping releases counts beside it.
   */
  readonly noiseMultiplier: number;
  /** C = √ΣC_g²: how far one example, added, removed or zeroed, moves the clipped sum in L2 norm. */
  readonly sensitivity: number;
  /** Examples whose clipped gradients are in the sum. Not private. */
  readonly examples: number;
  /** Whether the noise comes from a cryptographic source. */
  readonly secure: boolean;
  /** Of discrete noise, all that its event says. */
  readonly grid?: Grid | undefined;
}

/**
 * Where an optimizer books its steps, each *before* its noise is released.
 *
 * `book` may throw to stop the step: nothing has been changed or released then. `event` states everything
 * booked so far.
 */
export interface StepBook {
  book(step: PlannedStep): void;
  readonly event: DpEvent;
  /** Steps on record, where the book counts them: schedules go on from there. */
  readonly steps?: number;
}

/** What one release of a noisy sum is: a Gaussian mechanism, a discrete one, or nothing that protects. */
export function releaseEvent(step: Pick<PlannedStep, 'noiseMultiplier' | 'secure' | 'grid'>): DpEvent {
  if (!step.secure) return nonPrivate({ reason: 'seeded noise' });
  if (step.noiseMultiplier === 0) return nonPrivate({ reason: 'no noise' });
  if (step.grid !== undefined) return vectorDiscreteGaussian(step.grid);
  return gaussian({ noiseMultiplier: step.noiseMultiplier });
}

/**
 * Books without knowing the sampler: every step is a pass in which every record may take part (`shuffled`, no
 * amplification), unless a pass over the data was announced, which then is booked once, at its least noise.
 *
 * Guarantee: sound for any batches whose composition does not depend on the values of records: under
 * replace-special and replace-one. Under add-or-remove-one the accountants refuse the event.
 */
export class PassBook implements StepBook {
  private readonly entries: Entry[] = [];
  private pass: { readonly examples: number; seen: number; readonly releases: DpEvent[] } | undefined;

  constructor(spent?: DpEvent) {
    const before = spent === undefined ? [] : spent.type === 'composed' ? spent.events : [spent];
    for (const event of before) {
      this.entries.push(
        event.type === 'selfComposed' ? { event: event.event, count: event.count } : { event, count: 1 },
      );
    }
  }

  book(step: PlannedStep): void {
    const release = releaseEvent(step);
    const { pass } = this;
    if (pass === undefined) {
      add(this.entries, shuffled({ event: release }));
      return;
    }
    pass.seen += step.examples;
    if (pass.seen > pass.examples) {
      // What was thought to be one participation was several: each step so far is booked as one.
      for (const each of pass.releases) add(this.entries, shuffled({ event: each }));
      pass.releases.length = 0;
      throw new DpError(
        'DP_BUDGET_EXCEEDED',
        `Expected at most ${pass.examples} examples in one pass over the data, got ${pass.seen}: some ` +
          'record takes part twice. End the pass before training on, or train without the guard.',
      );
    }
    pass.releases.push(release);
  }

  /** Announces one pass over `examples` records, each in one batch at most. */
  beginPass(examples: number): void {
    if (this.pass !== undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected the pass over the data to end before the next begins.',
      );
    }
    this.pass = { examples, seen: 0, releases: [] };
  }

  /** Ends the pass; returns how many examples it saw. */
  endPass(): number {
    const seen = this.pass?.seen ?? 0;
    const event = this.passEvent();
    if (event !== undefined) add(this.entries, event);
    this.pass = undefined;
    return seen;
  }

  get event(): DpEvent {
    const open = this.passEvent();
    const entries = this.entries.map((entry) => ({ ...entry }));
    if (open !== undefined) add(entries, open);
    return composed(
      entries.map(({ event, count }) => (count === 1 ? event : selfComposed({ count, event }))),
    );
  }

  /** The pass so far as one participation: it may have been in the batch with the least noise. */
  private passEvent(): DpEvent | undefined {
    const releases = this.pass?.releases ?? [];
    return releases.length === 0 ? undefined : shuffled({ event: weakestRelease(releases) });
  }
}

interface Entry {
  readonly event: DpEvent;
  count: number;
}

function add(entries: Entry[], event: DpEvent): void {
  const last = entries[entries.length - 1];
  if (last !== undefined && JSON.stringify(last.event) === JSON.stringify(event)) last.count++;
  else entries.push({ event, count: 1 });
}

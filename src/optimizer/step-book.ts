import {
  composed,
  DpError,
  type DpEvent,
  gaussian,
  nonPrivate,
  selfComposed,
  shuffled,
} from 'privacy-accounting';

/** What the optimizer knows of a step when it is about to release it. */
export interface PlannedStep {
  /** σ, the noise's standard deviation over the clipping norm. */
  readonly noiseMultiplier: number;
  /** Examples whose clipped gradients are in the sum. Not private. */
  readonly examples: number;
  /** Whether the noise comes from a cryptographic source. */
  readonly secure: boolean;
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
}

/** What one release of a noisy sum is: a Gaussian mechanism, or nothing that protects. */
export function releaseEvent(step: { readonly noiseMultiplier: number; readonly secure: boolean }): DpEvent {
  if (!step.secure) return nonPrivate({ reason: 'seeded noise' });
  if (step.noiseMultiplier === 0) return nonPrivate({ reason: 'no noise' });
  return gaussian({ noiseMultiplier: step.noiseMultiplier });
}

/**
 * Books without knowing the sampler: every step is a pass in which every record may take part (`shuffled`, no
 * amplification), unless a pass over the data was announced, which then is booked once.
 *
 * Guarantee: sound for any batches whose composition does not depend on the values of records: under
 * replace-special and replace-one. Under add-or-remove-one the accountants refuse the event.
 */
export class PassBook implements StepBook {
  private readonly entries: { event: DpEvent; count: number }[] = [];
  private pass: { readonly examples: number; seen: number; steps: number } | undefined;

  constructor(spent?: DpEvent) {
    const before = spent === undefined ? [] : spent.type === 'composed' ? spent.events : [spent];
    for (const event of before) {
      this.entries.push(
        event.type === 'selfComposed' ? { event: event.event, count: event.count } : { event, count: 1 },
      );
    }
  }

  book(step: PlannedStep): void {
    const event = shuffled({ event: releaseEvent(step) });
    if (this.pass === undefined) {
      this.add(event);
      return;
    }
    this.pass.seen += step.examples;
    if (this.pass.seen > this.pass.examples) {
      // What was thought to be one participation was several: each step so far is booked as one.
      for (let k = 1; k < this.pass.steps; k++) this.add(event);
      throw new DpError(
        'DP_BUDGET_EXCEEDED',
        `Expected at most ${this.pass.examples} examples in one pass over the data, got ${this.pass.seen}: some ` +
          'record takes part twice. End the pass before training on, or train without the guard.',
      );
    }
    if (this.pass.steps === 0) this.add(event);
    this.pass.steps++;
  }

  /** Announces one pass over `examples` records, each in one batch at most, at one noise multiplier. */
  beginPass(examples: number): void {
    if (this.pass !== undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected the pass over the data to end before the next begins.',
      );
    }
    this.pass = { examples, seen: 0, steps: 0 };
  }

  /** Ends the pass; returns how many examples it saw. */
  endPass(): number {
    const seen = this.pass?.seen ?? 0;
    this.pass = undefined;
    return seen;
  }

  get event(): DpEvent {
    return composed(
      this.entries.map(({ event, count }) => (count === 1 ? event : selfComposed({ count, event }))),
    );
  }

  private add(event: DpEvent): void {
    const last = this.entries[this.entries.length - 1];
    if (last !== undefined && JSON.stringify(last.event) === JSON.stringify(event)) last.count++;
    else this.entries.push({ event, count: 1 });
  }
}

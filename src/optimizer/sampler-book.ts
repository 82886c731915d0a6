import { type DpEvent, nonPrivate, noOp } from 'privacy-accounting';
import type { BatchSampler } from '../sampling/index.js';
import { type PlannedStep, releaseEvent, type StepBook } from './step-book.js';

/**
 * Books steps as the event of the sampler that drew their batches: with amplification where the sampler has it.
 *
 * Sound when every batch of the optimizer is one that the sampler drew, whole and once. Seeded noise or a
 * predictable sampler make the event one that protects nothing.
 */
export class SamplerBook implements StepBook {
  private readonly sampler: BatchSampler;
  private readonly record: { readonly steps: number; append(): void };
  private release: DpEvent | undefined;

  /** `record` keeps the count of steps, before each is released; in memory unless given. */
  constructor(
    sampler: BatchSampler,
    record: { readonly steps: number; append(): void } = new Counter(),
    release?: DpEvent,
  ) {
    this.sampler = sampler;
    this.record = record;
    this.release = release;
  }

  get steps(): number {
    return this.record.steps;
  }

  book(step: PlannedStep): void {
    this.release = releaseEvent({ ...step, secure: step.secure && this.sampler.secure });
    this.record.append();
  }

  get event(): DpEvent {
    if (this.steps === 0) return noOp();
    return this.sampler.event(this.release ?? nonPrivate({ reason: 'steps of unknown noise' }), this.steps);
  }
}

class Counter {
  steps = 0;

  append(): void {
    this.steps++;
  }
}

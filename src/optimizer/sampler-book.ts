import { type DpEvent, nonPrivate, noOp } from 'privacy-accounting';
import { type BatchSampler, mergeReleases, type Release, weakestRelease } from '../sampling/index.js';
import { type PlannedStep, releaseEvent, type StepBook } from './step-book.js';

/**
 * Books steps as the event of the sampler that drew their batches: with amplification where the sampler has it, and
 * each step with its own noise.
 *
 * Sound when every batch of the optimizer is one that the sampler drew, whole and once. Seeded noise or a
 * predictable sampler make the event one that protects nothing.
 */
export class SamplerBook implements StepBook {
  private readonly sampler: BatchSampler;
  private readonly record: { readonly steps: number; append(): void };
  private readonly releases: Release[];

  /**
   * `record` keeps the count of steps, before each is released; in memory unless given. `earlier` says how the
   * steps that are on it already were released.
   */
  constructor(
    sampler: BatchSampler,
    record: { readonly steps: number; append(): void } = new Counter(),
    earlier: readonly Release[] = [],
  ) {
    this.sampler = sampler;
    this.record = record;
    this.releases = [...earlier];
  }

  get steps(): number {
    return this.record.steps;
  }

  book(step: PlannedStep): void {
    const event = releaseEvent({ ...step, secure: step.secure && this.sampler.secure });
    this.record.append();
    const last = this.releases[this.releases.length - 1];
    if (last !== undefined && JSON.stringify(last.event) === JSON.stringify(event)) {
      this.releases[this.releases.length - 1] = { event, count: last.count + 1 };
    } else this.releases.push({ event, count: 1 });
  }

  get event(): DpEvent {
    const known = this.releases.reduce((sum, { count }) => sum + count, 0);
    const unknown = this.steps - known;
    const lost = { event: nonPrivate({ reason: 'steps of unknown noise' }), count: unknown };
    return eventOfReleases(this.sampler, unknown > 0 ? [...this.releases, lost] : this.releases);
  }
}

/** What a sampler's first batches amount to, each released as stated, in their order. */
export function eventOfReleases(sampler: BatchSampler, releases: readonly Release[]): DpEvent {
  const distinct = mergeReleases(releases);
  const first = distinct[0];
  if (first === undefined) return noOp();
  if (distinct.length === 1) return sampler.event(first.event, first.count);
  if (sampler.eventOfReleases !== undefined) return sampler.eventOfReleases(releases);
  // A release with more noise is this one, with noise added: it loses no more.
  const steps = distinct.reduce((sum, { count }) => sum + count, 0);
  return sampler.event(weakestRelease(distinct.map(({ event }) => event)), steps);
}

class Counter {
  steps = 0;

  append(): void {
    this.steps++;
  }
}

import {
  composed,
  epsilonOf,
  gaussian,
  nonPrivate,
  poissonSampled,
  selfComposed,
  shuffled,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { type BatchSampler, poissonSampler, shuffleSampler, weakestRelease } from '../sampling/index.js';
import {
  eventOfReleases,
  linearSchedule,
  PassBook,
  SamplerBook,
  type Schedule,
  scheduleAt,
  scheduledReleases,
  stepSchedule,
} from './index.js';

const sigma = (noiseMultiplier: number) => gaussian({ noiseMultiplier });
const stepAt = (schedule: Schedule, k: number) => ({
  noiseMultiplier: scheduleAt(schedule, k),
  sensitivity: 1,
  examples: 4,
  secure: true,
});
const book = (sampler: BatchSampler, schedule: Schedule, steps: number) => {
  const made = new SamplerBook(sampler);
  for (let k = 0; k < steps; k++) made.book(stepAt(schedule, k));
  return made;
};

describe('a schedule of σ in the books', () => {
  const schedule = stepSchedule({ values: [2, 1, 2], boundaries: [3, 5] });

  it('Poisson: each σ as often as it was released', () => {
    const sampler = poissonSampler({ datasetSize: 100, expectedBatchSize: 10 });
    const q = (noiseMultiplier: number) =>
      poissonSampled({ samplingProbability: 0.1, event: sigma(noiseMultiplier) });
    const byHand = composed([
      selfComposed({ count: 5, event: q(2) }),
      selfComposed({ count: 2, event: q(1) }),
    ]);
    const { event } = book(sampler, schedule, 7);
    expect(event).toEqual(byHand);
    const cost = (of: typeof event) => epsilonOf(of, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon;
    expect(cost(event)).toBe(cost(byHand));
    expect(cost(event)).toBeGreaterThan(cost(sampler.event(sigma(2), 7)));
    expect(cost(event)).toBeLessThan(cost(sampler.event(sigma(1), 7)));
  });

  it('shuffled: one participation an epoch, at the least noise of its batches', () => {
    // Epochs of 3: [2 2 2] [1 1 2] [2 …
    const sampler = shuffleSampler({ datasetSize: 30, batchSize: 10 });
    const epoch = (noiseMultiplier: number) => shuffled({ event: sigma(noiseMultiplier) });
    expect(book(sampler, schedule, 7).event).toEqual(
      composed([selfComposed({ count: 2, event: epoch(2) }), selfComposed({ count: 1, event: epoch(1) })]),
    );
    expect(book(sampler, schedule, 4).event).toEqual(
      composed([selfComposed({ count: 1, event: epoch(2) }), selfComposed({ count: 1, event: epoch(1) })]),
    );
    expect(book(sampler, schedule, 2).event).toEqual(sampler.event(sigma(2), 2));
    const { event } = book(sampler, schedule, 7);
    const { epsilon } = epsilonOf(event, { delta: 1e-5, relation: 'replace-special' });
    const exact = epsilonOf(sigma((2 / 4 + 1) ** -0.5), { delta: 1e-5, relation: 'replace-special' }).epsilon;
    expect(epsilon).toBeCloseTo(exact, 8);
  });

  it.each([1, 2, 3, 5, 7, 11, 12])(
    'shuffled, epochs of %i: no epoch is left out or booked too cheap',
    (perEpoch) => {
      const sampler = shuffleSampler({ datasetSize: 10 * perEpoch, batchSize: 10 });
      const ramp = linearSchedule({ from: 1, to: 3, steps: 20, every: 4 });
      for (let steps = 1; steps <= 26; steps++) {
        const least = new Map<number, number>();
        for (let first = 0; first < steps; first += perEpoch) {
          const inEpoch = Array.from({ length: Math.min(perEpoch, steps - first) }, (_, k) =>
            scheduleAt(ramp, first + k),
          );
          const value = Math.min(...inEpoch);
          least.set(value, (least.get(value) ?? 0) + 1);
        }
        const { event } = book(sampler, ramp, steps);
        const parts = (event.type === 'composed' ? event.events : [event]) as readonly {
          readonly count: number;
          readonly event: { readonly event: { readonly noiseMultiplier: number } };
        }[];
        const got = new Map(parts.map((part) => [part.event.event.noiseMultiplier, part.count]));
        expect([...got].sort()).toEqual([...least].sort());
      }
    },
  );

  it('a sampler that knows no schedules is booked at the least noise throughout', () => {
    const inner = poissonSampler({ datasetSize: 100, expectedBatchSize: 10 });
    const plain: BatchSampler = {
      name: 'mine',
      datasetSize: 100,
      expectedBatchSize: 10,
      relations: inner.relations,
      secure: true,
      next: () => inner.next(),
      event: (step, steps) => inner.event(step, steps),
      state: () => inner.state(),
    };
    expect(book(plain, schedule, 7).event).toEqual(inner.event(sigma(1), 7));
  });

  it('goes on after a crash: the steps on record are those of the schedule', () => {
    const sampler = poissonSampler({ datasetSize: 100, expectedBatchSize: 10 });
    for (const crash of [0, 1, 3, 4, 6]) {
      const record = { steps: crash, append: () => void record.steps++ };
      const plan = {
        noiseMultiplier: schedule,
        l2NormClip: 1,
        expectedBatchSize: 10,
        dimension: 5,
        secure: true,
      };
      const earlier = scheduledReleases(plan, crash);
      const resumed = new SamplerBook(sampler, record, earlier);
      for (let k = crash; k < 7; k++) resumed.book(stepAt(schedule, k));
      expect(resumed.event).toEqual(book(sampler, schedule, 7).event);
    }
  });

  it('steps of unknown noise cost everything', () => {
    const sampler = poissonSampler({ datasetSize: 100, expectedBatchSize: 10 });
    const lost = new SamplerBook(sampler, { steps: 3, append: () => {} });
    expect(epsilonOf(lost.event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it('a step that could not be recorded is not booked', () => {
    const sampler = poissonSampler({ datasetSize: 100, expectedBatchSize: 10 });
    let full = true;
    const record = {
      steps: 0,
      append: () => {
        if (full) throw new Error('disk full');
        record.steps++;
      },
    };
    const resumed = new SamplerBook(sampler, record);
    expect(() => resumed.book(stepAt(schedule, 4))).toThrow('disk full');
    full = false;
    resumed.book(stepAt(schedule, 0));
    expect(resumed.event).toEqual(sampler.event(sigma(2), 1));
  });

  it('a guarded pass is one participation at the least noise of its steps', () => {
    const passes = new PassBook();
    passes.beginPass(12);
    passes.book(stepAt(schedule, 2));
    passes.book(stepAt(schedule, 3));
    const once = (noiseMultiplier: number) => shuffled({ event: sigma(noiseMultiplier) });
    expect(passes.event).toEqual(composed([once(1)]));
    passes.book(stepAt(schedule, 6));
    expect(passes.endPass()).toBe(12);
    expect(passes.event).toEqual(composed([once(1)]));
    passes.book(stepAt(schedule, 6));
    expect(passes.event).toEqual(composed([once(1), once(2)]));
  });

  it('compares releases only where one is another with more noise', () => {
    expect(weakestRelease([sigma(2), sigma(1), sigma(3)])).toEqual(sigma(1));
    const open = nonPrivate({ reason: 'no noise' });
    expect(weakestRelease([sigma(2), open])).toEqual(open);
    const sampled = poissonSampled({ samplingProbability: 0.1, event: sigma(1) });
    expect(weakestRelease([sigma(2), sampled]).type).toBe('nonPrivate');
    expect(eventOfReleases(poissonSampler({ datasetSize: 10, expectedBatchSize: 1 }), [])).toEqual({
      type: 'noOp',
    });
  });
});

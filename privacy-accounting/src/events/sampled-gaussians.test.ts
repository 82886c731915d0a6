import { describe, expect, it } from 'vitest';
import { NEIGHBORING_RELATIONS } from '../relation.js';
import { composed, gaussian, nonPrivate, noOp, poissonSampled, selfComposed, shuffled } from './index.js';
import { readAsGaussians } from './sampled-gaussians.js';

const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });

function releases(...[event, relation]: Parameters<typeof readAsGaussians>) {
  const reading = readAsGaussians(event, relation);
  if (reading.kind !== 'gaussians') throw new Error(`read as ${reading.kind}: ${reading.reason}`);
  return reading.releases.map(({ samplingProbability: q, noiseMultiplier, count }) => [
    q,
    noiseMultiplier,
    count,
  ]);
}

describe('readAsGaussians', () => {
  it('multiplies counts through the nesting', () => {
    const step = poissonSampled({ samplingProbability: 0.1, event: noise(2) });
    const event = selfComposed({
      count: 3,
      event: composed([step, selfComposed({ count: 5, event: noise(7) })]),
    });
    expect(releases(event, 'add-or-remove-one')).toEqual([
      [0.1, 2, 3],
      [1, 7, 15],
    ]);
  });

  it('halves σ under replace-one, where the sensitivity is 2C', () => {
    expect(releases(noise(3), 'replace-special')).toEqual([[1, 3, 1]]);
    expect(releases(noise(3), 'replace-one')).toEqual([[1, 1.5, 1]]);
    expect(releases(shuffled({ event: noise(3) }), 'replace-one')).toEqual([[1, 1.5, 1]]);
  });

  it('joins the Gaussians of one sample, in any order to the same bit', () => {
    const parts = [noise(3), noise(4), selfComposed({ count: 9, event: noise(0.7) })];
    const joined = (events: typeof parts) =>
      poissonSampled({ samplingProbability: 0.5, event: composed(events) });
    const [[, sigma]] = releases(joined(parts), 'add-or-remove-one') as [[number, number, number]];
    expect(sigma).toBeCloseTo((1 / 9 + 1 / 16 + 9 / 0.49) ** -0.5, 14);
    expect(releases(joined(parts.toReversed()), 'add-or-remove-one')).toEqual([[0.5, sigma, 1]]);
    expect(
      releases(poissonSampled({ samplingProbability: 0.5, event: noise(1e200) }), 'replace-special'),
    ).toEqual([[0.5, 1e200, 1]]);
  });

  it('reads a sample of everything as no sample, under every relation', () => {
    for (const relation of NEIGHBORING_RELATIONS) {
      const event = poissonSampled({ samplingProbability: 1, event: composed([noise(2), noise(3)]) });
      expect(releases(event, relation)).toEqual(releases(composed([noise(2), noise(3)]), relation));
    }
  });

  it('refuses shuffled passes under add-or-remove-one, and says where and why', () => {
    const event = composed([noOp(), selfComposed({ count: 2, event: shuffled({ event: noise(2) }) })]);
    const reading = readAsGaussians(event, 'add-or-remove-one');
    expect(reading.kind).toBe('unsupported');
    expect(reading).toMatchObject({
      reason: expect.stringMatching(/^event\.events\[1\]\.event: .* moves the others/),
    });
  });

  it.each([
    shuffled({ event: poissonSampled({ samplingProbability: 0.5, event: noise(1) }) }),
    poissonSampled({ samplingProbability: 0.5, event: composed([shuffled({ event: noise(1) })]) }),
    shuffled({ event: selfComposed({ count: 0, event: shuffled({ event: noise(1) }) }) }),
  ])('refuses sampling inside sampling: %j', (event) => {
    expect(readAsGaussians(event, 'replace-special')).toMatchObject({
      kind: 'unsupported',
      reason: expect.stringMatching(/inside a sample or a pass is not supported/),
    });
  });

  it('finds what is not private, unless it happens zero times', () => {
    const seeded = nonPrivate({ reason: 'seeded noise' });
    const sampled = poissonSampled({ samplingProbability: 0.5, event: composed([noise(1), seeded]) });
    for (const event of [seeded, sampled, shuffled({ event: seeded }), composed([noise(1), noise(0)])]) {
      expect(readAsGaussians(event, 'replace-special').kind).toBe('nonPrivate');
      expect(releases(selfComposed({ count: 0, event }), 'replace-special')).toEqual([]);
    }
    expect(readAsGaussians(sampled, 'replace-one')).toEqual({ kind: 'nonPrivate', reason: 'seeded noise' });
  });

  it('refuses counts that float64 can not hold', () => {
    const many = selfComposed({ count: 2 ** 52, event: noise(1) });
    expect(readAsGaussians(selfComposed({ count: 4, event: many }), 'replace-one').kind).toBe('unsupported');
  });
});

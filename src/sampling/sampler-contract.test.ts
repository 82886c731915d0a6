/** What every sampler promises, whatever its kind: the numbered promises of BatchSampler that a test can reach. */
import { DpError, epsilonOf, gaussian, nonPrivate, parseEvent } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { type RandomWords, secureRandomWords, seededRandomWords } from '../noise/index.js';
import { type BatchSampler, poissonSampler, restoreSampler, shuffleSampler } from './index.js';

interface Sizes {
  readonly datasetSize: number;
  readonly batchSize: number;
}

const KINDS: Record<string, (sizes: Sizes, words?: RandomWords) => BatchSampler> = {
  poisson: ({ datasetSize, batchSize }, words) =>
    poissonSampler({ datasetSize, expectedBatchSize: batchSize, ...(words && { words }) }),
  shuffle: (sizes, words) => shuffleSampler({ ...sizes, ...(words && { words }) }),
};
const SIZES: readonly Sizes[] = [
  { datasetSize: 1, batchSize: 1 },
  { datasetSize: 10, batchSize: 3 },
  { datasetSize: 10, batchSize: 10 },
  { datasetSize: 1000, batchSize: 1 },
  { datasetSize: 1000, batchSize: 250 },
];
const step = gaussian({ noiseMultiplier: 4 });

describe.each(Object.entries(KINDS))('the %s sampler', (name, make) => {
  it('is what it says it is', () => {
    const sampler = make({ datasetSize: 1000, batchSize: 250 }, seededRandomWords(1));
    expect(sampler).toMatchObject({ name, datasetSize: 1000, expectedBatchSize: 250 });
  });

  it.each(SIZES)('draws distinct indices of the data, %o', (sizes) => {
    const sampler = make(sizes, seededRandomWords('distinct'));
    for (let k = 0; k < 60; k++) {
      const batch = sampler.next();
      expect(batch).toBeInstanceOf(Int32Array);
      expect(new Set(batch).size).toBe(batch.length);
      expect(batch.every((index) => index >= 0 && index < sizes.datasetSize)).toBe(true);
    }
  });

  it('gives the batch away: neither side can change what the other has', () => {
    const sizes = { datasetSize: 40, batchSize: 7 };
    const touched = make(sizes, seededRandomWords('own'));
    const intact = make(sizes, seededRandomWords('own'));
    const kept: Int32Array[] = [];
    const copies: Int32Array[] = [];
    for (let k = 0; k < 30; k++) {
      touched.next().fill(-1);
      const batch = intact.next();
      kept.push(batch);
      copies.push(batch.slice());
      expect(touched.state()).toEqual(intact.state());
    }
    expect(kept).toEqual(copies);
  });

  it('draws other batches each time, unless seeded alike', () => {
    const sizes = { datasetSize: 1000, batchSize: 500 };
    const first = make(sizes).next();
    expect(make(sizes).next()).not.toEqual(first);
    expect(make(sizes, seededRandomWords(3)).next()).toEqual(make(sizes, seededRandomWords(3)).next());
  });

  it('is secure by default, and says so when its words are not, after a resume as well', () => {
    const sizes = { datasetSize: 20, batchSize: 5 };
    expect(make(sizes).secure).toBe(true);
    const seeded = make(sizes, seededRandomWords(1));
    expect(seeded.secure).toBe(false);
    expect(restoreSampler(make(sizes).state()).secure).toBe(true);
    expect(restoreSampler(make(sizes).state(), seededRandomWords(1)).secure).toBe(false);
    expect(restoreSampler(seeded.state(), secureRandomWords()).secure).toBe(false);
  });

  it('has a state of plain JSON from which a sampler of the same kind goes on', () => {
    const sampler = make({ datasetSize: 50, batchSize: 8 });
    for (let k = 0; k < 20; k++) {
      const state = sampler.state();
      const json = JSON.parse(JSON.stringify(state));
      expect(json).toEqual(state);
      const restored = restoreSampler(json);
      expect(restored.state()).toEqual(state);
      expect(restored.event(step, 20)).toEqual(sampler.event(step, 20));
      sampler.next();
    }
  });

  it('does not let a later draw change a state that was taken', () => {
    const sampler = make({ datasetSize: 50, batchSize: 8 }, seededRandomWords(2));
    sampler.next();
    const state = sampler.state();
    const before = JSON.stringify(state);
    for (let k = 0; k < 20; k++) sampler.next();
    expect(JSON.stringify(state)).toBe(before);
  });

  it('states an event that parses, wraps the step it was given, and costs more with more steps', () => {
    const sampler = make({ datasetSize: 1000, batchSize: 100 });
    const event = sampler.event(step, 37);
    expect(parseEvent(JSON.parse(JSON.stringify(event)))).toEqual(event);
    expect(JSON.stringify(event)).toContain(JSON.stringify(step));
    const relation = 'replace-special';
    const epsilon = (steps: number) =>
      epsilonOf(sampler.event(step, steps), { delta: 1e-5, relation }).epsilon;
    expect(epsilon(0)).toBe(0);
    expect(epsilon(100)).toBeGreaterThan(epsilon(10));
    expect(epsilon(20)).toBeGreaterThan(epsilon(10));
    const broken = sampler.event(nonPrivate({ reason: 'seeded noise' }), 1);
    expect(epsilonOf(broken, { delta: 1e-5, relation }).epsilon).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses an event of %d steps', (steps) => {
    const sampler = make({ datasetSize: 10, batchSize: 5 });
    expect(() => sampler.event(step, steps)).toThrow(
      expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
    );
  });

  it.each([
    { datasetSize: 10, batchSize: 11 },
    { datasetSize: 10, batchSize: 0 },
    { datasetSize: 10, batchSize: -1 },
    { datasetSize: 10, batchSize: 2.5 },
    { datasetSize: 10, batchSize: Number.NaN },
    { datasetSize: 10, batchSize: '5' },
    { datasetSize: 0, batchSize: 1 },
    { datasetSize: 10.5, batchSize: 2 },
    { datasetSize: Number.NaN, batchSize: 1 },
    { datasetSize: Number.POSITIVE_INFINITY, batchSize: 1 },
    { datasetSize: 2 ** 31, batchSize: 1 },
    { datasetSize: undefined, batchSize: 1 },
  ])('refuses %o', (sizes) => {
    let error: unknown;
    try {
      make(sizes as Sizes);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(DpError);
    expect(error).toMatchObject({ code: 'DP_INVALID_ARGUMENT' });
    expect((error as DpError).message).toMatch(/^Expected (datasetSize|batchSize|expectedBatchSize) .* got /);
  });
});

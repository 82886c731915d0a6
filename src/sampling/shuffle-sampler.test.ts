import { epsilonOf, gaussian, selfComposed, shuffled } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { seededRandomWords } from '../noise/index.js';
import { restoreSampler, type ShuffleSampler, shuffleSampler } from './index.js';

const step = gaussian({ noiseMultiplier: 4 });

function epoch(sampler: ShuffleSampler): Int32Array[] {
  return Array.from({ length: sampler.batchesPerEpoch }, () => sampler.next());
}

const flat = (batches: readonly Int32Array[]) => batches.flatMap((batch) => [...batch]);
const sorted = (indices: readonly number[]) => [...indices].sort((a, b) => a - b);
const range = (length: number) => Array.from({ length }, (_, i) => i);

describe('shuffleSampler’s epochs', () => {
  it.each([
    { datasetSize: 1, batchSize: 1 },
    { datasetSize: 10, batchSize: 1 },
    { datasetSize: 10, batchSize: 3 },
    { datasetSize: 10, batchSize: 5 },
    { datasetSize: 10, batchSize: 10 },
    { datasetSize: 1000, batchSize: 999 },
  ])('hold each record exactly once, the last batch being short: %o', (sizes) => {
    const sampler = shuffleSampler(sizes);
    for (let k = 0; k < 4; k++) {
      const batches = epoch(sampler);
      expect(sorted(flat(batches))).toEqual(range(sizes.datasetSize));
      for (const batch of batches.slice(0, -1)) expect(batch.length).toBe(sizes.batchSize);
      expect(batches.at(-1)!.length).toBe(sizes.datasetSize % sizes.batchSize || sizes.batchSize);
    }
  });

  it('are fresh permutations each time', () => {
    // Two of four permutations of 200 alike by chance: 6 / 200! < 1e-374.
    const sampler = shuffleSampler({ datasetSize: 200, batchSize: 64 });
    const orders = Array.from({ length: 4 }, () => flat(epoch(sampler)).join());
    expect(new Set(orders).size).toBe(4);
  });

  it('are uniform: all 24 permutations of four records come equally often', () => {
    const draws = 48_000;
    const chiSquare = (draw: () => string) => {
      const counts = new Map<string, number>();
      for (let k = 0; k < draws; k++) {
        const order = draw();
        counts.set(order, (counts.get(order) ?? 0) + 1);
      }
      expect(counts.size).toBe(24);
      return [...counts.values()].reduce((sum, count) => sum + (count - draws / 24) ** 2 / (draws / 24), 0);
    };
    // χ² with 23 degrees of freedom exceeds this with probability ≤ 1e-9 (Laurent & Massart 2000, Lemma 1).
    const t = Math.log(1e9);
    const limit = 23 + 2 * Math.sqrt(23 * t) + 2 * t;
    const sampler = shuffleSampler({ datasetSize: 4, batchSize: 4, words: seededRandomWords('24') });
    expect(chiSquare(() => sampler.next().join())).toBeLessThan(limit);

    // The usual slip, each place swapped with any place, is told apart.
    const words = seededRandomWords('slip');
    const word = new Uint32Array(1);
    const naive = () => {
      const order = [0, 1, 2, 3];
      for (let i = 0; i < 4; i++) {
        words.fill(word);
        const j = word[0]! % 4;
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order.join();
    };
    expect(chiSquare(naive)).toBeGreaterThan(limit);
  });

  it('put every record equally often into every place', () => {
    const size = 30;
    const epochs = 9000;
    const counts = new Float64Array(size * size);
    const sampler = shuffleSampler({ datasetSize: size, batchSize: 7, words: seededRandomWords('places') });
    for (let k = 0; k < epochs; k++) {
      flat(epoch(sampler)).forEach((record, place) => {
        counts[record * size + place]!++;
      });
    }
    const expected = epochs / size;
    // (n − 1)/n times this is χ² with (n − 1)² degrees; chance as above.
    const degrees = (size - 1) ** 2;
    const t = Math.log(1e9);
    const chiSquare =
      counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0) * ((size - 1) / size);
    expect(chiSquare).toBeLessThan(degrees + 2 * Math.sqrt(degrees * t) + 2 * t);
  });
});

describe('resuming a shuffled run', () => {
  it('goes on with the same remaining batches, then with fresh epochs', () => {
    const sampler = shuffleSampler({ datasetSize: 100, batchSize: 9 });
    const perEpoch = sampler.batchesPerEpoch;
    const states: string[] = [];
    const drawn: Int32Array[] = [];
    for (let k = 0; k < 3 * perEpoch; k++) {
      states.push(JSON.stringify(sampler.state()));
      drawn.push(sampler.next());
    }
    states.forEach((state, k) => {
      const resumed = restoreSampler(JSON.parse(state)) as ShuffleSampler;
      const epochEnd = k % perEpoch === 0 ? k : Math.ceil(k / perEpoch) * perEpoch;
      for (let t = k; t < epochEnd; t++) expect(resumed.next()).toEqual(drawn[t]);
      const fresh = flat(epoch(resumed));
      expect(sorted(fresh)).toEqual(range(100));
      // Alike by chance: 1 / 100!.
      expect(fresh).not.toEqual(flat(drawn.slice(epochEnd, epochEnd + perEpoch)));
    });
  });

  it('completes the interrupted epoch without a record twice', () => {
    const sampler = shuffleSampler({ datasetSize: 23, batchSize: 5 });
    const before = [sampler.next(), sampler.next()];
    const resumed = restoreSampler(sampler.state());
    const after = [resumed.next(), resumed.next(), resumed.next()];
    expect(sorted(flat([...before, ...after]))).toEqual(range(23));
    expect(resumed.state()).toMatchObject({ epochsBegun: 1, cursor: 0, permutation: null });
  });

  it('counts epochs from the first one on', () => {
    const sampler = shuffleSampler({ datasetSize: 10, batchSize: 4 });
    expect(sampler.state()).toMatchObject({ epochsBegun: 0, cursor: 0, permutation: null });
    for (let k = 0; k < 4; k++) sampler.next();
    const resumed = restoreSampler(sampler.state());
    expect(resumed.state()).toMatchObject({ epochsBegun: 2, cursor: 4 });
  });

  const good = () => {
    const sampler = shuffleSampler({ datasetSize: 10, batchSize: 3, words: seededRandomWords(1) });
    sampler.next();
    return { ...sampler.state(), permutation: [...sampler.state().permutation!] };
  };

  it.each<[string, (state: ReturnType<typeof good>) => unknown]>([
    ['not an object', () => 'shuffle'],
    ['nothing', () => null],
    ['an array', () => []],
    ['an unknown sampler', (state) => ({ ...state, name: 'sorted' })],
    ['no sampler', ({ name: _, ...rest }) => rest],
    [
      'a repeated record',
      (state) => ({
        ...state,
        permutation: state.permutation.map((x, i) => (i === 4 ? state.permutation[5] : x)),
      }),
    ],
    [
      'a record outside the data',
      (state) => ({ ...state, permutation: state.permutation.map((x) => x + 1) }),
    ],
    [
      'a fractional record',
      (state) => ({ ...state, permutation: state.permutation.map((x) => (x === 3 ? 3.5 : x)) }),
    ],
    ['a record that is no number', (state) => ({ ...state, permutation: state.permutation.map(String) })],
    ['a truncated order', (state) => ({ ...state, permutation: state.permutation.slice(1) })],
    ['no order within an epoch', (state) => ({ ...state, permutation: null })],
    ['an order between epochs', (state) => ({ ...state, cursor: 0 })],
    ['a cursor beyond the data', (state) => ({ ...state, cursor: 12 })],
    ['a cursor at the end', (state) => ({ ...state, cursor: 10 })],
    ['a negative cursor', (state) => ({ ...state, cursor: -3 })],
    ['a cursor within a batch', (state) => ({ ...state, cursor: 4 })],
    ['no cursor', ({ cursor: _, ...rest }) => rest],
    ['a batch larger than the data', (state) => ({ ...state, batchSize: 11 })],
    ['a size of null, which NaN becomes in JSON', (state) => ({ ...state, datasetSize: null })],
    ['epochs that never began', (state) => ({ ...state, epochsBegun: 0 })],
    ['words of unknown kind', (state) => ({ ...state, secure: 'yes' })],
    ['a Poisson state without its sizes', () => ({ name: 'poisson', secure: true })],
    [
      'a Poisson batch larger than the data',
      () => ({ name: 'poisson', datasetSize: 5, expectedBatchSize: 6, secure: true }),
    ],
  ])('refuses %s', (_what, damage) => {
    expect(() => restoreSampler(good())).not.toThrow();
    expect(() => restoreSampler(damage(good()))).toThrow(
      expect.objectContaining({ name: 'DpError', code: 'DP_CORRUPT' }),
    );
  });
});

describe('shuffleSampler’s event', () => {
  const sampler = shuffleSampler({ datasetSize: 100, batchSize: 30 });

  it.each([
    [0, 0],
    [1, 1],
    [3, 1],
    [4, 1],
    [5, 2],
    [8, 2],
    [9, 3],
    [40, 10],
  ])('counts after %d steps of four an epoch %d epochs, one begun as a whole', (steps, epochs) => {
    expect(sampler.event(step, steps)).toEqual(
      selfComposed({ count: epochs, event: shuffled({ event: step }) }),
    );
  });

  it('costs one participation an epoch, without amplification', () => {
    const event = sampler.event(step, 40);
    const epsilon = (relation: 'replace-special' | 'replace-one') =>
      epsilonOf(event, { delta: 1e-5, relation, accountant: 'gdp' }).epsilon;
    // The exact Gaussian with μ = √10 / 4, and twice that where both records count.
    expect(epsilon('replace-special')).toBeCloseTo(3.34, 2);
    expect(epsilon('replace-one')).toBeCloseTo(7.51, 2);
  });

  it('is not offered, and refused, where removing a record moves the others', () => {
    expect([...sampler.relations].sort()).toEqual(['replace-one', 'replace-special']);
    expect(() => epsilonOf(sampler.event(step, 4), { delta: 1e-5, relation: 'add-or-remove-one' })).toThrow(
      expect.objectContaining({ code: 'DP_UNSUPPORTED_EVENT' }),
    );
  });
});

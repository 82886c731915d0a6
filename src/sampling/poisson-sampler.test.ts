import { epsilonOf, gaussian, poissonSampled, selfComposed } from 'privacy-accounting';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandomWords } from '../noise/index.js';
import { type BatchSampler, poissonSampler, restoreSampler, shuffleSampler } from './index.js';

const RECORDS = 1500;
const EXPECTED = 75;
const STEPS = 2000;
const Q = EXPECTED / RECORDS;

/** What the statistics below look at: who took part when. */
interface Participation {
  /** How often each record took part. */
  readonly perRecord: Float64Array;
  /** The size of each batch. */
  readonly sizes: Float64Array;
  /** Number of (record, step) at which a record took part now and `lag` steps before. */
  readonly again: (lag: number) => number;
  /** Number of (record, step) at which a record and the one `gap` places after it both took part. */
  readonly together: (gap: number) => number;
}

function observe(draw: () => ArrayLike<number>): Participation {
  const rows: Uint8Array[] = [];
  const perRecord = new Float64Array(RECORDS);
  const sizes = new Float64Array(STEPS);
  for (let t = 0; t < STEPS; t++) {
    const row = new Uint8Array(RECORDS);
    for (const index of Array.from(draw())) row[index] = 1;
    rows.push(row);
    row.forEach((present, i) => {
      perRecord[i]! += present;
      sizes[t]! += present;
    });
  }
  const count = (of: (row: Uint8Array, t: number, i: number) => number) =>
    rows.reduce(
      (sum, row, t) => sum + row.reduce((part, present, i) => part + present * of(row, t, i), 0),
      0,
    );
  return {
    perRecord,
    sizes,
    again: (lag) => count((_row, t, i) => rows[t - lag]?.[i] ?? 0),
    together: (gap) => count((row, _t, i) => row[i + gap] ?? 0),
  };
}

const sum = (values: Float64Array, of: (x: number) => number) =>
  values.reduce((total, x) => total + of(x), 0);

/**
 * Within how much of its degrees of freedom a χ² stays but for probability 2e-10 on either side (Laurent & Massart
 * 2000, Lemma 1). Sums of squared standardised binomials with means of 75 and more follow it closely.
 */
const chiSquareSpread = (degrees: number) => {
  const t = Math.log(5e9);
  return 2 * Math.sqrt(degrees * t) + 2 * t;
};

/** Pearson's dispersion of participation counts about their binomial variance, minus what it should be. */
const recordDispersion = ({ perRecord }: Participation) =>
  sum(perRecord, (count) => (count - STEPS * Q) ** 2 / (STEPS * Q * (1 - Q))) - RECORDS;
/** The same for batch sizes: sees any correlation between records. */
const sizeDispersion = ({ sizes }: Participation) =>
  sum(sizes, (size) => (size - EXPECTED) ** 2 / (RECORDS * Q * (1 - Q))) - STEPS;
/** z-score of a count of pairs, each of which is there with probability q². Neighbouring pairs share a coin. */
const pairScore = (count: number, pairs: number) =>
  (count - pairs * Q * Q) / Math.sqrt(pairs * Q * Q * (1 - Q * Q + 2 * Q * (1 - Q)));

let poisson: Participation;
let shuffled: Participation;
let sticky: Participation;
let coupled: Participation;

beforeAll(() => {
  const sampler = poissonSampler({
    datasetSize: RECORDS,
    expectedBatchSize: EXPECTED,
    words: seededRandomWords(1),
  });
  poisson = observe(() => sampler.next());
  // Three impostors: shuffled batches; a batch that now and then is drawn twice; neighbours that come together.
  const shuffle = shuffleSampler({ datasetSize: RECORDS, batchSize: EXPECTED, words: seededRandomWords(2) });
  shuffled = observe(() => shuffle.next());
  const source = poissonSampler({
    datasetSize: RECORDS,
    expectedBatchSize: EXPECTED,
    words: seededRandomWords(3),
  });
  let last = source.next();
  let turn = 0;
  sticky = observe(() => {
    if (++turn % 20 !== 0) last = source.next();
    return last;
  });
  const half = poissonSampler({
    datasetSize: RECORDS / 2,
    expectedBatchSize: 37,
    words: seededRandomWords(4),
  });
  coupled = observe(() => Array.from(half.next()).flatMap((i) => [2 * i, 2 * i + 1]));
});

describe('poissonSampler draws each record independently with probability q', () => {
  it('records take part binomially often', () => {
    const spread = chiSquareSpread(RECORDS);
    expect(Math.abs(recordDispersion(poisson))).toBeLessThan(spread);
    // Shuffling gives everyone the same number of participations, which is why it is accounted differently.
    expect(recordDispersion(shuffled)).toBeLessThan(-spread);
  });

  it('no record is favoured: first, last and every tenth take part as often as the rest', () => {
    for (const start of [0, 1, 9]) {
      let count = 0;
      for (let i = start; i < RECORDS; i += 10) count += poisson.perRecord[i]!;
      const tosses = (RECORDS / 10) * STEPS;
      // Bernstein's inequality: further off by chance with probability ≤ 2e-10 each.
      const t = Math.log(1e10);
      expect(Math.abs(count - tosses * Q)).toBeLessThan(
        Math.sqrt(2 * tosses * Q * (1 - Q) * t) + (2 / 3) * t,
      );
    }
  });

  it('batch sizes have the mean and variance of Binomial(N, q)', () => {
    const total = sum(poisson.sizes, (size) => size);
    const tosses = RECORDS * STEPS;
    const t = Math.log(1e10);
    expect(Math.abs(total - tosses * Q)).toBeLessThan(Math.sqrt(2 * tosses * Q * (1 - Q) * t) + (2 / 3) * t);
    const spread = chiSquareSpread(STEPS);
    expect(Math.abs(sizeDispersion(poisson))).toBeLessThan(spread);
    expect(sizeDispersion(shuffled)).toBeLessThan(-spread);
    expect(sizeDispersion(coupled)).toBeGreaterThan(spread);
  });

  it('records are independent of each other', () => {
    // Six scores in this test and the next at |z| > 6.7 (2.1e-11 each): 1.3e-10.
    for (const gap of [1, 2, 750]) {
      expect(Math.abs(pairScore(poisson.together(gap), (RECORDS - gap) * STEPS)), `gap ${gap}`).toBeLessThan(
        6.7,
      );
    }
    expect(pairScore(coupled.together(1), (RECORDS - 1) * STEPS)).toBeGreaterThan(6.7);
  });

  it('a record’s participation is independent of its earlier ones', () => {
    for (const lag of [1, 2, 20]) {
      expect(Math.abs(pairScore(poisson.again(lag), RECORDS * (STEPS - lag))), `lag ${lag}`).toBeLessThan(
        6.7,
      );
    }
    expect(pairScore(sticky.again(1), RECORDS * (STEPS - 1))).toBeGreaterThan(6.7);
    // Shuffled batches of one epoch are disjoint: a record seldom comes twice in a row.
    expect(pairScore(shuffled.again(1), RECORDS * (STEPS - 1))).toBeLessThan(-6.7);
  });

  it('also with secure words (fails by chance with probability ≤ 1e-9)', () => {
    const sampler = poissonSampler({ datasetSize: 10_000, expectedBatchSize: 100 });
    let total = 0;
    for (let k = 0; k < 100; k++) total += sampler.next().length;
    // Bernstein's inequality for 1,000,000 coins with q = 0.01.
    const t = Math.log(2e9);
    expect(Math.abs(total - 10_000)).toBeLessThan(Math.sqrt(2 * 9900 * t) + (2 / 3) * t);
  });
});

describe('poissonSampler keeps the awkward batches', () => {
  it('returns empty batches as often as chance has them', () => {
    const sampler = poissonSampler({
      datasetSize: 50,
      expectedBatchSize: 1,
      words: seededRandomWords('empty'),
    });
    const draws = 20_000;
    let empty = 0;
    for (let k = 0; k < draws; k++) if (sampler.next().length === 0) empty++;
    // 0.98⁵⁰ = 36.4 %. Hoeffding: further off by 3.3 √n with probability 7e-10.
    expect(Math.abs(empty - draws * 0.98 ** 50)).toBeLessThan(3.3 * Math.sqrt(draws));
  });

  it('never truncates a large batch', () => {
    // Words of 0 bits: every coin comes up true, far beyond the six deviations that it makes room for.
    const zeros = { secure: false, wordsConsumed: 0, fill: (out: Uint32Array) => void out.fill(0) };
    const sampler = poissonSampler({ datasetSize: 5000, expectedBatchSize: 3, words: zeros });
    expect([...sampler.next()]).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it('takes everyone at every step when the batch is the data', () => {
    const sampler = poissonSampler({ datasetSize: 9, expectedBatchSize: 9 });
    for (let k = 0; k < 5; k++) expect([...sampler.next()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('poissonSampler’s event', () => {
  const step = gaussian({ noiseMultiplier: 1.1 });
  const make = (): BatchSampler => poissonSampler({ datasetSize: 60_000, expectedBatchSize: 256 });

  it('is Poisson sampling with q = expected batch / data, once a step', () => {
    expect(make().event(step, 14_063)).toEqual(
      selfComposed({
        count: 14_063,
        event: poissonSampled({ samplingProbability: 256 / 60_000, event: step }),
      }),
    );
  });

  it('is bounded under add-or-remove-one and replace-special', () => {
    const event = make().event(step, 14_063);
    for (const relation of ['add-or-remove-one', 'replace-special'] as const) {
      expect(make().relations).toContain(relation);
      const { epsilon } = epsilonOf(event, { delta: 1e-5, relation, accountant: 'rdp' });
      // TensorFlow Privacy's tutorial figure for these parameters, 60 epochs of MNIST: 2.92 to 3.01 by conversion.
      expect(epsilon).toBeGreaterThan(2.3);
      expect(epsilon).toBeLessThan(3.1);
    }
  });

  it('has no memory: a restored sampler draws afresh', () => {
    const sampler = make();
    const restored = restoreSampler(sampler.state());
    // 256 of 60,000 alike by chance: far below 1e-100.
    expect(restored.next()).not.toEqual(sampler.next());
    expect(JSON.stringify(sampler.state()).length).toBeLessThan(200);
  });
});

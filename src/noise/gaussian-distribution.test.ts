/**
 * Is it N(0, sd²)? Seeds are fixed, so these tests give the same verdict each time; the one over secure words fails
 * by chance with probability ≤ 1e-9. Each test is also tried on a source with a planted fault, which must fail.
 */
import { describe, expect, it } from 'vitest';
import { type GaussianSource, gaussianSource } from './gaussian-source.js';
import type { RandomWords } from './random-words.js';
import { secureRandomWords } from './secure-words.js';
import { seededRandomWords } from './seeded-words.js';
import { EDGES, HEIGHTS, TAIL_START } from './ziggurat-tables.js';

type Samples = Float32Array | Float64Array;

/** Φ by Marsaglia's series ("Evaluating the Normal Distribution", 2004): absolute error below 1e-15. */
function normalCdf(x: number): number {
  if (x < -12) return 0;
  if (x > 12) return 1;
  let term = x;
  let sum = x;
  for (let i = 3; sum + term !== sum; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}

function kolmogorovSmirnov(samples: Samples, cdf: (x: number) => number): number {
  const sorted = samples.slice().sort();
  let distance = 0;
  for (let i = 0; i < sorted.length; i++) {
    const expected = cdf(sorted[i]!);
    distance = Math.max(distance, expected - i / sorted.length, (i + 1) / sorted.length - expected);
  }
  return distance;
}

/** P(distance > this) ≤ 1e-9 for every n: the Dvoretzky–Kiefer–Wolfowitz inequality with Massart's constant. */
const ksLimit = (n: number) => Math.sqrt(Math.log(2e9) / (2 * n));

/** Under the normal approximation |z| exceeds this with probability 2e-10; five or fewer are looked at together. */
const Z_LIMIT = 6.36;

/** Pearson's χ² exceeds this with probability ≤ 1e-9 if it is χ² distributed (Laurent & Massart 2000, Lemma 1). */
function chiSquareLimit(degrees: number): number {
  const t = Math.log(1e9);
  return degrees + 2 * Math.sqrt(degrees * t) + 2 * t;
}

function fill(source: GaussianSource, count: number, standardDeviation = 1): Float32Array {
  const out = new Float32Array(count);
  source.fill(out, standardDeviation);
  return out;
}

/** z-scores of the first four moments about their values for N(0, 1), whose variances are 1, 2, 15 and 96. */
function momentScores(samples: Samples): number[] {
  const sums = [0, 0, 0, 0];
  for (const x of samples) {
    sums[0]! += x;
    sums[1]! += x * x - 1;
    sums[2]! += x * x * x;
    sums[3]! += x * x * x * x - 3;
  }
  return sums.map((sum, k) => sum / Math.sqrt(samples.length * [1, 2, 15, 96][k]!));
}

/** z-score of the correlation of values of mean 0 and variance 1 with those `lag` places before. */
function lagScore(values: Samples, lag: number): number {
  let sum = 0;
  for (let i = lag; i < values.length; i++) sum += values[i]! * values[i - lag]!;
  return sum / Math.sqrt(values.length - lag);
}

const MILLION = 1_000_000;
const million = fill(gaussianSource(seededRandomWords('distribution')), MILLION);
/** A wrong σ by 2 %. */
const narrow = million.map((x) => 0.98 * x);
/** Noise that repeats 1 % of what it has already given. */
const repeating = million.map((x, i) => (i % 100 === 0 && i > 1000 ? million[i - 1001]! : x));

describe('the distribution of samples', () => {
  it('is Φ, by Kolmogorov–Smirnov over a million samples', () => {
    expect(kolmogorovSmirnov(million, normalCdf)).toBeLessThan(ksLimit(MILLION));
    expect(kolmogorovSmirnov(narrow, normalCdf)).toBeGreaterThan(ksLimit(MILLION));
  });

  it('is Φ with secure words too (fails by chance with probability ≤ 1e-9)', () => {
    const samples = fill(gaussianSource(secureRandomWords()), MILLION, 2.5);
    expect(kolmogorovSmirnov(samples, (x) => normalCdf(x / 2.5))).toBeLessThan(ksLimit(MILLION));
  });

  it('has the first four moments of N(0, 1)', () => {
    for (const score of momentScores(million)) expect(Math.abs(score)).toBeLessThan(Z_LIMIT);
    const faults = momentScores(narrow).map(Math.abs);
    expect(Math.max(...faults)).toBeGreaterThan(Z_LIMIT);
    const shifted = momentScores(million.map((x) => x + 0.01)).map(Math.abs);
    expect(Math.max(...shifted)).toBeGreaterThan(Z_LIMIT);
  });

  it('fills 2,000 equally likely bins evenly', () => {
    const chiSquare = (samples: Samples) => {
      const bins = 2000;
      const counts = new Float64Array(bins);
      for (const x of samples) counts[Math.min(bins - 1, Math.floor(normalCdf(x) * bins))]!++;
      const expected = samples.length / bins;
      return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    };
    expect(chiSquare(million)).toBeLessThan(chiSquareLimit(1999));
    expect(chiSquare(narrow)).toBeGreaterThan(chiSquareLimit(1999));
  });

  it.each([1e-6, 0.5, 1.1, 3000])('scales with the standard deviation %d', (standardDeviation) => {
    const samples = fill(
      gaussianSource(seededRandomWords(`sd ${standardDeviation}`)),
      200_000,
      standardDeviation,
    );
    const scaled = Float64Array.from(samples, (x) => x / standardDeviation);
    for (const score of momentScores(scaled)) expect(Math.abs(score)).toBeLessThan(Z_LIMIT);
    expect(kolmogorovSmirnov(scaled, normalCdf)).toBeLessThan(ksLimit(scaled.length));
  });
});

describe('the tails', () => {
  /** n·q ± what a binomial count stays within but for probability 1e-9 (Bernstein's inequality). */
  function countRange(n: number, q: number): { low: number; high: number } {
    const t = Math.log(2e9);
    const spread = Math.sqrt(2 * n * q * t) + (2 / 3) * t;
    return { low: n * q - spread, high: n * q + spread };
  }
  const samples = fill(gaussianSource(seededRandomWords('tails')), 4 * MILLION);
  const beyond = (of: Samples, limit: number, sign: number) => {
    let count = 0;
    for (const x of of) if (sign * x > limit) count++;
    return count;
  };

  it.each([1, 2, 3, 3.6541528853610088, 4, 5])('beyond ±%d σ hold the right share, on each side', (limit) => {
    const { low, high } = countRange(samples.length, normalCdf(-limit));
    for (const sign of [-1, 1]) {
      const count = beyond(samples, limit, sign);
      expect(count).toBeGreaterThan(low);
      expect(count).toBeLessThan(high);
    }
  });

  it('would be missed if cut off', () => {
    const { low } = countRange(samples.length, normalCdf(-4));
    expect(low).toBeGreaterThan(0);
    expect(
      beyond(
        samples.map((x) => Math.max(-4, Math.min(4, x))),
        4,
        1,
      ),
    ).toBeLessThan(low);
  });
});

describe('each part of the ziggurat by itself', () => {
  /** Steers every sample into one layer: its 8 bits are fixed, all others random. */
  function steeredWords(layer: number): RandomWords {
    const words = seededRandomWords(`layer ${layer}`);
    return {
      secure: false,
      get wordsConsumed() {
        return words.wordsConsumed;
      },
      fill(out) {
        words.fill(out);
        for (let i = 0; i < out.length; i++) out[i] = (out[i]! & ~255) | layer;
      },
    };
  }
  const normalArea = (from: number, to: number) => Math.sqrt(2 * Math.PI) * (normalCdf(to) - normalCdf(from));

  it('the tail follows Φ conditioned on exceeding R, as far as 5 σ', () => {
    const samples = fill(gaussianSource(steeredWords(0)), MILLION);
    const tail = Float64Array.from(
      samples.filter((x) => Math.abs(x) > TAIL_START),
      Math.abs,
    );
    expect(tail.length).toBeGreaterThan(60_000);
    const total = normalCdf(-TAIL_START);
    const cdf = (x: number) => (total - normalCdf(-x)) / total;
    expect(kolmogorovSmirnov(tail, cdf)).toBeLessThan(ksLimit(tail.length));
    expect(tail.filter((x) => x > 5).length).toBeGreaterThan(50); // 149 expected; P(≤ 50) < 1e-18
    // A plain exponential tail, without the rejection step, is told apart.
    const exponential = (x: number) => 1 - Math.exp(-TAIL_START * (x - TAIL_START));
    expect(kolmogorovSmirnov(tail, exponential)).toBeGreaterThan(ksLimit(tail.length));
  });

  it.each([1, 2, 64, 128, 200, 254, 255])(
    'layer %d holds the points under the curve between its heights',
    (layer) => {
      const bottom = HEIGHTS[layer]!;
      const rise = HEIGHTS[layer + 1]! - bottom;
      const inner = EDGES[layer + 1]!;
      const area = (x: number) =>
        x <= inner ? rise * x : rise * inner + normalArea(inner, x) - bottom * (x - inner);
      const total = area(EDGES[layer]!);
      const cdf = (x: number) => 0.5 + (Math.sign(x) * area(Math.abs(x))) / (2 * total);
      const samples = fill(gaussianSource(steeredWords(layer)), 200_000);
      expect(kolmogorovSmirnov(samples, cdf)).toBeLessThan(ksLimit(samples.length));
      if (layer === 255) {
        // Accepting every point of the topmost layer, the usual slip, is told apart.
        const uniform = (x: number) => 0.5 + x / (2 * EDGES[layer]!);
        expect(kolmogorovSmirnov(samples, uniform)).toBeGreaterThan(ksLimit(samples.length));
      }
    },
  );
});

describe('independence', () => {
  const lags = [1, 2, 3, 4, 5, 7, 8, 16, 100, 255, 256, 257, 512, 1000, 1024, 8191, 8192, 8193];
  const functions: Record<string, (x: number) => number> = {
    x: (x) => x,
    'x²': (x) => (x * x - 1) / Math.SQRT2,
    'sign x': Math.sign,
    '|x|': (x) => (Math.abs(x) - Math.sqrt(2 / Math.PI)) / Math.sqrt(1 - 2 / Math.PI),
  };

  it.each(Object.keys(functions))('%s is not correlated with itself at any lag', (name) => {
    const values = Float64Array.from(million, functions[name]!);
    // 18 lags × 4 functions at |z| > 6.9 (probability 5.2e-12 each): 3.8e-10 in all.
    for (const lag of lags) expect(Math.abs(lagScore(values, lag)), `lag ${lag}`).toBeLessThan(6.9);
    expect(Math.abs(lagScore(Float64Array.from(repeating, functions[name]!), 1001))).toBeGreaterThan(6.9);
  });

  it('of neighbours: pairs fill a 32 × 32 grid of equally likely cells evenly', () => {
    const chiSquare = (samples: Samples, lag: number) => {
      const cell = (x: number) => Math.min(31, Math.floor(normalCdf(x) * 32));
      const counts = new Float64Array(1024);
      let pairs = 0;
      // Disjoint pairs, so that they are independent of each other.
      for (let i = 0; i + lag < samples.length; i += 2 * lag) {
        for (let k = i; k < i + lag && k + lag < samples.length; k++, pairs++) {
          counts[32 * cell(samples[k]!) + cell(samples[k + lag]!)]!++;
        }
      }
      return counts.reduce((sum, count) => sum + (count - pairs / 1024) ** 2 / (pairs / 1024), 0);
    };
    for (const lag of [1, 2, 8192]) expect(chiSquare(million, lag)).toBeLessThan(chiSquareLimit(1023));
    expect(chiSquare(repeating, 1001)).toBeGreaterThan(chiSquareLimit(1023));
  });

  it('of layer and magnitude: the layer says nothing about the place within it', () => {
    // Doornik's objection to the original: with shared bits, a sample's low bits tell its layer.
    const words = seededRandomWords('doornik');
    const block = new Uint32Array(16_384);
    const counts = new Float64Array(16 * 64);
    const rounds = 40;
    const record: RandomWords = {
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        words.fill(out);
        if (out.length === block.length) block.set(out);
      },
    };
    const source = gaussianSource(record);
    let used = 0;
    for (let round = 0; round < rounds; round++) {
      const samples = fill(source, 8192);
      samples.forEach((x, i) => {
        const layer = block[2 * i]! & 255;
        // Points safely inside stay where they were placed: uniform over the inner rectangle.
        if (layer > 0 && Math.abs(x) < EDGES[layer + 1]! && layer < 240) {
          counts[(layer >> 4) * 64 + Math.floor((0.5 + x / (2 * EDGES[layer + 1]!)) * 64)]!++;
          used++;
        }
      });
    }
    expect(used).toBeGreaterThan(250_000);
    let chiSquare = 0;
    for (let group = 0; group < 15; group++) {
      const row = counts.subarray(group * 64, group * 64 + 64);
      const total = row.reduce((sum, count) => sum + count, 0);
      chiSquare += row.reduce((sum, count) => sum + (count - total / 64) ** 2 / (total / 64), 0);
    }
    expect(chiSquare).toBeLessThan(chiSquareLimit(15 * 63));
  });

  it('across calls and sources: the sum and difference of two fills are as wide as they should be', () => {
    const source = gaussianSource(seededRandomWords('calls'));
    const n = 200_000;
    const first = fill(source, n);
    const second = fill(source, n);
    const other = fill(gaussianSource(seededRandomWords('another')), n);
    for (const [a, b] of [
      [first, second],
      [second, other],
    ] as const) {
      const sum = Float64Array.from(a, (x, i) => (x + b[i]!) / Math.SQRT2);
      for (const score of momentScores(sum)) expect(Math.abs(score)).toBeLessThan(Z_LIMIT);
      expect(kolmogorovSmirnov(sum, normalCdf)).toBeLessThan(ksLimit(n));
    }
    const reused = Float64Array.from(first, (x) => (x + x) / Math.SQRT2);
    expect(Math.abs(momentScores(reused)[1]!)).toBeGreaterThan(Z_LIMIT);
  });
});

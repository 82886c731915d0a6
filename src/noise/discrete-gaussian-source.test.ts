/**
 * Is it the discrete Gaussian? Seeds are fixed, so these tests give the same verdict each time; for seeds drawn at
 * random each would fail by chance with probability ≤ 1e-9, or as stated. Planted faults must fail.
 */
import { describe, expect, it } from 'vitest';
import {
  type DiscreteGaussianSource,
  discreteGaussianSource,
  MAX_GRID_SIGMA,
  MIN_GRID_SIGMA,
} from './discrete-gaussian-source.js';
import { gaussianStrips } from './gaussian-strips.js';
import type { RandomWords } from './random-words.js';
import { secureRandomWords } from './secure-words.js';
import { seededRandomWords } from './seeded-words.js';

function fill(source: DiscreteGaussianSource, count: number, sigma: number): Float64Array {
  const out = new Float64Array(count);
  source.fill(out, sigma);
  return out;
}
const seeded = (seed: string, count: number, sigma: number) =>
  fill(discreteGaussianSource(seededRandomWords(seed)), count, sigma);

/** ρ(k)/Σρ for |k| ≤ reach, by direct summation. */
function pmf(sigma: number, reach: number): (k: number) => number {
  let total = 1;
  for (let k = 1; k <= Math.ceil(40 * sigma) + 40; k++) total += 2 * Math.exp((-k * k) / (2 * sigma * sigma));
  const table = Float64Array.from(
    { length: 2 * reach + 1 },
    (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)) / total,
  );
  return (k) => table[k + reach] ?? 0;
}

/** Pearson's χ² exceeds this with probability ≤ 1e-9 if it is χ² distributed (Laurent & Massart 2000, Lemma 1). */
function chiSquareLimit(degrees: number): number {
  const t = Math.log(1e9);
  return degrees + 2 * Math.sqrt(degrees * t) + 2 * t;
}

/** χ² of integer samples against probabilities, cells of fewer than 20 expected pooled; and its limit. */
function chiSquare(samples: Float64Array, probability: (k: number) => number, reach: number) {
  const counts = new Map<number, number>();
  for (const k of samples) counts.set(k, (counts.get(k) ?? 0) + 1);
  let value = 0;
  let cells = 0;
  let pooled = { expected: samples.length, observed: samples.length };
  for (let k = -reach; k <= reach; k++) {
    const expected = samples.length * probability(k);
    if (expected < 20) continue;
    const observed = counts.get(k) ?? 0;
    value += (observed - expected) ** 2 / expected;
    cells++;
    pooled = { expected: pooled.expected - expected, observed: pooled.observed - observed };
  }
  if (pooled.expected > 20) {
    value += (pooled.observed - pooled.expected) ** 2 / pooled.expected;
    cells++;
  }
  return { value, limit: chiSquareLimit(cells - 1) };
}

/** Φ by Marsaglia's series (2004). */
function normalCdf(x: number): number {
  if (Math.abs(x) > 12) return x < 0 ? 0 : 1;
  let term = x;
  let sum = x;
  for (let i = 3; sum + term !== sum; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}

/** P(distance > this) ≤ 1e-9 for every n: the Dvoretzky–Kiefer–Wolfowitz inequality with Massart's constant. */
const ksLimit = (n: number) => Math.sqrt(Math.log(2e9) / (2 * n));

/** |z| exceeds this with probability 2e-10. */
const Z_LIMIT = 6.36;

describe('the probabilities', () => {
  it.each([MIN_GRID_SIGMA, 0.5, 1, 1.7, 3.3, 10.5, 40])('at σ = %d are ρ(k)/Σρ for every k', (sigma) => {
    const reach = Math.ceil(8 * sigma) + 2;
    const samples = seeded(`pmf ${sigma}`, 500_000, sigma);
    const { value, limit } = chiSquare(samples, pmf(sigma, reach), reach);
    expect(value).toBeLessThan(limit);
    // A σ that is wrong by 4 % is told apart.
    const fault = chiSquare(samples, pmf(sigma * 1.04, reach), reach);
    expect(fault.value).toBeGreaterThan(fault.limit);
  });

  it('are those of the exact discrete Gaussian, not of a rounded one', () => {
    const reach = 10;
    const samples = seeded('rounded', 400_000, 0.5);
    const rounded = (k: number) => normalCdf((k + 0.5) / 0.5) - normalCdf((k - 0.5) / 0.5);
    const fault = chiSquare(samples, rounded, reach);
    expect(fault.value).toBeGreaterThan(fault.limit);
  });

  it('at σ = 300, where every strip holds several integers, are right for every k', () => {
    const reach = 2000;
    const samples = seeded('σ = 300', 3_000_000, 300);
    const { value, limit } = chiSquare(samples, pmf(300, reach), reach);
    expect(value).toBeLessThan(limit);
  });

  it('are right with secure words too (fails by chance with probability ≤ 1e-9)', () => {
    const samples = fill(discreteGaussianSource(secureRandomWords()), 400_000, 5);
    const { value, limit } = chiSquare(samples, pmf(5, 60), 60);
    expect(value).toBeLessThan(limit);
  });

  it('are right in the tail: every choice steered there', () => {
    const sigma = 20;
    const { tail, mask, first } = gaussianStrips(sigma);
    const words = seededRandomWords('tail');
    const steered: RandomWords = {
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        words.fill(out);
        if (out.length > 2000) for (let i = 0; i < out.length; i += 2) out[i] = (out[i]! & ~mask) | tail;
      },
    };
    const from = first[tail]!;
    const samples = fill(discreteGaussianSource(steered), 600_000, sigma).filter((k) => Math.abs(k) >= from);
    expect(samples.length).toBeGreaterThan(100_000);
    const whole = pmf(sigma, 400);
    let mass = 0;
    for (let k = from; k <= 400; k++) mass += 2 * whole(k);
    const conditional = (k: number) => (Math.abs(k) < from ? 0 : whole(k) / mass);
    const { value, limit } = chiSquare(samples, conditional, 400);
    expect(value).toBeLessThan(limit);
    expect(samples.filter((k) => Math.abs(k) > 4.5 * sigma).length).toBeGreaterThan(50);
  });
});

describe.each([2 ** 10 + 0.5, 1.1 * 2 ** 20, MAX_GRID_SIGMA])('a large σ = %d', (sigma) => {
  const n = 400_000;
  const samples = seeded(`large ${sigma}`, n, sigma);

  it('gives integers that are Φ, by Kolmogorov–Smirnov', () => {
    expect(samples.every(Number.isInteger)).toBe(true);
    // Where P(K ≤ k) = Φ((k + ½)/σ) but for 1/(24σ²) (Euler & Maclaurin), four thousand times below the limit.
    const distance = (scale: number) => {
      let largest = 0;
      const sorted = samples.slice().sort();
      for (let i = 0; i < n; i++) {
        if (i + 1 < n && sorted[i + 1] === sorted[i]) continue;
        largest = Math.max(largest, Math.abs((i + 1) / n - normalCdf((sorted[i]! + 0.5) / scale)));
      }
      return largest;
    };
    expect(distance(sigma)).toBeLessThan(ksLimit(n));
    expect(distance(sigma * 1.03)).toBeGreaterThan(ksLimit(n));
  });

  it('has the moments of N(0, σ²) and independent neighbours', () => {
    const sums = [0, 0, 0, 0];
    for (const k of samples) {
      const x = k / sigma;
      sums[0]! += x;
      sums[1]! += x * x - 1;
      sums[2]! += x ** 3;
      sums[3]! += x ** 4 - 3;
    }
    sums.forEach((sum, i) => {
      expect(Math.abs(sum / Math.sqrt(n * [1, 2, 15, 96][i]!))).toBeLessThan(Z_LIMIT);
    });
    for (const lag of [1, 2, 8192]) {
      let [linear, square] = [0, 0];
      for (let i = lag; i < n; i++) {
        const [x, y] = [samples[i]! / sigma, samples[i - lag]! / sigma];
        linear += x * y;
        square += (x * x - 1) * (y * y - 1);
      }
      expect(Math.abs(linear) / Math.sqrt(n - lag)).toBeLessThan(Z_LIMIT);
      expect(Math.abs(square) / (2 * Math.sqrt(n - lag))).toBeLessThan(Z_LIMIT);
    }
  });

  it('has even low bits: parity, each remainder modulo 16, and sign', () => {
    // σ ≥ 1024: remainders are equally likely but for exp(−2π²σ²/16²) < 1e-30000.
    const counts = new Float64Array(16);
    for (const k of samples) counts[((k % 16) + 16) % 16]!++;
    const value = counts.reduce((sum, count) => sum + (count - n / 16) ** 2 / (n / 16), 0);
    expect(value).toBeLessThan(chiSquareLimit(15));
    const positive = samples.filter((k) => k > 0).length - samples.filter((k) => k < 0).length;
    expect(Math.abs(positive)).toBeLessThan(Z_LIMIT * Math.sqrt(n));
  });
});

describe('the words', () => {
  it('never make the same sample twice, and say whether they are secure', () => {
    const source = discreteGaussianSource(secureRandomWords());
    expect(source.secure).toBe(true);
    expect(fill(source, 100, 2 ** 20)).not.toEqual(fill(source, 100, 2 ** 20));
    expect(discreteGaussianSource(seededRandomWords(1)).secure).toBe(false);
  });

  it('are wiped once used, and counted: two a sample, a few more for close calls', () => {
    const blocks = new Set<Uint32Array>();
    const words = seededRandomWords('wiped');
    const source = discreteGaussianSource({
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        words.fill(out);
        blocks.add(out);
      },
    });
    fill(source, 3 * 8192, 2 ** 16);
    const [main] = [...blocks].filter((block) => block.length > 2000);
    expect(main!.every((word) => word === 0)).toBe(true);
    expect(source.wordsConsumed).toBeGreaterThan(2 * 3 * 8192);
    expect(source.wordsConsumed).toBeLessThan(2.2 * 3 * 8192);
  });

  it('that would favour an integer of a strip are drawn again', () => {
    const sigma = 777;
    const { unfair, width, mask } = gaussianStrips(sigma);
    const strip = width.findIndex((w, j) => j > 0 && unfair[j]! > 0 && w > 4);
    const words = seededRandomWords('unfair');
    const steered: RandomWords = {
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        words.fill(out);
        if (out.length > 2000) {
          // Such a strip, its very first place: the product's lower part is 0, below 2²⁹ mod width.
          for (let i = 0; i < out.length; i += 2) [out[i], out[i + 1]] = [(out[i]! & ~mask) | strip, 0];
        }
      },
    };
    const places = new Set(fill(discreteGaussianSource(steered), 1000, sigma));
    expect(places.size).toBeGreaterThan(4);
  });

  it('go on across calls: cut in pieces, the samples are those of one call', () => {
    const whole = seeded('pieces', 30_000, 777);
    const source = discreteGaussianSource(seededRandomWords('pieces'));
    const parts = [1, 10, 8181, 8192, 13_616].flatMap((count) => [...fill(source, count, 777)]);
    // Words of close calls come from a second block, fetched when first needed: the same order here.
    expect(parts).toEqual([...whole]);
  });
});

describe('σ', () => {
  it('may change from call to call', () => {
    const source = discreteGaussianSource(seededRandomWords('changing'));
    const other = discreteGaussianSource(seededRandomWords('other'));
    for (const sigma of [3, 5000, 3, 0.5]) {
      fill(other, 10, 1000);
      const samples = fill(source, 20_000, sigma);
      const reach = Math.ceil(8 * sigma) + 2;
      const { value, limit } = chiSquare(samples, pmf(sigma, reach), reach);
      expect(value).toBeLessThan(limit);
    }
  });

  it('= 0 writes zeros and takes no words', () => {
    const source = discreteGaussianSource(seededRandomWords(1));
    expect(fill(source, 3, 0)).toEqual(new Float64Array(3));
    expect(source.wordsConsumed).toBe(0);
  });

  it.each([-1, 0.2, 2 ** 25 + 1, Number.NaN, Number.POSITIVE_INFINITY, '3', undefined])(
    'refuses %s',
    (sigma) => {
      const out = new Float64Array(3).fill(7);
      expect(() => discreteGaussianSource(seededRandomWords(1)).fill(out, sigma as number)).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
      );
      expect(out).toEqual(new Float64Array(3).fill(7));
    },
  );

  it('goes into a Float64Array only', () => {
    const source = discreteGaussianSource(seededRandomWords(1));
    expect(() => source.fill(new Float32Array(2) as never, 1)).toThrow(/Float64Array/);
  });
});

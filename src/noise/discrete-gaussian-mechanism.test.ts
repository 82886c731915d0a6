import { epsilonOf } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { defaultGranularity, discreteGaussianMechanism } from './discrete-gaussian-mechanism.js';
import { discreteGaussianSource, MAX_GRID_SIGMA } from './discrete-gaussian-source.js';
import { gaussianSource } from './gaussian-source.js';
import { gaussianMechanism } from './noise-mechanism.js';
import { seededRandomWords } from './seeded-words.js';

const GRID = 2 ** -10;
const mechanism = (seed: string | number = 1, granularity = GRID) =>
  discreteGaussianMechanism(discreteGaussianSource(seededRandomWords(seed)), granularity);
const noise = (seed: string | number, count: number, sigma: number) => {
  const out = new Float64Array(count);
  discreteGaussianSource(seededRandomWords(seed)).fill(out, sigma);
  return out;
};

describe('the discrete Gaussian mechanism', () => {
  it('is round(sum/γ) + k, times γ', () => {
    const sum = Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i) * 3);
    const out = new Float32Array(sum.length);
    mechanism(7).release(sum, out, 0.5);
    const k = noise(7, sum.length, 0.5 / GRID);
    expect(out).toEqual(sum.map((value, i) => GRID * (Math.round(value / GRID) + k[i]!)));
    const inPlace = sum.slice();
    mechanism(7).release(inPlace, inPlace, 0.5);
    expect(inPlace).toEqual(out);
  });

  it('puts every release on the grid, whatever the low bits of the sum', () => {
    // Mironov's attack: which float32 values occur tells which sum was noised. On a grid all sums give the same ones.
    const sum = Float32Array.from({ length: 20_000 }, (_, i) => i * 1e-7 + 1 / 3);
    const out = new Float32Array(sum.length);
    mechanism().release(sum, out, 0.5);
    expect(out.every((value) => Number.isInteger(value / GRID))).toBe(true);
    gaussianMechanism(gaussianSource(seededRandomWords(1))).release(sum, out, 0.5);
    expect(out.every((value) => Number.isInteger(value / GRID))).toBe(false);
  });

  it('depends on the sum through its grid point only', () => {
    const sums = [0.2501, 0.24999, 0.25, 0.25 + GRID / 2.01, 0.25 - GRID / 2.01].map((value) =>
      new Float32Array(300).fill(value),
    );
    const releases = sums.map((sum) => {
      const out = new Float32Array(300);
      mechanism(3).release(sum, out, 0.01);
      return out;
    });
    for (const release of releases) expect(release).toEqual(releases[0]);
  });

  it('releases noise alone for an empty batch, the same as for zeros, and never −0', () => {
    const [empty, zeros] = [new Float32Array(9000), new Float32Array(9000)];
    mechanism(2).release(undefined, empty, 0.001);
    mechanism(2).release(new Float32Array(9000).fill(-0), zeros, 0.001);
    expect(empty).toEqual(zeros);
    expect(empty.some((value) => value === 0)).toBe(true);
    expect(empty.some((value) => Object.is(value, -0))).toBe(false);
  });

  it('rounds to float32 beyond 2²⁴ steps: a function of the integer', () => {
    const sum = new Float32Array([2 ** 30, -(2 ** 30) - 128]);
    const out = new Float32Array(2);
    mechanism(4, 1).release(sum, out, 1000);
    const k = noise(4, 2, 1000);
    expect([...out]).toEqual([Math.fround(2 ** 30 + k[0]!), Math.fround(-(2 ** 30) - 128 + k[1]!)]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 43, -(2 ** 60)])(
    'refuses a sum of %d',
    (value) => {
      const sum = new Float32Array(10);
      sum[8] = value;
      expect(() => mechanism().release(sum, new Float32Array(10), 1)).toThrow(
        expect.objectContaining({ code: 'DP_NUMERICAL' }),
      );
    },
  );

  it.each([
    0.3,
    3,
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** -101,
    2 ** 61,
    2 ** -10 * (1 + 2 ** -52),
  ])('refuses a granularity of %d', (granularity) => {
    expect(() => mechanism(1, granularity)).toThrow(/power of two/);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, GRID / 4.01, GRID * 2 ** 25.01, Number.MIN_VALUE])(
    'refuses a standard deviation of %d, and draws nothing',
    (standardDeviation) => {
      const one = mechanism();
      expect(() => one.release(undefined, new Float32Array(3), standardDeviation)).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
      );
      expect(one.wordsConsumed).toBe(0);
    },
  );

  it('refuses arrays of another type or length', () => {
    expect(() => mechanism().release(new Float32Array(2), new Float32Array(3), 1)).toThrow(/as long as/);
    expect(() => mechanism().release(undefined, new Float64Array(3) as never, 1)).toThrow(/Float32Array/);
    const plain = gaussianMechanism(gaussianSource(seededRandomWords(1)));
    expect(() => plain.release(new Float32Array(2), new Float32Array(3), 1)).toThrow(/as long as/);
  });

  it('states its event, with the grid and the rounding inside', () => {
    const release = { dimension: 10_000, l2NormClip: 1, standardDeviation: 2 };
    const event = mechanism().event(release);
    expect(event).toMatchObject({ type: 'vectorDiscreteGaussian', granularity: GRID, ...release });
    expect(event.l2Sensitivity).toBeCloseTo(1 + 100 * GRID, 12);
    const { epsilon } = epsilonOf(event, { delta: 1e-5, relation: 'replace-special' });
    expect(epsilon).toBeGreaterThan(0);
    expect(epsilon).toBeLessThan(4);
  });

  it('by default has a grid that adds 0.1 % at most, within what the sampler allows', () => {
    for (const dimension of [1, 26_010, 235_146, 10_000_000]) {
      for (const l2NormClip of [1e-4, 1, 300]) {
        const granularity = defaultGranularity({
          dimension,
          l2NormClip,
          standardDeviation: 1.1 * l2NormClip,
        });
        expect(granularity * Math.sqrt(dimension)).toBeLessThanOrEqual(l2NormClip / 1000);
        expect(granularity * Math.sqrt(dimension)).toBeGreaterThan(l2NormClip / 2001);
      }
    }
    const wide = { dimension: 1e7, l2NormClip: 1, standardDeviation: 100 };
    expect(100 / defaultGranularity(wide)).toBeLessThanOrEqual(MAX_GRID_SIGMA);
    mechanism(1, defaultGranularity(wide)).release(undefined, new Float32Array(10), 100);
  });
});

describe('the Gaussian mechanism', () => {
  it('adds what its source fills', () => {
    const make = () => gaussianMechanism(gaussianSource(seededRandomWords(5)));
    const sum = Float32Array.from({ length: 1000 }, (_, i) => i);
    const out = new Float32Array(1000);
    make().release(sum, out, 2);
    const filled = new Float32Array(1000);
    make().source.fill(filled, 2);
    expect(out).toEqual(sum.map((value, i) => value + filled[i]!));
    make().release(undefined, out, 2);
    expect(out).toEqual(filled);
  });
});

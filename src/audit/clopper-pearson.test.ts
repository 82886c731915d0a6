import betainc from '@stdlib/math-base-special-betainc';
import { describe, expect, it } from 'vitest';
import {
  clopperPearson,
  clopperPearsonEpsilon,
  clopperPearsonLower,
  clopperPearsonUpper,
} from './clopper-pearson.js';

/** P[Binomial(n, p) ≥ k], summed term by term. */
function upperTail(n: number, k: number, p: number): number {
  let sum = 0;
  for (let j = k; j <= n; j++) {
    let term = 1;
    for (let i = 1; i <= j; i++) term *= ((n - j + i) / i) * p;
    sum += term * (1 - p) ** (n - j);
  }
  return sum;
}

describe('clopperPearson', () => {
  it('inverts the binomial tail: at the limit, the data are exactly alpha unlikely', () => {
    for (const [k, n] of [
      [1, 5],
      [7, 20],
      [20, 20],
      [29, 30],
    ] as const) {
      for (const alpha of [0.2, 0.025, 1e-6]) {
        const lower = clopperPearsonLower({ successes: k, trials: n, alpha });
        expect(upperTail(n, k, lower) / alpha).toBeCloseTo(1, 8);
        const upper = clopperPearsonUpper({ successes: n - k, trials: n, alpha });
        expect(1 - upper).toBeCloseTo(lower, 10);
      }
    }
  });

  it('covers any true rate with at least the stated confidence', () => {
    const n = 40;
    const intervals = Array.from({ length: n + 1 }, (_, successes) =>
      clopperPearson({ successes, trials: n, confidence: 0.9 }),
    );
    for (let p = 0.005; p < 1; p += 0.005) {
      let covered = 0;
      for (const [k, { lower, upper }] of intervals.entries()) {
        if (lower <= p && p <= upper) covered += upperTail(n, k, p) - upperTail(n, k + 1, p);
      }
      expect(covered).toBeGreaterThanOrEqual(0.9);
    }
  });

  it('errs outward even after rounding, up to a million trials', () => {
    for (const trials of [10, 1000, 1_000_000]) {
      for (const successes of [1, Math.floor(trials / 3), trials - 1]) {
        const lower = clopperPearsonLower({ successes, trials, alpha: 0.025 });
        expect(betainc(lower, successes, trials - successes + 1)).toBeLessThanOrEqual(0.025);
      }
    }
  });

  it('reaches 0 and 1 only where the data leave them open', () => {
    expect(clopperPearson({ successes: 0, trials: 9, confidence: 0.95 }).lower).toBe(0);
    expect(clopperPearson({ successes: 9, trials: 9, confidence: 0.95 }).upper).toBe(1);
    expect(clopperPearson({ successes: 1, trials: 9, confidence: 0.95 }).lower).toBeGreaterThan(0);
  });

  it.each([
    [{ successes: 3, trials: 2 }, /0…2/],
    [{ successes: -1, trials: 2 }, /successes/],
    [{ successes: 0.5, trials: 2 }, /successes/],
    [{ successes: 0, trials: 0 }, /trials/],
  ])('refuses %o', (count, message) => {
    expect(() => clopperPearson({ ...count, confidence: 0.95 })).toThrow(message);
  });

  it.each([0, 1, -0.1, Number.NaN])('refuses a confidence of %s', (confidence) => {
    expect(() => clopperPearson({ successes: 1, trials: 2, confidence })).toThrow(/confidence/);
  });
});

describe('clopperPearsonEpsilon', () => {
  const counts = { truePositives: 60, members: 100, falsePositives: 5, nonMembers: 100 };
  const at = (change: object) => clopperPearsonEpsilon({ ...counts, delta: 1e-5, alpha: 0.05, ...change });

  it('grows with true positives and confidence to err, falls with false positives and δ', () => {
    expect(at({ truePositives: 70 })).toBeGreaterThan(at({}));
    expect(at({ falsePositives: 6 })).toBeLessThan(at({}));
    expect(at({ delta: 0.1 })).toBeLessThan(at({}));
    expect(at({ alpha: 0.01 })).toBeLessThan(at({}));
  });

  it('is symmetric: clearing non-members well counts as much as accusing members well', () => {
    expect(at({ truePositives: 95, falsePositives: 40 })).toBeCloseTo(at({}), 9);
  });

  it('is zero, not negative or NaN, when the attack is worse than chance or δ leaves nothing', () => {
    expect(at({ truePositives: 5, falsePositives: 60 })).toBe(0);
    expect(at({ delta: 0.99 })).toBe(0);
  });
});

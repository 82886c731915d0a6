import { describe, expect, it } from 'vitest';
import { balancedSplitPenalty, oneRunEpsilonLowerBound, oneRunPValue } from './one-run.js';

const counts = { coins: 1000, guesses: 200, correct: 150 };

describe('oneRunPValue', () => {
  it('is a binomial tail at δ = 0', () => {
    // P[Bin(3, ½) ≥ 2] = ½
    expect(oneRunPValue({ coins: 5, guesses: 3, correct: 2, epsilon: 0, delta: 0 })).toBeCloseTo(0.5, 10);
  });

  it('grows with ε and δ, falls with the correct guesses', () => {
    const at = (change: object) => oneRunPValue({ ...counts, epsilon: 0.5, delta: 1e-5, ...change });
    expect(at({ epsilon: 0.6 })).toBeGreaterThan(at({}));
    expect(at({ delta: 1e-4 })).toBeGreaterThan(at({}));
    expect(at({ correct: 151 })).toBeLessThan(at({}));
  });

  it('rejects nothing without a guess, and never a claim of ε = ∞', () => {
    expect(oneRunPValue({ coins: 10, guesses: 0, correct: 0, epsilon: 0, delta: 0 })).toBe(1);
    expect(oneRunPValue({ ...counts, epsilon: Number.POSITIVE_INFINITY, delta: 0 })).toBe(1);
  });

  it.each([
    [{ coins: 10, guesses: 11, correct: 0 }],
    [{ coins: 10, guesses: 5, correct: 6 }],
    [{ coins: 0, guesses: 0, correct: 0 }],
    [{ coins: 10, guesses: 2.5, correct: 1 }],
  ])('refuses %o', (bad) => {
    expect(() => oneRunPValue({ ...bad, epsilon: 1, delta: 0 })).toThrow(/correct ≤ guesses ≤ coins/);
  });
});

describe('oneRunEpsilonLowerBound', () => {
  it('is rejected itself, and the next larger ε is not', () => {
    const options = { ...counts, delta: 1e-5, alpha: 0.05 };
    const epsilon = oneRunEpsilonLowerBound(options);
    expect(oneRunPValue({ ...options, epsilon })).toBeLessThan(0.05);
    expect(oneRunPValue({ ...options, epsilon: epsilon + 1e-6 })).toBeGreaterThanOrEqual(0.05);
  });

  it('certifies logit(alpha^(1/r)) when every guess is right and δ = 0', () => {
    const rate = 0.05 ** (1 / 50);
    const epsilon = oneRunEpsilonLowerBound({ coins: 90, guesses: 50, correct: 50, delta: 0, alpha: 0.05 });
    expect(epsilon).toBeCloseTo(Math.log(rate / (1 - rate)), 8);
  });

  it('claims nothing for guesses no better than coins', () => {
    expect(oneRunEpsilonLowerBound({ ...counts, correct: 100, delta: 0, alpha: 0.05 })).toBe(0);
  });
});

describe('balancedSplitPenalty', () => {
  it('is the chance that 2n coins fall half and half', () => {
    expect(Math.exp(-balancedSplitPenalty(1))).toBeCloseTo(1 / 2, 11);
    expect(Math.exp(-balancedSplitPenalty(3))).toBeCloseTo(20 / 64, 11);
    expect(Math.exp(balancedSplitPenalty(1000))).toBeCloseTo(Math.sqrt(Math.PI * 1000), 1);
  });
});

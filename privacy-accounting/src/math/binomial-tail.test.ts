import { describe, expect, it } from 'vitest';
import { binomialUpperTail } from './binomial-tail.js';

describe('binomialUpperTail', () => {
  it('is the sum of the probabilities', () => {
    for (const [n, p] of [
      [12, 0.3],
      [40, 0.07],
      [60, 0.9],
    ] as const) {
      const masses = [(1 - p) ** n];
      for (let k = 0; k < n; k++) masses.push(((masses[k]! * (n - k)) / (k + 1)) * (p / (1 - p)));
      for (let k = 0; k <= n; k++) {
        const sum = masses.slice(k).reduceRight((total, mass) => total + mass, 0);
        expect(binomialUpperTail({ trials: n, probability: p, atLeast: k }) / sum).toBeCloseTo(1, 11);
      }
    }
  });

  it('obeys P[Bin(n, p) ≥ k] = (1 − p)·P[Bin(n − 1, p) ≥ k] + p·P[Bin(n − 1, p) ≥ k − 1] at large n', () => {
    for (const [n, p, k] of [
      [1e4, 0.01, 120],
      [1e6, 0.001, 1200],
      [1e8, 1e-4, 10_050],
    ] as const) {
      const tail = (trials: number, atLeast: number) =>
        binomialUpperTail({ trials, probability: p, atLeast });
      const recursion = (1 - p) * tail(n - 1, k) + p * tail(n - 1, k - 1);
      expect(tail(n, k) / recursion).toBeCloseTo(1, 10);
    }
  });

  it('has certain ends', () => {
    expect(binomialUpperTail({ trials: 5, probability: 0.5, atLeast: 0 })).toBe(1);
    expect(binomialUpperTail({ trials: 5, probability: 0.5, atLeast: 6 })).toBe(0);
    expect(binomialUpperTail({ trials: 5, probability: 1, atLeast: 5 })).toBe(1);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gnMaxDataDependentRdp, gnMaxLogOther, gnMaxRdp } from './gn-max-rdp.js';

/** Pr[class i has the largest noisy count], i = 0 … , by the trapezoidal rule over its noisy count. */
function answers(votes: readonly number[], sigma: number): number[] {
  const cdf = (z: number) => {
    // Φ by Simpson's rule from −10, enough for a test.
    const n = 400;
    const h = (Math.min(10, Math.max(-10, z)) + 10) / n;
    let sum = 0;
    for (let i = 0; i <= n; i++) {
      const t = -10 + i * h;
      sum += (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(-(t * t) / 2);
    }
    return (sum * h) / 3 / Math.sqrt(2 * Math.PI);
  };
  return votes.map((vote, i) => {
    let sum = 0;
    const h = 0.05;
    for (let t = -8; t <= 8; t += h) {
      let inside = Math.exp(-(t * t) / 2) / Math.sqrt(2 * Math.PI);
      votes.forEach((other, j) => {
        if (j !== i) inside *= cdf((vote - other) / sigma + t);
      });
      sum += inside;
    }
    return sum * h;
  });
}

describe('gnMaxRdp', () => {
  it('is that of a Gaussian of sensitivity √2', () => {
    expect(gnMaxRdp({ sigma: 40, order: 16 })).toBeCloseTo(0.01, 14);
    expect(() => gnMaxRdp({ sigma: 0, order: 2 })).toThrow(/sigma must be a finite number above 0/);
  });
});

describe('gnMaxLogOther', () => {
  it('bounds the probability of another answer, by the union bound', () => {
    for (const [votes, sigma] of [
      [[10, 2, 1], 3],
      [[5, 5, 5], 2],
      [[30, 1], 6],
    ] as const) {
      const exact = 1 - answers(votes, sigma)[0]!;
      const bound = Math.exp(gnMaxLogOther({ votes, sigma }));
      expect(bound).toBeGreaterThanOrEqual(exact - 1e-9);
      expect(bound).toBeLessThan(2.1 * exact);
    }
    // Two classes: exact. Far in the tail it does not underflow.
    expect(gnMaxLogOther({ votes: [10_000, 0], sigma: 10 })).toBeCloseTo(-250_007.48, 2);
  });
});

describe('gnMaxDataDependentRdp', () => {
  it('bounds the divergence from what any one teacher can turn the votes into', () => {
    for (const [votes, sigma] of [
      [[20, 3, 2], 4],
      [[25, 0], 5],
      [[12, 10, 1], 4],
    ] as const) {
      const logOther = gnMaxLogOther({ votes, sigma });
      const here = answers(votes, sigma);
      for (let from = 0; from < votes.length; from++) {
        for (let to = 0; to < votes.length; to++) {
          if (from === to || votes[from]! === 0) continue;
          const moved = votes.map((n, i) => n + (i === to ? 1 : i === from ? -1 : 0));
          const there = answers(moved, sigma);
          for (const order of [1.5, 2, 3, 5]) {
            const moment = here.reduce((sum, p, i) => sum + p ** order * there[i]! ** (1 - order), 0);
            const exact = Math.log(moment) / (order - 1);
            expect(exact).toBeLessThanOrEqual(gnMaxDataDependentRdp({ logOther, sigma, order }) + 1e-7);
          }
        }
      }
    }
  });

  it('is never above the bound for all votes, nor below 0, and falls with the certainty', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -800, max: -0.01, noNaN: true }),
        fc.double({ min: 1, max: 200, noNaN: true }),
        fc.double({ min: 1.01, max: 100, noNaN: true }),
        (logOther, sigma, order) => {
          const here = gnMaxDataDependentRdp({ logOther, sigma, order });
          expect(here).toBeGreaterThanOrEqual(0);
          expect(here).toBeLessThanOrEqual(gnMaxRdp({ sigma, order }));
        },
      ),
      { seed: 130 },
    );
    const clear = gnMaxDataDependentRdp({ logOther: -200, sigma: 40, order: 4 });
    const doubtful = gnMaxDataDependentRdp({ logOther: -20, sigma: 40, order: 4 });
    expect(clear).toBeLessThan(doubtful);
    expect(doubtful).toBeLessThan(gnMaxRdp({ sigma: 40, order: 4 }));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advantageCeiling, aucCeiling, checkClaimAgainst, tprCeiling, VERDICT_EXIT_CODE } from './claim.js';
import { attackCorner, clopperPearsonEpsilon } from './clopper-pearson.js';

const epsilons = fc.double({ min: 0, max: 12, noNaN: true });
const deltas = fc.double({ min: 0, max: 0.5, noNaN: true });
const rates = fc.double({ min: 0, max: 1, noNaN: true });

describe('tprCeiling', () => {
  it('is a ROC: at least chance, monotone, concave along the grid, 1 at FPR 1', () => {
    fc.assert(
      fc.property(epsilons, deltas, (epsilon, delta) => {
        const curve = Array.from({ length: 101 }, (_, i) => tprCeiling({ epsilon, delta }, i / 100));
        expect(curve[100]).toBe(1);
        for (let i = 1; i < 100; i++) {
          expect(curve[i]!).toBeGreaterThanOrEqual(i / 100 - 1e-12);
          expect(curve[i]!).toBeGreaterThanOrEqual(curve[i - 1]!);
          expect(curve[i]! - curve[i - 1]!).toBeGreaterThanOrEqual(curve[i + 1]! - curve[i]! - 1e-12);
        }
      }),
    );
  });

  it('is exceeded by randomised response of a larger ε, and met by its own', () => {
    for (const epsilon of [0.3, 1, 4]) {
      const tpr = 1 / (1 + Math.exp(-epsilon));
      expect(tprCeiling({ epsilon, delta: 0 }, 1 - tpr)).toBeCloseTo(tpr, 12);
      expect(tprCeiling({ epsilon: epsilon * 0.9, delta: 0 }, 1 - tpr)).toBeLessThan(tpr);
    }
  });

  it('forbids nothing without a finite ε', () => {
    expect(tprCeiling({ epsilon: Number.POSITIVE_INFINITY, delta: 1e-5 }, 0)).toBe(1);
    expect(aucCeiling({ epsilon: Number.POSITIVE_INFINITY, delta: 1e-5 })).toBe(1);
    expect(advantageCeiling({ epsilon: Number.POSITIVE_INFINITY, delta: 1e-5 })).toBe(1);
  });

  it.each([
    [{ epsilon: -1, delta: 0 }, 0.1, /epsilon/],
    [{ epsilon: Number.NaN, delta: 0 }, 0.1, /epsilon/],
    [{ epsilon: 1, delta: 1 }, 0.1, /delta/],
    [{ epsilon: 1, delta: 0 }, 1.1, /fpr/],
  ])('refuses %o at %s', (claim, fpr, message) => {
    expect(() => tprCeiling(claim, fpr)).toThrow(message);
  });
});

describe('other ceilings follow from the curve', () => {
  it('AUC is the area under it', () => {
    fc.assert(
      fc.property(epsilons, deltas, (epsilon, delta) => {
        const n = 20_000;
        let area = 0;
        for (let i = 0; i < n; i++) area += tprCeiling({ epsilon, delta }, (i + 0.5) / n) / n;
        expect(aucCeiling({ epsilon, delta })).toBeCloseTo(area, 4);
      }),
      { numRuns: 25 },
    );
  });

  it('advantage is the largest gap to chance', () => {
    fc.assert(
      fc.property(epsilons, deltas, rates, (epsilon, delta, fpr) => {
        const claim = { epsilon, delta };
        expect(tprCeiling(claim, fpr) - fpr).toBeLessThanOrEqual(advantageCeiling(claim) + 1e-12);
        const best = (1 - delta) / (1 + Math.exp(epsilon));
        expect(tprCeiling(claim, best) - best).toBeCloseTo(advantageCeiling(claim), 10);
      }),
    );
  });
});

describe('checkClaimAgainst', () => {
  const claim = { epsilon: 2, delta: 1e-5 };
  const strong = { epsilonLowerBounds: [2.5, 2.2], certifiableEpsilon: 4 };
  const weak = { epsilonLowerBounds: [2.5, 0.1], certifiableEpsilon: 4 };
  const small = { epsilonLowerBounds: [0.1, 0.1], certifiableEpsilon: 1.5 };

  it('is violated only when every bound of one point exceeds the claim', () => {
    expect(checkClaimAgainst(claim, [small, strong]).verdict).toBe('violated');
    expect(checkClaimAgainst(claim, [weak]).verdict).toBe('consistent');
  });

  it('does not mix the bounds of different points', () => {
    const left = { epsilonLowerBounds: [3, 0], certifiableEpsilon: 4 };
    const right = { epsilonLowerBounds: [0, 3], certifiableEpsilon: 4 };
    expect(checkClaimAgainst(claim, [left, right]).verdict).toBe('consistent');
  });

  it('is inconclusive when a flawless attack would not have reached the claim, or nothing is claimed', () => {
    expect(checkClaimAgainst(claim, [small]).verdict).toBe('inconclusive');
    expect(checkClaimAgainst(claim, []).verdict).toBe('inconclusive');
    expect(checkClaimAgainst(undefined, [strong]).verdict).toBe('inconclusive');
    const infinite = { epsilon: Number.POSITIVE_INFINITY, delta: 1e-5 };
    expect(checkClaimAgainst(infinite, [strong]).verdict).toBe('inconclusive');
  });

  it('agrees with the corner: above the ceiling exactly when the Clopper-Pearson ε exceeds the claim', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), epsilons, deltas, (tp, fp, epsilon, delta) => {
        const counts = { truePositives: tp, members: 200, falsePositives: fp, nonMembers: 200, alpha: 0.05 };
        const { fprUpper, tprLower } = attackCorner(counts);
        const found = clopperPearsonEpsilon({ ...counts, delta });
        fc.pre(Math.abs(found - epsilon) > 1e-9);
        expect(tprLower > tprCeiling({ epsilon, delta }, fprUpper)).toBe(found > epsilon);
      }),
    );
  });

  it('never calls a consistent claim proven', () => {
    expect(checkClaimAgainst(claim, [weak]).reason).toMatch(/not a proof/);
  });

  it('has one exit code each', () => {
    expect(VERDICT_EXIT_CODE).toEqual({ consistent: 0, violated: 4, inconclusive: 5 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logIntegralUpper } from './log-integral.js';
import { LogSum, log1mExp, log1pExp, logSinh } from './log-space.js';
import { logPowerExcess, weightedPowerExcess } from './power-excess.js';

describe('logIntegralUpper', () => {
  it('is just above integrals that are known', () => {
    for (const scale of [-1000, 0, 1000]) {
      const gauss = logIntegralUpper({ f: (x) => scale - (x * x) / 2, points: [-40, 40], width: 3 });
      const error = gauss - scale - 0.5 * Math.log(2 * Math.PI);
      expect(error).toBeGreaterThanOrEqual(-1e-13 - Math.abs(scale) * 1e-15);
      expect(error).toBeLessThan(1e-11);
    }
    // A narrow peak, a kink at a point, and an integrand that is 0 at its end.
    const narrow = logIntegralUpper({ f: (x) => -Math.abs(x - 1) * 500, points: [0, 1, 30], width: 3 });
    expect(narrow).toBeCloseTo(Math.log(2 / 500), 11);
    const power = logIntegralUpper({ f: (x) => 3 * Math.log(x), points: [0, 2], width: 3 });
    expect(power).toBeCloseTo(Math.log(4), 13);
  });

  it('is −∞ of nothing', () => {
    expect(logIntegralUpper({ f: () => Number.NEGATIVE_INFINITY, points: [0, 1], width: 1 })).toBe(
      Number.NEGATIVE_INFINITY,
    );
    expect(logIntegralUpper({ f: () => 0, points: [1, 1], width: 1 })).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('power excess', () => {
  it('is e^{αy} − 1 − α(e^y − 1), where that does not cancel, in both forms', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 20, noNaN: true }),
        fc.oneof(fc.double({ min: 1, max: 20, noNaN: true }), fc.double({ min: -50, max: -1, noNaN: true })),
        (beta, y) => {
          const direct = Math.exp((beta + 1) * y) - 1 - (beta + 1) * Math.expm1(y);
          expect(Math.exp(logPowerExcess(y, beta)) / direct).toBeCloseTo(1, 10);
          expect(weightedPowerExcess(0.5, y, beta) / (direct * Math.exp(0.5))).toBeCloseTo(1, 10);
        },
      ),
      { seed: 170 },
    );
  });

  it('is α(α − 1)y²/2 next to 0, at α = 2 too, and continuous where its forms meet', () => {
    for (const beta of [0.01, 0.5, 1, 1 + 2 ** -52, 3, 100]) {
      for (const y of [1e-8, -1e-8]) {
        const leading = ((beta + 1) * beta * y * y) / 2;
        expect(Math.exp(logPowerExcess(y, beta)) / leading).toBeCloseTo(1, 5);
      }
      for (const edge of [0.5 / Math.max(1, beta), -0.5 / Math.max(1, beta), 1 / beta, -30]) {
        const [below, above] = [edge * (1 - 1e-12), edge * (1 + 1e-12)].map((y) => logPowerExcess(y, beta));
        expect(Math.abs(above! - below!)).toBeLessThan(1e-10 * (1 + Math.abs(above!)));
      }
    }
    // e^{2y} − 1 − 2(e^y − 1) = (e^y − 1)²
    expect(logPowerExcess(0.3, 1)).toBeCloseTo(2 * Math.log(Math.expm1(0.3)), 14);
  });
});

describe('log space', () => {
  it('adds up numbers of any size', () => {
    const sum = new LogSum();
    expect(sum.value).toBe(Number.NEGATIVE_INFINITY);
    for (const x of [Number.NEGATIVE_INFINITY, -2000, 1000, 1000, 998]) sum.add(x);
    expect(sum.value).toBeCloseTo(1000 + Math.log(2 + Math.exp(-2)), 12);
  });

  it('is accurate at both ends', () => {
    expect(log1pExp(800)).toBe(800);
    expect(log1pExp(-800)).toBe(0);
    expect(log1mExp(-1e-20) / Math.log(1e-20)).toBeCloseTo(1, 14);
    expect(log1mExp(-50) / -Math.exp(-50)).toBeCloseTo(1, 12);
    expect(logSinh(1e-9)).toBeCloseTo(Math.log(1e-9), 12);
    expect(logSinh(19.999_999)).toBeCloseTo(Math.log(Math.sinh(19.999_999)), 12);
    expect(logSinh(1000)).toBeCloseTo(1000 - Math.LN2, 10);
  });
});

import stdlibErfcx from '@stdlib/math-base-special-erfcx';
import { describe, expect, it } from 'vitest';
import { erfcx, millsDifference, millsRatio, millsSlope } from './mills-ratio.js';

const relative = (got: number, expected: number) => Math.abs(got / expected - 1);

/** Points from 1e-300 to 1e300, dense where the function bends and about the switch at π/STEP ≈ 6.98. */
const points = [
  ...Array.from({ length: 601 }, (_, i) => 10 ** (i - 300)),
  ...Array.from({ length: 2000 }, (_, i) => i / 100),
  ...Array.from({ length: 200 }, (_, i) => 6.9 + i / 1000),
];

describe('erfcx', () => {
  it('agrees with an independent implementation to a few units in the last place', () => {
    for (const z of points) expect(relative(erfcx(z), stdlibErfcx(z))).toBeLessThan(2e-15);
  });

  it('reflects for negative arguments, and overflows where the function does', () => {
    for (const z of [-0.1, -1, -5, -20]) expect(relative(erfcx(z), stdlibErfcx(z))).toBeLessThan(2e-15);
    expect(erfcx(-27)).toBe(Number.POSITIVE_INFINITY);
    expect(erfcx(0)).toBeCloseTo(1, 15);
    expect(erfcx(Number.POSITIVE_INFINITY)).toBe(0);
  });
});

describe('Mills’ ratio', () => {
  it('has the slope x·R(x) − 1', () => {
    for (let x = -3; x < 30; x += 0.01) {
      const direct = 1 - x * millsRatio(x);
      // The direct form loses a factor x² to cancellation; that is the room it gets.
      expect(Math.abs(millsSlope(x) - direct)).toBeLessThan(1e-15 * (3 + Math.abs(x * millsRatio(x)) * 3));
    }
  });

  it('keeps the slope’s relative accuracy in the tail, where it is 1/x² − 3/x⁴ + 15/x⁶ − 105/x⁸ + …', () => {
    for (const x of [100, 1e3, 1e6, 1e20, 1e150]) {
      const y = 1 / x / x;
      const series = y * (1 - 3 * y + 15 * y ** 2 - 105 * y ** 3);
      expect(relative(millsSlope(x), series)).toBeLessThan(1000 * y ** 4 + 2e-15);
    }
  });

  it('has differences that add up, and that are continuous where the method changes', () => {
    for (const x of [-1, -0.5, 0, 0.3, 1, 5, 20, 40]) {
      const parts = millsDifference(x, 0.25) + millsDifference(x + 0.25, 0.75);
      expect(relative(millsDifference(x, 1), parts)).toBeLessThan(5e-15);
      expect(relative(millsDifference(x, 1), millsDifference(x, 1 + 2 ** -52))).toBeLessThan(
        1e-14 * (1 + Math.abs(x)),
      );
      expect(relative(millsDifference(x, 1e-9), 1e-9 * millsSlope(x))).toBeLessThan(1e-8);
    }
  });
});

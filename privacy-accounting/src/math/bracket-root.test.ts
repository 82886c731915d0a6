import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bracketRoot } from './bracket-root.js';

describe('bracketRoot', () => {
  it('returns a bracket of the sign change, within the tolerance, on either side', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 50, noNaN: true }),
        fc.constantFrom(
          (x: number) => x,
          (x: number) => x ** 3,
          (x: number) => Math.expm1(x),
          (x: number) => Math.sign(x),
          (x: number) => (x > 0 ? Number.POSITIVE_INFINITY : x),
          (x: number) => Math.atan(x * 1e6),
        ),
        fc.boolean(),
        (root, shape, falling) => {
          const f = (x: number) => (falling ? -1 : 1) * shape(x - root);
          const ends = falling ? { positive: -60, nonPositive: 60 } : { positive: 60, nonPositive: -60 };
          const { positive, nonPositive } = bracketRoot({ f, bracket: ends, tolerance: () => 1e-9 });
          expect(f(positive)).toBeGreaterThan(0);
          expect(f(nonPositive)).toBeLessThanOrEqual(0);
          expect(Math.abs(positive - nonPositive)).toBeLessThanOrEqual(1e-9);
        },
      ),
      { seed: 2 },
    );
  });

  it('needs few evaluations of a smooth function', () => {
    let calls = 0;
    const f = (x: number) => {
      calls++;
      return Math.exp(x) - 20;
    };
    bracketRoot({ f, bracket: { positive: 10, nonPositive: 0 }, tolerance: () => 1e-14 });
    expect(calls).toBeLessThan(16);
  });

  it('refuses a bracket without a sign change, and a function that is not a number', () => {
    const bracket = { positive: 1, nonPositive: 0 };
    expect(() => bracketRoot({ f: () => 1, bracket, tolerance: () => 1 })).toThrow(/No sign change/);
    const holey = (x: number) => (x === 1 ? 1 : x === 0 ? -1 : Number.NaN);
    expect(() => bracketRoot({ f: holey, bracket, tolerance: () => 1e-3 })).toThrow(/not a number at 0\.5/);
  });
});

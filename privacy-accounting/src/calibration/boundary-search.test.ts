import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findBoundary } from './boundary-search.js';

const logUniform = (from: number, to: number) =>
  fc.double({ min: Math.log(from), max: Math.log(to), noNaN: true }).map(Math.exp);
const range = { from: 2 ** -30, to: 2 ** 50 };

describe('findBoundary', () => {
  it('finds whole numbers exactly, on either side, wherever it starts', () => {
    fc.assert(
      fc.property(
        logUniform(1.5, 2 ** 49),
        logUniform(1, 2 ** 50),
        logUniform(0.1, 4),
        fc.constantFrom('large' as const, 'small' as const),
        (root, start, power, privateSide) => {
          const sign = privateSide === 'large' ? 1 : -1;
          const excess = (x: number) => sign * power * (Math.log(root) - Math.log(x));
          const found = findBoundary({
            whole: true,
            privateSide,
            from: 1,
            to: 2 ** 50,
            excess,
            start,
            tolerance: 1,
          });
          if (found.kind !== 'boundary') throw new Error(found.kind);
          expect(Math.abs(found.attains - found.misses)).toBe(1);
          expect(excess(found.attains)).toBeLessThanOrEqual(0);
          expect(excess(found.misses)).toBeGreaterThan(0);
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });

  it('finds other numbers to a tolerance, of steps, kinks, cliffs and flat stretches', () => {
    const shapes: ((x: number, root: number) => number)[] = [
      (x, root) => Math.log(root / x),
      (x, root) => (x < root ? Number.POSITIVE_INFINITY : -50),
      (x, root) => Math.tanh(5 * Math.log(root / x)),
      (x, root) => (root / x) ** 3 - 1,
      (x, root) => Math.min(1e-3, Math.log(root / x)),
      (x, root) => Math.floor(20 * Math.log(root / x)) + (x < root ? 0.5 : 0),
    ];
    fc.assert(
      fc.property(
        logUniform(1e-6, 1e12),
        logUniform(1e-6, 1e12),
        fc.constantFrom(...shapes),
        fc.constantFrom(1e-4, 1e-9),
        (root, start, shape, tolerance) => {
          const found = findBoundary({
            whole: false,
            privateSide: 'large',
            ...range,
            excess: (x) => shape(x, root),
            start,
            tolerance,
          });
          if (found.kind !== 'boundary') throw new Error(found.kind);
          expect(found.attains).toBeGreaterThan(found.misses);
          expect(found.attains / found.misses - 1).toBeLessThanOrEqual(tolerance * (1 + 1e-6));
          expect(shape(found.attains, root)).toBeLessThanOrEqual(0);
          expect(shape(found.misses, root)).toBeGreaterThan(0);
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });

  it('needs five evaluations where the guess is within a tenth and the slope is known', () => {
    let evaluations = 0;
    const found = findBoundary({
      whole: false,
      privateSide: 'large',
      ...range,
      excess: (x) => {
        evaluations++;
        return Math.log(3 / x) * (1.3 + 0.1 * Math.log(x));
      },
      start: 3.2,
      slope: -1.35,
      tolerance: 1e-4,
    });
    expect(found).toMatchObject({ kind: 'boundary' });
    expect(evaluations).toBeLessThanOrEqual(5);
  });

  it('says when there is none', () => {
    const search = (value: number, privateSide: 'large' | 'small') =>
      findBoundary({
        whole: true,
        privateSide,
        from: 1,
        to: 1000,
        excess: () => value,
        start: 10,
        tolerance: 1,
      });
    expect(search(-1, 'large')).toEqual({ kind: 'always', end: 1, excess: -1 });
    expect(search(-1, 'small')).toEqual({ kind: 'always', end: 1000, excess: -1 });
    expect(search(1, 'large')).toEqual({ kind: 'never', end: 1000, excess: 1 });
    expect(search(Number.POSITIVE_INFINITY, 'small')).toMatchObject({ kind: 'never', end: 1 });
    expect(() => search(Number.NaN, 'small')).toThrow(/not a number/);
  });
});

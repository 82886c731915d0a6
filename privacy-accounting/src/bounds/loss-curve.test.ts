import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binomialLoss } from '../composition/binomial-loss.js';
import { optimalDelta } from '../composition/index.js';
import type { LossMasses, PrivacyLoss } from '../pld/privacy-loss-distribution.js';
import { curveOfLoss, hockeyStickOf } from './loss-curve.js';
import { tradeOffOf } from './trade-off.js';

/** A loss that is known exactly, one list of atoms (P, Q) a direction. */
function lossOf(...directions: readonly LossMasses[]): PrivacyLoss {
  const sticks = directions.map((masses) => hockeyStickOf(masses).at);
  const logDelta = (epsilon: number) => {
    const value = Math.log(Math.max(...sticks.map((at) => at(epsilon))));
    return { lower: value, upper: value };
  };
  const unasked = () => {
    throw new Error('not asked for');
  };
  return {
    directions: directions.map((masses) => ({
      direction: 'remove',
      logDelta,
      epsilon: unasked,
      tradeOff: unasked,
      masses: () => masses,
    })),
    certified: false,
    warning: undefined,
    logDelta,
    epsilon: () => ({ lower: 0, upper: Number.POSITIVE_INFINITY }),
    tradeOff: unasked,
  };
}

/** The privacy loss of P against Q over finitely many outcomes, as seen from P. */
function massesOf(p: readonly number[], q: readonly number[]): LossMasses {
  const atoms = p
    .map((mass, i) => ({ mass, loss: Math.log(mass / q[i]!) }))
    .filter(({ mass }) => mass > 0)
    .sort((a, b) => a.loss - b.loss);
  const finite = atoms.filter(({ loss }) => loss < Number.POSITIVE_INFINITY);
  return {
    losses: Float64Array.from(finite, ({ loss }) => loss),
    masses: Float64Array.from(finite, ({ mass }) => mass),
    infinityMass: atoms.reduce(
      (sum, { mass, loss }) => (loss < Number.POSITIVE_INFINITY ? sum : sum + mass),
      0,
    ),
  };
}

const anyLaw = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 })
  .map((raw) => {
    const total = raw.reduce((sum, x) => sum + x, 0);
    return raw.map((x) => x / total);
  });

const options = { relation: 'add-or-remove-one', accountant: 'pld' } as const;

describe('the curve of a privacy loss', () => {
  it('of randomized responses is optimal composition', () => {
    const { losses, masses, infinite } = binomialLoss(0.3, 40);
    const curve = curveOfLoss({ loss: lossOf({ losses, masses, infinityMass: infinite }), ...options });
    for (const epsilon of [0, 0.5, 2, 5, 9, 11.9]) {
      const exact = optimalDelta({ mechanisms: [{ epsilon: 0.3, delta: 0, count: 40 }], epsilon });
      expect(curve.deltaAt(epsilon)).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      expect(curve.deltaAt(epsilon)).toBeLessThan(exact * (1 + 1e-9) + 1e-15);
    }
  });

  it('gives every test, with either law as null hypothesis, a ceiling, and the best of them meets it', () => {
    fc.assert(
      fc.property(anyLaw, anyLaw, (p, q) => {
        const curve = curveOfLoss({ loss: lossOf(massesOf(p, q), massesOf(q, p)), ...options });
        const { truePositiveRate, advantage, corners } = tradeOffOf(curve);
        let best = 0;
        for (let test = 0; test < 64; test++) {
          const rates = [p, q].map((law) => law.reduce((sum, x, i) => sum + ((test >> i) & 1 ? x : 0), 0));
          for (const [a, b] of [rates, [...rates].reverse()] as const) {
            const falsePositives = Math.min(1, a!);
            expect(b!).toBeLessThanOrEqual(truePositiveRate(falsePositives) + 1e-12);
            best = Math.max(best, b! - a!);
          }
        }
        expect(advantage).toBeCloseTo(best, 12);
        // At a corner the ceiling is attained by one of the 64 tests, or lies between two that are.
        for (const corner of corners) {
          const attained = hullOfTests(p, q, corner);
          expect(truePositiveRate(corner)).toBeCloseTo(attained, 8);
        }
      }),
      { seed: 71, numRuns: 100 },
    );
  });

  it('counts what is certain', () => {
    const curve = curveOfLoss({ loss: lossOf(massesOf([0.1, 0.9], [0, 1])), ...options });
    expect(tradeOffOf(curve).truePositiveRate(0)).toBeCloseTo(0.1, 14);
    expect(curve.deltaAt(50)).toBeCloseTo(0.1, 14);
  });
});

/** The concave hull at `rate` of all tests' (FPR, TPR) points, both orders, by every pair of points around it. */
function hullOfTests(p: readonly number[], q: readonly number[], rate: number): number {
  const points: (readonly [number, number])[] = [];
  for (let test = 0; test < 64; test++) {
    const [a, b] = [p, q].map((law) => law.reduce((sum, x, i) => sum + ((test >> i) & 1 ? x : 0), 0));
    points.push([a!, b!], [b!, a!]);
  }
  let best = 0;
  for (const [x0, y0] of points) {
    if (x0 > rate) continue;
    for (const [x1, y1] of points) {
      if (x1 < rate) continue;
      best = Math.max(best, x1 === x0 ? Math.max(y0, y1) : y0 + ((y1 - y0) * (rate - x0)) / (x1 - x0));
    }
  }
  return best;
}

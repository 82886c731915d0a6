import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rdpToEpsilon } from './conversion.js';
import { gaussianRdp } from './gaussian-rdp.js';
import { DEFAULT_ORDERS } from './orders.js';
import {
  haltingProbability,
  type Repetitions,
  repeatAndSelectCurve,
  repeatAndSelectRdp,
} from './repeat-and-select-rdp.js';

/** E[K] of the truncated negative binomial, by summing its probabilities. */
function meanBySum(gamma: number, eta: number): number {
  let [weight, total, mean] = [1, 0, 0];
  for (let k = 1; k < 1_000_000 && weight > 1e-18 * (total + 1e-300); k++) {
    // ∝ (1−γ)^k·Π_{l<k} (l+η)/(l+1), without the factor η at l = 0, which may be 0.
    weight = k === 1 ? 1 - gamma : (weight * (1 - gamma) * (k - 1 + eta)) / k;
    total += weight;
    mean += k * weight;
  }
  return mean / total;
}

/** The generating function of K. */
function generating(mean: number, shape: Repetitions['shape']): (x: number) => number {
  if (shape === 'poisson') return (x) => Math.exp(mean * (x - 1));
  const gamma = haltingProbability(mean, shape);
  if (shape === 0) return (x) => Math.log(1 - (1 - gamma) * x) / Math.log(gamma);
  return (x) => ((1 - (1 - gamma) * x) ** -shape - 1) / (gamma ** -shape - 1);
}

/** The law of the best of K draws from `law`, whose outcomes are in order of preference, worst first. */
function bestOf(law: readonly number[], generate: (x: number) => number): number[] {
  const best = [generate(0)];
  let [before, below] = [0, generate(0)];
  for (const p of law) {
    const upTo = generate(Math.min(1, before + p));
    best.push(upTo - below);
    before += p;
    below = upTo;
  }
  return best;
}

function divergence(p: readonly number[], q: readonly number[], order: number): number {
  const moment = p.reduce((sum, x, i) => sum + (x === 0 ? 0 : q[i]! * (x / q[i]!) ** order), 0);
  return Math.log(moment) / (order - 1);
}

const shapes = fc.constantFrom<Repetitions['shape']>(-0.5, 0, 0.3, 1, 2.5, 'poisson');

describe('repeatAndSelectRdp', () => {
  it('bounds the exact law of the best of K runs', () => {
    fc.assert(
      fc.property(
        shapes,
        fc.double({ min: 1.1, max: 30, noNaN: true }),
        fc.double({ min: 1.2, max: 20, noNaN: true }),
        fc.array(
          fc.tuple(
            fc.double({ min: 0.01, max: 1, noNaN: true }),
            fc.double({ min: -1, max: 1, noNaN: true }),
          ),
          {
            minLength: 2,
            maxLength: 5,
          },
        ),
        (shape, mean, order, weights) => {
          const normalize = (w: readonly number[]) => w.map((x) => x / w.reduce((sum, y) => sum + y, 0));
          const p = normalize(weights.map(([w]) => w));
          const q = normalize(weights.map(([w, shift]) => w * Math.exp(shift)));
          const curve = (a: number) => Math.max(0, divergence(p, q, a), divergence(q, p, a));
          const generate = generating(mean, shape);
          const got = divergence(bestOf(p, generate), bestOf(q, generate), order);
          expect(got).toBeLessThanOrEqual(repeatAndSelectRdp({ curve, mean, shape, order }) + 1e-9);
        },
      ),
      { seed: 120, numRuns: 300 },
    );
  });

  it('is no looser than dp_accounting 0.6.0', () => {
    const curve = repeatAndSelectCurve((order) => gaussianRdp({ noiseMultiplier: 5, order }), {
      mean: 10,
      shape: 0,
    });
    const rdp = DEFAULT_ORDERS.map(curve);
    const { epsilon } = rdpToEpsilon({ orders: DEFAULT_ORDERS, rdp, delta: 1e-6 });
    expect(epsilon).toBeLessThanOrEqual(1.5132523611735296 * (1 + 1e-9));
    expect(epsilon).toBeGreaterThan(1.512);
  });

  it('grows with the order and with the mean', () => {
    const run = (order: number) => gaussianRdp({ noiseMultiplier: 3, order });
    fc.assert(
      fc.property(
        shapes,
        fc.double({ min: 1, max: 100, noNaN: true }),
        fc.double({ min: 1.02, max: 200, noNaN: true }),
        (shape, mean, order) => {
          const here = repeatAndSelectRdp({ curve: run, mean, shape, order });
          expect(repeatAndSelectRdp({ curve: run, mean: mean * 1.1, shape, order })).toBeGreaterThanOrEqual(
            here,
          );
          expect(here).toBeGreaterThanOrEqual(shape === 'poisson' ? 0 : run(order));
          if (shape !== 'poisson') {
            const above = repeatAndSelectRdp({ curve: run, mean, shape, order: order * 1.1 });
            expect(above).toBeGreaterThanOrEqual(here);
          }
        },
      ),
      { seed: 121, numRuns: 60 },
    );
  });

  it('is one run when there is one', () => {
    const run = (order: number) => gaussianRdp({ noiseMultiplier: 3, order });
    expect(repeatAndSelectRdp({ curve: run, mean: 1, shape: 1, order: 4 })).toBe(run(4));
    const never = repeatAndSelectRdp({ curve: () => Number.POSITIVE_INFINITY, mean: 5, shape: 1, order: 4 });
    expect(never).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [{ mean: 0.5, shape: 1 }, /mean must be a finite number, 1 or larger/],
    [{ mean: 0, shape: 'poisson' }, /mean must be a finite number above 0/],
    [{ mean: 2, shape: -1 }, /shape must be a number above -1, or "poisson"/],
    [{ mean: 2, shape: 'normal' }, /shape must be/],
  ])('refuses %j', (law, message) => {
    expect(() => repeatAndSelectRdp({ curve: () => 1, order: 2, ...law } as never)).toThrow(message);
  });
});

describe('haltingProbability', () => {
  it('gives the mean, from below', () => {
    for (const eta of [-0.5, 0, 1e-9, 0.5, 1, 3]) {
      for (const mean of [1.0001, 1.5, 4, 30]) {
        const gamma = haltingProbability(mean, eta);
        expect(meanBySum(gamma, eta) / mean).toBeCloseTo(1, 6);
      }
    }
    expect(haltingProbability(8, 1)).toBeLessThanOrEqual(1 / 8);
    expect(haltingProbability(8, 1)).toBeCloseTo(1 / 8, 11);
    expect(haltingProbability(1e12, 0.5)).toBeGreaterThan(0);
  });
});

/**
 * The bound against divergences summed over the integers (and pairs of them): float64, relative error below 1e-12.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composed, gaussian, poissonSampled, shuffled, vectorDiscreteGaussian } from '../events/index.js';
import type { NeighboringRelation } from '../relation.js';
import { gaussianRdp, poissonGaussianRdp, RdpAccountant } from './index.js';
import { atWholeOrders } from './poisson-discrete-rdp.js';

/** Log-weights of N_ℤᵈ(0, σ²) and of itself moved by z, over all integer points that matter, d = 1 or 2. */
function points(sigma: number, shift: readonly number[]): { logQ: number; logP: number }[] {
  const reach = Math.ceil(45 * sigma) + Math.max(...shift) * 40 + 5;
  const axis = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const log = (k: number) => (-k * k) / (2 * sigma * sigma);
  const logTotal = Math.log(axis.reduce((sum, k) => sum + Math.exp(log(k)), 0));
  let all = [{ logQ: 0, logP: 0 }];
  for (const z of shift) {
    all = all.flatMap(({ logQ, logP }) =>
      axis.map((k) => ({ logQ: logQ + log(k) - logTotal, logP: logP + log(k - z) - logTotal })),
    );
  }
  return all;
}

const logSum = (values: readonly number[]) => {
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
};

/** The larger of D_α(M‖Q) and D_α(Q‖M), M = (1 − q)Q + qP: exact. */
function exact(options: {
  readonly q: number;
  readonly sigma: number;
  readonly shift: readonly number[];
  readonly order: number;
}) {
  const { q, sigma, shift, order } = options;
  const pairs = points(sigma, shift).map(({ logQ, logP }) => ({
    logQ,
    logM: q === 1 ? logP : logSum([Math.log1p(-q) + logQ, Math.log(q) + logP]),
  }));
  const there = logSum(pairs.map(({ logQ, logM }) => order * logM + (1 - order) * logQ)) / (order - 1);
  const back = logSum(pairs.map(({ logQ, logM }) => order * logQ + (1 - order) * logM)) / (order - 1);
  return { there, back };
}

const sampledBound = (q: number, noiseMultiplier: number) =>
  atWholeOrders((order) => poissonGaussianRdp({ samplingProbability: q, noiseMultiplier, order }));

const ORDERS = [1.05, 1.5, 1.999, 2, 2.3, 3, 4.5, 7, 16, 33.3];

describe('without sampling', () => {
  it.each([0.4, 0.7, 1, 2.5, 6])('α‖z‖²/2σ² is above the exact divergence at σ = %d', (sigma) => {
    for (const shift of [[1], [2], [5], [1, 1]]) {
      if (shift.length > 1 && sigma > 0.7) continue;
      const noiseMultiplier = sigma / Math.hypot(...shift);
      for (const order of ORDERS) {
        const { there, back } = exact({ q: 1, sigma, shift, order });
        const bound = gaussianRdp({ noiseMultiplier, order });
        expect(there).toBeLessThanOrEqual(bound * (1 + 1e-10));
        expect(back).toBeLessThanOrEqual(bound * (1 + 1e-10));
        // An equality at whole orders: nothing is given away there.
        if (Number.isInteger(order)) expect(there / bound).toBeCloseTo(1, 9);
      }
    }
  });
});

describe('on a Poisson sample', () => {
  it.each([0.001, 0.02, 0.1, 0.5, 0.9, 0.999])('q = %d is above the exact divergences, both ways', (q) => {
    for (const sigma of [0.4, 0.6, 1, 2, 4.3]) {
      for (const shift of [[1], [2], [4], [1, 1]]) {
        if (shift.length > 1 && sigma > 0.4) continue;
        const bound = sampledBound(q, sigma / Math.hypot(...shift));
        for (const order of ORDERS) {
          const { there, back } = exact({ q, sigma, shift, order });
          const limit = bound(order);
          // Float64 sums resolve small divergences to 1e-13 or so.
          expect(there, `σ ${sigma}, z ${shift}, α ${order}`).toBeLessThanOrEqual(limit * (1 + 1e-9) + 1e-12);
          expect(back).toBeLessThanOrEqual(there * (1 + 1e-9) + 1e-12);
          if (Number.isInteger(order) && limit > 1e-8) expect(there / limit).toBeCloseTo(1, 5);
        }
      }
    }
  });

  it('needs the chord: at a fractional order the continuous formula can lie below the discrete divergence', () => {
    // The reason why fractional orders are interpolated instead of taken from the continuous Gaussian.
    let below = 0;
    for (const sigma of [0.3, 0.35, 0.4, 0.5]) {
      for (const q of [0.001, 0.01, 0.1]) {
        for (const order of [1.5, 2.5, 3.5]) {
          const { there } = exact({ q, sigma, shift: [1], order });
          const continuous = poissonGaussianRdp({ samplingProbability: q, noiseMultiplier: sigma, order });
          if (there > continuous * (1 + 1e-6)) below++;
          expect(there).toBeLessThanOrEqual(sampledBound(q, sigma)(order) * (1 + 1e-9));
        }
      }
    }
    expect(below).toBeGreaterThan(0);
  });

  it('grows with the order', () => {
    const bound = sampledBound(0.01, 1.1);
    for (let order = 1.01; order < 12; order += 0.01)
      expect(bound(order + 0.01)).toBeGreaterThanOrEqual(bound(order));
  });
});

const discrete = (standardDeviation: number, granularity = 2 ** -16, dimension = 10_000) =>
  vectorDiscreteGaussian({ granularity, dimension, standardDeviation, l2NormClip: 1 });
const epsilon = (
  relation: NeighboringRelation,
  event: Parameters<RdpAccountant['compose']>[0],
  steps = 100,
) => new RdpAccountant({ relation }).compose(event, steps).getEpsilon(1e-6).epsilon;

describe('the accountant', () => {
  const excess = 1 + 100 * 2 ** -16;

  it('bounds a release by the Gaussian of the sensitivity with rounding inside: C + γ√d, or 2C + γ√d', () => {
    for (const relation of ['add-or-remove-one', 'replace-special'] as const) {
      const ratio =
        epsilon(relation, discrete(2)) / epsilon(relation, gaussian({ noiseMultiplier: 2 / excess }));
      expect(ratio).toBeGreaterThanOrEqual(1);
      expect(ratio).toBeLessThan(1 + 1e-12);
    }
    expect(
      epsilon('replace-one', discrete(4)) /
        epsilon('replace-special', gaussian({ noiseMultiplier: 4 / (1 + excess) })),
    ).toBeCloseTo(1, 12);
  });

  it('treats a shuffled pass as one release, alone or with Gaussians of the same batch', () => {
    for (const relation of ['replace-one', 'replace-special'] as const) {
      expect(epsilon(relation, shuffled({ event: discrete(3) }))).toBe(epsilon(relation, discrete(3)));
      const both = composed([discrete(3), gaussian({ noiseMultiplier: 5 })]);
      expect(epsilon(relation, shuffled({ event: both })) / epsilon(relation, both)).toBeCloseTo(1, 12);
    }
    expect(
      new RdpAccountant({ relation: 'add-or-remove-one' }).supports(shuffled({ event: discrete(3) })),
    ).toBe(false);
  });

  it('is never below the continuous Gaussian, and close to it on a fine grid', () => {
    fc.assert(
      fc.property(
        fc.double({ min: Math.log(1e-4), max: 0, noNaN: true }).map(Math.exp),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        fc.integer({ min: 1, max: 5000 }),
        (q, sigma, steps) => {
          const on = (event: ReturnType<typeof discrete> | ReturnType<typeof gaussian>) =>
            epsilon('add-or-remove-one', poissonSampled({ samplingProbability: q, event }), steps);
          const plain = on(gaussian({ noiseMultiplier: sigma }));
          expect(on(discrete(sigma))).toBeGreaterThanOrEqual(plain);
          // The chord is looser where σ is below 1 (10 % at σ = ½) and where low orders are best, at a large ε.
          if (sigma >= 1 && plain < 10) expect(on(discrete(sigma, 2 ** -30, 1))).toBeLessThan(1.05 * plain);
        },
      ),
      { seed: 41, numRuns: 40 },
    );
  });

  it('has no bound for several discrete releases of one sample, nor for a sampled one under replace-one', () => {
    const several = poissonSampled({
      samplingProbability: 0.1,
      event: composed([discrete(2), gaussian({ noiseMultiplier: 9 })]),
    });
    const add = new RdpAccountant({ relation: 'add-or-remove-one' });
    expect(add.unsupportedReason(several)).toMatch(
      /^event: no bound is known for several releases of one Poisson/,
    );
    const one = poissonSampled({ samplingProbability: 0.1, event: discrete(2) });
    expect(add.supports(one)).toBe(true);
    expect(new RdpAccountant({ relation: 'replace-one' }).unsupportedReason(one)).toMatch(/replace-one/);
    const whole = poissonSampled({ samplingProbability: 1, event: composed([discrete(2), discrete(3)]) });
    expect(add.supports(whole)).toBe(true);
  });
});

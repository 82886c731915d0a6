import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianRdp, gaussianRdpAt } from './gaussian-rdp.js';
import { groupRdp } from './group-rdp.js';
import { laplaceRdpAt } from './laplace-rdp.js';
import { mixtureOfGaussiansRdpAt } from './mixture-of-gaussians-rdp.js';
import { poissonGaussianRdpAt } from './poisson-gaussian-rdp.js';

const orders = fc.double({ min: 1.05, max: 40, noNaN: true });
const sizes = fc.integer({ min: 1, max: 20 });

describe('groupRdp', () => {
  it('is k² times a Gaussian’s', () => {
    fc.assert(
      fc.property(orders, sizes, (order, size) => {
        const group = groupRdp({ curve: (a) => gaussianRdp({ noiseMultiplier: 5, order: a }), size, order });
        expect(group / gaussianRdpAt(5 / size, order)).toBeCloseTo(1, 10);
        expect(group).toBeGreaterThanOrEqual(gaussianRdpAt(5 / size, order) * (1 - 1e-15));
      }),
      { seed: 150 },
    );
  });

  it('bounds groups whose divergence is known', () => {
    fc.assert(
      fc.property(orders, fc.constantFrom(2, 3, 4), (order, size) => {
        const laplace = groupRdp({ curve: (a) => laplaceRdpAt(0.4, a), size, order });
        expect(laplace).toBeGreaterThanOrEqual(laplaceRdpAt(0.4 * size, order) * (1 - 1e-10));
        const q = 0.05;
        const binomial = Array.from({ length: size + 1 }, (_, i) => {
          let weight = (1 - q) ** size;
          for (let j = 0; j < i; j++) weight *= ((size - j) / (j + 1)) * (q / (1 - q));
          return weight;
        });
        const counts = binomial.map((_, i) => i);
        const sampled = groupRdp({ curve: (a) => poissonGaussianRdpAt(q, 3, a), size, order });
        expect(sampled).toBeGreaterThanOrEqual(
          mixtureOfGaussiansRdpAt(3, counts, binomial, order) * (1 - 1e-9),
        );
      }),
      { seed: 151, numRuns: 30 },
    );
  });

  it('is the curve itself for one record, and refuses no group', () => {
    expect(groupRdp({ curve: (a) => a, size: 1, order: 3 })).toBe(3);
    expect(() => groupRdp({ curve: (a) => a, size: 0, order: 3 })).toThrow(
      /size must be a whole number from 1/,
    );
  });
});

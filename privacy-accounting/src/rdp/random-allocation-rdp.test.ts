import { describe, expect, it } from 'vitest';
import { rdpToEpsilon } from './conversion.js';
import { gaussianRdpAt } from './gaussian-rdp.js';
import { DEFAULT_ORDERS } from './orders.js';
import { poissonGaussianRdpAt } from './poisson-gaussian-rdp.js';
import {
  addedExcess,
  randomAllocationCurve,
  removedExcess,
  selectedAllocationCurve,
} from './random-allocation-rdp.js';

/** E[Yⁿ] − 1 and E[Y^{1−n}] − 1 for two steps, by the trapezoidal rule in the plane. */
function twoSteps(sigma: number, n: number): readonly [number, number] {
  const h = 0.06 * Math.min(1, sigma);
  const reach = 9 + n / sigma;
  let [removed, added] = [0, 0];
  const w = (x: number) => Math.exp(x / sigma - 1 / (2 * sigma * sigma));
  for (let x = -reach; x < reach; x += h) {
    const [wx, px] = [w(x), (h * Math.exp(-(x * x) / 2)) / Math.sqrt(2 * Math.PI)];
    for (let z = -reach; z < reach; z += h) {
      const y = (wx + w(z)) / 2;
      const mass = (px * h * Math.exp(-(z * z) / 2)) / Math.sqrt(2 * Math.PI);
      removed += mass * (y ** n - 1 - n * (y - 1));
      added += mass * (y ** (1 - n) - 1 + (n - 1) * (y - 1));
    }
  }
  return [removed, added];
}

describe('randomAllocationCurve', () => {
  it.each([
    [0.7, 2],
    [0.7, 5],
    [1.5, 3],
    [5, 2],
    [5, 6],
  ])('has the moments of two steps in both directions, σ = %d, order %d', (sigma, n) => {
    const [removed, added] = twoSteps(sigma, n);
    expect(Math.exp(removedExcess(2, sigma)(n)) / removed).toBeCloseTo(1, 9);
    expect(Math.exp(addedExcess(2, sigma)(n)) / added).toBeCloseTo(1, 9);
  });

  it('is the Gaussian for one step, in both directions', () => {
    for (const sigma of [0.7, 1, 3, 20]) {
      for (const n of [2, 3, 10, 30]) {
        const exact = (n * (n - 1)) / 2 / sigma / sigma;
        for (const excess of [removedExcess(1, sigma)(n), addedExcess(1, sigma)(n)]) {
          const moment = excess > 30 ? excess : Math.log1p(Math.exp(excess));
          expect(moment / exact).toBeCloseTo(1, 10);
        }
      }
    }
  });

  it('leaves what it can’t add up to the Gaussian', () => {
    expect(addedExcess(2, 0.2)(128)).toBe(Number.POSITIVE_INFINITY);
    expect(randomAllocationCurve(2, 0.2)(128) / gaussianRdpAt(0.2, 128)).toBeCloseTo(1, 12);
  });

  it('has the multinomial moments of three steps at order 3', () => {
    const sigma = 1.2;
    const m = (k: number) => Math.exp((k * (k - 1)) / 2 / sigma / sigma);
    // E[(W₁ + W₂ + W₃)³] = 3·E[W³] + 18·E[W²] + 6
    const exact = (3 * m(3) + 18 * m(2) + 6) / 27 - 1;
    expect(Math.exp(removedExcess(3, sigma)(3)) / exact).toBeCloseTo(1, 12);
  });

  it('is close to Poisson sampling of rate 1/t over t steps, from many steps on', () => {
    for (const order of [2, 3, 5]) {
      const allocated = randomAllocationCurve(1000, 2)(order);
      const sampled = 1000 * poissonGaussianRdpAt(1e-3, 2, order);
      expect(allocated / sampled).toBeGreaterThan(0.98);
      expect(allocated / sampled).toBeLessThan(1.02);
    }
  });

  it('equals the direct bound of random-allocation 1.0.5 for one round: 2.840988121437886', () => {
    const rdp = DEFAULT_ORDERS.map(randomAllocationCurve(100, 0.7));
    const { epsilon } = rdpToEpsilon({ orders: DEFAULT_ORDERS, rdp, delta: 1e-5 });
    expect(epsilon).toBeGreaterThanOrEqual(2.840988121437886 * (1 - 1e-12));
    expect(epsilon).toBeLessThan(2.840988121437886 * (1 + 1e-9));
  });

  it('falls with steps and σ, grows with the order, and is never above the Gaussian', () => {
    for (const sigma of [0.3, 1, 8, 300]) {
      for (const order of [1.01, 1.7, 2, 6.5, 60, 127.5, 128, 129, 5000]) {
        const at = (steps: number, s = sigma, a = order) => randomAllocationCurve(steps, s)(a);
        expect(at(10)).toBeLessThanOrEqual(gaussianRdpAt(sigma, order) * (1 + 1e-12));
        expect(at(100)).toBeLessThanOrEqual(at(10) * (1 + 1e-12));
        expect(at(10, sigma * 1.2)).toBeLessThanOrEqual(at(10) * (1 + 1e-12));
        expect(at(10, sigma, order * 1.1)).toBeGreaterThanOrEqual(at(10) * (1 - 1e-12));
      }
    }
    expect(randomAllocationCurve(1_000_000, 1e-3)(2)).toBeGreaterThan(0);
    expect(randomAllocationCurve(1_000_000, 1e6)(2)).toBeGreaterThan(0);
  });
});

describe('selectedAllocationCurve', () => {
  it('bounds the moments of every way to draw 2 of 4 or 3 steps', () => {
    const sigma = 1.1;
    for (const [steps, order] of [
      [4, 2],
      [4, 3],
      [3, 3],
    ] as const) {
      const sets: number[][] = [];
      for (let i = 0; i < steps; i++) for (let j = i + 1; j < steps; j++) sets.push([i, j]);
      // E[Yⁿ], Y the mean over sets of Π W_i: the mean over n sets of e^{Σ over pairs of common steps / σ²}.
      let moment = 0;
      const visit = (chosen: readonly number[][]) => {
        if (chosen.length < order) {
          for (const set of sets) visit([...chosen, set]);
          return;
        }
        let common = 0;
        chosen.forEach((a, s) => {
          for (const b of chosen.slice(s + 1)) common += a.filter((step) => b.includes(step)).length;
        });
        moment += Math.exp(common / sigma / sigma) / sets.length ** order;
      };
      visit([]);
      const exact = Math.log(moment) / (order - 1);
      const bound = selectedAllocationCurve(steps, 2, sigma)(order);
      expect(bound).toBeGreaterThanOrEqual(exact);
      expect(bound).toBeLessThanOrEqual(2 * gaussianRdpAt(sigma, order) * (1 + 1e-12));
    }
  });

  it('is one round for one step, and all Gaussians where k is more than half', () => {
    expect(selectedAllocationCurve(10, 1, 2)(3)).toBeCloseTo(randomAllocationCurve(10, 2)(3), 14);
    // Blocks of one step: four of them, and one of two.
    const mixed = 4 * gaussianRdpAt(2, 3) + randomAllocationCurve(2, 2)(3);
    expect(selectedAllocationCurve(6, 5, 2)(3)).toBeCloseTo(mixed, 9);
  });
});

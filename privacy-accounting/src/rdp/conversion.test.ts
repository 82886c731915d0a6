import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta } from '../gdp/index.js';
import { rdpToDelta, rdpToEpsilon } from './index.js';

const orders = [1.5, 2, 3, 5, 10];
const curve = { orders, rdp: [0.5, 0.7, 1.1, 2, 4.5] };

describe('rdpToEpsilon', () => {
  it('is Prop. 12 of Canonne, Kamath & Steinke at the best order', () => {
    // r + ln((α−1)/α) − ln(δα)/(α−1) at α = 5, r = 2, δ = 1e-6
    const { epsilon, order } = rdpToEpsilon({ ...curve, delta: 1e-6 });
    expect(epsilon).toBeCloseTo(2 + Math.log(4 / 5) - Math.log(5e-6) / 4, 12);
    expect(order).toBe(5);
  });

  it('is 0 where the total variation is below δ, even from orders close to 1', () => {
    expect(rdpToEpsilon({ orders: [1.005, 2], rdp: [1e-12, 1e-12], delta: 1e-5 })).toEqual({
      epsilon: 0,
      order: 1.005,
    });
    expect(rdpToEpsilon({ orders: [1], rdp: [1e-12], delta: 1e-7 }).epsilon).toBe(Number.POSITIVE_INFINITY);
  });

  it('knows the ends: nothing released, pure DP, nothing proven', () => {
    expect(rdpToEpsilon({ orders, rdp: [0, 0, 0, 0, 0], delta: 0 }).epsilon).toBe(0);
    expect(rdpToEpsilon({ orders: [Number.POSITIVE_INFINITY], rdp: [3], delta: 0 }).epsilon).toBe(3);
    expect(rdpToEpsilon({ ...curve, delta: 0 }).epsilon).toBe(Number.POSITIVE_INFINITY);
    const infinite = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    expect(rdpToEpsilon({ orders: [2, 3], rdp: infinite, delta: 0.1 }).epsilon).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it('is an upper bound: of a Gaussian, whose δ(ε) is known', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 20, noNaN: true }),
        fc.double({ min: 1.02, max: 200, noNaN: true }),
        fc.integer({ min: 1, max: 15 }),
        (mu, order, digits) => {
          const delta = 10 ** -digits;
          const { epsilon } = rdpToEpsilon({ orders: [order], rdp: [(order * mu * mu) / 2], delta });
          if (epsilon < 1e6) expect(gaussianDelta({ mu, epsilon })).toBeLessThanOrEqual(delta);
        },
      ),
      { seed: 7 },
    );
  });
});

describe('rdpToDelta', () => {
  it('inverts rdpToEpsilon', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 0.1, noNaN: true }), (delta) => {
        const { epsilon } = rdpToEpsilon({ ...curve, delta });
        const back = rdpToDelta({ ...curve, epsilon }).delta;
        expect(Math.abs(back / delta - 1)).toBeLessThan(1e-12);
      }),
      { seed: 8 },
    );
  });

  it('is √(1 − e^{−r}) where only that is known, accurately for tiny r', () => {
    expect(rdpToDelta({ orders: [1.005], rdp: [1e-4], epsilon: 0.5 }).delta).toBeCloseTo(
      0.009999750005208327,
      15,
    );
    expect(rdpToDelta({ orders: [1.005], rdp: [1e-20], epsilon: 0.5 }).delta / 1e-10).toBeCloseTo(1, 12);
  });

  it('is 0 when nothing was released and 1 when everything was', () => {
    expect(rdpToDelta({ orders: [2], rdp: [0], epsilon: 0 }).delta).toBe(0);
    expect(rdpToDelta({ orders: [2], rdp: [Number.POSITIVE_INFINITY], epsilon: 1 }).delta).toBe(1);
  });
});

it.each([
  [{ orders: [], rdp: [], delta: 0.1 }, /orders must be a list of orders, got an array of 0/],
  [{ orders: [2], rdp: [1, 2], delta: 0.1 }, /rdp must be a list of 1 divergences/],
  [{ orders: [0.5], rdp: [1], delta: 0.1 }, /orders\[0\] must be a number, 1 or larger, got 0\.5/],
  [{ orders: [2], rdp: [-1e-9], delta: 0.1 }, /rdp\[0\] must be a number, 0 or larger/],
  [{ orders: [2], rdp: [Number.NaN], delta: 0.1 }, /rdp\[0\] .* got NaN/],
  [{ orders: [2], rdp: [1], delta: 1 }, /delta must be/],
  [{ orders: [2], rdp: [1], delta: -1 }, /delta must be/],
])('refuses %j', (options, message) => {
  expect(() => rdpToEpsilon(options)).toThrow(message);
});

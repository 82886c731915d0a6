import fc from 'fast-check';
import { all, create } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { gaussianRdp, poissonGaussianRdp } from './index.js';

const rdp = (samplingProbability: number, noiseMultiplier: number, order: number) =>
  poissonGaussianRdp({ samplingProbability, noiseMultiplier, order });

const relative = (got: number, expected: number) => got / expected - 1;

/**
 * [q, σ, α, RDP], computed with mpmath 1.3 at 50 digits: at whole orders by the binomial sum, else by
 *   h = 2πd/(75 + d²/2), d = min(0.95πσ, 14);
 *   A1 = fsum(exp(-x²/2)·((1+u)**α − 1 − α·u) for x in arange(-16, α/σ + 16, h))·h/sqrt(2π),
 *   u = q·expm1(x/σ − 1/(2σ²));  RDP = log1p(A1)/(α − 1)
 */
const EXACT: readonly (readonly [number, number, number, number])[] = [
  [1e-4, 20, 1.1, 1.3767198727929306e-11],
  [1e-4, 20, 1.5, 1.8773454691885924e-11],
  [1e-4, 20, 2, 2.503127605763757e-11],
  [1e-4, 20, 10.9, 1.3642075865336284e-10],
  [1e-4, 20, 63, 7.884972443409348e-10],
  [1e-6, 1000, 1.5, 7.500003749997499e-19],
  [1e-6, 1000, 2, 1.0000005000001666e-18],
  [0.01, 1, 1.01, 8.467056913637044e-5],
  [0.01, 1, 1.5, 0.00012725374332744983],
  [0.01, 0.3, 4.7, 20.261300334315433],
  [0.2, 0.7, 1.7, 0.16366450860292614],
  [0.05, 5, 1.7, 8.666750384435659e-5],
  [0.9, 1, 1.8, 0.7759768770183195],
  [0.999999, 2, 2.5, 0.31249947881555085],
  [0.5, 0.05, 1.5, 297.9205584583201],
  [0.5, 0.05, 3.5, 699.029593947216],
  [0.004, 1.3, 20.3, 0.2023607373998681],
  [0.001, 0.5, 31.7, 56.26723640574157],
  [0.01, 1000, 1024, 5.120054363646494e-8],
  [0.2, 1, 256, 126.38425056634067],
];

describe('poissonGaussianRdp', () => {
  it.each(EXACT)('q = %d, σ = %d, α = %d', (q, sigma, order, exact) => {
    const error = relative(rdp(q, sigma, order), exact);
    expect(error).toBeGreaterThanOrEqual(0);
    expect(error).toBeLessThan(1e-11);
  });

  it('equals the binomial sum in 64-digit arithmetic at whole orders, rounded up', () => {
    const math = create(all!, { number: 'BigNumber', precision: 64 });
    const big = (x: number) => math.bignumber(x);
    const binomialSum = (q: number, sigma: number, order: number): number => {
      let moment = big(0);
      let binomial = big(1);
      for (let k = 0; k <= order; k++) {
        const weight = math.multiply(big(q).pow(k), math.subtract(big(1), big(q)).pow(order - k));
        const exponent = math.divide(big(k * (k - 1)), math.multiply(big(2), big(sigma).pow(2)));
        const term = math.multiply(math.multiply(binomial, weight), math.exp(exponent as never));
        moment = math.add(moment, term) as typeof moment;
        binomial = binomial.times(order - k).div(k + 1);
      }
      return moment
        .ln()
        .div(order - 1)
        .toNumber();
    };
    const parameters = fc.tuple(
      fc.constantFrom(1e-4, 1e-3, 0.01, 0.2, 0.5, 0.97),
      fc.constantFrom(0.3, 0.5, 0.7, 1, 1.3, 2, 5, 20),
      fc.integer({ min: 2, max: 70 }),
    );
    fc.assert(
      fc.property(parameters, ([q, sigma, order]) => {
        const error = relative(rdp(q, sigma, order), binomialSum(q, sigma, order));
        expect(error).toBeGreaterThan(0);
        expect(error).toBeLessThan(1e-11);
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it('equals ∫ f₁^α f₀^{1−α} of the two densities by Simpson’s rule, at fractional orders', () => {
    // Written from the definition of Rényi divergence, in z and with no 1 taken out: nothing in common with the source.
    const simpson = (q: number, sigma: number, order: number): number => {
      const f0 = (z: number) => Math.exp(-(z * z) / (2 * sigma * sigma));
      const f = (z: number) => f0(z) * (1 - q + q * Math.exp((2 * z - 1) / (2 * sigma * sigma))) ** order;
      const [from, to, cells] = [-12 * sigma, order + 12 * sigma, 40_000];
      const h = (to - from) / cells;
      let sum = f(from) + f(to);
      for (let i = 1; i < cells; i++) sum += (i % 2 === 1 ? 4 : 2) * f(from + i * h);
      return Math.log((sum * h) / 3 / (sigma * Math.sqrt(2 * Math.PI))) / (order - 1);
    };
    const parameters = fc.tuple(
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      fc.double({ min: 0.6, max: 3, noNaN: true }),
      fc.double({ min: 1.2, max: 12, noNaN: true }),
    );
    fc.assert(
      fc.property(parameters, ([q, sigma, order]) => {
        const error = relative(rdp(q, sigma, order), simpson(q, sigma, order));
        // Simpson takes ln A near 0 here and there, and loses digits to it.
        expect(Math.abs(error)).toBeLessThan(1e-9);
      }),
      { seed: 4, numRuns: 40 },
    );
  });

  it('joins its methods smoothly: whole orders are the limits of fractional ones', () => {
    for (const [q, sigma] of [
      [1e-4, 20],
      [0.01, 1],
      [0.3, 0.5],
      [0.99, 3],
    ] as const) {
      for (const order of [2, 3, 8, 20]) {
        const middle = (rdp(q, sigma, order - 1e-7) + rdp(q, sigma, order + 1e-7)) / 2;
        expect(Math.abs(relative(middle, rdp(q, sigma, order)))).toBeLessThan(1e-9);
      }
    }
  });

  it('falls back to an upper bound where quadrature would take too long', () => {
    // mpmath as above, at 60,000 nodes: the exact value for q = 0.5, σ = 0.02, α = 1.5.
    const exact = 1872.92055845832;
    const got = rdp(0.5, 0.02, 1.5);
    expect(got).toBeGreaterThanOrEqual(exact);
    // The chord between ln A₁ = 0 and ln A₂, halved, over α − 1.
    expect(got).toBeLessThanOrEqual(rdp(0.5, 0.02, 2) * (1 + 1e-9));
    expect(rdp(0.5, 1e-4, 31.5)).toBeLessThanOrEqual(gaussianRdp({ noiseMultiplier: 1e-4, order: 31.5 }));
  });

  it('is the unsampled divergence at q = 1, and never above it', () => {
    expect(rdp(1, 5, 8.5)).toBe(gaussianRdp({ noiseMultiplier: 5, order: 8.5 }));
    fc.assert(
      fc.property(
        fc.double({ min: 1e-12, max: 1, noNaN: true }),
        fc.double({ min: 0.05, max: 1000, noNaN: true }),
        fc.double({ min: 1.01, max: 40, noNaN: true }),
        (q, sigma, order) => rdp(q, sigma, order) <= gaussianRdp({ noiseMultiplier: sigma, order }),
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  it('grows with q, with α, and with less noise', () => {
    const point = fc.tuple(
      fc.double({ min: 1e-6, max: 0.9, noNaN: true }),
      fc.double({ min: 0.3, max: 100, noNaN: true }),
      fc.double({ min: 1.02, max: 60, noNaN: true }),
    );
    fc.assert(
      fc.property(point, ([q, sigma, order]) => {
        const here = rdp(q, sigma, order);
        expect(rdp(q * 1.01, sigma, order)).toBeGreaterThan(here);
        expect(rdp(q, sigma, order * 1.01)).toBeGreaterThan(here);
        expect(rdp(q, sigma * 1.01, order)).toBeLessThan(here);
      }),
      { seed: 6, numRuns: 150 },
    );
  });

  it('gives a number for every finite input: no NaN, no 0 for something that was released', () => {
    for (const q of [Number.MIN_VALUE, 1e-300, 1e-10, 0.5, 1 - 2 ** -53, 1]) {
      for (const sigma of [0, Number.MIN_VALUE, 1e-160, 1e-5, 0.05, 1, 1e10, 1e200, Number.MAX_VALUE]) {
        for (const order of [1 + 2 ** -52, 1.01, 1.5, 2, 31.5, 64, 1000]) {
          const value = rdp(q, sigma, order);
          expect(value, `q ${q}, σ ${sigma}, α ${order}`).toBeGreaterThan(0);
        }
      }
    }
    expect(rdp(0.5, 0, 2)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [0, 1, 2],
    [1.1, 1, 2],
    [Number.NaN, 1, 2],
    [0.5, -1, 2],
    [0.5, Number.POSITIVE_INFINITY, 2],
    [0.5, 1, 1],
    [0.5, 1, Number.POSITIVE_INFINITY],
  ])('refuses q = %d, σ = %d, α = %d', (q, sigma, order) => {
    expect(() => rdp(q, sigma, order)).toThrow(/must be .*, got /);
  });
});

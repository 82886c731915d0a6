import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta, gaussianEpsilon, gaussianLogDelta, gaussianMu } from './index.js';

/** [μ, ε, ln δ] with mpmath 1.3 at 400 digits: log(ncdf(μ/2 − ε/μ) − exp(ε)·ncdf(−μ/2 − ε/μ)). */
const LOG_DELTA: readonly (readonly [number, number, number])[] = [
  [1, 1, -2.0640664465003904],
  [1 / 3, 0.1, -2.376208269120145],
  [0.1, 10, -5007.433413643418],
  [1e-6, 0, -14.734449091168988],
  [1e-12, 1e-12, -30.11614214164069],
  [1e-3, 0.005, -23.64955655868818],
  [0.3, 0.5, -4.883102530483256],
  [3, 20, -16.979719563701018],
  [10, 0, -5.733033080966979e-7],
  [10, 100, -15.486974416270812],
  [38, 1000, -29.86669766781487],
  [100, 4000, -8.474702916146657e-24],
  [100, 6000, -53.327568392464556],
  [0.05, 3, -1810.6045047825514],
  [1, 40, -788.4234127739917],
];

/** [μ, δ, ε] by bisection of the same, 120 halvings. */
const EPSILON: readonly (readonly [number, number, number])[] = [
  [1, 1e-5, 4.3771780956812245],
  [1, 0.3, 0.27661739889684955],
  [0.01, 1e-15, 0.07082202196962283],
  [0.1, 1e-3, 0.19753397323971045],
  [3, 1e-5, 16.675494402828164],
  [14.142135623730951, 1e-15, 211.5144178007224],
  [50, 1e-10, 1567.1258274830273],
  [0.3, 1e-300, 11.120039597519533],
  [1e-3, 1e-5, 0.00193872496986011],
  [5, 0.9, 4.961219864986891],
];

const anyMu = fc.double({ min: Math.log(1e-3), max: Math.log(200), noNaN: true }).map(Math.exp);
const anyDelta = fc.double({ min: -200, max: -0.1, noNaN: true }).map((exponent) => 10 ** exponent);

describe('gaussianLogDelta', () => {
  it.each(LOG_DELTA)('μ = %d, ε = %d', (mu, epsilon, exact) => {
    // An error in ln δ is a relative error of δ; it grows with the exponent a²/2, of which |ln δ| is the size.
    const error = Math.abs(gaussianLogDelta({ mu, epsilon }) - exact);
    expect(error).toBeLessThan(Math.min(Math.abs(exact) * 1e-12, 2e-14 * (1 + Math.abs(exact))));
  });

  it('is δ’s logarithm, and goes on where δ underflows', () => {
    expect(gaussianDelta({ mu: 1, epsilon: 1 })).toBeCloseTo(Math.exp(-2.0640664465003904), 15);
    expect(gaussianDelta({ mu: 0.1, epsilon: 10 })).toBe(0);
    expect(gaussianLogDelta({ mu: 1e-10, epsilon: 1e-3 })).toBeLessThan(-1e13);
  });

  it('equals the textbook formula where that is accurate', () => {
    // Φ by its Taylor series: independent of erfc.
    const phi = (x: number) => {
      let term = x;
      let sum = x;
      for (let k = 1; k < 200; k++) {
        term *= (-x * x) / (2 * k);
        sum += term / (2 * k + 1);
      }
      return 0.5 + sum / Math.sqrt(2 * Math.PI);
    };
    for (const mu of [0.5, 1, 2]) {
      for (const epsilon of [0, 0.1, 0.5, 1, 2]) {
        const textbook = phi(mu / 2 - epsilon / mu) - Math.exp(epsilon) * phi(-mu / 2 - epsilon / mu);
        expect(gaussianDelta({ mu, epsilon })).toBeCloseTo(textbook, 11);
      }
    }
  });

  it('falls with ε and grows with μ, through every change of method', () => {
    fc.assert(
      fc.property(anyMu, fc.double({ min: 0, max: 500, noNaN: true }), (mu, epsilon) => {
        const here = gaussianLogDelta({ mu, epsilon });
        expect(gaussianLogDelta({ mu, epsilon: epsilon * 1.001 + 1e-6 })).toBeLessThanOrEqual(here);
        expect(gaussianLogDelta({ mu: mu * 1.001, epsilon })).toBeGreaterThanOrEqual(here);
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('has limits instead of NaN', () => {
    expect(gaussianLogDelta({ mu: 0, epsilon: 0 })).toBe(Number.NEGATIVE_INFINITY);
    expect(gaussianLogDelta({ mu: Number.POSITIVE_INFINITY, epsilon: 1e300 })).toBe(0);
    for (const mu of [Number.MIN_VALUE, 1e-300, 1e-10, 1, 1e10, 1e200, Number.MAX_VALUE]) {
      for (const epsilon of [0, Number.MIN_VALUE, 1e-10, 1, 1e100, Number.MAX_VALUE]) {
        expect(gaussianLogDelta({ mu, epsilon }), `μ ${mu}, ε ${epsilon}`).toBeLessThanOrEqual(0);
      }
    }
  });
});

describe('gaussianEpsilon', () => {
  it.each(EPSILON)('μ = %d, δ = %d', (mu, delta, exact) => {
    const error = gaussianEpsilon({ mu, delta }) / exact - 1;
    expect(error).toBeGreaterThanOrEqual(0);
    expect(error).toBeLessThan(5e-13);
  });

  it('attains δ, and hardly more: a slightly smaller ε does not', () => {
    fc.assert(
      fc.property(anyMu, anyDelta, (mu, delta) => {
        const epsilon = gaussianEpsilon({ mu, delta });
        expect(gaussianLogDelta({ mu, epsilon })).toBeLessThanOrEqual(Math.log(delta));
        if (epsilon > 0) {
          const smaller = gaussianLogDelta({
            mu,
            epsilon: epsilon * (1 - 1e-9) - 1e-12 * Math.min(1, epsilon),
          });
          expect(smaller).toBeGreaterThan(Math.log(delta));
        }
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  it('is 0 from δ(0) on, and ∞ without noise', () => {
    expect(gaussianEpsilon({ mu: 1, delta: 0.4 })).toBe(0);
    expect(gaussianEpsilon({ mu: 0, delta: 1e-300 })).toBe(0);
    expect(gaussianEpsilon({ mu: Number.POSITIVE_INFINITY, delta: 0.5 })).toBe(Number.POSITIVE_INFINITY);
    expect(gaussianEpsilon({ mu: 1e200, delta: 1e-5 })).toBe(Number.POSITIVE_INFINITY);
    expect(gaussianEpsilon({ mu: 1e100, delta: 1e-5 })).toBeGreaterThan(4.99e199);
  });

  it.each([-1, Number.NaN, Number.NEGATIVE_INFINITY])('refuses μ = %d', (mu) => {
    expect(() => gaussianEpsilon({ mu, delta: 1e-5 })).toThrow(/mu must be a number, 0 or larger/);
  });
});

describe('gaussianMu', () => {
  it('gives the least noise of the analytic Gaussian mechanism', () => {
    // dp_accounting 0.6.0, get_sigma_gaussian
    expect(1 / gaussianMu({ epsilon: 1, delta: 1e-5 })).toBeCloseTo(3.7306316348159374, 10);
    expect(1 / gaussianMu({ epsilon: 50, delta: 1e-9 })).toBeCloseTo(0.17478362493932859, 11);
  });

  it('inverts gaussianEpsilon, on the private side', () => {
    fc.assert(
      fc.property(anyMu, anyDelta, (mu, delta) => {
        const epsilon = gaussianEpsilon({ mu, delta });
        if (epsilon === 0) return;
        const back = gaussianMu({ epsilon, delta });
        expect(Math.abs(back / mu - 1)).toBeLessThan(1e-9);
        expect(gaussianLogDelta({ mu: back, epsilon })).toBeLessThanOrEqual(Math.log(delta));
      }),
      { seed: 13, numRuns: 500 },
    );
  });

  it('copes with every ε and δ', () => {
    for (const epsilon of [0, 1e-300, 1e-10, 1e5, 1e100, 1e300]) {
      for (const delta of [1e-300, 1e-15, 0.5, 1 - 1e-10]) {
        const mu = gaussianMu({ epsilon, delta });
        expect(mu).toBeGreaterThan(0);
        expect(gaussianLogDelta({ mu, epsilon })).toBeLessThanOrEqual(Math.log(delta));
      }
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianEpsilon } from '../gdp/index.js';
import {
  advancedDelta,
  advancedEpsilon,
  amplifiedByPoissonSampling,
  basicComposition,
  optimalDelta,
  optimalEpsilon,
  type PrivacyParameters,
} from './index.js';
import { OptimalComposition } from './optimal-composition.js';
import { requireParameters } from './parameters.js';

/** δ at ε of the worst (εᵢ, δᵢ) mechanisms, by listing all 2^k outcomes: Murtagh & Vadhan 2016. */
function listedDelta(mechanisms: readonly { epsilon: number; delta: number }[], total: number): number {
  let sum = 0;
  for (let outcome = 0; outcome < 2 ** mechanisms.length; outcome++) {
    let p = 1;
    let q = 1;
    for (const [i, { epsilon }] of mechanisms.entries()) {
      const likely = 1 / (1 + Math.exp(-epsilon));
      const [a, b] = (outcome >> i) & 1 ? [likely, 1 - likely] : [1 - likely, likely];
      p *= a;
      q *= b;
    }
    sum += Math.max(0, p - Math.exp(total) * q);
  }
  return 1 - mechanisms.reduce((keep, { delta }) => keep * (1 - delta), 1) * (1 - sum);
}

const anyMechanism = fc.record({
  epsilon: fc.double({ min: 0.01, max: 3, noNaN: true }),
  delta: fc.constantFrom(0, 1e-9, 1e-6, 1e-4),
});
const anyFew = fc.array(anyMechanism, { minLength: 1, maxLength: 8 });
const anyGroups = fc.array(
  fc.record({
    epsilon: fc.double({ min: 1e-3, max: 5, noNaN: true }),
    delta: fc.constantFrom(0, 1e-12, 1e-9),
    count: fc.integer({ min: 1, max: 300 }),
  }),
  { minLength: 1, maxLength: 3 },
);
const anyDelta = fc.double({ min: -12, max: -0.5, noNaN: true }).map((exponent) => 10 ** exponent);

describe('optimal composition', () => {
  it('is the sum over all 2^k outcomes, never below it', () => {
    fc.assert(
      fc.property(anyFew, fc.double({ min: 0, max: 1, noNaN: true }), (mechanisms, share) => {
        const epsilon = share * mechanisms.reduce((sum, m) => sum + m.epsilon, 0);
        const got = optimalDelta({ mechanisms, epsilon });
        const listed = listedDelta(mechanisms, epsilon);
        expect(got).toBeGreaterThanOrEqual(listed - 1e-15);
        expect(got).toBeLessThanOrEqual(listed * (1 + 1e-9) + 1e-14);
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  it('attains δ at the continuous optimum', () => {
    // Exact homogeneous optimum with mpmath; the smallest grid value ε(k − 2i) would be 10.
    const mechanisms = [{ epsilon: 0.5, delta: 1e-8, count: 20 }];
    expect(optimalEpsilon({ mechanisms, delta: 1e-5 })).toBeCloseTo(9.86242547585211, 9);
    fc.assert(
      fc.property(anyFew, anyDelta, (few, delta) => {
        const epsilon = optimalEpsilon({ mechanisms: few, delta });
        if (epsilon === Number.POSITIVE_INFINITY) {
          expect(few.reduce((sum, m) => sum + m.delta, 0)).toBeGreaterThan(delta * (1 - 1e-9));
          return;
        }
        expect(optimalDelta({ mechanisms: few, epsilon })).toBeLessThanOrEqual(delta * (1 + 1e-12));
        if (epsilon < 1e-6) return;
        expect(optimalDelta({ mechanisms: few, epsilon: epsilon * (1 - 1e-6) })).toBeGreaterThan(
          delta * (1 - 1e-6),
        );
      }),
      { seed: 22, numRuns: 300 },
    );
  });

  it('is at most advanced and basic composition', () => {
    fc.assert(
      fc.property(
        anyGroups,
        anyDelta,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (mechanisms, delta, share) => {
          const optimal = optimalEpsilon({ mechanisms, delta });
          const advanced = advancedEpsilon({ mechanisms, delta });
          const basic = basicComposition(mechanisms);
          expect(optimal).toBeLessThanOrEqual(advanced * (1 + 1e-9));
          expect(advanced).toBeLessThanOrEqual(
            basic.delta <= delta ? basic.epsilon : Number.POSITIVE_INFINITY,
          );
          const epsilon = share * basic.epsilon;
          expect(optimalDelta({ mechanisms, epsilon })).toBeLessThanOrEqual(
            advancedDelta({ mechanisms, epsilon }) * (1 + 1e-9),
          );
        },
      ),
      { seed: 23, numRuns: 150 },
    );
  });

  it('grows with every ε, with δ and with the count, and falls with the δ that is allowed', () => {
    fc.assert(
      fc.property(anyGroups, anyDelta, (mechanisms, delta) => {
        const here = optimalEpsilon({ mechanisms, delta });
        const change = (edit: (m: Required<PrivacyParameters>) => PrivacyParameters) =>
          optimalEpsilon({ mechanisms: mechanisms.map(edit), delta });
        const upTo = 1 - 1e-9;
        expect(change((m) => ({ ...m, epsilon: m.epsilon * 1.01 }))).toBeGreaterThanOrEqual(here * upTo);
        expect(change((m) => ({ ...m, delta: m.delta + 1e-10 }))).toBeGreaterThanOrEqual(here * upTo);
        expect(change((m) => ({ ...m, count: m.count + 1 }))).toBeGreaterThanOrEqual(here * upTo);
        expect(optimalEpsilon({ mechanisms, delta: delta / 2 })).toBeGreaterThanOrEqual(here * upTo);
      }),
      { seed: 24, numRuns: 100 },
    );
  });

  it('does not depend on order or grouping, not by one bit', () => {
    const parts = [
      { epsilon: 0.3, delta: 1e-9, count: 7 },
      { epsilon: 0.1, delta: 0, count: 30 },
      { epsilon: 0.3, delta: 1e-9, count: 5 },
      { epsilon: 0, delta: 1e-8, count: 2 },
    ];
    const split = parts.flatMap(({ count, ...rest }) => Array.from({ length: count }, () => rest)).reverse();
    const delta = 1e-6;
    expect(optimalEpsilon({ mechanisms: split, delta })).toBe(optimalEpsilon({ mechanisms: parts, delta }));
    expect(advancedEpsilon({ mechanisms: split, delta })).toBe(advancedEpsilon({ mechanisms: parts, delta }));
  });

  it('on a grid is above the exact optimum, and hardly', () => {
    // Three near-equal ε that are too many to list, between the same number of the smallest and of the largest.
    const three = (scale: readonly number[]) =>
      scale.map((epsilon) => ({ epsilon, delta: 0, count: 300_000 }));
    const composition = new OptimalComposition(requireParameters(three([0.01, 0.0101, 0.0102])));
    expect(composition.exact).toBe(false);
    const one = (epsilon: number) =>
      optimalEpsilon({ mechanisms: [{ epsilon, delta: 0, count: 900_000 }], delta: 1e-6 });
    const got = composition.epsilonAt(1e-6);
    expect(got).toBeGreaterThan(one(0.01));
    expect(got).toBeLessThan(one(0.0102));
    // With two values the exact sum is known, so that a third of next to no weight must not change it.
    const two = three([0.01, 0.02]);
    const exact = optimalEpsilon({ mechanisms: two, delta: 1e-6 });
    const close = optimalEpsilon({
      mechanisms: [...two, { epsilon: 1e-9, delta: 0, count: 1_000_000 }],
      delta: 1e-6,
    });
    expect(close).toBeGreaterThanOrEqual(exact);
    expect(close).toBeLessThan(exact * 1.001);
  });

  it('with a thousand different ε lies between those of the smallest and of the largest', () => {
    const mechanisms = Array.from({ length: 1000 }, (_, i) => ({ epsilon: 0.1 + i * 1e-5, delta: 0 }));
    const got = optimalEpsilon({ mechanisms, delta: 1e-7 });
    const one = (epsilon: number) =>
      optimalEpsilon({ mechanisms: [{ epsilon, delta: 0, count: 1000 }], delta: 1e-7 });
    expect(got).toBeGreaterThan(one(0.105) * 0.999);
    expect(got).toBeLessThan(one(0.105) * 1.005);
    expect(got).toBeLessThan(advancedEpsilon({ mechanisms, delta: 1e-7 }));
  });

  it('covers every size: a million mechanisms, δ to 1e-15, ε from 1e-6 to 50', () => {
    for (const epsilon of [1e-6, 1e-3, 0.1, 2, 50]) {
      for (const count of [1, 1000, 1_000_000]) {
        for (const delta of [1e-3, 1e-15]) {
          const mechanisms = [{ epsilon, delta: 0, count }];
          const got = optimalEpsilon({ mechanisms, delta });
          expect(got).toBeGreaterThanOrEqual(0);
          expect(got).toBeLessThanOrEqual(advancedEpsilon({ mechanisms, delta }));
          expect(optimalDelta({ mechanisms, epsilon: got })).toBeLessThanOrEqual(delta);
        }
      }
    }
  });

  it('answers any count in bounded time', () => {
    for (const count of [1e8, 1e12, Number.MAX_SAFE_INTEGER]) {
      const mechanisms = [{ epsilon: 1e-5, delta: 0, count }];
      const started = performance.now();
      const got = optimalEpsilon({ mechanisms, delta: 1e-6 });
      expect(performance.now() - started).toBeLessThan(5000);
      expect(got).toBeLessThanOrEqual(advancedEpsilon({ mechanisms, delta: 1e-6 }));
      expect(got).toBeGreaterThan(count * 1e-5 * Math.tanh(0.5e-5) * 0.99);
    }
  });

  it('approaches the Gaussian with μ = ε√k where ε is small', () => {
    const got = optimalEpsilon({ mechanisms: [{ epsilon: 1e-4, delta: 0, count: 1_000_000 }], delta: 1e-6 });
    expect(got / gaussianEpsilon({ mu: 0.1, delta: 1e-6 })).toBeCloseTo(1, 5);
  });

  it('answers δ = 0 for pure mechanisms, and ∞ once the δs are spent', () => {
    const pure = [{ epsilon: 0.25, delta: 0, count: 8 }];
    expect(optimalEpsilon({ mechanisms: pure, delta: 0 })).toBe(2);
    expect(optimalDelta({ mechanisms: pure, epsilon: 2 })).toBe(0);
    const spent = [{ epsilon: 0.25, delta: 1e-6, count: 8 }];
    expect(optimalEpsilon({ mechanisms: spent, delta: 1e-6 })).toBe(Number.POSITIVE_INFINITY);
    expect(optimalEpsilon({ mechanisms: [], delta: 0 })).toBe(0);
    expect(optimalDelta({ mechanisms: [], epsilon: 0 })).toBe(0);
    expect(optimalEpsilon({ mechanisms: [{ epsilon: 1, delta: 1 }], delta: 0.5 })).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it.each([
    [[{ epsilon: Number.NaN, delta: 0 }], /mechanisms\[0\]\.epsilon/],
    [
      [
        { epsilon: 1, delta: 0 },
        { epsilon: 1, delta: 2 },
      ],
      /mechanisms\[1\]\.delta/,
    ],
    [[{ epsilon: 1, delta: 0, count: 1.5 }], /mechanisms\[0\]\.count/],
    ['many', /mechanisms must be a list/],
  ])('refuses %j', (mechanisms, message) => {
    expect(() => optimalEpsilon({ mechanisms: mechanisms as PrivacyParameters[], delta: 1e-6 })).toThrow(
      message,
    );
  });
});

describe('amplification by Poisson sampling', () => {
  it('is the worst case: the sampled randomized response attains it', () => {
    for (const q of [1e-6, 0.01, 0.5, 0.999]) {
      for (const epsilon of [1e-8, 0.1, 1, 10, 29, 31, 600]) {
        const got = amplifiedByPoissonSampling({ samplingProbability: q, epsilon, delta: 1e-6 });
        // Likelihood ratio of (1 − q)Q + qP to Q where P/Q = e^ε: 1 + q(e^ε − 1).
        const exact = epsilon > 100 ? epsilon + Math.log(q) : Math.log1p(q * Math.expm1(epsilon));
        expect(got.epsilon).toBeGreaterThanOrEqual(exact * (1 - 1e-15));
        expect(got.epsilon).toBeLessThanOrEqual(exact * (1 + 1e-13));
        expect(got.delta).toBeGreaterThanOrEqual(q * 1e-6);
      }
    }
    expect(amplifiedByPoissonSampling({ samplingProbability: 1, epsilon: 2, delta: 0 })).toEqual({
      epsilon: 2,
      delta: 0,
    });
  });
});

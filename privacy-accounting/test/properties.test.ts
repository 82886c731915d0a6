import fc from 'fast-check';
import {
  calibrateNoiseMultiplier,
  DpError,
  deltaOf,
  epsilonOf,
  gaussian,
  gaussianEpsilon,
  NEIGHBORING_RELATIONS,
  poissonSampled,
  selfComposed,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { millsRatio } from '../src/math/index.js';

const dpSgd = (q: number, sigma: number, steps: number) =>
  selfComposed({
    count: steps,
    event: poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier: sigma }) }),
  });

/** By formulas, whose properties hold to the last digits; grids have properties of their own (across-accountants). */
const epsilon = (q: number, sigma: number, steps: number, delta: number) =>
  epsilonOf(dpSgd(q, sigma, steps), {
    delta,
    relation: 'add-or-remove-one',
    accountant: q < 1 ? 'rdp' : 'gdp',
  }).epsilon;

const logUniform = (from: number, to: number) =>
  fc.double({ min: Math.log(from), max: Math.log(to), noNaN: true }).map(Math.exp);
const anyQ = fc.oneof(logUniform(1e-8, 1), fc.constantFrom(1, 1 - 2 ** -53, 0.5));
const anyDelta = logUniform(1e-15, 1e-3);
const anySteps = fc.oneof(logUniform(1, 1e6).map(Math.round), fc.constantFrom(1, 2, 1e6));

/** Φ(x) for any x, relative accuracy in the lower tail. */
const phi = (x: number): number =>
  x <= 0 ? (millsRatio(-x) * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI) : 1 - phi(-x);

/** The exact δ(ε) of one Poisson-sampled Gaussian, removing a record: the loss is monotone in x, so it is two tails. */
function oneStepDelta(q: number, sigma: number, eps: number): number {
  const threshold = sigma * sigma * (Math.log(Math.expm1(eps) + q) - Math.log(q)) + 0.5;
  const tail = (mean: number) => phi((mean - threshold) / sigma);
  return (1 - q) * tail(0) + q * tail(1) - Math.exp(eps) * tail(0);
}

describe('for every q in (0, 1], σ in 0.3 … 1000, T in 1 … 10⁶, δ in 1e-15 … 1e-3', () => {
  it('there is a bound: a finite number, not below that of a single step, not above that without sampling', () => {
    fc.assert(
      fc.property(anyQ, logUniform(0.3, 1000), anySteps, anyDelta, (q, sigma, steps, delta) => {
        const bound = epsilon(q, sigma, steps, delta);
        expect(bound).toBeGreaterThanOrEqual(0);
        expect(bound).toBeLessThan(Number.POSITIVE_INFINITY);
        // Rényi bounds of a sampled and the exact one of an unsampled release cross only through the conversion.
        const unsampled = gaussianEpsilon({ mu: Math.sqrt(steps) / sigma, delta });
        expect(bound).toBeLessThan(1.4 * unsampled + 0.01);
        if (bound < 300)
          expect(oneStepDelta(q, sigma, bound)).toBeLessThanOrEqual(delta * (1 + 1e-6) + 1e-15);
      }),
      { seed: 40, numRuns: 300 },
    );
  });

  it('ε never falls with q, T or 1/δ, nor rises with σ', () => {
    fc.assert(
      fc.property(
        anyQ,
        logUniform(0.3, 1000),
        anySteps,
        anyDelta,
        logUniform(1.0001, 3),
        (q, sigma, steps, delta, factor) => {
          const here = epsilon(q, sigma, steps, delta);
          // Divergences are accurate to 2e-12; a change of q or σ moves them by more than that, or not at all.
          const slack = 1 + 1e-11;
          expect(epsilon(Math.min(1, q * factor), sigma, steps, delta) * slack).toBeGreaterThanOrEqual(
            q * factor > 1 ? 0 : here,
          );
          expect(epsilon(q, sigma * factor, steps, delta)).toBeLessThanOrEqual(here * slack);
          expect(epsilon(q, sigma, steps + 1, delta)).toBeGreaterThanOrEqual(here);
          expect(epsilon(q, sigma, steps, delta / factor)).toBeGreaterThanOrEqual(here);
        },
      ),
      { seed: 41, numRuns: 150 },
    );
  });

  it('δ at the bound’s ε is δ again', () => {
    fc.assert(
      fc.property(anyQ, logUniform(0.5, 30), anySteps, anyDelta, (q, sigma, steps, delta) => {
        const relation = 'replace-special';
        const bound = epsilonOf(dpSgd(q, sigma, steps), { delta, relation, accountant: 'rdp' }).epsilon;
        if (bound === 0) return;
        const back = deltaOf(dpSgd(q, sigma, steps), { epsilon: bound, relation, accountant: 'rdp' }).delta;
        // The order that is best for ε is best for δ, to within the spacing of the orders; ε's rounding is δ's exponent.
        expect(Math.abs(Math.log(back / delta))).toBeLessThan(1e-2);
      }),
      { seed: 42, numRuns: 100 },
    );
  });

  it('beyond that range, too, it is a bound or a clear error, and no NaN', () => {
    const wide = fc.tuple(
      fc.oneof(anyQ, fc.constantFrom(Number.MIN_VALUE, 1e-200)),
      fc.oneof(
        logUniform(0.05, 1e4),
        fc.constantFrom(0, Number.MIN_VALUE, 1e-3, 1e-100, 1e100, Number.MAX_VALUE),
      ),
      fc.oneof(logUniform(1, 1e7).map(Math.round), fc.constantFrom(0, 1e7, 2 ** 53 - 1)),
      fc.oneof(anyDelta, fc.constantFrom(Number.MIN_VALUE, 1e-300, 0.5, 1 - 2 ** -53)),
      fc.constantFrom(...NEIGHBORING_RELATIONS),
    );
    fc.assert(
      fc.property(wide, ([q, sigma, steps, delta, relation]) => {
        try {
          const bound = epsilonOf(dpSgd(q, sigma, steps), { delta, relation });
          expect(bound.epsilon).toBeGreaterThanOrEqual(0);
          expect(deltaOf(dpSgd(q, sigma, steps), { epsilon: 3, relation }).delta).toBeLessThanOrEqual(1);
          if (sigma === 0 && steps > 0) expect(bound.epsilon).toBe(Number.POSITIVE_INFINITY);
        } catch (error) {
          expect(error).toBeInstanceOf(DpError);
          // Losses beyond float64, where no formula is known that would do without a grid.
          expect((error as DpError).code).toMatch(/^DP_(UNSUPPORTED_EVENT|NUMERICAL)$/);
          expect([relation, q < 1]).toEqual(['replace-one', true]);
        }
      }),
      { seed: 43, numRuns: 40 },
    );
  });
});

describe('planted bugs would show', () => {
  it('a step’s ε bounds the exact δ, and half its noise does not: sensitivity C and 2C differ', () => {
    for (const [q, sigma] of [
      [0.1, 1],
      [0.5, 2],
      [0.9, 4],
    ] as const) {
      const bound = epsilon(q, sigma, 1, 1e-5);
      expect(oneStepDelta(q, sigma, bound)).toBeLessThanOrEqual(1e-5);
      expect(oneStepDelta(q, sigma / 2, bound)).toBeGreaterThan(1e-5);
      // Nor would an ε for half, or twice, the sampling probability pass for this one.
      expect(oneStepDelta(q, sigma, epsilon(q, 2 * sigma, 1, 1e-5))).toBeGreaterThan(1e-5);
    }
  });

  it('twice the noise under replace-one is the noise of replace-special, for every unsampled event', () => {
    fc.assert(
      fc.property(
        logUniform(0.3, 100),
        fc.integer({ min: 1, max: 10_000 }),
        anyDelta,
        (sigma, steps, delta) => {
          const event = (noiseMultiplier: number) =>
            selfComposed({ count: steps, event: gaussian({ noiseMultiplier }) });
          for (const accountant of ['rdp', 'gdp'] as const) {
            const special = epsilonOf(event(sigma), {
              delta,
              relation: 'replace-special',
              accountant,
            }).epsilon;
            const one = epsilonOf(event(2 * sigma), { delta, relation: 'replace-one', accountant }).epsilon;
            expect(one).toBe(special);
            const same = epsilonOf(event(sigma), { delta, relation: 'replace-one', accountant }).epsilon;
            expect(same).toBeGreaterThan(special);
          }
        },
      ),
      { seed: 44, numRuns: 50 },
    );
  });

  it('calibration is the inverse of accounting', () => {
    fc.assert(
      fc.property(
        logUniform(1e-3, 1),
        logUniform(0.5, 20),
        fc.integer({ min: 1, max: 10_000 }),
        (q, sigma, steps) => {
          const target = epsilon(q, sigma, steps, 1e-6);
          if (target === 0) return;
          const { noiseMultiplier } = calibrateNoiseMultiplier({
            makeEvent: (candidate) => dpSgd(q, candidate, steps),
            targetEpsilon: target,
            delta: 1e-6,
            relation: 'add-or-remove-one',
            accountant: q < 1 ? 'rdp' : 'gdp',
          });
          expect(Math.abs(noiseMultiplier / sigma - 1)).toBeLessThan(1e-6);
        },
      ),
      { seed: 45, numRuns: 40 },
    );
  });
});

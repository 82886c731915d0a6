import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta } from '../gdp/index.js';
import { logNormalCdf, normalCdf, normalQuantile } from '../gdp/normal-law.js';
import {
  attributeInferenceSuccess,
  membershipAdvantage,
  membershipSuccess,
  poisonedProbability,
  reconstructionSuccess,
} from './attacks.js';
import { type DeltaCurve, deltaCurveThrough } from './delta-curve.js';
import { gdpMuOf } from './gdp-mu.js';
import { posteriorCeiling } from './posterior.js';
import { gaussianTradeOff, tradeOffOf } from './trade-off.js';

const relation = 'replace-special';

/** The Gaussian's exact curve at many points; `points` of ε up to `end`. */
function gaussianCurve(mu: number, points = 4000, end = 12 * mu + mu * mu): DeltaCurve {
  return deltaCurveThrough({
    relation,
    accountant: 'gdp',
    points: Array.from({ length: points }, (_, j) => {
      const epsilon = (end * j) / (points - 1);
      return { epsilon, delta: Math.min(1, gaussianDelta({ mu, epsilon }) * (1 + 1e-12)) };
    }),
  });
}

const pointCurve = (epsilon: number, delta: number) =>
  deltaCurveThrough({ relation, accountant: 'gdp', points: [{ epsilon, delta }] });

const anyRate = fc.double({ min: -9, max: 0, noNaN: true }).map((exponent) => 10 ** exponent);
const anyCurve = fc
  .array(
    fc.record({
      epsilon: fc.double({ min: 0, max: 8, noNaN: true }),
      delta: fc.double({ min: 0, max: 0.9, noNaN: true }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((points) => deltaCurveThrough({ relation, accountant: 'gdp', points }));

describe('the normal law', () => {
  it('has the tails of mpmath (50 digits)', () => {
    for (const [x, log] of [
      [-40, -804.6084420137538],
      [-10, -53.23128515051247],
      [-1, -1.8410216450092636],
      [0, -Math.LN2],
      [3, -0.0013508099647481938],
    ] as const) {
      expect(Math.abs(logNormalCdf(x) / log - 1)).toBeLessThan(1e-13);
    }
  });

  it('is inverted by its quantile', () => {
    for (const p of [1e-300, 1e-20, 1e-5, 0.1, 0.499, 0.5, 0.7, 0.999]) {
      expect(Math.abs(normalCdf(normalQuantile(p)) / p - 1)).toBeLessThan(1e-12);
    }
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the trade-off of a curve', () => {
  it('of a Gaussian is the closed form, never better', () => {
    for (const mu of [0.05, 0.5, 1, 3]) {
      const exact = gaussianTradeOff({ mu, relation });
      const hull = tradeOffOf(gaussianCurve(mu));
      for (const rate of [1e-9, 1e-6, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999]) {
        const truth = normalCdf(normalQuantile(rate) + mu);
        expect(exact.truePositiveRate(rate)).toBeGreaterThanOrEqual(truth);
        expect(exact.truePositiveRate(rate)).toBeLessThan(truth * (1 + 1e-11));
        expect(hull.truePositiveRate(rate)).toBeGreaterThanOrEqual(truth * (1 - 1e-12));
        expect(hull.truePositiveRate(rate)).toBeLessThan(truth * 1.001);
      }
      expect(hull.advantage).toBeCloseTo(2 * normalCdf(mu / 2) - 1, 6);
      expect(exact.advantage).toBeCloseTo(2 * normalCdf(mu / 2) - 1, 13);
    }
  });

  it('is convex, falls, lies below 1 − α and is its own inverse', () => {
    fc.assert(
      fc.property(
        anyCurve,
        anyRate,
        anyRate,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (curve, a, b, share) => {
          const { falseNegativeRate: f, truePositiveRate } = tradeOffOf(curve);
          const middle = share * a + (1 - share) * b;
          expect(f(middle)).toBeLessThanOrEqual(share * f(a) + (1 - share) * f(b) + 1e-12);
          expect(f(Math.max(a, b))).toBeLessThanOrEqual(f(Math.min(a, b)) + 1e-15);
          expect(truePositiveRate(a)).toBeGreaterThanOrEqual(a);
          const back = f(f(a));
          expect(back).toBeLessThanOrEqual(a + 1e-12);
        },
      ),
      { seed: 31, numRuns: 500 },
    );
  });

  it('finds the lowest of all its lines', () => {
    fc.assert(
      fc.property(anyCurve, anyRate, (curve, rate) => {
        let least = 1;
        for (const [j, epsilon] of curve.epsilons.entries()) {
          const delta = curve.deltas[j]!;
          least = Math.min(
            least,
            delta + Math.exp(epsilon) * rate,
            1 - Math.exp(-epsilon) * (1 - delta - rate),
          );
        }
        const got = tradeOffOf(curve).truePositiveRate(rate);
        expect(got).toBeGreaterThanOrEqual(Math.max(rate, least) * (1 - 1e-13));
        expect(got).toBeLessThanOrEqual(Math.max(rate, least) * (1 + 1e-12) + 1e-15);
      }),
      { seed: 32, numRuns: 500 },
    );
  });

  it('of one (ε, δ) is the textbook’s, and of nothing is 1', () => {
    const { truePositiveRate, advantage } = tradeOffOf(pointCurve(1, 1e-5));
    expect(truePositiveRate(0.01)).toBeCloseTo(Math.E * 0.01 + 1e-5, 14);
    expect(truePositiveRate(0.9)).toBeCloseTo(1 - Math.exp(-1) * (0.1 - 1e-5), 14);
    expect(advantage).toBeCloseTo((Math.E - 1 + 2e-5) / (Math.E + 1), 14);
    const nothing = tradeOffOf(pointCurve(Number.POSITIVE_INFINITY, 0.5));
    expect(nothing.truePositiveRate(0)).toBe(1);
    expect(nothing.advantage).toBe(1);
  });

  it('between two points is no larger than the chord allows, and no smaller than the truth', () => {
    const sparse = gaussianCurve(1, 12, 6);
    for (const epsilon of [0, 0.05, 0.7, 2.3, 5.9, 6, 7]) {
      const truth = gaussianDelta({ mu: 1, epsilon });
      expect(sparse.deltaAt(epsilon)).toBeGreaterThanOrEqual(truth);
    }
    expect(sparse.deltaAt(0.7)).toBeLessThan(gaussianDelta({ mu: 1, epsilon: 0.6 }));
    expect(pointCurve(2, 0.1).deltaAt(0)).toBeCloseTo(1 - 0.9 * Math.exp(-2), 12);
  });
});

describe('μ of a trade-off', () => {
  it('of a Gaussian is its own, from above', () => {
    for (const mu of [0.01, 0.5, 2, 6]) {
      const exact = gdpMuOf(gaussianTradeOff({ mu, relation }));
      expect(exact).toBeGreaterThanOrEqual(mu);
      expect(exact).toBeLessThan(mu + 1e-8);
      const hull = gdpMuOf(tradeOffOf(gaussianCurve(mu)), { minimumFalsePositiveRate: 1e-6 });
      expect(hull).toBeGreaterThanOrEqual(mu * (1 - 1e-9));
      expect(hull).toBeLessThan(mu * 1.01);
    }
  });

  it('grows as rarer errors are looked at, and is ∞ where a certain loss decides', () => {
    const tradeOff = tradeOffOf(pointCurve(0.1, 1e-4));
    const at = (rate: number) => gdpMuOf(tradeOff, { minimumFalsePositiveRate: rate });
    expect(at(1e-6)).toBeGreaterThan(at(1e-3));
    expect(gdpMuOf(tradeOffOf(pointCurve(Number.POSITIVE_INFINITY, 0)))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('ceilings on attacks', () => {
  it('on the unsampled Gaussian, σ = 1, are those of opake-accounting 0.16.1', () => {
    const tradeOff = gaussianTradeOff({ mu: 1, relation });
    expect(membershipAdvantage(tradeOff).value).toBeCloseTo(0.38292492254802624, 12);
    expect(tradeOff.falseNegativeRate(0.01)).toBeCloseTo(0.9076378588439771, 3);
    expect(tradeOff.falseNegativeRate(0.1)).toBeCloseTo(0.6108563483440784, 5);
    expect(tradeOff.falseNegativeRate(0.5)).toBeCloseTo(0.15865525393145707, 12);
    expect(1 - membershipSuccess(gaussianCurve(1), { prior: 0.5 }).value).toBeCloseTo(0.30853753872598694, 9);
  });

  it('at any prior are met by the likelihood-ratio test of the Gaussian', () => {
    const curve = gaussianCurve(1.3);
    for (const prior of [0.001, 0.1, 0.5, 0.8, 0.999]) {
      // Says "used" above t = μ/2 − logit(p)/μ: the best test of N(μ, 1) against N(0, 1).
      const t = 1.3 / 2 - Math.log(prior / (1 - prior)) / 1.3;
      const best = prior * normalCdf(1.3 - t) + (1 - prior) * normalCdf(t);
      const { value } = membershipSuccess(curve, { prior });
      expect(value).toBeGreaterThanOrEqual(best - 1e-12);
      expect(value).toBeLessThan(best + 1e-5);
    }
    expect(membershipSuccess(curve, { prior: 0 }).value).toBe(1);
  });

  it('leave a guess at its baseline without a release, and grow with baseline and noise', () => {
    const silent = gaussianTradeOff({ mu: 0, relation });
    expect(reconstructionSuccess(silent, { baseline: 0.1 }).value).toBeCloseTo(0.1, 12);
    const some = gaussianTradeOff({ mu: 1, relation });
    const more = gaussianTradeOff({ mu: 1.1, relation });
    fc.assert(
      fc.property(anyRate, (baseline) => {
        const { value } = reconstructionSuccess(some, { baseline });
        expect(value).toBeGreaterThanOrEqual(baseline);
        expect(reconstructionSuccess(more, { baseline }).value).toBeGreaterThanOrEqual(value);
        expect(reconstructionSuccess(some, { baseline: baseline / 2 }).value).toBeLessThanOrEqual(value);
        expect(attributeInferenceSuccess(some, { largestPrior: baseline }).value).toBe(value);
      }),
      { seed: 33 },
    );
  });

  it('for k records are those of the k-fold shift for a Gaussian, and e^{kε} for pure DP', () => {
    const { value } = poisonedProbability(gaussianTradeOff({ mu: 0.4, relation }), {
      records: 5,
      probability: 0.01,
    });
    expect(value).toBeCloseTo(normalCdf(normalQuantile(0.01) + 2), 10);
    const pure = tradeOffOf(pointCurve(0.5, 0));
    expect(poisonedProbability(pure, { records: 4, probability: 1e-4 }).value).toBeCloseTo(
      Math.exp(2) * 1e-4,
      14,
    );
    expect(poisonedProbability(pure, { records: 0, probability: 0.3 }).value).toBe(0.3);
    expect(poisonedProbability(pure, { records: 1_000_000, probability: 0.3 }).value).toBeLessThanOrEqual(1);
  });
});

describe('the posterior', () => {
  it('holds, except with the stated probability, for every mechanism of the curve', () => {
    // Three-valued mechanisms with exact (ε, δ) curves: reveals with probability d, else randomized response with e.
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.2, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (e, d, exception, prior) => {
          const p = (1 - d) / (1 + Math.exp(-e));
          const atoms = [
            [d, 0],
            [p, p * Math.exp(-e)],
            [p * Math.exp(-e), p],
          ] as const;
          const epsilons = Array.from({ length: 60 }, (_, j) => (e * j) / 59);
          const curve = deltaCurveThrough({
            relation,
            accountant: 'gdp',
            points: epsilons.map((epsilon) => ({
              epsilon,
              delta:
                atoms.reduce((sum, [a, b]) => sum + Math.max(0, a - Math.exp(epsilon) * b), 0) * (1 + 1e-12),
            })),
          });
          const { posterior } = posteriorCeiling(curve, { prior, exception });
          const exceeded = atoms
            .filter(([a, b]) => (prior * a) / (prior * a + (1 - prior) * b) > posterior)
            .reduce((sum, [a]) => sum + a, 0);
          expect(exceeded).toBeLessThanOrEqual(exception);
        },
      ),
      { seed: 34, numRuns: 500 },
    );
  });

  it('is above e^ε times the odds for the exceptions that (ε, δ) leaves, and at most the tail of the Gaussian’s loss needs', () => {
    const curve = gaussianCurve(1, 20_000);
    for (const exception of [1e-2, 1e-4, 1e-8]) {
      const { logOddsGain } = posteriorCeiling(curve, { prior: 0.01, exception });
      // L is N(μ²/2, μ²) under P: exceeded with probability `exception` at exactly this.
      const tail = 0.5 - normalQuantile(exception);
      expect(logOddsGain).toBeGreaterThan(tail);
      expect(logOddsGain).toBeLessThan(tail + 1.5);
    }
  });

  it('is monotone, and says nothing where no δ is below the exception', () => {
    const curve = gaussianCurve(0.7);
    const at = (prior: number, exception: number) => posteriorCeiling(curve, { prior, exception }).posterior;
    expect(at(0.01, 1e-6)).toBeGreaterThan(at(0.01, 1e-3));
    expect(at(0.02, 1e-3)).toBeGreaterThan(at(0.01, 1e-3));
    expect(at(0, 1e-3)).toBe(0);
    expect(at(1, 1e-3)).toBe(1);
    expect(posteriorCeiling(pointCurve(1, 1e-3), { prior: 0.01, exception: 1e-4 }).posterior).toBe(1);
    expect(posteriorCeiling(pointCurve(1, 0), { prior: 0.01, exception: 1e-4 }).logOddsGain).toBeCloseTo(
      1,
      12,
    );
  });
});

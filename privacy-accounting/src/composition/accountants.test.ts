import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composed,
  type DpEvent,
  discreteLaplace,
  epsilonDelta,
  gaussian,
  laplace,
  nonPrivate,
  noOp,
  poissonSampled,
  randomizedResponse,
  selfComposed,
} from '../events/index.js';
import { ApproximateAccountant, optimalEpsilon, PureAccountant } from './index.js';

const relation = 'add-or-remove-one';
const pure = (event: DpEvent, count = 1) => new PureAccountant({ relation }).compose(event, count);
const approximate = (event: DpEvent, count = 1) =>
  new ApproximateAccountant({ relation }).compose(event, count);

describe('PureAccountant', () => {
  it('adds up ε, and answers δ = 0', () => {
    expect(pure(laplace({ parameter: 2 }), 4).getEpsilon(0).epsilon).toBeCloseTo(2, 12);
    expect(pure(laplace({ parameter: 2 }), 4).getEpsilon(0).epsilon).toBeGreaterThanOrEqual(2);
    const mixed = composed([
      laplace({ parameter: 4 }),
      discreteLaplace({ parameter: 0.2, sensitivity: 3 }),
      epsilonDelta({ epsilon: 0.5, delta: 0, relation }),
    ]);
    expect(pure(mixed).getEpsilon(0).epsilon).toBeCloseTo(0.25 + 0.6 + 0.5, 12);
    const once = poissonSampled({ samplingProbability: 0.1, event: laplace({ parameter: 1 }) });
    expect(pure(once).getEpsilon(0).epsilon).toBeCloseTo(Math.log1p(0.1 * Math.expm1(1)), 12);
  });

  it('at δ > 0 is the randomized response of its sum: ε and δ invert', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 8, noNaN: true }),
        fc.double({ min: 1e-9, max: 0.4, noNaN: true }),
        (total, delta) => {
          const accountant = pure(epsilonDelta({ epsilon: total, delta: 0, relation }));
          const { epsilon } = accountant.getEpsilon(delta);
          expect(epsilon).toBeLessThanOrEqual(total);
          const p = 1 / (1 + Math.exp(-total));
          const left = p - Math.exp(epsilon) * (1 - p);
          expect(left).toBeLessThanOrEqual(delta + 1e-12);
          if (epsilon > 0) expect(accountant.getDelta(epsilon).delta).toBeCloseTo(delta, 10);
          expect(accountant.getDelta(total).delta).toBe(0);
        },
      ),
      { seed: 61 },
    );
  });

  it('refuses what has a curve, or a δ, and says what would do', () => {
    const accountant = new PureAccountant({ relation });
    expect(accountant.unsupportedReason(gaussian({ noiseMultiplier: 1 }))).toMatch(/event: .*pld or rdp/);
    const leaky = composed([noOp(), epsilonDelta({ epsilon: 1, delta: 1e-6, relation })]);
    expect(accountant.unsupportedReason(leaky)).toMatch(/events\[1\].*approximate/);
    expect(() => accountant.compose(leaky)).toThrow(/approximate/);
    expect(accountant.getEpsilon(1e-5).epsilon).toBe(0);
  });

  it('refuses an ε that is larger than any number; one that only looks so is a number', () => {
    const reason = new PureAccountant({ relation }).unsupportedReason(laplace({ parameter: 1e-310 }));
    expect(reason).toMatch(/larger than any number/);
    const truthful = randomizedResponse({ noiseParameter: 1e-300, buckets: 2 ** 53 - 1 });
    const { epsilon } = new PureAccountant({ relation: 'replace-one' }).compose(truthful).getEpsilon(0);
    expect(epsilon).toBeGreaterThanOrEqual(53 * Math.LN2 + 300 * Math.LN10);
    expect(epsilon).toBeCloseTo(53 * Math.LN2 + 300 * Math.LN10, 9);
  });

  it('has ε = ∞ and δ = 1 without privacy', () => {
    expect(pure(nonPrivate()).getEpsilon(1e-5).epsilon).toBe(Number.POSITIVE_INFINITY);
    expect(pure(nonPrivate()).getDelta(3).delta).toBe(1);
  });
});

describe('ApproximateAccountant', () => {
  it('is the continuous optimum, and says so', () => {
    const event = epsilonDelta({ epsilon: 0.5, delta: 1e-8, relation });
    const bound = approximate(event, 20).getEpsilon(1e-5);
    expect(bound.epsilon).toBeCloseTo(9.86242547585211, 9);
    expect(bound.composition).toBe('optimal');
    expect(bound.accountant).toBe('approximate');
    expect(JSON.parse(JSON.stringify(bound)).composition).toBe('optimal');
  });

  it('is at most the pure accountant, and in its limit the same', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 20, noNaN: true }),
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: -12, max: -1, noNaN: true }),
        (parameter, count, exponent) => {
          const event = laplace({ parameter });
          const delta = 10 ** exponent;
          const optimal = approximate(event, count).getEpsilon(delta).epsilon;
          expect(optimal).toBeLessThanOrEqual(
            pure(event, count).getEpsilon(delta).epsilon * (1 + 1e-9) + 1e-12,
          );
        },
      ),
      { seed: 62, numRuns: 60 },
    );
  });

  it('reads randomized response with its count', () => {
    const event = randomizedResponse({ noiseParameter: 0.5, buckets: 2 });
    const accountant = new ApproximateAccountant({ relation: 'replace-one' }).compose(event, 100);
    const expected = optimalEpsilon({
      mechanisms: [{ epsilon: Math.log(3), delta: 0, count: 100 }],
      delta: 1e-6,
    });
    expect(accountant.getEpsilon(1e-6).epsilon / expected).toBeCloseTo(1, 9);
    // dp_accounting 0.6.0, from_randomized_response(0.5, 2).self_compose(100) at 1e-6
    expect(accountant.getEpsilon(1e-6).epsilon).toBeCloseTo(94.298, 1);
  });

  it('does not depend on order or grouping, not by one bit', () => {
    const a = laplace({ parameter: 3 });
    const b = epsilonDelta({ epsilon: 0.2, delta: 1e-9, relation });
    const one = approximate(a, 5).compose(b, 7).compose(a, 2);
    const other = approximate(selfComposed({ count: 7, event: composed([b, a]) }));
    expect(one.getEpsilon(1e-6).epsilon).toBe(other.getEpsilon(1e-6).epsilon);
    expect(one.getDelta(1).delta).toBe(other.getDelta(1).delta);
  });

  it('inverts, is monotone, and names an exhausted δ', () => {
    const accountant = approximate(epsilonDelta({ epsilon: 0.3, delta: 1e-7, relation }), 30);
    const { epsilon } = accountant.getEpsilon(1e-5);
    expect(accountant.getDelta(epsilon).delta).toBeLessThanOrEqual(1e-5 * (1 + 1e-9));
    expect(accountant.getDelta(epsilon * 0.999).delta).toBeGreaterThan(1e-5);
    const spent = accountant.getEpsilon(1e-6);
    expect(spent.epsilon).toBe(Number.POSITIVE_INFINITY);
    expect(spent.warning).toMatch(/own δs exceed/);
    expect(approximate(nonPrivate()).getDelta(1).delta).toBe(1);
    expect(approximate(noOp()).getEpsilon(1e-6).epsilon).toBe(0);
  });
});

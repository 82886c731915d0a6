/** Compositions whose outcomes can be listed, added up in 40 digits by the definition of δ(ε): the bounds are on their side. */
import type { BigNumber } from 'mathjs';
import {
  CertifiedPldAccountant,
  type DpEvent,
  deltaOf,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  epsilonOf,
  exponentialMechanism,
  type NeighboringRelation,
  optimalDelta,
  optimalEpsilon,
  randomizedResponse,
  selfComposed,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import {
  big,
  binomial,
  excess,
  exp,
  hockeyStick,
  ln,
  most,
  ONE,
  type Outcome,
  sum,
  ZERO,
} from './big-numbers.js';

/** What the oracle may be off by, and a float64 ε. */
const ROUNDING = 1e-12;

const relation: NeighboringRelation = 'replace-special';

/** Bounds enclose the truth, and come within `tight` of it. */
function expectEnclosed(
  event: DpEvent,
  outcomes: readonly Outcome[],
  epsilons: readonly number[],
  { tight, relation: under = relation }: { readonly tight: number; readonly relation?: NeighboringRelation },
) {
  const certified = new CertifiedPldAccountant({ relation: under }).compose(event);
  for (const epsilon of epsilons) {
    const exact = hockeyStick(outcomes, big(epsilon));
    const label = `ε ${epsilon}, δ ${exact.toNumber()}`;
    const { lower, upper } = certified.getDeltaInterval(epsilon);
    expect(excess(lower.delta, exact), label).toBeLessThan(ROUNDING);
    expect(excess(upper.delta, exact), label).toBeGreaterThan(-ROUNDING);
    const best = deltaOf(event, { epsilon, relation: under });
    expect(excess(best.delta, exact), label).toBeGreaterThan(-ROUNDING);
    expect(excess(best.delta, exact), label).toBeLessThan(tight);
  }
  for (const delta of [1e-15, 1e-9, 1e-4]) {
    for (const accountant of ['pld', 'best'] as const) {
      const { epsilon } = epsilonOf(event, { delta, relation: under, accountant });
      // δ of the ε that is stated, by definition.
      expect(hockeyStick(outcomes, big(epsilon)).toNumber(), `${accountant} ${delta}`).toBeLessThanOrEqual(
        delta * (1 + 1e-9),
      );
    }
    const { lower } = certified.getEpsilonInterval(delta);
    if (lower.epsilon > 0) {
      expect(hockeyStick(outcomes, big(lower.epsilon * (1 - ROUNDING))).gte(delta * (1 - 1e-9))).toBe(true);
    }
  }
}

/** The law of a sum of `count` independent whole numbers of the law `masses`. */
function power(masses: readonly BigNumber[], count: number): readonly BigNumber[] {
  let total: readonly BigNumber[] = [ONE];
  for (let i = 0; i < count; i++) {
    const next = Array.from({ length: total.length + masses.length - 1 }, () => ZERO);
    total.forEach((a, j) => {
      masses.forEach((b, k) => {
        if (!b.isZero()) next[j + k] = next[j + k]!.plus(a.times(b));
      });
    });
    total = next;
  }
  return total;
}

describe('k-ary randomized response, T times', () => {
  it.each([
    [0.5, 2, 30],
    [0.9, 10, 60],
    [0.98, 3, 90],
    [0.05, 2, 3],
  ])('p %d, k %d, T %d: δ by the sum over reports', (noiseParameter, buckets, count) => {
    const other = big(noiseParameter).div(buckets);
    const own = ONE.minus(noiseParameter).plus(other);
    const loss = ln(own.div(other));
    // k − 2 of the k reports are as likely under either: the loss is a walk of steps −1, 0, 1.
    const outcomes = power([other, ONE.minus(own).minus(other), own], count).map((p, i) => ({
      loss: loss.times(i - count),
      p,
    }));
    const most = loss.times(count).toNumber();
    expectEnclosed(
      selfComposed({ count, event: randomizedResponse({ noiseParameter, buckets }) }),
      outcomes,
      [0.01, 0.05, 0.2, 0.5].map((share) => share * most),
      { tight: 0.02, relation: 'replace-one' },
    );
  });
});

describe('discrete noise on whole numbers, T times', () => {
  it.each([
    [0.6, 1, 6],
    [2, 1, 3],
    [1.3, 2, 4],
  ])('discrete Gaussian, σ %d, Δ %d, T %d: δ by direct summation', (sigma, sensitivity, count) => {
    // Canonne, Kamath & Steinke 2020, Def. 1. Under P the noise's loss at its value x is Δ(2x + Δ)/2σ².
    const variance = big(sigma).pow(2);
    const reach = Math.ceil(11 * sigma);
    const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
      exp(
        big(i - reach)
          .pow(2)
          .div(variance.times(-2)),
      ),
    );
    const total = sum(weights);
    const masses = power(
      weights.map((weight) => weight.div(total)),
      count,
    );
    const outcomes = masses.map((p, i) => ({
      loss: big(2 * (i - reach * count) + sensitivity * count)
        .times(sensitivity)
        .div(variance.times(2)),
      p,
    }));
    const mean = (count * sensitivity ** 2) / (2 * sigma ** 2);
    const deviation = Math.sqrt(2 * mean);
    expectEnclosed(
      selfComposed({ count, event: discreteGaussian({ sigma, sensitivity }) }),
      outcomes,
      [0, 2, 4, 7].map((z) => mean + z * deviation),
      { tight: 0.02 },
    );
  });

  it.each([
    [0.3, 1, 40],
    [0.1, 4, 12],
    [1.5, 2, 6],
  ])('discrete Laplace, a %d, Δ %d, T %d: δ by direct summation', (parameter, sensitivity, count) => {
    // P[x] = tanh(a/2)·e^{−a|x|}; the loss a(|x + Δ| − |x|) is constant beyond −Δ and 0.
    const a = big(parameter);
    const centre = ONE.minus(exp(a.neg())).div(ONE.plus(exp(a.neg())));
    const end = ONE.div(ONE.plus(exp(a.neg())));
    const masses = Array.from({ length: 2 * sensitivity + 1 }, () => ZERO);
    masses[0] = end.times(exp(a.times(-sensitivity)));
    masses[2 * sensitivity] = end;
    for (let x = 1; x < sensitivity; x++) {
      masses[2 * (sensitivity - x)] = centre.times(exp(a.times(-x)));
    }
    const outcomes = power(masses, count).map((p, i) => ({ loss: a.times(i - sensitivity * count), p }));
    const largest = parameter * sensitivity * count;
    expectEnclosed(
      selfComposed({ count, event: discreteLaplace({ parameter, sensitivity }) }),
      outcomes,
      [0.05, 0.3, 0.7].map((share) => share * largest),
      { tight: 0.02 },
    );
  });
});

describe('optimal composition', () => {
  /**
   * Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 3.3: k mechanisms that are (ε, δ)-private are
   * ((k − 2i)ε, 1 − (1 − δ)^k·(1 − δᵢ))-private, and no less,
   * δᵢ = Σ_{l < i} C(k, l)·(e^{(k − l)ε} − e^{(k − 2i + l)ε})/(1 + e^ε)^k.
   */
  function kairouz(k: number, i: number, epsilon: number, delta: number): BigNumber {
    let choose = ONE;
    let total = ZERO;
    for (let l = 0; l < i; l++) {
      total = total.plus(
        choose.times(exp(big(epsilon).times(k - l)).minus(exp(big(epsilon).times(k - 2 * i + l)))),
      );
      choose = choose.times(k - l).div(l + 1);
    }
    const share = total.div(ONE.plus(exp(big(epsilon))).pow(k));
    return ONE.minus(ONE.minus(delta).pow(k).times(ONE.minus(share)));
  }

  it.each([
    [0.1, 0, 500],
    [0.5, 1e-12, 60],
    [3, 1e-9, 9],
    [0.004, 1e-15, 1000],
  ])('of ε %d, δ %d, k %d is theorem 3.3', (epsilon, delta, k) => {
    const mechanisms = [{ epsilon, delta, count: k }];
    const event = selfComposed({ count: k, event: epsilonDelta({ epsilon, delta, relation }) });
    for (const i of [1, Math.ceil(k / 8), Math.ceil(k / 4), Math.floor((k - 1) / 2)]) {
      const total = (k - 2 * i) * epsilon;
      const exact = kairouz(k, i, epsilon, delta);
      if (exact.lt(1e-30)) continue;
      const label = `i ${i}, δ ${exact.toNumber()}`;
      // (k − 2i)·ε in float64 is off by less than 1e-15 of itself, δ by that times the ε.
      expect(excess(optimalDelta({ mechanisms, epsilon: total }), exact), label).toBeGreaterThan(-1e-12);
      expect(excess(optimalDelta({ mechanisms, epsilon: total }), exact), label).toBeLessThan(1e-9);
      const target = exact.toNumber();
      // Near 1 − (1 − δ)^k and near 1 float64 does not tell one δ from another.
      if (target < 1 - 1e-9 && target > 2 * k * delta) {
        const back = optimalEpsilon({ mechanisms, delta: target * (1 + 1e-12) });
        expect(Math.abs(back - total), label).toBeLessThan(1e-6 * (total + epsilon));
      }
      for (const accountant of ['approximate', 'pld', 'certified-pld'] as const) {
        const got = deltaOf(event, { epsilon: total, relation, accountant }).delta;
        expect(excess(got, exact), `${accountant} ${label}`).toBeGreaterThan(-1e-12);
      }
    }
  });
});

describe('the exponential mechanism, T times', () => {
  it.each([
    [0.2, 30],
    [1, 10],
    [4, 3],
  ])('ε %d, T %d: no bound is below what two outcomes attain, whatever their ratio', (epsilon, count) => {
    const event = selfComposed({ count, event: exponentialMechanism({ epsilon, relation }) });
    const size = big(epsilon);
    for (const at of [0.1 * epsilon * count, 0.25 * epsilon * count]) {
      let attained = ZERO;
      for (let j = 1; j < 16; j++) {
        // Dong, Durfee & Rogers 2020 (arXiv:1909.13830), Lemma 3.2: losses t and t − ε, 0 < t < ε.
        const t = size.times(j).div(16);
        const likely = ONE.minus(exp(t.minus(size))).div(ONE.minus(exp(size.neg())));
        const outcomes = binomial(count, likely).map((p, k) => ({
          loss: t.times(count).minus(size.times(count - k)),
          p,
        }));
        attained = most(attained, hockeyStick(outcomes, big(at)));
      }
      for (const accountant of ['pld', 'rdp', 'zcdp', 'approximate', 'best'] as const) {
        const { delta } = deltaOf(event, { epsilon: at, relation, accountant });
        expect(excess(delta, attained), `${accountant} at ${at}`).toBeGreaterThan(-ROUNDING);
      }
    }
  });
});

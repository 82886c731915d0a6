/** Rényi divergences, their conversion and what is built on them: the papers' formulas in 40 digits. Bounds are never below. */
import type { BigNumber } from 'mathjs';
import {
  discreteGaussian,
  epsilonOf,
  gaussianRdp,
  mixtureOfGaussiansRdp,
  poissonGaussianRdp,
  rdpToDelta,
  rdpToEpsilon,
  repeatAndSelectRdp,
  zcdpToDelta,
  zcdpToEpsilon,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { big, density, excess, exp, lineIntegral, ln, most, ONE, positive, sum } from './big-numbers.js';

/** Not below the truth, but for the oracle's own rounding, and within `tight` of it. */
function expectAbove(got: number, exact: BigNumber, tight: number, label = '') {
  expect(excess(got, exact), label).toBeGreaterThan(-1e-15);
  expect(excess(got, exact), label).toBeLessThan(tight);
}

describe('the divergence of a mixture of Gaussians', () => {
  /** D_α(Σ pᵢN(cᵢ, σ²) ‖ N(0, σ²)) and D_α(N(0, σ²) ‖ Σ …), by quadrature of the definition; the larger. */
  function mixtureDivergence(
    sigma: number,
    parts: readonly (readonly [size: number, weight: number])[],
    order: number,
  ): BigNumber {
    const shifts = parts.map(([size, weight]) => [big(size).div(sigma), big(weight)] as const);
    const likelihood = (x: BigNumber) =>
      sum(shifts.map(([shift, weight]) => weight.times(exp(shift.times(x.minus(shift.div(2)))))));
    const farthest = Math.max(...parts.map(([size]) => size)) / sigma;
    const line = { from: -15 - farthest, to: 15 + farthest * order, step: 0.25 };
    const moment = (power: number) =>
      lineIntegral((x) => density(x).times(exp(ln(likelihood(x)).times(power))), line);
    // E_Q[r^α], and E_P[r^{−α}] = E_Q[r^{1−α}].
    return ln(most(moment(order), moment(1 - order))).div(order - 1);
  }

  it.each([
    [0.01, 1, 1.25],
    [0.3, 2, 1.7],
    [0.004, 1.3, 17.5],
    [0.05, 0.8, 3.3],
  ])('Poisson-sampled, q %d, σ %d, at the fractional order %d', (q, sigma, order) => {
    const exact = mixtureDivergence(
      sigma,
      [
        [0, 1 - q],
        [1, q],
      ],
      order,
    );
    const got = poissonGaussianRdp({ samplingProbability: q, noiseMultiplier: sigma, order });
    // 1 − q in float64 is off by up to 1e-16, the divergence with it by that over q.
    expectAbove(got * (1 + 1e-14), exact, 1e-10);
  });

  it.each([
    [2, [0, 1, 2], [0.81, 0.18, 0.01], 2.5],
    [5, [0, 2, 7], [0.5, 0.25, 0.25], 1.1],
  ] as const)(
    'σ %d, sizes %j with %j, at order %d',
    (noiseMultiplier, sensitivities, probabilities, order) => {
      const parts = sensitivities.map((size, i) => [size, probabilities[i]!] as const);
      const got = mixtureOfGaussiansRdp({ noiseMultiplier, sensitivities, probabilities, order });
      expectAbove(got * (1 + 1e-14), mixtureDivergence(noiseMultiplier, parts, order), 1e-8);
    },
  );
});

describe('the discrete Gaussian', () => {
  /** ln(P/Q) and P of N_ℤ(Δ, σ²) against N_ℤ(0, σ²): Canonne, Kamath & Steinke 2020 (arXiv:2004.00010), Def. 1. */
  function law(sigma: number, sensitivity: number) {
    const variance = big(sigma).pow(2);
    const reach = Math.ceil(14 * sigma) + sensitivity * 12;
    const weight = (x: number) => exp(big(x).pow(2).div(variance.times(-2)));
    const points = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
    const total = sum(points.map(weight));
    return points.map((x) => ({
      p: weight(x - sensitivity).div(total),
      loss: big(2 * x - sensitivity)
        .times(sensitivity)
        .div(variance.times(2)),
    }));
  }

  it.each([
    [0.4, 1],
    [1, 1],
    [3, 2],
    [0.7, 3],
  ])('σ %d, Δ %d: diverges by at most αΔ²/2σ², at every order', (sigma, sensitivity) => {
    const outcomes = law(sigma, sensitivity);
    for (const order of [1.1, 2, 3.5, 9]) {
      const moment = sum(outcomes.map(({ p, loss }) => p.times(exp(loss.times(order - 1)))));
      const exact = ln(moment).div(order - 1);
      const bound = gaussianRdp({ noiseMultiplier: sigma / sensitivity, order });
      expect(excess(bound, exact), `α ${order}`).toBeGreaterThan(-1e-14);
    }
  });

  it.each([
    [0.6, 1],
    [2, 3],
  ])('σ %d, Δ %d: no accountant states less than its δ(ε)', (sigma, sensitivity) => {
    const event = discreteGaussian({ sigma, sensitivity });
    const outcomes = law(sigma, sensitivity);
    for (const delta of [1e-12, 1e-6, 1e-2]) {
      for (const accountant of ['rdp', 'zcdp', 'pld', 'certified-pld'] as const) {
        const { epsilon } = epsilonOf(event, { delta, relation: 'add-or-remove-one', accountant });
        const exact = sum(
          outcomes.map(({ p, loss }) => p.times(positive(ONE.minus(exp(big(epsilon).minus(loss)))))),
        );
        expect(excess(delta * (1 + 1e-12), exact), `${accountant} ${delta}`).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

describe('conversion', () => {
  const CASES = [
    [1.5, 1e-7],
    [2, 0.7],
    [33.3, 12],
    [1024, 5e-4],
    [1.02, 3],
  ] as const;

  /** Canonne, Kamath & Steinke 2020, Prop. 12: ε = r + ln((α−1)/α) − (ln δ + ln α)/(α−1). */
  const epsilonOfOrder = (order: BigNumber, rdp: BigNumber, delta: number) =>
    rdp.plus(ln(order.minus(1).div(order))).minus(ln(big(delta)).plus(ln(order)).div(order.minus(1)));

  /** The same, solved for ln δ. */
  const logDeltaOfOrder = (order: BigNumber, rdp: BigNumber, epsilon: number) =>
    order
      .minus(1)
      .times(rdp.minus(epsilon).plus(ln(order.minus(1).div(order))))
      .minus(ln(order));

  it.each(CASES)('at order %d, divergence %d, is proposition 12', (order, rdp) => {
    for (const delta of [1e-300, 1e-15, 1e-5]) {
      const exact = epsilonOfOrder(big(order), big(rdp), delta);
      const { epsilon } = rdpToEpsilon({ orders: [order], rdp: [rdp], delta });
      // δ² ≥ 1 − e^{−r} is (0, δ): Bretagnolle & Huber.
      if (epsilon === 0)
        expect(
          exact.lte(0) ||
            big(delta)
              .pow(2)
              .gte(ONE.minus(exp(big(-rdp)))),
        ).toBe(true);
      else expectAbove(epsilon, exact, 1e-12, `δ ${delta}`);
    }
    for (const epsilon of [0.01, 1, 14, 600]) {
      const kl = ln(ONE.minus(exp(big(-rdp)))).div(2);
      const moment = logDeltaOfOrder(big(order), big(rdp), epsilon);
      const exact = exp(moment.lt(kl) ? moment : kl);
      if (exact.lt(1e-300)) continue;
      const { delta } = rdpToDelta({ orders: [order], rdp: [rdp], epsilon });
      expectAbove(delta, exact.gt(1) ? ONE : exact, 1e-10, `ε ${epsilon}`);
    }
  });

  it.each([
    [1e-12, 0],
    [1e-3, 0],
    [0.5, 0.1],
    [40, 0],
    [1e5, 3],
  ])('of (ρ %d, ξ %d)-zCDP is the best over all orders', (rho, xi) => {
    const divergence = (order: BigNumber) => order.times(rho).plus(xi);
    /** The least over α > 1, by thirds of ln(α − 1). */
    const least = (value: (order: BigNumber) => BigNumber) => {
      let [low, high] = [big(-30), big(60)];
      for (let i = 0; i < 55; i++) {
        const third = high.minus(low).div(3);
        const [left, right] = [low.plus(third), high.minus(third)];
        if (value(exp(left).plus(1)).lt(value(exp(right).plus(1)))) high = right;
        else low = left;
      }
      return value(exp(low).plus(1));
    };
    for (const delta of [1e-300, 1e-15, 1e-4]) {
      const exact = least((order) => epsilonOfOrder(order, divergence(order), delta));
      const { epsilon } = zcdpToEpsilon({ rho, xi, delta });
      if (epsilon > 0) expectAbove(epsilon, exact, 1e-10, `δ ${delta}`);
      else
        expect(
          big(delta)
            .pow(2)
            .gte(ONE.minus(exp(big(-(rho + xi))))) || exact.lte(0),
        ).toBe(true);
      if (epsilon > 0) {
        const back = least((order) => logDeltaOfOrder(order, divergence(order), epsilon));
        expectAbove(zcdpToDelta({ rho, xi, epsilon }).delta, exp(back), 1e-8, `ε ${epsilon}`);
      }
    }
  });
});

describe('the best of a random number of runs', () => {
  /** Papernot & Steinke 2022 (arXiv:2110.03620), Def. 1: E[K] for shape η and halting probability γ. */
  function meanOf(eta: number, gamma: BigNumber): BigNumber {
    const rest = ONE.minus(gamma).div(gamma);
    if (eta === 0) return rest.div(ln(gamma).neg());
    return rest.times(eta).div(ONE.minus(exp(ln(gamma).times(eta))));
  }

  it.each([
    [1, 0.1, 0.01],
    [0, 0.003, 0.2],
    [-0.5, 0.01, 1e-4],
    [0.5, 0.5, 2],
    [3, 0.02, 0.05],
  ])('η %d, γ %d, ρ %d: is theorem 2 at its best orders', (shape, gamma, rho) => {
    const mean = meanOf(shape, big(gamma));
    const logInverse = ln(big(gamma)).neg();
    // A run of divergence ρλ: (1 − 1/λ̂)ρλ̂ + ln(1/γ)/λ̂ is least at λ̂ = √(ln(1/γ)/ρ), or at 1.
    const hat = most(ONE, logInverse.div(rho).sqrt());
    const extra = hat
      .minus(1)
      .times(rho)
      .plus(logInverse.div(hat))
      .times(1 + shape);
    // A larger order's divergence bounds that of a smaller one: λ′ρ + ln E[K]/(λ′ − 1) is least at 1 + √(ln E[K]/ρ).
    const bottom = ONE.plus(ln(mean).div(rho).sqrt());
    for (const order of [1.5, 4, 30.5]) {
      const at = most(big(order), bottom);
      const exact = at
        .times(rho)
        .plus(extra)
        .plus(ln(mean).div(at.minus(1)));
      const got = repeatAndSelectRdp({
        curve: (lambda) => rho * lambda,
        mean: mean.toNumber(),
        shape,
        order,
      });
      expectAbove(got, exact, 1e-5, `order ${order}`);
    }
  });

  it('Poisson: is theorem 6 with δ̂ of the Gaussian, and no more than that with no run left out', () => {
    for (const [mean, rho, order] of [
      [3, 0.01, 5],
      [50, 1e-3, 12.5],
      [0.5, 0.2, 2],
    ] as const) {
      // ε̂ = ln(1 + 1/(λ − 1)); δ̂ from ρα by proposition 12, over a fine list of orders: all of them are bounds.
      const epsilonHat = ln(ONE.plus(ONE.div(order - 1)));
      let logDelta = ln(ONE.minus(exp(big(-rho)))).div(2);
      for (let j = -60; j < 100; j++) {
        const alpha = ONE.plus(exp(big(j).div(15)));
        const log = alpha
          .minus(1)
          .times(
            alpha
              .times(rho)
              .minus(epsilonHat)
              .plus(ln(alpha.minus(1).div(alpha))),
          )
          .minus(ln(alpha));
        if (log.lt(logDelta)) logDelta = log;
      }
      const paper = big(rho)
        .times(order)
        .plus(exp(logDelta).times(mean))
        .plus(ln(big(mean)).div(order - 1));
      const kept = ln(
        exp(big(-mean)).plus(
          exp(
            big(rho)
              .times(order)
              .plus(exp(logDelta).times(mean))
              .times(order - 1),
          ).times(mean),
        ),
      ).div(order - 1);
      const got = repeatAndSelectRdp({ curve: (lambda) => rho * lambda, mean, shape: 'poisson', order });
      expect(excess(got, kept), `mean ${mean}`).toBeGreaterThan(-1e-3);
      expect(excess(got, kept), `mean ${mean}`).toBeLessThan(1e-3);
      expect(excess(got, most(paper, kept))).toBeLessThan(1e-3);
    }
  });
});

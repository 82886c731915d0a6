/** δ(ε) of continuous mechanisms, by formulas of the papers in 40 digits: every accountant's bound is on its side of them. */
import type { BigNumber } from 'mathjs';
import {
  CertifiedPldAccountant,
  type DpEvent,
  deltaOf,
  epsilonOf,
  GdpAccountant,
  gaussian,
  gaussianLogDelta,
  laplace,
  type NeighboringRelation,
  poissonSampled,
  randomAllocation,
  randomAllocationDelta,
  selfComposed,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import {
  big,
  cdf,
  density,
  excess,
  exp,
  HALF,
  integral,
  ln,
  most,
  ONE,
  upperTail,
  ZERO,
} from './big-numbers.js';

/** Balle & Wang 2018 (arXiv:1805.06530), Thm 8: Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ). */
function gaussianDeltaOf(mu: BigNumber, epsilon: BigNumber): BigNumber {
  const ratio = epsilon.div(mu);
  return cdf(mu.div(2).minus(ratio)).minus(exp(epsilon).times(cdf(mu.div(-2).minus(ratio))));
}

describe('the Gaussian', () => {
  const MUS = [1e-3, 0.02, 0.3, 1, 3, 12, 40];

  it('has δ(ε) to 12 digits, from 1e-300 to 1, at every μ', () => {
    for (const mu of MUS) {
      // In units of what makes δ small: ε = μ²/2 + zμ has δ ≈ 1 − Φ(z).
      for (const z of [-3, -1, 0, 1, 4, 7.9, 15, 36]) {
        const epsilon = (mu * mu) / 2 + z * mu;
        if (epsilon < 0) continue;
        const exact = gaussianDeltaOf(big(mu), big(epsilon));
        const error = big(gaussianLogDelta({ mu, epsilon })).minus(ln(exact)).abs().toNumber();
        expect(error, `μ ${mu}, z ${z}`).toBeLessThan(1e-12);
      }
    }
  });

  it('composed in different sizes has an ε that is never too small, nor too large by 1e-12, down to δ = 1e-300', () => {
    const releases: readonly (readonly [relation: NeighboringRelation, sigma: number, count: number])[][] = [
      [['add-or-remove-one', 0.3, 1]],
      [['replace-special', 7, 1000]],
      [['replace-one', 25, 333]],
      [
        ['replace-one', 0.9, 3],
        ['replace-one', 41, 10 ** 6],
      ],
      [['add-or-remove-one', 1e4, 10 ** 3]],
    ];
    for (const run of releases) {
      const [[relation]] = run as [(typeof run)[number]];
      const accountant = new GdpAccountant({ relation });
      for (const [, noiseMultiplier, count] of run) accountant.compose(gaussian({ noiseMultiplier }), count);
      const clips = relation === 'replace-one' ? 2 : 1;
      const mu = run
        .reduce((total, [, sigma, count]) => total.plus(big(clips).div(sigma).pow(2).times(count)), ZERO)
        .sqrt();
      for (const delta of [1e-300, 1e-100, 1e-15, 1e-5, 0.01]) {
        const { epsilon } = accountant.getEpsilon(delta);
        expect(gaussianDeltaOf(mu, big(epsilon)).lte(delta), `${relation} ${delta}`).toBe(true);
        if (epsilon > 0) expect(gaussianDeltaOf(mu, big(epsilon).times(1 - 1e-12)).gt(delta)).toBe(true);
        const back = excess(accountant.getDelta(epsilon).delta, gaussianDeltaOf(mu, big(epsilon)));
        expect(back).toBeGreaterThanOrEqual(0);
        expect(back).toBeLessThan(1e-9);
      }
    }
  });
});

/** A pair of laws of one step on the line: P's mixture of unit Gaussians, the loss, and where the loss reaches t. */
interface StepPair {
  readonly p: readonly (readonly [weight: BigNumber, mean: BigNumber])[];
  readonly q: readonly (readonly [weight: BigNumber, mean: BigNumber])[];
  loss(x: BigNumber): BigNumber;
  /** x with e^{loss} = `ratio`, undefined when the loss is above that everywhere. */
  place(ratio: BigNumber): BigNumber | undefined;
  /** Where the second step's δ at ε − loss(x) is not analytic in x, or nearly so. */
  breaks(epsilon: number): readonly number[];
}

/** (1 − q)N(0, 1) + qN(1/σ, 1) against N(0, 1), or the reverse: Zhu, Dong & Wang 2022 (arXiv:2106.08567), Thm 11. */
function sampledPair(rate: number, sigma: number, direction: 'remove' | 'add'): StepPair {
  const shift = ONE.div(sigma);
  const rest = ONE.minus(rate);
  const mixture = [
    [rest, ZERO],
    [big(rate), shift],
  ] as const;
  const blank = [[ONE, ZERO]] as const;
  const likelihood = (x: BigNumber) => rest.plus(exp(shift.times(x.minus(shift.div(2)))).times(rate));
  /** x with likelihood(x) = ratio. */
  const solve = (ratio: BigNumber) =>
    ratio.lte(rest) ? undefined : ln(ratio.minus(rest).div(rate)).div(shift).plus(shift.div(2));
  if (direction === 'remove') {
    return {
      p: mixture,
      q: blank,
      loss: (x) => ln(likelihood(x)),
      place: solve,
      // The loss is above ln(1 − q).
      breaks: (epsilon) =>
        [exp(big(epsilon / 2)), exp(big(epsilon)).div(rest)].map((ratio) => solve(ratio)!.toNumber()),
    };
  }
  // Mirrored, so that the loss rises with x: x ↦ −x, which N(0, 1) doesn't see.
  return {
    p: blank,
    q: mixture.map(([weight, mean]) => [weight, mean.neg()] as const),
    loss: (x) => ln(likelihood(x.neg())).neg(),
    place: (ratio) => solve(ONE.div(ratio))?.neg() ?? big(1e9),
    // The loss is below −ln(1 − q): where it must be more there is nothing.
    breaks: (epsilon) => {
      const edge = solve(ONE.div(exp(big(epsilon)).times(rest)));
      return edge === undefined ? [] : [edge.neg().toNumber()];
    },
  };
}

/** (1 − q)N(0, 1) + qN(1/s, 1) against (1 − q)N(0, 1) + qN(−1/s, 1): the record is exchanged. e^{loss} = t is a quadratic. */
function exchangedPair(rate: number, sigma: number): StepPair {
  const shift = ONE.div(sigma);
  const rest = ONE.minus(rate);
  const scale = exp(shift.times(shift).div(-2)).times(rate);
  const side = (x: BigNumber) => rest.plus(scale.times(exp(shift.times(x))));
  const place = (ratio: BigNumber) => {
    // scale·y² + (1 − q)(1 − t)·y − scale·t = 0, y = e^{shift·x}: the larger root, without cancellation.
    const linear = rest.times(ONE.minus(ratio));
    const root = linear.pow(2).plus(scale.pow(2).times(ratio).times(4)).sqrt();
    const y = linear.lt(0)
      ? root.minus(linear).div(scale.times(2))
      : scale.times(ratio).times(2).div(root.plus(linear));
    return ln(y).div(shift);
  };
  return {
    p: [
      [rest, ZERO],
      [big(rate), shift],
    ],
    q: [
      [rest, ZERO],
      [big(rate), shift.neg()],
    ],
    loss: (x) => ln(side(x)).minus(ln(side(x.neg()))),
    place,
    breaks: (epsilon) => [place(exp(big(epsilon / 2))).toNumber(), place(exp(big(epsilon))).toNumber()],
  };
}

/** δ at e^ε = `ratio` of one step. */
function oneStep(pair: StepPair, ratio: BigNumber): BigNumber {
  const x = pair.place(ratio);
  if (x === undefined) return ONE.minus(ratio);
  const tails = new Map<string, BigNumber>();
  const tail = (law: StepPair['p']) =>
    law.reduce((total, [weight, mean]) => {
      const key = mean.toString();
      const value = tails.get(key) ?? upperTail(x.minus(mean));
      tails.set(key, value);
      return total.plus(weight.times(value));
    }, ZERO);
  return tail(pair.p).minus(ratio.times(tail(pair.q)));
}

/** δ at ε of two steps: E over the first one's outcome of the second one's δ at ε − L₁. */
function twoSteps(pair: StepPair, epsilon: number): BigNumber {
  const integrand = (x: BigNumber) => {
    const weight = pair.p.reduce((total, [w, mean]) => total.plus(w.times(density(x.minus(mean)))), ZERO);
    return weight.lt(1e-35) ? ZERO : weight.times(oneStep(pair, exp(big(epsilon).minus(pair.loss(x)))));
  };
  return integral(integrand, [-10, ...pair.breaks(epsilon).filter((x) => x > -10 && x < 11), 11]);
}

/** Whatever bounds `event` bounds δ = `exact` at ε: pld closely, certified-pld on both sides. */
function expectEnclosed(
  event: DpEvent,
  relation: NeighboringRelation,
  { epsilon, exact, tight }: { readonly epsilon: number; readonly exact: BigNumber; readonly tight: number },
) {
  const { lower, upper } = new CertifiedPldAccountant({ relation }).compose(event).getDeltaInterval(epsilon);
  const label = `${relation} ε ${epsilon} δ ${exact.toNumber()} ${JSON.stringify(event)}`;
  // 1e-13: what the oracle's own quadrature may be off by.
  expect(excess(lower.delta, exact), label).toBeLessThan(1e-13);
  expect(excess(upper.delta, exact), label).toBeGreaterThan(-1e-13);
  expect(excess(upper.delta, exact), label).toBeLessThan(tight);
  expect(excess(lower.delta, exact), label).toBeGreaterThan(-10 * tight);
  for (const accountant of ['pld', 'best'] as const) {
    const { delta } = deltaOf(event, { epsilon, relation, accountant });
    expect(excess(delta, exact), `${accountant} ${label}`).toBeGreaterThan(-1e-13);
  }
  const target = exact.toNumber();
  if (target > 0 && target < 1) {
    const back = epsilonOf(event, { delta: target, relation }).epsilon;
    expect(back, label).toBeGreaterThan(epsilon * (1 - 1e-9));
  }
}

describe('Poisson-sampled Gaussians', () => {
  const step = (q: number, sigma: number) =>
    poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier: sigma }) });
  const pairs = (relation: NeighboringRelation, q: number, sigma: number): readonly StepPair[] =>
    relation === 'replace-one'
      ? [exchangedPair(q, sigma)]
      : [sampledPair(q, sigma, 'remove'), sampledPair(q, sigma, 'add')];

  it.each([
    ['add-or-remove-one', 1e-3, 0.6],
    ['replace-special', 0.3, 0.4],
    ['add-or-remove-one', 0.9, 5],
    ['replace-one', 1e-3, 0.6],
    ['replace-one', 0.3, 0.6],
    ['replace-one', 0.9, 8],
  ] as const)('one step, %s, q %d, σ %d: δ lies between the bounds', (relation, q, sigma) => {
    const scale = 1 / sigma / sigma;
    for (const share of [0.05, 0.6, 5]) {
      const epsilon = share * Math.sqrt(scale);
      const ratio = exp(big(epsilon));
      const exact = pairs(relation, q, sigma)
        .map((pair) => oneStep(pair, ratio))
        .reduce(most);
      if (exact.gt(1e-17)) expectEnclosed(step(q, sigma), relation, { epsilon, exact, tight: 0.01 });
    }
  });

  it.each([
    ['add-or-remove-one', 0.01, 1, 2],
    ['replace-one', 0.01, 1, 2],
  ] as const)('two steps, %s, q %d, σ %d, ε %d: δ lies between the bounds', (relation, q, sigma, epsilon) => {
    const exact = pairs(relation, q, sigma)
      .map((pair) => twoSteps(pair, epsilon))
      .reduce(most);
    const event = selfComposed({ count: 2, event: step(q, sigma) });
    expectEnclosed(event, relation, { epsilon, exact, tight: 1e-3 });
  });
});

describe('Laplace noise', () => {
  // Of scale 1/c: the loss is c with probability ½ under P, −c with ½e^{−c}, and between them has density ¼e^{(l − c)/2}.
  /** δ of one release at t. */
  const one = (c: BigNumber, t: BigNumber) => {
    if (t.gte(c)) return ZERO;
    return t.lte(c.neg()) ? ONE.minus(exp(t)) : ONE.minus(exp(t.minus(c).div(2)));
  };
  /** ∫ of ¼e^{(l − c)/2}·one(t − l) over −c < l < c, t ≥ 0: from l = t − c on it is ¼e^{(l − c)/2} − ¼e^{t/2 − c}. */
  const between = (c: BigNumber, t: BigNumber) => {
    const from = most(c.neg(), t.minus(c));
    if (from.gte(c)) return ZERO;
    const rise = HALF.minus(exp(from.minus(c).div(2)).div(2));
    return rise.minus(exp(t.div(2).minus(c)).div(4).times(c.minus(from)));
  };

  it.each([
    [0.5, 0.3],
    [2, 3.5],
    [10, 19.9],
    [0.01, 0.015],
  ])('two of 1/b = %d at ε = %d: δ lies between the bounds', (c, epsilon) => {
    const [size, t] = [big(c), big(epsilon)];
    const exact = HALF.times(one(size, t.minus(size)))
      .plus(HALF.times(exp(size.neg())).times(one(size, t.plus(size))))
      .plus(between(size, t));
    const event = selfComposed({ count: 2, event: laplace({ parameter: 1 / c }) });
    expectEnclosed(event, 'add-or-remove-one', { epsilon, exact, tight: 0.01 });
    const twice = selfComposed({ count: 2, event: laplace({ parameter: 2 / c }) });
    expectEnclosed(twice, 'replace-one', { epsilon, exact, tight: 0.01 });
  });
});

describe('one of two steps at random', () => {
  const CASES = [
    [0.7, 2.8],
    [4, 0.05],
  ];

  /**
   * ½N((1, 0), σ²) + ½N((0, 1), σ²) against N(0, σ²I), likelihood ratio (u + v)/2: E[((u + v)/2 − e^ε)⁺] with the record,
   * E[(1 − e^ε(u + v)/2)⁺] without. Given u it is Black & Scholes's formula for the log-normal v.
   */
  function allocationDelta(sigma: number, epsilon: number): BigNumber {
    const shift = ONE.div(sigma);
    const drift = shift.times(shift).div(2);
    const bounds = (level: BigNumber) => {
      const call = drift.minus(ln(level)).div(shift);
      return [call, call.minus(shift)] as const;
    };
    const average = (level: BigNumber, value: (left: BigNumber) => BigNumber) => {
      const edge = ln(level).plus(drift).div(shift).toNumber();
      const integrand = (x: BigNumber) =>
        density(x)
          .times(value(level.minus(exp(shift.times(x).minus(drift)))))
          .div(2);
      return integral(integrand, [-9, edge, 11]);
    };
    const removed = average(exp(big(epsilon)).times(2), (left) => {
      if (left.lte(0)) return ONE.minus(left);
      const [d, e] = bounds(left);
      return cdf(d).minus(left.times(cdf(e)));
    });
    const added = average(exp(big(-epsilon)).times(2), (left) => {
      if (left.lte(0)) return ZERO;
      const [d, e] = bounds(left);
      return left.times(upperTail(e)).minus(upperTail(d));
    });
    return most(removed, added.times(exp(big(epsilon))));
  }

  it.each(CASES)('σ %d, ε %d: no bound is below δ, and the best is near', (noiseMultiplier, epsilon) => {
    const event = randomAllocation({ steps: 2, selected: 1, event: gaussian({ noiseMultiplier }) });
    const exact = allocationDelta(noiseMultiplier, epsilon);
    const bounds = [
      ...(['pld', 'rdp', 'zcdp', 'best'] as const).map(
        (accountant) => deltaOf(event, { epsilon, relation: 'replace-special', accountant }).delta,
      ),
      randomAllocationDelta({ noiseMultiplier, steps: 2 }, { epsilon }),
    ];
    for (const delta of bounds) expect(excess(delta, exact)).toBeGreaterThan(-1e-10);
    expect(excess(Math.min(...bounds), exact)).toBeLessThan(1e-3);
  });
});

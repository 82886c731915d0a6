import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logDeltaAt } from '../gdp/gaussian-delta.js';
import { gaussianEpsilon } from '../gdp/index.js';
import { ComposedLoss } from './composed-loss.js';
import {
  gaussianPair,
  mixtureOfGaussiansPair,
  poissonGaussianExchangePair,
  poissonGaussianPair,
} from './gaussian-pairs.js';
import { epsilonDeltaPair, randomizedResponseBlankPair, randomizedResponsePair } from './pairs-discrete.js';
import { laplacePair } from './pairs-laplace.js';

const poisson = (samplingProbability: number, noiseMultiplier: number) =>
  poissonGaussianPair({ samplingProbability, noiseMultiplier });

function composed(q: number, sigma: number, count: number, certified = true) {
  return new ComposedLoss([{ pair: poisson(q, sigma), count }], { certified });
}

describe('ComposedLoss', () => {
  // Converged references of another implementation, to about 3e-7 of ε.
  it.each([
    [0.004, 1.3, 10_000, 1e-6, 1.609016148],
    [0.01, 1, 1000, 1e-5, 1.828236666],
    [0.01, 1.1, 10_000, 1e-5, 5.192583446],
    [0.05, 20, 100_000, 1e-6, 3.750964572],
    [0.2, 2, 1000, 1e-10, 27.059951421],
    [0.001, 0.7, 100_000, 1e-10, 5.97393488],
    [0.0001, 0.5, 100, 1e-5, 0.179356401],
  ])('encloses ε of q = %d, σ = %d, T = %d at δ = %d', (q, sigma, steps, delta, truth) => {
    const { lower, upper } = composed(q, sigma, steps).epsilon(delta);
    expect(lower).toBeLessThanOrEqual(truth * (1 + 1e-6));
    expect(upper).toBeGreaterThanOrEqual(truth * (1 - 1e-6));
    expect(upper - lower).toBeLessThan(1e-3 * (1 + truth));
  });

  it('encloses the closed form of composed Gaussians down to δ = 1e-15', () => {
    for (const [sigma, count] of [
      [1, 1],
      [4, 100],
      [300, 100_000],
    ] as const) {
      const loss = new ComposedLoss([{ pair: gaussianPair(sigma), count }], { certified: true });
      const mu = Math.sqrt(count) / sigma;
      for (const delta of [1e-3, 1e-8, 1e-15]) {
        const truth = gaussianEpsilon({ mu, delta });
        const { lower, upper } = loss.epsilon(delta);
        expect(lower).toBeLessThanOrEqual(truth);
        expect(upper).toBeGreaterThanOrEqual(truth * (1 - 1e-13));
        expect(upper / lower).toBeLessThan(1 + 3e-4);
      }
      for (const epsilon of [0.5, 2, 6]) {
        const truth = logDeltaAt(mu, epsilon);
        const { lower, upper } = loss.logDelta(epsilon);
        expect(lower).toBeLessThanOrEqual(truth);
        expect(upper).toBeGreaterThanOrEqual(truth - 1e-12);
      }
    }
  });

  it('encloses one step of a sampled Gaussian, whose δ is amplified in closed form', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.double({ min: 0.4, max: 20, noNaN: true }),
        fc.double({ min: 0.01, max: 2, noNaN: true }),
        (q, sigma, scale) => {
          const base = scale * (q / sigma);
          // δ_q(ε) = q·δ(ε′) with e^ε = 1 + q(e^ε′ − 1), in the direction `remove`.
          const epsilon = Math.log1p(q * Math.expm1(base));
          const truth = Math.log(q) + logDeltaAt(1 / sigma, base);
          const { lower, upper } = composed(q, sigma, 1).directions[0]!.logDelta(epsilon);
          expect(lower).toBeLessThanOrEqual(truth + 1e-12);
          expect(upper).toBeGreaterThanOrEqual(truth - 1e-12);
          expect(upper - lower).toBeLessThan(0.02);
        },
      ),
      { numRuns: 25, seed: 5 },
    );
  });

  it('states the whole loss of mechanisms that bound it, at the smallest δ', () => {
    const bounded = [
      { pair: randomizedResponsePair({ noiseParameter: 0.7, buckets: 4 }), most: Math.log(0.475 / 0.175) },
      { pair: randomizedResponsePair({ noiseParameter: 1e-9, buckets: 4 }), most: Math.log(4e9 - 3) },
      { pair: laplacePair({ samplingProbability: 1, parameter: 0.1 }), most: 10 },
    ];
    for (const { pair, most } of bounded) {
      for (const count of [1, 2, 13]) {
        const loss = new ComposedLoss([{ pair, count }], { certified: true });
        const { lower, upper } = loss.epsilon(1e-300);
        expect(lower).toBeLessThanOrEqual(count * most);
        expect(upper / (count * most)).toBeGreaterThanOrEqual(1 - 1e-12);
        expect(upper / (count * most)).toBeLessThan(1 + 1e-9);
        expect(loss.logDelta(1.000001 * count * most).upper).toBe(Number.NEGATIVE_INFINITY);
      }
    }
    const { upper } = new ComposedLoss([
      { pair: epsilonDeltaPair({ epsilon: 12, delta: 1e-7 }), count: 3 },
    ]).epsilon(4e-7);
    expect(upper / 36).toBeLessThan(1 + 1e-9);
  });

  it.each([
    [1e-5, 50, 5],
    [1e-5, 1, 10_000],
  ])('resolves losses that are next to nothing: q = %d, σ = %d, T = %d', (q, sigma, count) => {
    const loss = composed(q, sigma, count);
    const deviation = q * Math.sqrt(count * Math.expm1(sigma ** -2));
    for (const scale of [0.5, 2, 3]) {
      const { lower, upper } = loss.logDelta(scale * deviation);
      expect(lower).toBeLessThanOrEqual(upper);
      // Where large losses are rare no grid resolves them and the others at once.
      if (sigma === 50) expect(upper - lower).toBeLessThan(0.01);
    }
    for (const direction of loss.directions) {
      const { lower, upper } = direction.tradeOff(0.1);
      expect(upper - lower).toBeLessThan(0.1 * deviation);
    }
  });

  it.each([
    [0.6, 2, 9],
    [0.9, 10, 25],
    [0.05, 4, 3],
  ])('sums the binomial of randomized response against a blank: p = %d, k = %d, T = %d', (p, k, count) => {
    const pair = randomizedResponseBlankPair({ noiseParameter: p, buckets: k });
    const loss = new ComposedLoss([{ pair, count }], { certified: true });
    const told = 1 - p + p / k;
    const largest = count * Math.max(Math.log(told * k), -Math.log(p));
    for (const part of [0, 0.1, 0.3, 0.55, 0.8]) {
      const epsilon = part * largest;
      const truth = [0, 0];
      let choose = 1;
      for (let j = 0; j <= count; j++) {
        const record = choose * told ** j * (1 - told) ** (count - j);
        const blank = choose * k ** -j * (1 - 1 / k) ** (count - j);
        truth[0]! += Math.max(0, record - Math.exp(epsilon) * blank);
        truth[1]! += Math.max(0, blank - Math.exp(epsilon) * record);
        choose *= (count - j) / (j + 1);
      }
      loss.directions.forEach((direction, d) => {
        const { lower, upper } = direction.logDelta(epsilon);
        expect(Math.exp(lower)).toBeLessThanOrEqual(truth[d]! * (1 + 1e-9) + 1e-15);
        expect(Math.exp(upper)).toBeGreaterThanOrEqual(truth[d]! * (1 - 1e-9));
        expect(Math.exp(upper) - Math.exp(lower)).toBeLessThan(5e-3);
      });
    }
  });

  it('sums the binomial of composed randomized response', () => {
    const [p, count] = [0.6, 12];
    const loss = new ComposedLoss(
      [{ pair: randomizedResponsePair({ noiseParameter: p, buckets: 2 }), count }],
      { certified: true },
    );
    const own = 1 - p / 2;
    const unit = Math.log(own / (1 - own));
    for (const epsilon of [0.1, 3, 7, 9]) {
      let truth = 0;
      let choose = 1;
      for (let k = 0; k <= count; k++) {
        const mass = choose * own ** k * (1 - own) ** (count - k);
        truth += mass * Math.max(0, -Math.expm1(epsilon - unit * (2 * k - count)));
        choose = (choose * (count - k)) / (k + 1);
      }
      const { lower, upper } = loss.logDelta(epsilon);
      expect(Math.exp(lower)).toBeLessThanOrEqual(truth * (1 + 1e-12));
      expect(Math.exp(upper)).toBeGreaterThanOrEqual(truth * (1 - 1e-12));
      expect(upper - lower).toBeLessThan(1e-5);
    }
  });

  it('never crosses: lower ≤ upper, and bounds of finer grids lie inside those of coarser ones', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        fc.double({ min: 0.6, max: 5, noNaN: true }),
        fc.constantFrom(1, 7, 300, 20_000),
        fc.constantFrom(1e-3, 1e-6, 1e-12),
        (q, sigma, count, delta) => {
          const fine = composed(q, sigma, count).epsilon(delta);
          const parts = [{ pair: poisson(q, sigma), count }];
          const coarse = new ComposedLoss(parts, { certified: true, accuracy: 2e-3 }).epsilon(delta);
          expect(fine.lower).toBeLessThanOrEqual(fine.upper);
          expect(coarse.lower).toBeLessThanOrEqual(fine.upper);
          expect(coarse.upper).toBeGreaterThanOrEqual(fine.lower);
        },
      ),
      { numRuns: 12, seed: 3 },
    );
  });

  it('is monotone in σ, q, T and δ, beyond the width of the enclosures', () => {
    const at = (q: number, sigma: number, count: number, delta: number) =>
      composed(q, sigma, count).epsilon(delta);
    const base = at(0.02, 1.2, 500, 1e-6);
    for (const worse of [
      at(0.02, 1.1, 500, 1e-6),
      at(0.025, 1.2, 500, 1e-6),
      at(0.02, 1.2, 550, 1e-6),
      at(0.02, 1.2, 500, 5e-7),
    ]) {
      expect(worse.lower).toBeGreaterThan(base.upper);
    }
  });

  it('composes different mechanisms in any order alike, and takes the worse direction', () => {
    const parts = [
      { pair: poisson(0.01, 1), count: 300 },
      { pair: laplacePair({ parameter: 10, samplingProbability: 1 }), count: 5 },
      { pair: gaussianPair(8), count: 1 },
    ];
    const forward = new ComposedLoss(parts, { certified: true });
    const backward = new ComposedLoss([...parts].reverse(), { certified: true });
    const [a, b] = [forward.epsilon(1e-6), backward.epsilon(1e-6)];
    expect(Math.abs(a.upper - b.upper)).toBeLessThan(1e-7);
    const [remove, add] = forward.directions.map((direction) => direction.epsilon(1e-6));
    expect(a.upper).toBeCloseTo(Math.max(remove!.upper, add!.upper), 6);
    expect(a.lower).toBeLessThanOrEqual(a.upper);
  });

  it('has negative ε from the reversed pair', () => {
    const [remove] = composed(0.1, 1, 20).directions;
    const { lower, upper } = remove!.logDelta(-1);
    // δ(−1) ≥ 1 − 1/e, and it falls with ε.
    expect(Math.exp(upper)).toBeGreaterThan(1 - Math.exp(-1));
    expect(upper).toBeLessThan(0);
    expect(lower).toBeLessThanOrEqual(upper);
    expect(lower).toBeGreaterThan(remove!.logDelta(0).upper);
  });

  it('encloses the trade-off function of a Gaussian, Φ(Φ⁻¹(1 − α) − μ)', () => {
    const loss = new ComposedLoss([{ pair: gaussianPair(1), count: 1 }], { certified: true });
    // f(0.158655…) = Φ(1 − 1) = ½; f(½) = Φ(−1).
    for (const [alpha, truth] of [
      [0.15865525393145707, 0.5],
      [0.5, 0.15865525393145707],
      [0.02275013194817921, 0.8413447460685429],
    ] as const) {
      const { lower, upper } = loss.tradeOff(alpha);
      expect(lower).toBeLessThanOrEqual(truth + 1e-12);
      expect(upper).toBeGreaterThanOrEqual(truth - 1e-12);
      expect(upper - lower).toBeLessThan(2e-3);
    }
  });

  it('answers for δ above and below an infinite mass, and for nothing', () => {
    const event = new ComposedLoss([{ pair: epsilonDeltaPair({ epsilon: 1, delta: 1e-6 }), count: 4 }], {
      certified: true,
    });
    expect(event.epsilon(1e-6).upper).toBe(Number.POSITIVE_INFINITY);
    expect(event.epsilon(1e-4).upper).toBeLessThanOrEqual(4);
    const nothing = new ComposedLoss([]);
    expect(nothing.epsilon(1e-5)).toEqual({ lower: 0, upper: 0 });
    expect(nothing.logDelta(1).upper).toBe(Number.NEGATIVE_INFINITY);
  });

  it('dominates exchange by the pair of twice the shift, and group mixtures by the group', () => {
    const exchange = poissonGaussianExchangePair({
      samplingProbability: 0.01,
      noiseMultiplier: 1,
      there: 1,
      here: 1,
    });
    const replaced = new ComposedLoss([{ pair: exchange, count: 1000 }], { certified: true }).epsilon(1e-5);
    expect(replaced.lower).toBeLessThan(2.843440258 + 1e-6);
    expect(replaced.upper).toBeGreaterThan(2.843440258 - 1e-6);
    const mixture = mixtureOfGaussiansPair({
      noiseMultiplier: 1,
      sensitivities: [0, 1],
      probabilities: [0.99, 0.01],
    });
    const [a, b] = [mixture, poisson(0.01, 1)].map((pair) =>
      new ComposedLoss([{ pair, count: 100 }], { certified: true }).epsilon(1e-5),
    );
    expect(a!.upper).toBeCloseTo(b!.upper, 9);
  });

  it('publishes a law that dominates: masses of about 1, and δ from them at least the enclosure’s lower end', () => {
    const loss = composed(0.05, 1, 50);
    const [remove] = loss.directions;
    const { losses, masses, infinityMass } = remove!.masses();
    let total = infinityMass;
    let delta = infinityMass;
    masses.forEach((mass, i) => {
      total += mass;
      delta += mass * Math.max(0, -Math.expm1(1 - losses[i]!));
    });
    expect(total).toBeGreaterThan(1 - 1e-12);
    expect(total).toBeLessThan(1 + 1e-6);
    expect(delta).toBeGreaterThan(Math.exp(remove!.logDelta(1).lower));
    expect(delta).toBeLessThan(Math.exp(remove!.logDelta(1).upper) + 1e-4);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta } from '../gdp/index.js';
import type { NEIGHBORING_RELATIONS } from '../relation.js';
import { binomialProbabilities } from './binomial-probabilities.js';
import { groupEpsilonDelta, groupZCdp } from './group-claims.js';
import {
  adaptiveClip,
  composed,
  cyclicPoisson,
  type DpEvent,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponentialMechanism,
  forGroup,
  gaussian,
  gnMax,
  laplace,
  MAX_GROUP_SIZE,
  matrixMechanism,
  mixtureOfGaussians,
  nonPrivate,
  noOp,
  poissonSampled,
  randomAllocation,
  randomizedResponse,
  repeatAndSelect,
  reportNoisyMax,
  sampledWithoutReplacement,
  sampledWithReplacement,
  selfComposed,
  shuffled,
  singleEpochTreeAggregation,
  truncatedPoissonSampled,
  unsupported,
  vectorDiscreteGaussian,
  zCDP,
} from './index.js';
import { readMechanisms } from './mechanisms/read-mechanisms.js';

const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });
const sampled = (event: DpEvent, samplingProbability = 0.01) =>
  poissonSampled({ samplingProbability, event });
const relation = 'add-or-remove-one';

/** C(n, k) as a whole number. */
function choose(n: number, k: number): bigint {
  let value = 1n;
  for (let i = 0; i < k; i++) value = (value * BigInt(n - i)) / BigInt(i + 1);
  return value;
}

describe('binomialProbabilities', () => {
  it('are the exact ones, with no tail below its true value', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 255 }), (n, numerator) => {
        // q = numerator / 256, so that every probability is a whole number of 256^-n.
        const probabilities = binomialProbabilities(n, numerator / 256);
        const scale = 256n ** BigInt(n);
        const units = 2n ** 200n;
        let exactTail = 0n;
        let tail = 0;
        for (let k = n; k >= 1; k--) {
          const exact =
            choose(n, k) * BigInt(numerator) ** BigInt(k) * BigInt(256 - numerator) ** BigInt(n - k);
          exactTail += exact;
          tail += probabilities[k]!;
          const truth = Number((exactTail * units) / scale) / 2 ** 200;
          if (truth < 2 ** -140) continue; // The reference itself is not exact there.
          expect(tail).toBeGreaterThanOrEqual(truth * (1 - 1e-16));
          expect(tail).toBeLessThanOrEqual(truth * (1 + 1e-12) + 1e-16);
        }
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 14);
        expect(Math.min(...probabilities)).toBeGreaterThanOrEqual(0);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('are probabilities for every size and rate', () => {
    for (const n of [1, 2, 100, MAX_GROUP_SIZE]) {
      for (const q of [Number.MIN_VALUE, 1e-300, 1e-9, 0.5, 0.999, 1 - 2 ** -53]) {
        const probabilities = binomialProbabilities(n, q);
        expect(probabilities.length).toBe(n + 1);
        expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
        const mean = probabilities.reduce((sum, p, k) => sum + p * k, 0);
        expect(mean).toBeGreaterThanOrEqual(n * q * (1 - 1e-15));
        expect(mean).toBeLessThanOrEqual(n * q * (1 + 1e-9) + 1e-300);
      }
    }
  });
});

describe('claims about groups', () => {
  it('hold for Gaussians, which have them all', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (mu, epsilon, size) => {
          const delta = gaussianDelta({ mu, epsilon });
          const group = groupEpsilonDelta({ epsilon, delta }, size);
          expect(group.epsilon).toBeGreaterThanOrEqual(size * epsilon);
          const truth = gaussianDelta({ mu: size * mu, epsilon: size * epsilon });
          expect(group.delta).toBeGreaterThanOrEqual(truth * (1 - 1e-9));
          // k steps of one record, each from the last: P ≤ e^ε P′ + δ, k times.
          let byHand = 0;
          for (let i = 0; i < size; i++) byHand = byHand * Math.exp(epsilon) + delta;
          expect(group.delta).toBeGreaterThanOrEqual(byHand * (1 - 1e-13));
          expect(group.delta).toBeLessThanOrEqual(byHand * (1 + 1e-12));
        },
      ),
      { seed: 6 },
    );
    expect(groupZCdp({ rho: 0.5, xi: 0 }, 1)).toEqual({ rho: 0.5, xi: 0 });
    expect(groupZCdp({ rho: 0.5, xi: 1 }, 3)).toEqual({
      rho: expect.closeTo(4.5, 12),
      xi: expect.closeTo(3 * (1 + 1 / 2 + 1 / 3), 12),
    });
  });

  it('of k, then of two, are those of 2k', () => {
    const claim = epsilonDelta({ epsilon: 0.3, delta: 1e-7, relation });
    const [only] = mechanisms(forGroup(claim, { size: 3 }), 'replace-one');
    expect(only?.mechanism).toMatchObject({
      epsilon: expect.closeTo(1.8, 12),
      delta: expect.closeTo(groupEpsilonDelta(claim, 6).delta, 16),
    });
  });

  it('are numbers where e^ε is not: as it is for one, in logarithms for more', () => {
    for (const epsilon of [709, 800, 1e300]) {
      expect(groupEpsilonDelta({ epsilon, delta: 1e-10 }, 1)).toEqual({ epsilon, delta: 1e-10 });
      expect(groupEpsilonDelta({ epsilon, delta: 1e-10 }, 2).delta).toBeGreaterThanOrEqual(1);
    }
    // δ(1 + e^400), and δ·Σ_{i<k} e^{i/2}: e^{kε} overflows, the group's δ does not.
    const { delta } = groupEpsilonDelta({ epsilon: 400, delta: 1e-300 }, 2);
    expect(delta / (1e-300 * Math.exp(400)) - 1).toBeGreaterThanOrEqual(0);
    expect(delta / (1e-300 * Math.exp(400)) - 1).toBeLessThan(1e-11);
    const many = groupEpsilonDelta({ epsilon: 0.5, delta: 1e-307 }, 1420).delta;
    const exact = 1e-307 * Math.exp(709) * (Math.exp(1) / Math.expm1(0.5));
    expect(many / exact - 1).toBeGreaterThan(-1e-12);
    expect(many / exact - 1).toBeLessThan(1e-10);
  });

  it('whose δ grows to 1 are none', () => {
    const claim = epsilonDelta({ epsilon: 3, delta: 1e-3, relation });
    expect(forGroup(claim, { size: 4 })).toMatchObject({ type: 'nonPrivate' });
  });
});

function mechanisms(event: DpEvent, under: (typeof NEIGHBORING_RELATIONS)[number] = relation) {
  const reading = readMechanisms(event, under);
  if (reading.kind !== 'mechanisms') throw new Error(reading.reason);
  return reading.mechanisms.map(({ mechanism, count }) => ({ mechanism, count }));
}

describe('forGroup', () => {
  it('leaves an event as it is for a group of one', () => {
    const event = composed([sampled(laplace({ parameter: 1 })), unsupported({ reason: 'x' })]);
    expect(forGroup(event, { size: 1 })).toBe(event);
  });

  it('multiplies sensitivities', () => {
    const matrix = {
      steps: 4,
      strategy: { type: 'tree' },
      participation: { type: 'single' },
    } as const;
    for (const [event, expected] of [
      [noOp(), noOp()],
      [nonPrivate(), nonPrivate()],
      [noise(8), noise(2)],
      [laplace({ parameter: 8 }), laplace({ parameter: 2 })],
      [discreteGaussian({ sigma: 8, sensitivity: 3 }), discreteGaussian({ sigma: 8, sensitivity: 12 })],
      [discreteLaplace({ parameter: 8, sensitivity: 3 }), discreteLaplace({ parameter: 8, sensitivity: 12 })],
      [
        adaptiveClip({ noiseMultiplier: 8, countStandardDeviation: 4 }),
        adaptiveClip({ noiseMultiplier: 2, countStandardDeviation: 1 }),
      ],
      [
        singleEpochTreeAggregation({ noiseMultiplier: 8, stepCounts: [5] }),
        singleEpochTreeAggregation({ noiseMultiplier: 2, stepCounts: [5] }),
      ],
      [
        matrixMechanism({ ...matrix, noiseMultiplier: 8 }),
        matrixMechanism({ ...matrix, noiseMultiplier: 2 }),
      ],
      [
        reportNoisyMax({ noise: 'laplace', parameter: 8, monotone: true }),
        reportNoisyMax({ noise: 'laplace', parameter: 2, monotone: true }),
      ],
      [gnMax({ standardDeviation: 8 }), gnMax({ standardDeviation: 2 })],
      [shuffled({ event: noise(8) }), shuffled({ event: noise(2) })],
      [sampled(laplace({ parameter: 8 }), 1), laplace({ parameter: 2 })],
      [
        repeatAndSelect({ mean: 3, shape: 1, event: noise(8) }),
        repeatAndSelect({ mean: 3, shape: 1, event: noise(2) }),
      ],
      [
        composed([noise(8), selfComposed({ count: 3, event: noise(4) })]),
        composed([noise(2), selfComposed({ count: 3, event: noise(1) })]),
      ],
    ] as const) {
      expect(forGroup(event, { size: 4 })).toEqual(expected);
    }
    const rr = randomizedResponse({ noiseParameter: 0.5, buckets: 3 });
    expect(mechanisms(forGroup(rr, { size: 4 }), 'replace-one')).toEqual([
      {
        mechanism: { kind: 'randomizedResponse', against: 'truth', noiseParameter: 0.5, buckets: 3 },
        count: 4,
      },
    ]);
    const choice = exponentialMechanism({ epsilon: 0.1, relation });
    expect(forGroup(choice, { size: 3 })).toMatchObject({ epsilon: expect.closeTo(0.3, 14) });
  });

  it('rounds the sum of a grid once, unless the records are in several batches', () => {
    const event = vectorDiscreteGaussian({
      granularity: 0.1,
      dimension: 100,
      standardDeviation: 10,
      l2NormClip: 1,
    });
    const multiplier = (seen: DpEvent, under: (typeof NEIGHBORING_RELATIONS)[number]) =>
      (mechanisms(seen, under)[0] as { mechanism: { noiseMultiplier: number } }).mechanism.noiseMultiplier;
    const [alone, inPass] = [forGroup(event, { size: 3 }), forGroup(shuffled({ event }), { size: 3 })];
    // C = 1, γ√d = 1.
    expect(multiplier(alone, 'replace-special')).toBeCloseTo(10 / 4, 12);
    expect(multiplier(alone, 'replace-one')).toBeCloseTo(10 / 7, 12);
    expect(multiplier(inPass, 'replace-special')).toBeCloseTo(10 / 6, 12);
    expect(multiplier(inPass, 'replace-one')).toBeCloseTo(10 / 9, 12);
    // In a pass it covers every way to spread three records over batches, replaced or blanked out.
    for (const spread of [[3], [2, 1], [1, 1, 1]]) {
      const squared = (clips: number) => spread.reduce((sum, m) => sum + (clips * m + 1) ** 2, 0);
      expect((10 / multiplier(inPass, 'replace-special')) ** 2).toBeGreaterThanOrEqual(
        squared(1) * (1 - 1e-12),
      );
      expect((10 / multiplier(inPass, 'replace-one')) ** 2).toBeGreaterThanOrEqual(squared(2) * (1 - 1e-12));
    }
  });

  it('makes a Poisson-sampled Gaussian a mixture, of joint releases too', () => {
    const event = sampled(composed([noise(3), noise(4)]));
    const [only] = mechanisms(forGroup(selfComposed({ count: 1000, event }), { size: 2 }));
    expect(only).toEqual({
      mechanism: {
        kind: 'mixtureOfGaussians',
        noiseMultiplier: expect.closeTo(2.4, 14),
        sensitivities: [0, 1, 2],
        probabilities: [0.99 ** 2, 2 * 0.99 * 0.01, 0.01 ** 2].map((p) => expect.closeTo(p, 14)),
      },
      count: 1000,
    });
    expect(readMechanisms(forGroup(event, { size: 2 }), 'replace-one').kind).toBe('unsupported');
    expect(forGroup(sampled(composed([noise(1), nonPrivate()])), { size: 2 })).toMatchObject({
      type: 'nonPrivate',
    });
    expect(forGroup(sampled(noise(0)), { size: 2 })).toMatchObject({ type: 'nonPrivate' });
    expect(forGroup(sampled(noOp()), { size: 2 })).toEqual(composed([]));
  });

  it.each([
    mixtureOfGaussians({ noiseMultiplier: 1, sensitivities: [0, 1], probabilities: [0.5, 0.5] }),
    truncatedPoissonSampled({ samplingProbability: 0.1, maxBatchSize: 2, datasetSize: 9, event: noise(1) }),
    sampledWithoutReplacement({ datasetSize: 9, sampleSize: 2, event: noise(1) }),
    sampledWithReplacement({ datasetSize: 9, sampleSize: 2, event: noise(1) }),
    randomAllocation({ steps: 9, selected: 2, event: noise(1) }),
    cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 1, iterations: 9, bands: 3 }),
    gnMax({ standardDeviation: 40, logNonPlurality: -3 }),
    sampled(laplace({ parameter: 1 })),
    sampled(composed([noise(1), laplace({ parameter: 1 })])),
    sampled(vectorDiscreteGaussian({ granularity: 1, dimension: 1, standardDeviation: 1, l2NormClip: 1 })),
    shuffled({ event: discreteGaussian({ sigma: 1, sensitivity: 1 }) }),
    shuffled({ event: epsilonDelta({ epsilon: 1, delta: 0, relation: 'replace-one' }) }),
    shuffled({ event: zCDP({ rho: 1, relation: 'replace-one' }) }),
    sampled(sampled(noise(1))),
  ])('refuses what has no proof: %j', (event) => {
    expect(() => forGroup(composed([noise(1), event]), { size: 2 })).toThrow(
      expect.objectContaining({
        code: 'DP_UNSUPPORTED_EVENT',
        message: expect.stringMatching(/^event\.events\[1\](\.event)?: .*\.$/),
      }),
    );
  });

  it.each([0, -1, 1.5, MAX_GROUP_SIZE + 1, Number.NaN, '2', undefined])('refuses a size of %s', (size) => {
    expect(() => forGroup(noOp(), { size: size as number })).toThrow(
      /^size must be a whole number from 1 to/,
    );
  });

  it('never gives more noise than there was, under any relation', () => {
    for (const size of [2, 3, 5, 7, 10, 49, 1000]) {
      for (const event of [noise(1), noise(1.1), shuffled({ event: noise(0.3) })]) {
        const before = mechanisms(event, 'replace-one')[0]!.mechanism as { noiseMultiplier: number };
        const after = mechanisms(forGroup(event, { size }), 'replace-one')[0]!.mechanism as {
          noiseMultiplier: number;
        };
        expect(after.noiseMultiplier * size).toBeLessThanOrEqual(before.noiseMultiplier);
        expect(after.noiseMultiplier * size).toBeGreaterThan(before.noiseMultiplier * (1 - 1e-14));
      }
    }
  });
});

describe('Laplace noise in several places', () => {
  /** The hockey-stick divergence of Lap(0, 1) and Lap(shift, 1) at e^ε. */
  const one = (shift: number, epsilon: number) => {
    if (epsilon >= shift) return 0;
    return epsilon <= -shift ? -Math.expm1(epsilon) : -Math.expm1((epsilon - shift) / 2);
  };
  /** That of two releases with the shifts a and b: the loss of the first is a, −a, or a − 2x with density e^−x / 2. */
  const two = (a: number, b: number, epsilon: number) => {
    const cells = 4000;
    let sum = 0;
    for (let i = 0; i < cells; i++) {
      const x = ((i + 0.5) / cells) * a;
      sum += (Math.exp(-x) / 2) * one(b, epsilon - (a - 2 * x));
    }
    return one(b, epsilon - a) / 2 + (Math.exp(-a) / 2) * one(b, epsilon + a) + (sum * a) / cells;
  };

  it('costs at most what the whole shift costs in one place', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.double({ min: -4, max: 6, noNaN: true }),
        (a, b, epsilon) => {
          expect(two(a, b, epsilon)).toBeLessThanOrEqual(one(a + b, epsilon) + 1e-6);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEIGHBORING_RELATIONS, type NeighboringRelation } from '../../relation.js';
import {
  adaptiveClip,
  composed,
  cyclicPoisson,
  type DpEvent,
  discreteGaussian,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  gnMax,
  laplace,
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
} from '../index.js';
import { readMechanisms } from './read-mechanisms.js';

const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });

function releases(...[event, relation]: Parameters<typeof readMechanisms>) {
  const reading = readMechanisms(event, relation);
  if (reading.kind !== 'mechanisms') throw new Error(`read as ${reading.kind}: ${reading.reason}`);
  return reading.mechanisms.map(({ mechanism, count }) => {
    if (mechanism.kind !== 'gaussian') throw new Error(`found ${mechanism.kind}`);
    return [mechanism.samplingProbability, mechanism.noiseMultiplier, count];
  });
}

describe('readMechanisms', () => {
  it('multiplies counts through the nesting', () => {
    const step = poissonSampled({ samplingProbability: 0.1, event: noise(2) });
    const event = selfComposed({
      count: 3,
      event: composed([step, selfComposed({ count: 5, event: noise(7) })]),
    });
    expect(releases(event, 'add-or-remove-one')).toEqual([
      [0.1, 2, 3],
      [1, 7, 15],
    ]);
  });

  it('halves σ under replace-one, where the sensitivity is 2C', () => {
    expect(releases(noise(3), 'replace-special')).toEqual([[1, 3, 1]]);
    expect(releases(noise(3), 'replace-one')).toEqual([[1, 1.5, 1]]);
    expect(releases(shuffled({ event: noise(3) }), 'replace-one')).toEqual([[1, 1.5, 1]]);
  });

  it('joins the Gaussians of one sample, in any order to the same bit', () => {
    const parts = [noise(3), noise(4), selfComposed({ count: 9, event: noise(0.7) })];
    const joined = (events: typeof parts) =>
      poissonSampled({ samplingProbability: 0.5, event: composed(events) });
    const [[, sigma]] = releases(joined(parts), 'add-or-remove-one') as [[number, number, number]];
    expect(sigma).toBeCloseTo((1 / 9 + 1 / 16 + 9 / 0.49) ** -0.5, 14);
    expect(releases(joined(parts.toReversed()), 'add-or-remove-one')).toEqual([[0.5, sigma, 1]]);
    expect(
      releases(poissonSampled({ samplingProbability: 0.5, event: noise(1e200) }), 'replace-special'),
    ).toEqual([[0.5, 1e200, 1]]);
  });

  it('reads a sample of everything as no sample, under every relation', () => {
    for (const relation of NEIGHBORING_RELATIONS) {
      const event = poissonSampled({ samplingProbability: 1, event: composed([noise(2), noise(3)]) });
      expect(releases(event, relation)).toEqual(releases(composed([noise(2), noise(3)]), relation));
    }
  });

  it('refuses shuffled passes under add-or-remove-one, and says where and why', () => {
    const event = composed([noOp(), selfComposed({ count: 2, event: shuffled({ event: noise(2) }) })]);
    const reading = readMechanisms(event, 'add-or-remove-one');
    expect(reading.kind).toBe('unsupported');
    expect(reading).toMatchObject({
      reason: expect.stringMatching(/^event\.events\[1\]\.event: .* moves the others/),
    });
  });

  it.each([
    shuffled({ event: poissonSampled({ samplingProbability: 0.5, event: noise(1) }) }),
    poissonSampled({ samplingProbability: 0.5, event: composed([shuffled({ event: noise(1) })]) }),
    shuffled({ event: selfComposed({ count: 0, event: shuffled({ event: noise(1) }) }) }),
  ])('refuses sampling inside sampling: %j', (event) => {
    expect(readMechanisms(event, 'replace-special')).toMatchObject({
      kind: 'unsupported',
      reason: expect.stringMatching(/inside a sample or a pass is not supported/),
    });
  });

  it('finds what is not private, unless it happens zero times', () => {
    const seeded = nonPrivate({ reason: 'seeded noise' });
    const sampled = poissonSampled({ samplingProbability: 0.5, event: composed([noise(1), seeded]) });
    for (const event of [seeded, sampled, shuffled({ event: seeded }), composed([noise(1), noise(0)])]) {
      expect(readMechanisms(event, 'replace-special').kind).toBe('nonPrivate');
      expect(releases(selfComposed({ count: 0, event }), 'replace-special')).toEqual([]);
    }
    expect(readMechanisms(sampled, 'replace-one')).toEqual({ kind: 'nonPrivate', reason: 'seeded noise' });
  });

  it('refuses counts that float64 can not hold', () => {
    const many = selfComposed({ count: 2 ** 52, event: noise(1) });
    expect(readMechanisms(selfComposed({ count: 4, event: many }), 'replace-one').kind).toBe('unsupported');
  });
});

/** The mechanisms of an event, without their paths. */
function mechanisms(event: DpEvent, relation: NeighboringRelation = 'add-or-remove-one') {
  const reading = readMechanisms(event, relation);
  if (reading.kind !== 'mechanisms') throw new Error(`read as ${reading.kind}: ${reading.reason}`);
  return reading.mechanisms.map(({ mechanism, count }) => ({ ...mechanism, count }));
}

const half = (event: DpEvent) => poissonSampled({ samplingProbability: 0.5, event });

describe('readMechanisms, of what is equivalent', () => {
  it('joins the sum and the count of adaptive clipping: Andrew et al. 2021, Thm 1', () => {
    // σ_sum = (σ⁻² − (2s)⁻²)^(−1/2) makes the two together worth σ.
    const [sigma, s] = [0.8, 5];
    const step = adaptiveClip({
      noiseMultiplier: (sigma ** -2 - (2 * s) ** -2) ** -0.5,
      countStandardDeviation: s,
    });
    for (const [event, q] of [
      [step, 1],
      [half(step), 0.5],
    ] as const) {
      const [[rate, multiplier, count]] = releases(event, 'add-or-remove-one') as [[number, number, number]];
      expect([rate, count]).toEqual([q, 1]);
      expect(multiplier).toBeCloseTo(sigma, 14);
      expect(releases(event, 'replace-one')).toEqual([[q, multiplier / 2, 1]]);
    }
    // The same as two Gaussians: the count of ±1/2 with deviation s is a sum of clip 1 with σ = 2s.
    const { noiseMultiplier } = step;
    const two = composed([gaussian({ noiseMultiplier }), gaussian({ noiseMultiplier: 2 * s })]);
    expect(releases(half(step), 'replace-special')).toEqual(releases(half(two), 'replace-special'));
  });

  it('reads cyclic sampling as the rounds of one group', () => {
    const run = (iterations: number, bands: number) =>
      cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 2, iterations, bands });
    expect(releases(run(2000, 10), 'add-or-remove-one')).toEqual([[0.1, 2, 200]]);
    expect(releases(run(2001, 10), 'replace-special')).toEqual([[0.1, 2, 201]]);
    expect(releases(run(3, 10), 'replace-one')).toEqual([[0.1, 1, 1]]);
    expect(releases(run(0, 10), 'add-or-remove-one')).toEqual([]);
    expect(releases(run(2 ** 53 - 1, 2), 'add-or-remove-one')).toEqual([[0.1, 2, 2 ** 52]]);
  });

  it('reads a tree as one Gaussian of its depth, whatever the restarts', () => {
    const depth = (...stepCounts: number[]) => {
      const [[, sigma]] = releases(
        singleEpochTreeAggregation({ noiseMultiplier: 10, stepCounts }),
        'replace-special',
      ) as [[number, number]];
      return (10 / sigma) ** 2;
    };
    for (const [steps, nodes] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [7, 3],
      [8, 4],
      [128, 8],
      [4096, 13],
      [2 ** 53 - 1, 53],
    ] as const) {
      expect(depth(steps)).toBeCloseTo(nodes, 12);
      expect(depth(steps)).toBeGreaterThanOrEqual(nodes);
    }
    expect(depth(7, 128, 3)).toBe(depth(128));
  });

  it('reads samples of everything as none, and batches that are never cut as Poisson ones', () => {
    const all = sampledWithoutReplacement({ datasetSize: 5, sampleSize: 5, event: noise(3) });
    expect(releases(all, 'replace-special')).toEqual([[1, 3, 1]]);
    expect(releases(all, 'replace-one')).toEqual([[1, 1.5, 1]]);
    const uncut = truncatedPoissonSampled({
      samplingProbability: 0.5,
      maxBatchSize: 100,
      datasetSize: 100,
      event: noise(3),
    });
    for (const relation of NEIGHBORING_RELATIONS) {
      expect(releases(uncut, relation)).toEqual(releases(half(noise(3)), relation));
    }
    const every = randomAllocation({ steps: 7, selected: 7, event: noise(3) });
    expect(releases(every, 'replace-one')).toEqual([[1, 1.5, 7]]);
  });

  it('reads noisy maxima by their noise', () => {
    const max = (kind: 'gumbel' | 'laplace' | 'exponential', monotone: boolean) =>
      mechanisms(reportNoisyMax({ noise: kind, parameter: 4, monotone }))[0]!;
    expect(max('gumbel', false)).toMatchObject({
      kind: 'exponentialMechanism',
      epsilon: expect.closeTo(0.5, 14),
    });
    expect(max('laplace', true)).toMatchObject({ noise: 'laplace', epsilon: expect.closeTo(0.25, 14) });
    expect(max('exponential', false)).toMatchObject({
      kind: 'reportNoisyMax',
      epsilon: expect.closeTo(0.5, 14),
    });
  });

  it('reads PATE as a Gaussian of √2 unless its votes were looked at', () => {
    const [[, sigma]] = releases(gnMax({ standardDeviation: 40 }), 'replace-one') as [[number, number]];
    expect(sigma).toBeLessThanOrEqual(40 / Math.SQRT2);
    expect(sigma).toBeCloseTo(40 / Math.SQRT2, 12);
    expect(mechanisms(gnMax({ standardDeviation: 40, logNonPlurality: -30 }))).toEqual([
      { kind: 'gnMax', standardDeviation: 40, logNonPlurality: -30, count: 1 },
    ]);
  });

  it('reads what reveals nothing as nothing', () => {
    for (const event of [
      randomizedResponse({ noiseParameter: 1, buckets: 5 }),
      randomizedResponse({ noiseParameter: 0, buckets: 1 }),
      exponentialMechanism({ epsilon: 0, relation: 'replace-one' }),
      epsilonDelta({ epsilon: 0, delta: 0, relation: 'replace-one' }),
      zCDP({ rho: 0, relation: 'replace-one' }),
      repeatAndSelect({ mean: 3, shape: 0, event: composed([noOp()]) }),
      shuffled({ event: selfComposed({ count: 0, event: laplace({ parameter: 1 }) }) }),
    ]) {
      expect(mechanisms(event, 'replace-one')).toEqual([]);
    }
    const zero = mixtureOfGaussians({ noiseMultiplier: 0, sensitivities: [0, 3], probabilities: [1, 0] });
    expect(mechanisms(zero)).toEqual([]);
  });

  it('finds every release without noise', () => {
    for (const event of [
      adaptiveClip({ noiseMultiplier: 0, countStandardDeviation: 1 }),
      adaptiveClip({ noiseMultiplier: 1, countStandardDeviation: 0 }),
      laplace({ parameter: 0 }),
      discreteGaussian({ sigma: 0, sensitivity: 1 }),
      vectorDiscreteGaussian({ granularity: 1, dimension: 1, standardDeviation: 0, l2NormClip: 1 }),
      randomizedResponse({ noiseParameter: 0, buckets: 2 }),
      reportNoisyMax({ noise: 'gumbel', parameter: 0, monotone: true }),
      gnMax({ standardDeviation: 0, logNonPlurality: -1 }),
      singleEpochTreeAggregation({ noiseMultiplier: 0, stepCounts: [3] }),
      cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 0, iterations: 1, bands: 9 }),
      repeatAndSelect({ mean: 2, shape: 'poisson', event: noise(0) }),
    ]) {
      expect(readMechanisms(event, 'replace-special').kind).toBe('nonPrivate');
      const never = selfComposed({ count: 0, event });
      expect(mechanisms(never, 'replace-special')).toEqual([]);
    }
  });
});

describe('readMechanisms, of samples', () => {
  it('keeps apart what one sample releases, as one mechanism', () => {
    const parts = [laplace({ parameter: 2 }), noise(3), noise(4), laplace({ parameter: 2 })];
    const [only, ...others] = mechanisms(half(composed(parts)));
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      kind: 'poissonSampled',
      samplingProbability: 0.5,
      count: 1,
      parts: [
        {
          mechanism: { kind: 'gaussian', samplingProbability: 1, noiseMultiplier: expect.closeTo(2.4, 14) },
          count: 1,
        },
        { mechanism: { kind: 'laplace', samplingProbability: 1, parameter: 2 }, count: 2 },
      ],
    });
    expect(mechanisms(half(composed(parts.toReversed())))).toEqual([only]);
    expect(mechanisms(half(laplace({ parameter: 2 })))).toEqual([
      { kind: 'laplace', samplingProbability: 0.5, parameter: 2, count: 1 },
    ]);
  });

  it('gives fixed sizes the sensitivity of an exchange, also when a record is blanked out', () => {
    for (const sampler of [sampledWithoutReplacement, sampledWithReplacement]) {
      const event = sampler({ datasetSize: 100, sampleSize: 10, event: noise(3) });
      expect(mechanisms(event, 'replace-special')).toEqual(mechanisms(event, 'replace-one'));
      expect(mechanisms(event, 'replace-one')).toMatchObject([{ datasetSize: 100, noiseMultiplier: 1.5 }]);
    }
  });

  it('keeps σ relative to C where batches are cut', () => {
    const event = truncatedPoissonSampled({
      samplingProbability: 0.01,
      maxBatchSize: 120,
      datasetSize: 10_000,
      event: noise(3),
    });
    for (const relation of NEIGHBORING_RELATIONS) {
      expect(mechanisms(event, relation)).toEqual([
        {
          kind: 'truncatedPoissonGaussian',
          samplingProbability: 0.01,
          maxBatchSize: 120,
          datasetSize: 10_000,
          noiseMultiplier: 3,
          count: 1,
        },
      ]);
    }
  });

  it('counts a round of random allocation as one mechanism', () => {
    const round = randomAllocation({ steps: 100, selected: 2, event: noise(1) });
    expect(mechanisms(selfComposed({ count: 5, event: round }))).toEqual([
      { kind: 'randomAllocationGaussian', steps: 100, selected: 2, noiseMultiplier: 1, count: 5 },
    ]);
  });

  it('merges the parts of repeated runs, in any order', () => {
    const run = (events: DpEvent[]) => repeatAndSelect({ mean: 10, shape: 0, event: composed(events) });
    const events = [noise(2), half(noise(3)), noise(2), laplace({ parameter: 1 })];
    expect(mechanisms(run(events))).toEqual(mechanisms(run(events.toReversed())));
    expect(mechanisms(run(events))).toMatchObject([
      { mean: 10, shape: 0, parts: [{ count: 1 }, { count: 2 }, { count: 1 }] },
    ]);
    expect(readMechanisms(run([noise(1), nonPrivate()]), 'replace-one').kind).toBe('nonPrivate');
    expect(readMechanisms(run([shuffled({ event: noise(1) })]), 'add-or-remove-one')).toMatchObject({
      kind: 'unsupported',
      reason: expect.stringMatching(/^event\.event\.events\[0\]: a shuffled pass/),
    });
  });

  it('says where an unknown release is, and why', () => {
    const event = composed([noise(1), unsupported({ reason: 'sparse vector technique' })]);
    for (const relation of NEIGHBORING_RELATIONS) {
      expect(readMechanisms(event, relation)).toMatchObject({
        kind: 'unsupported',
        reason: expect.stringMatching(/^event\.events\[1\]: sparse vector technique\. /),
      });
    }
  });
});

describe('readMechanisms, of any Gaussian event', () => {
  const anyGaussian = fc.letrec<{ event: DpEvent }>((tie) => ({
    event: fc.oneof(
      { maxDepth: 3 },
      fc.double({ min: 0.1, max: 100, noNaN: true }).map(noise),
      fc.array(tie('event'), { maxLength: 3 }).map((events) => composed(events)),
      fc.record({ count: fc.nat(9), event: tie('event') }).map(selfComposed),
    ),
  })).event;

  it('keeps μ² = Σ (Δ/σ)², in a batch and outside', () => {
    const muSquared = (event: DpEvent): number => {
      if (event.type === 'gaussian') return event.noiseMultiplier ** -2;
      if (event.type === 'selfComposed') return event.count * muSquared(event.event);
      return event.type === 'composed' ? event.events.reduce((sum, part) => sum + muSquared(part), 0) : 0;
    };
    const readMu = (event: DpEvent, relation: NeighboringRelation) =>
      releases(event, relation).reduce((sum, [, sigma, count]) => sum + count! / sigma! ** 2, 0);
    fc.assert(
      fc.property(anyGaussian, (event) => {
        const expected = muSquared(event);
        for (const seen of [event, shuffled({ event }), half(event)]) {
          const rounded = expected * 1e-12;
          expect(Math.abs(readMu(seen, 'replace-special') - expected)).toBeLessThanOrEqual(rounded);
          expect(Math.abs(readMu(seen, 'replace-one') - 4 * expected)).toBeLessThanOrEqual(4 * rounded);
        }
      }),
      { seed: 17 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import {
  adaptiveClip,
  composed,
  cyclicPoisson,
  DP_EVENT_TYPES,
  type DpEvent,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  gnMax,
  laplace,
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
} from '../events/index.js';
import { describeEvent } from './describe-event.js';

const noise = gaussian({ noiseMultiplier: 1.25 });
const sum = 'a sum with Gaussian noise of multiplier 1.25';

/** One of each kind, as a reader sees it. */
const SENTENCES: readonly (readonly [DpEvent, string])[] = [
  [noOp(), 'nothing'],
  [nonPrivate({ reason: 'seeded noise' }), 'a release without protection (seeded noise)'],
  [unsupported({ reason: 'sparse vectors' }), 'a release that no accountant knows (sparse vectors)'],
  [noise, sum],
  [laplace({ parameter: 2.5 }), 'a sum with Laplace noise of scale 2.5 times the L1 clipping norm'],
  [
    discreteGaussian({ sigma: 4, sensitivity: 3 }),
    'a whole-number query of sensitivity 3 with discrete Gaussian noise of parameter 4',
  ],
  [
    discreteLaplace({ parameter: 0.2, sensitivity: 3 }),
    'a whole-number query of sensitivity 3 with discrete Laplace noise of inverse scale 0.2',
  ],
  [
    mixtureOfGaussians({ noiseMultiplier: 2, sensitivities: [0, 3, 1], probabilities: [0.5, 0.25, 0.25] }),
    'a sum of contributions of random size, at most 3, with Gaussian noise of multiplier 2',
  ],
  [
    vectorDiscreteGaussian({ granularity: 0.5, dimension: 1000, standardDeviation: 60, l2NormClip: 2 }),
    'a sum of 1,000 coordinates on a grid of 0.25 of the clipping norm with discrete Gaussian noise of multiplier 30',
  ],
  [
    adaptiveClip({ noiseMultiplier: 1.5, countStandardDeviation: 10 }),
    'a sum with Gaussian noise of multiplier 1.5 and the count of unclipped examples with Gaussian noise of standard deviation 10',
  ],
  [
    randomizedResponse({ noiseParameter: 0.5, buckets: 2 }),
    'a report of 2 possible values for each example, random with probability 0.5',
  ],
  [
    exponentialMechanism({ epsilon: 0.1, relation: 'replace-one' }),
    'a choice by the exponential mechanism of ε = 0.1 under replace-one',
  ],
  [
    reportNoisyMax({ noise: 'gumbel', parameter: 4, monotone: true }),
    'the best of several candidates by monotone scores with Gumbel noise of scale 4 times their sensitivity',
  ],
  [
    epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'replace-one' }),
    'a mechanism that is differentially private with ε = 1 and δ = 1e-6 under replace-one',
  ],
  [
    zCDP({ rho: 0.5, xi: 0.25, relation: 'replace-one' }),
    'a mechanism of zero-concentrated privacy ρ = 0.5 and ξ = 0.25 under replace-one',
  ],
  [
    repeatAndSelect({ mean: 10, shape: 1, event: composed([noise, noise]) }),
    `the best of a random number of runs (10 on average), each of (${sum}; and ${sum})`,
  ],
  [
    gnMax({ standardDeviation: 40 }),
    'the plurality of teachers’ votes with Gaussian noise of standard deviation 40 on each count',
  ],
  [
    poissonSampled({ samplingProbability: 0.01, event: noise }),
    `${sum} on a Poisson sample of probability 0.01`,
  ],
  [
    truncatedPoissonSampled({
      samplingProbability: 0.01,
      maxBatchSize: 120,
      datasetSize: 10_000,
      event: noise,
    }),
    `${sum} on a Poisson sample of probability 0.01, cut to at most 120 of 10,000 examples`,
  ],
  [
    sampledWithoutReplacement({ datasetSize: 10_000, sampleSize: 100, event: noise }),
    `${sum} on a random 100 of 10,000 examples`,
  ],
  [
    sampledWithReplacement({ datasetSize: 10_000, sampleSize: 100, event: noise }),
    `${sum} on 100 draws, repetitions included, from 10,000 examples`,
  ],
  [shuffled({ event: noise }), `one pass over batches, of each ${sum}`],
  [
    randomAllocation({ steps: 100, selected: 2, event: noise }),
    `100 steps, each example in 2 of them at random, of each ${sum}`,
  ],
  [
    cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 2, iterations: 2000, bands: 10 }),
    '2,000 steps of a matrix mechanism of 10 bands with Gaussian noise of multiplier 2 (relative to its largest column) on cyclic Poisson samples of probability 0.1',
  ],
  [
    singleEpochTreeAggregation({ noiseMultiplier: 8, stepCounts: [100, 28] }),
    '128 steps of one epoch, added up in 2 trees with Gaussian noise of multiplier 8 in each node',
  ],
  [
    matrixMechanism({
      noiseMultiplier: 4,
      steps: 100,
      strategy: { type: 'blt', outputScales: [0.5], bufferDecays: [0.9] },
      participation: { type: 'minSeparation', separation: 10, maxParticipations: 5 },
    }),
    '100 steps of a buffered linear Toeplitz matrix mechanism with Gaussian noise of multiplier 4, each example in at most 5 steps that are at least 10 apart',
  ],
  [composed([noise, noOp()]), `${sum}; and nothing`],
  [selfComposed({ count: 10_000, event: noise }), `10,000 × ${sum}`],
];

describe('describeEvent', () => {
  it('knows every type', () => {
    expect([...new Set(SENTENCES.map(([event]) => event.type))].sort()).toEqual([...DP_EVENT_TYPES].sort());
  });

  it.each(SENTENCES)('%j: %s', (event, release) => {
    expect(describeEvent(event).release).toBe(release);
  });

  it('states what each kind takes for granted, once, and that nothing else was released', () => {
    for (const [event] of SENTENCES) {
      const { assumptions } = describeEvent(composed([event, event]));
      expect(new Set(assumptions).size).toBe(assumptions.length);
      expect(assumptions.at(-1)).toMatch(
        /^nothing else that was computed from the same examples was released/,
      );
      const empty = ['noOp', 'nonPrivate', 'unsupported'].includes(event.type);
      expect(assumptions.length > 1).toBe(!empty);
      expect(assumptions.join()).not.toMatch(/undefined|NaN|\[object/);
    }
    const all = describeEvent(composed(SENTENCES.map(([event]) => event))).assumptions;
    expect(all).toContain('the noise was fresh, secret and of the stated size');
    expect(all.filter((text) => text.includes('secret and of the stated size')).length).toBe(1);
  });
});

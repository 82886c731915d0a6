import { describe, expect, it } from 'vitest';
import { NEIGHBORING_RELATIONS, type NeighboringRelation } from '../../relation.js';
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
} from '../index.js';
import type { Mechanism } from './mechanism.js';
import { readMechanisms } from './read-mechanisms.js';

const noise = gaussian({ noiseMultiplier: 2 });

/**
 * Under which relations an event has a sound reading: a(dd-or-remove-one), o (replace-one), s (replace-special). Why:
 * see the events' docstrings. Sums: the sensitivity is known under all. Fixed sizes and batches: not `a`, for a removed
 * record changes or moves the others. Randomised sizes of contributions: not `o`, for both neighbours are mixtures.
 */
const TABLE: readonly (readonly [DpEvent, string])[] = [
  [noOp(), 'aos'],
  [nonPrivate(), 'aos'],
  [unsupported({ reason: 'unknown' }), ''],
  [composed([noise, noise]), 'aos'],
  [composed([noise, shuffled({ event: noise })]), 'os'],
  [selfComposed({ count: 2, event: noise }), 'aos'],
  [noise, 'aos'],
  [laplace({ parameter: 2 }), 'aos'],
  [discreteGaussian({ sigma: 2, sensitivity: 1 }), 'aos'],
  [discreteLaplace({ parameter: 2, sensitivity: 1 }), 'aos'],
  [mixtureOfGaussians({ noiseMultiplier: 1, sensitivities: [0, 1], probabilities: [0.5, 0.5] }), 'as'],
  [vectorDiscreteGaussian({ granularity: 1, dimension: 1, standardDeviation: 1, l2NormClip: 1 }), 'aos'],
  [adaptiveClip({ noiseMultiplier: 1, countStandardDeviation: 1 }), 'aos'],
  [randomizedResponse({ noiseParameter: 0.5, buckets: 2 }), 'os'],
  [exponentialMechanism({ epsilon: 1, relation: 'add-or-remove-one' }), 'aos'],
  [exponentialMechanism({ epsilon: 1, relation: 'replace-one' }), 'os'],
  [exponentialMechanism({ epsilon: 1, relation: 'replace-special' }), 'os'],
  [reportNoisyMax({ noise: 'laplace', parameter: 1, monotone: true }), 'aos'],
  [epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'add-or-remove-one' }), 'aos'],
  [epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'replace-one' }), 'os'],
  [epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'replace-special' }), 'os'],
  [zCDP({ rho: 1, relation: 'add-or-remove-one' }), 'aos'],
  [zCDP({ rho: 1, relation: 'replace-one' }), 'os'],
  [zCDP({ rho: 1, relation: 'replace-special' }), 'os'],
  [repeatAndSelect({ mean: 2, shape: 1, event: noise }), 'aos'],
  [repeatAndSelect({ mean: 2, shape: 1, event: shuffled({ event: noise }) }), 'os'],
  [gnMax({ standardDeviation: 40 }), 'aos'],
  [gnMax({ standardDeviation: 40, logNonPlurality: -30 }), 'aos'],
  [poissonSampled({ samplingProbability: 0.1, event: noise }), 'aos'],
  [poissonSampled({ samplingProbability: 0.1, event: laplace({ parameter: 1 }) }), 'as'],
  [poissonSampled({ samplingProbability: 0.1, event: composed([noise, laplace({ parameter: 1 })]) }), 'as'],
  [poissonSampled({ samplingProbability: 0.1, event: zCDP({ rho: 1, relation: 'add-or-remove-one' }) }), ''],
  [
    poissonSampled({
      samplingProbability: 0.1,
      event: epsilonDelta({ epsilon: 1, delta: 0, relation: 'add-or-remove-one' }),
    }),
    'as',
  ],
  [
    poissonSampled({
      samplingProbability: 0.1,
      event: epsilonDelta({ epsilon: 1, delta: 0, relation: 'replace-special' }),
    }),
    '',
  ],
  [
    poissonSampled({
      samplingProbability: 0.1,
      event: randomizedResponse({ noiseParameter: 0.5, buckets: 2 }),
    }),
    '',
  ],
  [poissonSampled({ samplingProbability: 0.1, event: gnMax({ standardDeviation: 40 }) }), ''],
  [
    truncatedPoissonSampled({ samplingProbability: 0.1, maxBatchSize: 20, datasetSize: 100, event: noise }),
    'aos',
  ],
  [sampledWithoutReplacement({ datasetSize: 9, sampleSize: 2, event: noise }), 'os'],
  [sampledWithReplacement({ datasetSize: 9, sampleSize: 2, event: noise }), 'os'],
  [sampledWithoutReplacement({ datasetSize: 9, sampleSize: 2, event: laplace({ parameter: 1 }) }), ''],
  [shuffled({ event: noise }), 'os'],
  [shuffled({ event: laplace({ parameter: 1 }) }), 'os'],
  [randomAllocation({ steps: 9, selected: 1, event: noise }), 'as'],
  [randomAllocation({ steps: 9, selected: 9, event: noise }), 'aos'],
  [cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 1, iterations: 10, bands: 2 }), 'aos'],
  [singleEpochTreeAggregation({ noiseMultiplier: 1, stepCounts: [8] }), 'os'],
  [
    matrixMechanism({
      noiseMultiplier: 1,
      steps: 4,
      strategy: { type: 'toeplitz', coefficients: [1, 0.5] },
      participation: { type: 'single' },
    }),
    'os',
  ],
];

const LETTERS: Readonly<Record<NeighboringRelation, string>> = {
  'add-or-remove-one': 'a',
  'replace-one': 'o',
  'replace-special': 's',
};

/** The noise of a mechanism, in a unit in which more is more private; undefined where there is no single number. */
function noiseOf(mechanism: Mechanism): number | undefined {
  switch (mechanism.kind) {
    case 'gaussian':
    case 'mixtureOfGaussians':
    case 'sampledWithoutReplacementGaussian':
    case 'sampledWithReplacementGaussian':
    case 'randomAllocationGaussian':
      return mechanism.noiseMultiplier;
    case 'laplace':
      return mechanism.parameter;
    case 'discreteGaussian':
    case 'discreteLaplace':
      return 1 / mechanism.sensitivity;
    case 'exponentialMechanism':
    case 'reportNoisyMax':
    case 'epsilonDelta':
      return 1 / mechanism.epsilon;
    case 'zCDP':
      return 1 / Math.sqrt(mechanism.rho);
    default:
      return undefined;
  }
}

function only(event: DpEvent, relation: NeighboringRelation): Mechanism | undefined {
  const reading = readMechanisms(event, relation);
  return reading.kind === 'mechanisms' ? reading.mechanisms[0]?.mechanism : undefined;
}

describe('the relations under which an event is sound', () => {
  it('are stated for every type', () => {
    const types = new Set(TABLE.map(([event]) => event.type));
    expect([...types].sort()).toEqual([...DP_EVENT_TYPES].sort());
  });

  it.each(TABLE)('%j: %s', (event, letters) => {
    for (const relation of NEIGHBORING_RELATIONS) {
      const reading = readMechanisms(event, relation);
      expect([relation, reading.kind !== 'unsupported']).toEqual([
        relation,
        letters.includes(LETTERS[relation]),
      ]);
      if (reading.kind === 'unsupported') expect(reading.reason).toMatch(/^event(\.[a-z]+(\[\d\])?)*: .*\.$/);
      // Whatever can be read can be read in a composition, and refuses as part of one.
      expect(readMechanisms(composed([noise, event]), relation).kind).toBe(reading.kind);
    }
  });

  it('half the noise where a record is exchanged instead of blanked out', () => {
    let compared = 0;
    for (const [event, letters] of TABLE) {
      if (!letters.includes('o') || !letters.includes('s')) continue;
      const exchanged = only(event, 'replace-one');
      const blanked = only(event, 'replace-special');
      if (exchanged === undefined || blanked === undefined) continue;
      const [less, more] = [noiseOf(exchanged), noiseOf(blanked)];
      if (less === undefined || more === undefined) continue;
      compared++;
      const claimed = 'relation' in event && event.relation === 'replace-one';
      const sampled = event.type.startsWith('sampledWith') || event.type === 'gnMax';
      const rounded = event.type === 'vectorDiscreteGaussian';
      const ratio = rounded ? 2 / 3 : claimed || sampled ? 1 : 1 / 2;
      expect([event.type, less / more]).toEqual([event.type, expect.closeTo(ratio, 12)]);
    }
    expect(compared).toBeGreaterThan(15);
  });

  it('cost the same to add, to remove and to blank out, where all are sound', () => {
    for (const [event, letters] of TABLE) {
      if (!letters.includes('a') || !letters.includes('s')) continue;
      if ('relation' in event && event.relation !== 'add-or-remove-one') continue;
      expect(readMechanisms(event, 'replace-special')).toEqual(readMechanisms(event, 'add-or-remove-one'));
    }
  });
});

import { describe, expect, it } from 'vitest';
import { DpError } from '../../errors.js';
import { DP_EVENT_TYPES, type DpEventType, parseEvent } from '../index.js';

/** What no number, string, list or event may be. */
const NEVER = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1n, () => 1, Symbol('x')];
const NO_NUMBER = [...NEVER, undefined, null, '1', true, [1], {}];
const NOISE = [...NO_NUMBER, -1, -1e-300];
const POSITIVE = [...NOISE, 0];
const PROBABILITY = [...POSITIVE, 1 + 2 ** -52, 2];
const FROM_ONE = [...POSITIVE, 0.5, 1.5, 2 ** 53];
const FROM_ZERO = [...NOISE, 0.5, 2 ** 53];
const RELATION = [...NEVER, undefined, null, 1, '', 'add-or-remove', 'Replace-One', ['replace-one']];
const EVENT = [...NEVER, undefined, null, 1, 'gaussian', [], {}, { type: 'nothing' }, { type: 'gaussian' }];
const LIST = [...NO_NUMBER.filter((value) => !Array.isArray(value)), [], [-1], ['1'], [Number.NaN], [null]];

const inner = { type: 'gaussian', noiseMultiplier: 1 };
const matrix = {
  noiseMultiplier: 1,
  steps: 3,
  strategy: { type: 'tree' },
  participation: { type: 'single' },
};

/** For every type: fields that are valid, and for each of them values that are not. */
const TYPES: Readonly<
  Record<DpEventType, { readonly valid: object; readonly bad: Readonly<Record<string, readonly unknown[]>> }>
> = {
  noOp: { valid: {}, bad: {} },
  nonPrivate: { valid: { reason: 'x' }, bad: { reason: [1, null, {}, true] } },
  unsupported: {
    valid: { reason: 'x', original: { a: 1 } },
    bad: { reason: [1, null, undefined, {}], original: NEVER },
  },
  composed: {
    valid: { events: [inner] },
    bad: { events: [...NO_NUMBER.slice(0, 10), {}, [null], [inner, {}]] },
  },
  selfComposed: { valid: { count: 3, event: inner }, bad: { count: FROM_ZERO, event: EVENT } },
  gaussian: { valid: { noiseMultiplier: 1 }, bad: { noiseMultiplier: NOISE } },
  laplace: { valid: { parameter: 1 }, bad: { parameter: NOISE } },
  discreteGaussian: { valid: { sigma: 1, sensitivity: 2 }, bad: { sigma: NOISE, sensitivity: FROM_ONE } },
  discreteLaplace: {
    valid: { parameter: 1, sensitivity: 2 },
    bad: { parameter: POSITIVE, sensitivity: FROM_ONE },
  },
  mixtureOfGaussians: {
    valid: { noiseMultiplier: 1, sensitivities: [0, 1], probabilities: [0.5, 0.5] },
    bad: {
      noiseMultiplier: NOISE,
      sensitivities: LIST,
      probabilities: [...LIST, [1], [0.5, 0.25, 0.25], [0.5, 0.4999999999], [0.5, 0.6], [1.5, -0.5], [2, 0]],
    },
  },
  vectorDiscreteGaussian: {
    valid: { granularity: 1, dimension: 4, standardDeviation: 3, l2NormClip: 1, l2Sensitivity: 3.1 },
    bad: {
      granularity: POSITIVE,
      dimension: FROM_ONE,
      standardDeviation: NOISE,
      l2NormClip: POSITIVE,
      l2Sensitivity: [...POSITIVE.filter((value) => value != null), 2.9],
    },
  },
  adaptiveClip: {
    valid: { noiseMultiplier: 1, countStandardDeviation: 5 },
    bad: { noiseMultiplier: NOISE, countStandardDeviation: NOISE },
  },
  randomizedResponse: {
    valid: { noiseParameter: 0.5, buckets: 2 },
    bad: { noiseParameter: [...NOISE, 1.1], buckets: FROM_ONE },
  },
  exponentialMechanism: {
    valid: { epsilon: 1, relation: 'replace-one' },
    bad: { epsilon: NOISE, relation: RELATION },
  },
  reportNoisyMax: {
    valid: { noise: 'gumbel', parameter: 1, monotone: false },
    bad: {
      noise: [...NEVER, undefined, 'gaussian', 'Laplace', 1],
      parameter: NOISE,
      monotone: [...NEVER, undefined, null, 0, 'true'],
    },
  },
  epsilonDelta: {
    valid: { epsilon: 1, delta: 0.1, relation: 'replace-one' },
    bad: { epsilon: NOISE, delta: [...NOISE, 1, 1.5], relation: RELATION },
  },
  zCDP: {
    valid: { rho: 1, xi: 0, relation: 'replace-one' },
    bad: { rho: NOISE, xi: NOISE.filter((value) => value !== undefined), relation: RELATION },
  },
  repeatAndSelect: {
    valid: { mean: 3, shape: 0.5, event: inner },
    bad: { mean: [...POSITIVE, 0.99], shape: [...NO_NUMBER, -1, -1.5, 'geometric'], event: EVENT },
  },
  gnMax: {
    valid: { standardDeviation: 40, logNonPlurality: -3 },
    bad: {
      standardDeviation: NOISE,
      logNonPlurality: [...NO_NUMBER.filter((value) => value !== undefined), 0.1],
    },
  },
  poissonSampled: {
    valid: { samplingProbability: 0.5, event: inner },
    bad: { samplingProbability: PROBABILITY, event: EVENT },
  },
  truncatedPoissonSampled: {
    valid: { samplingProbability: 0.5, maxBatchSize: 7, datasetSize: 9, event: inner },
    bad: { samplingProbability: PROBABILITY, maxBatchSize: FROM_ONE, datasetSize: FROM_ONE, event: EVENT },
  },
  sampledWithoutReplacement: {
    valid: { datasetSize: 9, sampleSize: 3, event: inner },
    bad: { datasetSize: FROM_ONE, sampleSize: [...FROM_ONE, 10], event: EVENT },
  },
  sampledWithReplacement: {
    valid: { datasetSize: 9, sampleSize: 30, event: inner },
    bad: { datasetSize: FROM_ONE, sampleSize: FROM_ONE, event: EVENT },
  },
  shuffled: { valid: { event: inner }, bad: { event: EVENT } },
  randomAllocation: {
    valid: { steps: 9, selected: 2, event: inner },
    bad: { steps: FROM_ONE, selected: [...FROM_ONE, 10], event: EVENT },
  },
  cyclicPoisson: {
    valid: { samplingProbability: 0.5, noiseMultiplier: 1, iterations: 10, bands: 3 },
    bad: { samplingProbability: PROBABILITY, noiseMultiplier: NOISE, iterations: FROM_ZERO, bands: FROM_ONE },
  },
  singleEpochTreeAggregation: {
    valid: { noiseMultiplier: 1, stepCounts: [5, 3] },
    bad: { noiseMultiplier: NOISE, stepCounts: [...LIST, [0], [1.5], [2 ** 53], 5] },
  },
  matrixMechanism: {
    valid: matrix,
    bad: {
      noiseMultiplier: NOISE,
      steps: FROM_ONE,
      strategy: [...NO_NUMBER, {}, { type: 'identity' }, { type: 'tree', depth: 3 }],
      participation: [...NO_NUMBER, {}, { type: 'poisson' }, { type: 'single', period: 3 }],
    },
  },
};

/** What may be left out. */
const OPTIONAL: readonly string[] = [
  'nonPrivate.reason',
  'unsupported.original',
  'vectorDiscreteGaussian.l2Sensitivity',
  'zCDP.xi',
  'gnMax.logNonPlurality',
];

function refusal(json: unknown): DpError {
  try {
    parseEvent(json);
  } catch (error) {
    expect(error).toBeInstanceOf(DpError);
    return error as DpError;
  }
  throw new Error(`accepted ${String(json)}`);
}

describe.each(DP_EVENT_TYPES)('a %s event', (type) => {
  const { valid, bad } = TYPES[type];
  const wrapped = (fields: object) => ({ type: 'composed', events: [{ type: 'noOp' }, { type, ...fields }] });
  const path = 'event.events[1]';

  it('is made of its fields', () => {
    expect(Object.keys(bad).sort()).toEqual(Object.keys(valid).sort());
    expect(parseEvent({ type, ...valid })).toEqual({ type, ...valid });
  });

  it('names the path of every field that is wrong', () => {
    for (const [name, values] of Object.entries(bad)) {
      for (const value of values) {
        const error = refusal(wrapped({ ...valid, [name]: value }));
        expect(['DP_INVALID_ARGUMENT', 'DP_UNSUPPORTED_EVENT']).toContain(error.code);
        expect(error.message.startsWith(`${path}.${name}`), error.message).toBe(true);
        expect(error.message).toMatch(/ must (be|add up to) | is not a (known|field)/);
      }
    }
  });

  it('names the path of every field that is missing', () => {
    for (const name of Object.keys(valid)) {
      const { [name]: _, ...rest } = valid as Record<string, unknown>;
      if (OPTIONAL.includes(`${type}.${name}`)) expect(() => parseEvent({ type, ...rest })).not.toThrow();
      else expect(refusal(wrapped(rest)).message.startsWith(`${path}.${name}`)).toBe(true);
    }
  });

  it('refuses fields that it does not have', () => {
    expect(refusal(wrapped({ ...valid, certainty: 1 })).message).toMatch(
      new RegExp(`^event\\.events\\[1\\]\\.certainty is not a field of a ${type} event`),
    );
  });
});

describe('a matrixMechanism event', () => {
  const strategy = (value: object) => ({ type: 'matrixMechanism', ...matrix, strategy: value });
  const participation = (value: object) => ({ type: 'matrixMechanism', ...matrix, participation: value });

  it.each([
    [strategy({ type: 'banded', bands: 0, squaredColumnNorms: [1, 1, 1] }), 'strategy.bands must be'],
    [
      strategy({ type: 'banded', bands: 1, squaredColumnNorms: [1, 1] }),
      'strategy.squaredColumnNorms must be as many',
    ],
    [
      strategy({ type: 'banded', bands: 1, squaredColumnNorms: [1, -1, 1] }),
      'strategy.squaredColumnNorms[1] must be',
    ],
    [strategy({ type: 'toeplitz', coefficients: [1, 2] }), 'strategy.coefficients[1] must be at most'],
    [strategy({ type: 'toeplitz', coefficients: [0] }), 'strategy.coefficients[0] must be above 0'],
    [
      strategy({ type: 'toeplitz', coefficients: [1], bands: 1 }),
      'strategy.bands is not a field of "toeplitz"',
    ],
    [strategy({ type: 'toeplitz', coefficient: [1] }), 'strategy.coefficient is not a field'],
    [
      strategy({ type: 'blt', outputScales: [0.5, 0.6], bufferDecays: [0.1, 0.2] }),
      'strategy.outputScales must be',
    ],
    [
      strategy({ type: 'blt', outputScales: [0.5], bufferDecays: [0.1, 0.2] }),
      'strategy.bufferDecays must be as many',
    ],
    [strategy({ type: 'blt', outputScales: [0.5], bufferDecays: [1] }), 'strategy.bufferDecays[0] must be'],
    [participation({ type: 'fixed', participations: 0, period: 1 }), 'participation.participations must be'],
    [participation({ type: 'fixed', participations: 1 }), 'participation.period must be'],
    [participation({ type: 'minSeparation', separation: 0 }), 'participation.separation must be'],
    [
      participation({ type: 'minSeparation', separation: 1, maxParticipations: 0 }),
      'participation.maxParticipations must be',
    ],
  ])('refuses %j', (json, start) => {
    expect(refusal(json).message.startsWith(`event.${start}`), refusal(json).message).toBe(true);
  });
});

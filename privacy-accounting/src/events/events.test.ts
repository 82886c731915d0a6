import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DpError } from '../errors.js';
import { NEIGHBORING_RELATIONS } from '../relation.js';
import {
  adaptiveClip,
  composed,
  cyclicPoisson,
  DP_EVENT_TYPES,
  type DpEvent,
  type DpEventType,
  discreteGaussian,
  discreteLaplace,
  EVENT_SCHEMA,
  epsilonDelta,
  eventDocument,
  exponentialMechanism,
  gaussian,
  gnMax,
  type JsonValue,
  laplace,
  MAX_EVENT_DEPTH,
  type MatrixParticipation,
  type MatrixStrategy,
  matrixMechanism,
  mixtureOfGaussians,
  nonPrivate,
  noOp,
  parseEvent,
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

const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });

const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const noise = real(0, 1e6);
const whole = (min: number, max = Number.MAX_SAFE_INTEGER) => fc.integer({ min, max });
const probability = real(Number.MIN_VALUE, 1);
const relation = fc.constantFrom(...NEIGHBORING_RELATIONS);

const anyStrategy = (steps: number): fc.Arbitrary<MatrixStrategy> =>
  fc.oneof(
    fc.record({
      type: fc.constant('banded' as const),
      bands: whole(1, 20),
      squaredColumnNorms: fc.array(noise, { minLength: steps, maxLength: steps }),
    }),
    fc.array(real(1e-9, 5), { minLength: 1, maxLength: 6 }).map((coefficients) => ({
      type: 'toeplitz' as const,
      coefficients: coefficients.sort((x, y) => y - x),
    })),
    fc.array(fc.tuple(real(0, 0.2), real(0, 1 - 1e-9)), { minLength: 1, maxLength: 5 }).map((buffers) => ({
      type: 'blt' as const,
      outputScales: buffers.map(([scale]) => scale),
      bufferDecays: buffers.map(([, decay]) => decay),
    })),
    fc.constant({ type: 'tree' as const }),
  );

const anyParticipation: fc.Arbitrary<MatrixParticipation> = fc.oneof(
  fc.constant({ type: 'single' as const }),
  fc.record({ type: fc.constant('fixed' as const), participations: whole(1), period: whole(1) }),
  fc.record({ type: fc.constant('minSeparation' as const), separation: whole(1) }),
  fc.record({
    type: fc.constant('minSeparation' as const),
    separation: whole(1),
    maxParticipations: whole(1),
  }),
);

/** An event of each type that holds no other. */
const LEAVES: { readonly [K in DpEventType]?: fc.Arbitrary<DpEvent> } = {
  noOp: fc.constant(noOp()),
  nonPrivate: fc
    .option(fc.string(), { nil: undefined })
    .map((reason) => nonPrivate(reason === undefined ? {} : { reason })),
  unsupported: fc
    .tuple(fc.string(), fc.option(fc.jsonValue(), { nil: undefined }))
    .map(([reason, original]) =>
      unsupported({ reason, ...(original === undefined ? {} : { original: original as JsonValue }) }),
    ),
  gaussian: noise.map((noiseMultiplier) => gaussian({ noiseMultiplier })),
  laplace: noise.map((parameter) => laplace({ parameter })),
  discreteGaussian: fc.record({ sigma: noise, sensitivity: whole(1) }).map(discreteGaussian),
  discreteLaplace: fc.record({ parameter: real(1e-300, 1e9), sensitivity: whole(1) }).map(discreteLaplace),
  mixtureOfGaussians: fc
    .tuple(noise, fc.array(fc.tuple(noise, real(1e-3, 1)), { minLength: 1, maxLength: 5 }))
    .map(([noiseMultiplier, parts]) => {
      const total = parts.reduce((sum, [, weight]) => sum + weight, 0);
      return mixtureOfGaussians({
        noiseMultiplier,
        sensitivities: parts.map(([size]) => size),
        probabilities: parts.map(([, weight]) => weight / total),
      });
    }),
  vectorDiscreteGaussian: fc
    .record({
      granularity: real(1e-30, 1e6),
      dimension: whole(1, 2 ** 31),
      standardDeviation: noise,
      l2NormClip: real(1e-9, 1e9),
    })
    .map(vectorDiscreteGaussian),
  adaptiveClip: fc.record({ noiseMultiplier: noise, countStandardDeviation: noise }).map(adaptiveClip),
  randomizedResponse: fc.record({ noiseParameter: real(0, 1), buckets: whole(1) }).map(randomizedResponse),
  exponentialMechanism: fc.record({ epsilon: noise, relation }).map(exponentialMechanism),
  reportNoisyMax: fc
    .record({
      noise: fc.constantFrom('gumbel' as const, 'laplace' as const, 'exponential' as const),
      parameter: noise,
      monotone: fc.boolean(),
    })
    .map(reportNoisyMax),
  epsilonDelta: fc.record({ epsilon: noise, delta: real(0, 1 - 2 ** -53), relation }).map(epsilonDelta),
  zCDP: fc.record({ rho: noise, xi: noise, relation }).map(zCDP),
  gnMax: fc.oneof(
    noise.map((standardDeviation) => gnMax({ standardDeviation })),
    fc.record({ standardDeviation: noise, logNonPlurality: real(-1e6, 0) }).map(gnMax),
  ),
  cyclicPoisson: fc
    .record({
      samplingProbability: probability,
      noiseMultiplier: noise,
      iterations: whole(0),
      bands: whole(1),
    })
    .map(cyclicPoisson),
  singleEpochTreeAggregation: fc
    .record({ noiseMultiplier: noise, stepCounts: fc.array(whole(1), { minLength: 1, maxLength: 4 }) })
    .map(singleEpochTreeAggregation),
  matrixMechanism: fc
    .tuple(whole(1, 12), noise, anyParticipation)
    .chain(([steps, noiseMultiplier, participation]) =>
      anyStrategy(steps).map((strategy) =>
        matrixMechanism({ noiseMultiplier, steps, strategy, participation }),
      ),
    ),
};

/** An event of each type that holds others. */
const BRANCHES: {
  readonly [K in DpEventType]?: (event: fc.Arbitrary<DpEvent>) => fc.Arbitrary<DpEvent>;
} = {
  poissonSampled: (event) => fc.record({ samplingProbability: probability, event }).map(poissonSampled),
  truncatedPoissonSampled: (event) =>
    fc
      .record({ samplingProbability: probability, maxBatchSize: whole(1), datasetSize: whole(1), event })
      .map(truncatedPoissonSampled),
  sampledWithoutReplacement: (event) =>
    fc
      .tuple(whole(1), whole(1), event)
      .map(([m, n, inner]) =>
        sampledWithoutReplacement({ datasetSize: Math.max(m, n), sampleSize: Math.min(m, n), event: inner }),
      ),
  sampledWithReplacement: (event) =>
    fc.record({ datasetSize: whole(1), sampleSize: whole(1), event }).map(sampledWithReplacement),
  shuffled: (event) => fc.record({ event }).map(shuffled),
  randomAllocation: (event) =>
    fc
      .tuple(whole(1), whole(1), event)
      .map(([k, t, inner]) =>
        randomAllocation({ steps: Math.max(k, t), selected: Math.min(k, t), event: inner }),
      ),
  repeatAndSelect: (event) =>
    fc
      .record({
        mean: real(1, 1e6),
        shape: fc.oneof(real(-1 + 2 ** -53, 100), fc.constant('poisson' as const)),
        event,
      })
      .map(repeatAndSelect),
  composed: (event) => fc.array(event, { maxLength: 4 }).map((events) => composed(events)),
  selfComposed: (event) => fc.record({ count: fc.maxSafeNat(), event }).map(selfComposed),
};

/** Any valid event, nested to a few levels. */
const anyEvent = fc.letrec<{ event: DpEvent }>((tie) => ({
  event: fc.oneof(
    { maxDepth: 4 },
    ...Object.values(LEAVES),
    ...Object.values(BRANCHES).map((branch) => branch(tie('event'))),
  ),
})).event;

/** Runs `f` and returns the DpError that it must throw. */
function refusal(f: () => unknown): DpError {
  try {
    f();
  } catch (error) {
    expect(error).toBeInstanceOf(DpError);
    return error as DpError;
  }
  throw new Error('nothing was refused');
}

describe('events', () => {
  it('are plain data: JSON of the contract, and back', () => {
    const event = selfComposed({ count: 14_063, event: step });
    expect(JSON.stringify(event)).toBe(
      '{"type":"selfComposed","count":14063,"event":{"type":"poissonSampled","samplingProbability":0.01,' +
        '"event":{"type":"gaussian","noiseMultiplier":1.1}}}',
    );
    fc.assert(
      fc.property(anyEvent, (tree) => {
        const copy = parseEvent(JSON.parse(JSON.stringify(tree)));
        expect(copy).toEqual(tree);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(tree));
      }),
      { seed: 1 },
    );
  });

  it('are of every type, in these tests', () => {
    expect([...Object.keys(LEAVES), ...Object.keys(BRANCHES)].sort()).toEqual([...DP_EVENT_TYPES].sort());
  });

  it.each([
    ...Object.entries(LEAVES),
    ...Object.entries(BRANCHES).map(([type, branch]) => [type, branch(fc.constant(step))] as const),
  ])('of type %s come back from JSON as they were', (type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (event) => {
        expect(event.type).toBe(type);
        expect(parseEvent(JSON.parse(JSON.stringify(event)))).toEqual(event);
      }),
      { seed: 2, numRuns: 50 },
    );
  });

  it('can be kept with the version of their schema, and refuse another', () => {
    fc.assert(
      fc.property(anyEvent, (tree) => {
        const text = JSON.stringify(eventDocument(tree));
        expect(text).toBe(`{"schema":"dp-event/1","event":${JSON.stringify(tree)}}`);
        expect(parseEvent(JSON.parse(text))).toEqual(tree);
      }),
      { seed: 3, numRuns: 50 },
    );
    const newer = { schema: 'dp-event/2', event: step };
    expect(refusal(() => parseEvent(newer)).code).toBe('DP_UNSUPPORTED_EVENT');
    expect(refusal(() => parseEvent(newer)).message).toMatch(
      /^event\.schema must be "dp-event\/1", got .*dp-event\/2/,
    );
    const mixed = { schema: EVENT_SCHEMA, event: step, count: 3 };
    expect(refusal(() => parseEvent(mixed)).message).toMatch(
      /^event\.count is not a field of a dp-event\/1 document/,
    );
    const wrong = { schema: EVENT_SCHEMA, event: { type: 'gaussian', noiseMultiplier: -1 } };
    expect(refusal(() => parseEvent(wrong)).message).toMatch(/^event\.event\.noiseMultiplier must be/);
    expect(refusal(() => parseEvent({ schema: EVENT_SCHEMA })).message).toMatch(
      /^event\.event must be an event/,
    );
    // Only what is read whole is a document: the schema of a part can't differ from that of the whole.
    expect(refusal(() => shuffled({ event: eventDocument(step) as never })).message).toMatch(
      /^shuffled\.event\.type must/,
    );
  });

  it('write no −0, which JSON has not', () => {
    expect(Object.is(gaussian({ noiseMultiplier: -0 }).noiseMultiplier, 0)).toBe(true);
    expect(Object.is(selfComposed({ count: -0, event: step }).count, 0)).toBe(true);
  });

  it('keep what they do not know as it was, if JSON can hold it', () => {
    const original = JSON.parse('{"type":"sparseVector","__proto__":{"x":[1,null,"a",{}]},"epsilon":1}');
    const event = unsupported({ reason: 'from a newer version', original });
    expect(JSON.stringify(event.original)).toBe(JSON.stringify(original));
    expect(event.original).not.toBe(original);
    for (const bad of [
      () => 1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      new Date(0),
      [new Map()],
      { a: Symbol('x') },
    ]) {
      expect(refusal(() => unsupported({ reason: '', original: bad as never })).message).toMatch(
        /^unsupported\.original(\.a|\[0\])? must be a value of JSON/,
      );
    }
    const endless: unknown[] = [];
    endless.push(endless);
    expect(refusal(() => unsupported({ reason: '', original: endless as never })).message).toMatch(
      /nested deeper/,
    );
  });

  it('are deeply frozen and independent of what they were made from', () => {
    const json = { type: 'composed', events: [{ type: 'gaussian', noiseMultiplier: 2 }] };
    const event = parseEvent(json);
    json.events[0]!.noiseMultiplier = 50;
    expect(event).toEqual(composed([gaussian({ noiseMultiplier: 2 })]));
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    fc.assert(
      fc.property(anyEvent, (tree) => frozen(tree) && frozen(parseEvent(JSON.parse(JSON.stringify(tree))))),
      { seed: 14 },
    );
  });

  it('that were built are taken as they are', () => {
    expect(parseEvent(step)).toBe(step);
    expect(selfComposed({ count: 2, event: step }).event).toBe(step);
  });

  it('accept a plain object where an event is wanted, and check it', () => {
    expect(shuffled({ event: { type: 'gaussian', noiseMultiplier: 3 } }).event).toEqual(
      gaussian({ noiseMultiplier: 3 }),
    );
    const plain = { type: 'gaussian', noiseMultiplier: -3 } as const;
    expect(refusal(() => shuffled({ event: plain })).message).toMatch(
      /^shuffled\.event\.noiseMultiplier must/,
    );
  });
});

const bad = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  '1',
  null,
  undefined,
  true,
  [1],
  {},
  1n,
];

describe('validation', () => {
  it.each([...bad, -1, -1e-300])('noiseMultiplier %s', (value) => {
    const json = { type: 'composed', events: [noOp(), noOp(), { type: 'gaussian', noiseMultiplier: value }] };
    const error = refusal(() => parseEvent(json));
    expect(error.code).toBe('DP_INVALID_ARGUMENT');
    expect(error.message).toMatch(/^event\.events\[2\]\.noiseMultiplier must be .*, got /);
    expect(refusal(() => gaussian({ noiseMultiplier: value as number })).message).toMatch(
      /^gaussian\.noiseMultiplier/,
    );
  });

  it.each([...bad, 0, -0.1, 1 + 2 ** -52, 2])('samplingProbability %s', (value) => {
    const json = { type: 'poissonSampled', samplingProbability: value, event: noOp() };
    const error = refusal(() => parseEvent(json));
    expect(error.code).toBe('DP_INVALID_ARGUMENT');
    expect(error.message).toMatch(/^event\.samplingProbability must be a number above 0 and at most 1, got /);
  });

  it.each([...bad, -1, 1.5, 2 ** 53])('count %s', (value) => {
    const json = { type: 'shuffled', event: { type: 'selfComposed', count: value, event: noOp() } };
    const error = refusal(() => parseEvent(json));
    expect(error.code).toBe('DP_INVALID_ARGUMENT');
    expect(error.message).toMatch(/^event\.event\.count must be a whole number/);
  });

  it('allows σ = 0 (no noise) and count = 0 (no step)', () => {
    expect(gaussian({ noiseMultiplier: 0 }).noiseMultiplier).toBe(0);
    expect(selfComposed({ count: 0, event: step }).count).toBe(0);
  });

  it('names an unknown type, and the one that was probably meant', () => {
    const error = refusal(() => parseEvent({ type: 'selfComposed', count: 1, event: { type: 'Gausian' } }));
    expect(error.code).toBe('DP_UNSUPPORTED_EVENT');
    expect(error.message).toMatch(
      /^event\.event\.type "Gausian" is not a known .* Did you mean "gaussian"\?$/,
    );
    expect(refusal(() => parseEvent({ type: 'toString' })).code).toBe('DP_UNSUPPORTED_EVENT');
    expect(refusal(() => parseEvent({ type: '__proto__' })).code).toBe('DP_UNSUPPORTED_EVENT');
  });

  it.each([null, undefined, 3, 'gaussian', [step], '{"type":"noOp"}'])('refuses %j as an event', (value) => {
    const error = refusal(() => parseEvent(value));
    expect(error.code).toBe('DP_INVALID_ARGUMENT');
    expect(error.message).toMatch(/^event must be an event/);
  });

  it('refuses an event without a type, or with one that is not a string', () => {
    expect(refusal(() => parseEvent({ noiseMultiplier: 1 })).message).toMatch(
      /^event\.type must be one of noOp, /,
    );
    expect(refusal(() => parseEvent({ type: 3 })).message).toMatch(/^event\.type must .* got 3/);
  });

  it('refuses fields that it would ignore', () => {
    const doubled = { type: 'gaussian', noiseMultiplier: 1, sensitivity: 2 };
    expect(refusal(() => parseEvent(doubled)).message).toMatch(
      /^event\.sensitivity is not a field of a gaussian event/,
    );
    const typo = { type: 'selfComposed', counts: 3, count: 1, event: noOp() };
    expect(refusal(() => parseEvent(typo)).message).toMatch(/Did you mean "count"\?/);
    expect(refusal(() => parseEvent(JSON.parse('{"type":"noOp","__proto__":{}}'))).message).toMatch(
      /__proto__/,
    );
  });

  it('refuses lists that are none, and reads the holes of sparse ones', () => {
    expect(refusal(() => parseEvent({ type: 'composed', events: {} })).message).toMatch(
      /^event\.events must be an array/,
    );
    expect(refusal(() => composed(undefined as unknown as DpEvent[])).message).toMatch(
      /^composed\.events must be/,
    );
    // biome-ignore lint/suspicious/noSparseArray: a skipped hole would be a skipped release
    const sparse = [step, , step] as unknown as DpEvent[];
    expect(refusal(() => composed(sparse)).message).toMatch(
      /^composed\.events\[1\] must be an event.*got undefined/,
    );
  });

  it('refuses trees that would exhaust the stack or the clock', () => {
    let json: unknown = { type: 'noOp' };
    for (let i = 0; i < 50_000; i++) json = { type: 'shuffled', event: json };
    expect(refusal(() => parseEvent(json)).message).toMatch(/nested deeper than 100 events/);

    let built: DpEvent = noOp();
    for (let i = 1; i < MAX_EVENT_DEPTH; i++) built = shuffled({ event: built });
    expect(refusal(() => shuffled({ event: built })).message).toMatch(/nested deeper/);

    let shared: DpEvent = step;
    const doubling = () => {
      for (let i = 0; i < 40; i++) shared = composed([shared, shared]);
    };
    expect(refusal(doubling).message).toMatch(/more than 4000000 nodes\. Use selfComposed/);
  });
});

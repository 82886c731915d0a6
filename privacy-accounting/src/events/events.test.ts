import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DpError } from '../errors.js';
import {
  composed,
  type DpEvent,
  gaussian,
  MAX_EVENT_DEPTH,
  nonPrivate,
  noOp,
  parseEvent,
  poissonSampled,
  selfComposed,
  shuffled,
  vectorDiscreteGaussian,
} from './index.js';

const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });

/** Any valid event, nested to a few levels. */
const anyEvent = fc.letrec<{ event: DpEvent }>((tie) => ({
  event: fc.oneof(
    { maxDepth: 4 },
    fc.constant<DpEvent>(noOp()),
    fc.string().map((reason) => nonPrivate({ reason })),
    fc.double({ min: 0, max: 1e6, noNaN: true }).map((noiseMultiplier) => gaussian({ noiseMultiplier })),
    fc
      .tuple(
        fc.double({ min: 1e-30, max: 1e6, noNaN: true }),
        fc.integer({ min: 1 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
      )
      .map(([granularity, dimension, standardDeviation, l2NormClip]) =>
        vectorDiscreteGaussian({ granularity, dimension, standardDeviation, l2NormClip }),
      ),
    fc
      .tuple(fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true }), tie('event'))
      .map(([samplingProbability, event]) => poissonSampled({ samplingProbability, event })),
    tie('event').map((event) => shuffled({ event })),
    fc.array(tie('event'), { maxLength: 4 }).map((events) => composed(events)),
    fc.tuple(fc.maxSafeNat(), tie('event')).map(([count, event]) => selfComposed({ count, event })),
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

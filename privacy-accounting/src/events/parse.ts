import {
  describeValue,
  didYouMean,
  invalidArgument,
  requireCount,
  requireNumber,
  requireRecord,
} from '../arguments.js';
import { DpError } from '../errors.js';
import type { DpEvent, DpEventType } from './dp-event.js';
import { readVectorDiscreteGaussian } from './vector-discrete-gaussian.js';

/** Trees deeper than this are refused, so that no input can exhaust the stack. */
export const MAX_EVENT_DEPTH = 100;

/** Trees with more nodes than this are refused: shared subtrees would make a small object endless to read. */
export const MAX_EVENT_NODES = 4_000_000;

interface Extent {
  readonly depth: number;
  readonly nodes: number;
}

/** Extent of every event built here. Membership is the proof that an object was validated and frozen. */
const extents = new WeakMap<object, Extent>();

type Fields = Readonly<Record<string, unknown>>;
type Reader = (fields: Fields, path: string, level: number) => DpEvent;

function child(value: unknown, path: string, level: number): DpEvent {
  return read(value, path, level + 1);
}

/** One entry for each type: the fields it has, and how they are checked. Factories and parser share it. */
const SCHEMA: Readonly<Record<DpEventType, { readonly fields: readonly string[]; readonly read: Reader }>> = {
  noOp: { fields: [], read: () => ({ type: 'noOp' }) },
  nonPrivate: {
    fields: ['reason'],
    read: ({ reason }, path) => {
      if (reason === undefined) return { type: 'nonPrivate' };
      if (typeof reason !== 'string') throw invalidArgument(`${path}.reason`, 'a string', reason);
      return { type: 'nonPrivate', reason };
    },
  },
  gaussian: {
    fields: ['noiseMultiplier'],
    read: ({ noiseMultiplier }, path) => ({
      type: 'gaussian',
      noiseMultiplier: requireNumber(
        noiseMultiplier,
        `${path}.noiseMultiplier`,
        'a finite number, 0 (no noise, not private) or larger',
        (sigma) => sigma >= 0,
        'It is the standard deviation of the noise divided by the clipping norm.',
      ),
    }),
  },
  vectorDiscreteGaussian: {
    fields: ['granularity', 'dimension', 'standardDeviation', 'l2NormClip', 'l2Sensitivity'],
    read: readVectorDiscreteGaussian,
  },
  poissonSampled: {
    fields: ['samplingProbability', 'event'],
    read: ({ samplingProbability, event }, path, level) => ({
      type: 'poissonSampled',
      samplingProbability: requireNumber(
        samplingProbability,
        `${path}.samplingProbability`,
        'a number above 0 and at most 1',
        (q) => q > 0 && q <= 1,
        'It is the expected batch size divided by the number of examples.',
      ),
      event: child(event, `${path}.event`, level),
    }),
  },
  shuffled: {
    fields: ['event'],
    read: ({ event }, path, level) => ({ type: 'shuffled', event: child(event, `${path}.event`, level) }),
  },
  composed: {
    fields: ['events'],
    read: ({ events }, path, level) => {
      if (!Array.isArray(events)) throw invalidArgument(`${path}.events`, 'an array of events', events);
      // Array.from, not map: map would skip the holes of a sparse array, and a skipped event is an understated ε.
      const parts = Array.from(events, (event, i) => child(event, `${path}.events[${i}]`, level));
      return { type: 'composed', events: Object.freeze(parts) };
    },
  },
  selfComposed: {
    fields: ['count', 'event'],
    read: ({ count, event }, path, level) => ({
      type: 'selfComposed',
      count: requireCount(count, `${path}.count`),
      event: child(event, `${path}.event`, level),
    }),
  },
};

/** Every event type, for messages and completions. */
export const DP_EVENT_TYPES: readonly DpEventType[] = Object.freeze(Object.keys(SCHEMA) as DpEventType[]);

/** Validates `fields` as an event of type `type`. The factories are thin names for this. */
export function buildEvent(type: DpEventType, fields: unknown, path: string, level = 0): DpEvent {
  if (level >= MAX_EVENT_DEPTH) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${path} is nested deeper than ${MAX_EVENT_DEPTH} events. Flatten it: composed of composed is one composed.`,
    );
  }
  const { fields: known, read: reader } = SCHEMA[type];
  const record = requireRecord(fields, path, 'an object');
  for (const key of Object.keys(record)) {
    if (key === 'type' || known.includes(key)) continue;
    const guess = didYouMean(key, known);
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${path}.${key} is not a field of a ${type} event (${known.length === 0 ? 'it has none' : known.join(', ')}). ${
        guess === undefined
          ? 'Remove it: a field that the accountant ignored could change the bound.'
          : `Did you mean "${guess}"?`
      }`,
    );
  }
  const event = Object.freeze(reader(record, path, level));
  const extent = measure(event);
  if (extent.nodes > MAX_EVENT_NODES) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${path} has more than ${MAX_EVENT_NODES} nodes. Use selfComposed for what is repeated.`,
    );
  }
  extents.set(event, extent);
  return event;
}

function measure(event: DpEvent): Extent {
  const parts = event.type === 'composed' ? event.events : 'event' in event ? [event.event] : [];
  let depth = 0;
  let nodes = 1;
  for (const part of parts) {
    const extent = extents.get(part)!;
    depth = Math.max(depth, extent.depth);
    nodes += extent.nodes;
  }
  return { depth: depth + 1, nodes };
}

function read(value: unknown, path: string, level: number): DpEvent {
  const record = requireRecord(value, path, 'an event, such as {"type":"gaussian","noiseMultiplier":1.1}');
  const known = extents.get(record);
  if (known !== undefined && level + known.depth <= MAX_EVENT_DEPTH) return record as unknown as DpEvent;
  const { type } = record;
  if (typeof type !== 'string') {
    throw invalidArgument(`${path}.type`, `one of ${DP_EVENT_TYPES.join(', ')}`, type);
  }
  if (!Object.hasOwn(SCHEMA, type)) {
    const guess = didYouMean(type, DP_EVENT_TYPES);
    throw new DpError(
      'DP_UNSUPPORTED_EVENT',
      `${path}.type ${describeValue(type).replace('the string ', '')} is not a known event type (${DP_EVENT_TYPES.join(', ')}).${
        guess === undefined ? '' : ` Did you mean "${guess}"?`
      }`,
    );
  }
  return buildEvent(type as DpEventType, record, path, level);
}

/**
 * Reads an event from parsed JSON, validating every field; the result is deeply frozen and independent of the
 * input. An event that a factory or `parseEvent` built is returned as it is.
 *
 * Errors name the path, e.g. `event.events[2].noiseMultiplier`: DP_INVALID_ARGUMENT for a value out of range
 * and for an unknown field (ignoring one could change the bound), DP_UNSUPPORTED_EVENT for an unknown type.
 *
 * @example
 * const event = parseEvent(JSON.parse('{"type":"gaussian","noiseMultiplier":1.1}'));
 */
export function parseEvent(json: unknown, path = 'event'): DpEvent {
  return read(json, path, 0);
}

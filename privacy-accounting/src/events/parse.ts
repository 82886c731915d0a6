import { describeValue, didYouMean, invalidArgument, requireRecord } from '../arguments.js';
import { DpError } from '../errors.js';
import type { DpEvent, DpEventType } from './dp-event.js';
import { CLAIM_READERS } from './readers/claim-readers.js';
import { COMPOSITION_READERS } from './readers/composition-readers.js';
import { CORRELATED_NOISE_READERS } from './readers/correlated-noise-readers.js';
import type { EventReader, EventReaders } from './readers/fields.js';
import { NOISE_READERS } from './readers/noise-readers.js';
import { SAMPLING_READERS } from './readers/sampling-readers.js';

/** Trees deeper than this are refused, so that no input can exhaust the stack. */
export const MAX_EVENT_DEPTH = 100;

/** Trees with more nodes than this are refused: shared subtrees would make a small object endless to read. */
const MAX_EVENT_NODES = 4_000_000;

/** The version of the events' JSON: a field's meaning never changes within it. See {@link EventDocument}. */
export const EVENT_SCHEMA = 'dp-event/1';

/**
 * An event with the version of its schema, for what is kept or handed on: whoever reads it knows what its fields mean,
 * and refuses what it is too old for. {@link parseEvent} takes it wherever it takes a bare event.
 */
export interface EventDocument {
  readonly schema: typeof EVENT_SCHEMA;
  readonly event: DpEvent;
}

interface Extent {
  readonly depth: number;
  readonly nodes: number;
}

/** Extent of every event built here. Membership is the proof that an object was validated and frozen. */
const extents = new WeakMap<object, Extent>();

/** One entry for each type: the fields it has, and how they are checked. Factories and parser share it. */
const SCHEMA: EventReaders<DpEventType> = {
  ...COMPOSITION_READERS,
  ...NOISE_READERS,
  ...SAMPLING_READERS,
  ...CORRELATED_NOISE_READERS,
  ...CLAIM_READERS,
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
  const known: readonly string[] = SCHEMA[type].fields;
  const reader: EventReader<DpEvent>['read'] = SCHEMA[type].read;
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
  const child = (value: unknown, name: string) => read(value, `${path}.${name}`, level + 1);
  const event = Object.freeze(reader(record, { path, child }));
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

/** The event of a document, whose schema must be the one that is known here; anything else is a bare event. */
function unwrap(json: unknown, path: string): { readonly event: unknown; readonly path: string } {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, 'schema'))
    return { event: json, path };
  const document = json as Readonly<Record<string, unknown>>;
  if (document.schema !== EVENT_SCHEMA) {
    throw new DpError(
      'DP_UNSUPPORTED_EVENT',
      `${path}.schema must be "${EVENT_SCHEMA}", got ${describeValue(document.schema)}. Fields may mean something else there: read it with the version that wrote it.`,
    );
  }
  for (const key of Object.keys(document)) {
    if (key === 'schema' || key === 'event') continue;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${path}.${key} is not a field of a ${EVENT_SCHEMA} document (schema, event). Put it inside the event, or remove it.`,
    );
  }
  return { event: document.event, path: `${path}.event` };
}

/**
 * Reads an event from parsed JSON, validating every field; the result is deeply frozen and independent of the
 * input. An event that a factory or `parseEvent` built is returned as it is. A bare event and an {@link EventDocument}
 * are both taken.
 *
 * Errors name the path, e.g. `event.events[2].noiseMultiplier`: DP_INVALID_ARGUMENT for a value out of range
 * and for an unknown field (ignoring one could change the bound), DP_UNSUPPORTED_EVENT for an unknown type or schema.
 *
 * @example
 * const event = parseEvent(JSON.parse('{"type":"gaussian","noiseMultiplier":1.1}'));
 */
export function parseEvent(json: unknown, path = 'event'): DpEvent {
  const unwrapped = unwrap(json, path);
  return read(unwrapped.event, unwrapped.path, 0);
}

/**
 * `event` with the version of its schema, for JSON.stringify. `parseEvent` of it is the event again.
 *
 * @example
 * JSON.stringify(eventDocument(gaussian({ noiseMultiplier: 2 })));
 * // {"schema":"dp-event/1","event":{"type":"gaussian","noiseMultiplier":2}}
 */
export function eventDocument(event: DpEvent): EventDocument {
  return Object.freeze({ schema: EVENT_SCHEMA, event: parseEvent(event) });
}

import { invalidArgument, requireCount } from '../../arguments.js';
import { DpError } from '../../errors.js';
import type { JsonValue } from '../dp-event.js';
import { type EventReaders, FieldReader, MAX_LIST_LENGTH } from './fields.js';

/** `original` records deeper or larger than this are refused. */
const MAX_JSON_DEPTH = 100;

/** Readers of what releases nothing, anything, or several things. */
export const COMPOSITION_READERS: EventReaders<
  'noOp' | 'nonPrivate' | 'unsupported' | 'composed' | 'selfComposed'
> = {
  noOp: { fields: [], read: () => ({ type: 'noOp' }) },
  nonPrivate: {
    fields: ['reason'],
    read: (fields, context) => {
      if (fields.reason === undefined) return { type: 'nonPrivate' };
      return { type: 'nonPrivate', reason: new FieldReader(fields, context).string('reason') };
    },
  },
  unsupported: {
    fields: ['reason', 'original'],
    read: (fields, context) => {
      const reason = new FieldReader(fields, context).string('reason');
      if (fields.original === undefined) return { type: 'unsupported', reason };
      const original = copyJson(fields.original, `${context.path}.original`, 0, { left: MAX_LIST_LENGTH });
      return { type: 'unsupported', reason, original };
    },
  },
  composed: {
    fields: ['events'],
    read: ({ events }, { path, child }) => {
      if (!Array.isArray(events)) throw invalidArgument(`${path}.events`, 'an array of events', events);
      // Array.from, not map: map would skip the holes of a sparse array, and a skipped event is an understated ε.
      const parts = Array.from(events, (event, i) => child(event, `events[${i}]`));
      return { type: 'composed', events: Object.freeze(parts) };
    },
  },
  selfComposed: {
    fields: ['count', 'event'],
    read: ({ count, event }, { path, child }) => ({
      type: 'selfComposed',
      count: requireCount(count, `${path}.count`) + 0,
      event: child(event, 'event'),
    }),
  },
};

/** A deeply frozen copy of a value that JSON can hold; anything else is refused, for it would not come back. */
function copyJson(value: unknown, path: string, depth: number, budget: { left: number }): JsonValue {
  if (depth > MAX_JSON_DEPTH || budget.left-- <= 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${path} is nested deeper than ${MAX_JSON_DEPTH} levels or has more than ${MAX_LIST_LENGTH} values. Keep a summary of it.`,
    );
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
  if (Array.isArray(value)) {
    return Object.freeze(Array.from(value, (item, i) => copyJson(item, `${path}[${i}]`, depth + 1, budget)));
  }
  if (typeof value === 'object' && isPlain(value)) {
    // No prototype's setter is triggered by entries: a key of __proto__ stays a key.
    return Object.freeze(
      Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          copyJson(item, `${path}.${key}`, depth + 1, budget),
        ]),
      ),
    );
  }
  throw invalidArgument(
    path,
    'a value of JSON (a finite number, string, boolean, null, list or object)',
    value,
  );
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

import { DpError, type DpEvent, parseEvent } from 'privacy-accounting';
import { readJsonText } from './event-input.js';
import { badInput } from './failure.js';
import type { Terminal } from './terminal.js';

/** What stands in a file for the number that is to be found. */
const UNKNOWN = '?';
/** Deeper than any event that the parser admits. */
const MOST_LEVELS = 1000;

/** An event in which a number may be left open. */
export interface EventTemplate {
  readonly isOpen: boolean;
  readonly make: (value: number) => DpEvent;
}

/**
 * Reads an event as JSON in which the string "?" stands wherever the unknown does, such as
 * `{"type":"laplace","parameter":"?"}`.
 */
export async function readTemplate(source: string, terminal: Terminal): Promise<EventTemplate> {
  const { name, json } = await readJsonText(
    source,
    terminal,
    'an event as JSON with "?" for what is to be found, such as {"type":"laplace","parameter":"?"}',
  );
  const isOpen = filled(json, 0, 0) !== json;
  const make = (value: number) => {
    try {
      return parseEvent(filled(json, value, 0));
    } catch (cause) {
      if (!(cause instanceof DpError)) throw cause;
      if (!isOpen) throw new DpError(cause.code, `${name}: ${cause.message}`, { cause });
      const fault = `${name}, with ${value} for "?": ${cause.message} Does --solve name what the "?" is?`;
      throw new DpError(cause.code, fault, { cause });
    }
  };
  return { isOpen, make };
}

/** The same JSON with every "?" exchanged: itself where there is none. */
function filled(json: unknown, value: number, level: number): unknown {
  if (json === UNKNOWN) return value;
  if (typeof json !== 'object' || json === null) return json;
  if (level > MOST_LEVELS) throw badInput(`the event is nested more than ${MOST_LEVELS} levels deep.`);
  const inner = Object.entries(json).map(([key, part]) => [key, filled(part, value, level + 1)] as const);
  if (inner.every(([key, part]) => part === (json as Readonly<Record<string, unknown>>)[key])) return json;
  return Array.isArray(json) ? inner.map(([, part]) => part) : Object.fromEntries(inner);
}

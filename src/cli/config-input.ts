import { NEIGHBORING_RELATIONS } from 'privacy-accounting';
import { readJsonText } from './event-input.js';
import { badInput } from './failure.js';
import { FIELDS, type FieldName, fieldOf, type Given, readNumber, refused } from './fields.js';
import { ACCOUNTANT_CHOICES, SAMPLERS } from './options.js';
import type { Terminal } from './terminal.js';

/** The schema that a file of flags may state. */
export const CONFIG_SCHEMA = 'tfjs-privacy/plan/1';

const WORDS: Readonly<Record<string, readonly string[]>> = {
  sampler: SAMPLERS,
  relation: NEIGHBORING_RELATIONS,
  accountant: ACCOUNTANT_CHOICES,
};

/** Fields of a file, and where each stands, for messages. */
export interface ConfigFields {
  readonly fields: Readonly<Record<string, Given | readonly Given[] | string>>;
  readonly where: Readonly<Record<string, string>>;
}

/**
 * Reads a plan from JSON: an object with the names of the flags in camelCase, numbers as numbers, expressions as
 * strings; `delta` and `epsilon` may be lists. `lists` are the fields that take one; `known` those that the command has.
 */
export async function readConfig(
  source: string,
  terminal: Terminal,
  { known, lists = [] }: { readonly known: readonly FieldName[]; readonly lists?: readonly FieldName[] },
): Promise<ConfigFields> {
  const { name, json } = await readJsonText(
    source,
    terminal,
    'a plan as JSON, such as {"datasetSize": 60000}',
  );
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw badInput(`${name}: a plan must be an object, such as {"datasetSize": 60000, "delta": "1/n^1.1"}.`);
  }
  const fields: Record<string, Given | readonly Given[] | string> = {};
  const where: Record<string, string> = {};
  for (const [key, value] of Object.entries(json)) {
    const place = `${name}: ${shortened(key)}`;
    if (key === 'schema') {
      if (value === CONFIG_SCHEMA) continue;
      throw badInput(`${place} must be ${JSON.stringify(CONFIG_SCHEMA)}.`);
    }
    if (Object.hasOwn(WORDS, key)) {
      if (!WORDS[key]!.includes(value as string)) {
        throw badInput(
          `${place} must be one of ${WORDS[key]!.join(', ')}, got ${shortened(JSON.stringify(value))}.`,
        );
      }
      fields[key] = value as string;
      continue;
    }
    const field = known.find((candidate) => candidate === key);
    if (field === undefined) {
      const hint = Object.hasOwn(FIELDS, key) ? 'is not a field of this command' : 'is not a field of a plan';
      throw badInput(`${place} ${hint} (${[...known, ...Object.keys(WORDS)].join(', ')}).`);
    }
    if (Array.isArray(value) && value.length === 0) {
      throw refused(field, place, '[]', 'a list needs at least one value');
    }
    const read = (one: unknown, at: string) => readValue(field, one, at);
    fields[field] =
      lists.includes(field) && Array.isArray(value)
        ? value.map((one, i) => read(one, `${place}[${i}]`))
        : lists.includes(field)
          ? [read(value, place)]
          : read(value, place);
    where[field] = place;
  }
  return { fields, where };
}

function readValue(field: FieldName, value: unknown, place: string): Given {
  if (typeof value === 'string') return readNumber(field, value, place);
  if (typeof value === 'number' && Number.isFinite(value) && fieldOf(field).accepts(value)) return value;
  const shown = typeof value === 'number' ? value : shortened(JSON.stringify(value));
  throw refused(
    field,
    place,
    shown,
    typeof value === 'number' ? '' : 'a number, or an expression as a string',
  );
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

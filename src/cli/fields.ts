import { Option } from 'commander';
import { EXPRESSION_FUNCTIONS } from './expression.js';
import { badInput } from './failure.js';

/** A number that is asked of the user, on the command line or in a file. */
export interface Field {
  /** How the flag's help calls the value. */
  readonly placeholder: string;
  readonly description: string;
  /** What is accepted, in words and as a test. */
  readonly expected: string;
  readonly accepts: (value: number) => boolean;
  readonly remedy?: string;
  /** Its short name in expressions; its own name is one too. */
  readonly symbol?: string;
  /** The value of an expression is rounded up to a whole number: more of it never states too little loss. */
  readonly roundsUp?: true;
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;
const COUNT = { expected: 'a whole number, 1 or larger', accepts: isCount };
const POSITIVE = { expected: 'a number above 0', accepts: (value: number) => value > 0 };
const OPEN_UNIT = {
  expected: 'a number strictly between 0 and 1',
  accepts: (value: number) => value > 0 && value < 1,
};

/** Every numeric field, by its name in code, in files and (in kebab-case) as a flag. */
export const FIELDS = {
  datasetSize: {
    placeholder: 'n',
    description: 'number of training examples; public',
    symbol: 'n',
    ...COUNT,
  },
  batchSize: {
    placeholder: 'b',
    description: 'examples in a batch; with Poisson sampling, on average',
    symbol: 'batch',
    ...COUNT,
  },
  samplingProbability: {
    placeholder: 'q',
    description: 'batch size / data-set size, instead of --batch-size',
    symbol: 'q',
    expected: 'a number above 0, at most 1',
    accepts: (value) => value > 0 && value <= 1,
  },
  epochs: {
    placeholder: 'e',
    description: 'passes over the data; or give --steps',
    symbol: 'epochs',
    ...POSITIVE,
  },
  steps: {
    placeholder: 't',
    description: 'optimizer steps; or give --epochs',
    symbol: 'steps',
    roundsUp: true,
    ...COUNT,
  },
  noiseMultiplier: {
    placeholder: 'σ',
    description: 'standard deviation of the noise / clipping norm',
    symbol: 'sigma',
    expected: 'a number, 0 (no noise, not private) or larger',
    accepts: (value) => value >= 0,
  },
  delta: {
    placeholder: 'δ',
    description: 'δ of the guarantee, below 1 / dataset size',
    symbol: 'delta',
    remedy: 'A usual choice is below 1 / (number of examples).',
    ...OPEN_UNIT,
  },
  epsilon: {
    placeholder: 'ε',
    description: 'asks for the δ at this ε',
    symbol: 'epsilon',
    expected: 'a number, 0 or larger',
    accepts: (value) => value >= 0,
  },
  targetEpsilon: { placeholder: 'ε', description: 'the largest ε that is acceptable', ...POSITIVE },
  budgetEpsilon: {
    placeholder: 'ε',
    description: 'the ε that may be spent: exit code 3 if it is exceeded',
    ...POSITIVE,
  },
  groupSize: {
    placeholder: 'k',
    description: 'protect users of up to k examples each, not single examples',
    symbol: 'k',
    ...COUNT,
  },
  prior: {
    placeholder: 'p',
    description: 'with --ceilings: how sure an attacker was beforehand (default: 0.01)',
    ...OPEN_UNIT,
  },
  exception: {
    placeholder: 'p',
    description: 'with --ceilings: how rarely the posterior may be exceeded (default: 0.001)',
    ...OPEN_UNIT,
  },
  baseline: {
    placeholder: 'κ',
    description: 'with --ceilings: how likely a record, or an attribute, is guessed without the result',
    ...OPEN_UNIT,
  },
  poisoned: {
    placeholder: 'k',
    description: 'with --ceilings: what so many poisoned records can change',
    ...COUNT,
  },
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof FIELDS;

const TABLE: Readonly<Record<FieldName, Field>> = FIELDS;

/** The field itself, with what it may leave out. */
export function fieldOf(name: FieldName): Field {
  return TABLE[name];
}

/** Each name that expressions may use, with the field that it stands for. */
export const FIELD_OF_NAME: ReadonlyMap<string, FieldName> = new Map(
  (Object.keys(FIELDS) as FieldName[]).flatMap((name) => {
    const { symbol } = TABLE[name];
    return symbol === undefined
      ? []
      : symbol === name
        ? [[name, name]]
        : [
            [symbol, name],
            [name, name],
          ];
  }) as [string, FieldName][],
);

/** A value that has to be computed from others. */
export class Pending {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A number as it was given: plain, or as an expression. */
export type Given = number | Pending;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Reads a decimal number exactly as written: no units, no prefixes, nothing that a double would turn into ∞ or 0. What is
 * no number is left for later, as an expression. `where` is the flag, or the place in a file, for messages.
 */
export function readNumber(name: FieldName, text: string, where = flagOf(name)): Given {
  if (!DECIMAL.test(text)) return new Pending(text);
  const value = Number(text);
  const vanished = value === 0 && /[1-9]/.test(text.split(/e/i)[0]!);
  if (Number.isFinite(value) && !vanished && fieldOf(name).accepts(value)) return value;
  const why = vanished
    ? 'it is too small a number'
    : Number.isFinite(value)
      ? ''
      : 'it is too large a number';
  throw refused(name, where, text, why);
}

/** Numbers separated by commas. Commas between parentheses belong to functions. */
export function readNumbers(name: FieldName, text: string): readonly Given[] {
  return topLevelParts(text).map((part) => readNumber(name, part));
}

function topLevelParts(text: string): readonly string[] {
  const parts = [''];
  let level = 0;
  for (const character of text) {
    if (character === '(') level++;
    if (character === ')') level--;
    if (character === ',' && level === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** What a field must be, and what came instead. */
export function refused(name: FieldName, where: string, got: unknown, why = ''): Error {
  const { expected, remedy } = fieldOf(name);
  const text = typeof got === 'string' && got.length > 40 ? `${got.slice(0, 40)}…` : got;
  const reason = why === '' ? '' : `: ${why}`;
  return badInput(
    `${where} must be ${expected}, got ${JSON.stringify(text)}${reason}.${remedy === undefined ? '' : ` ${remedy}`}`,
  );
}

/** The option of a field. With `list`, several values: separated by commas, or the flag given again. */
export function fieldOption(
  name: FieldName,
  { list = false, description = fieldOf(name).description } = {},
): Option {
  const option = new Option(`${flagOf(name)} <${fieldOf(name).placeholder}>`, description);
  return list
    ? option.argParser((text, earlier: readonly Given[] | undefined) => [
        ...(earlier ?? []),
        ...readNumbers(name, text),
      ])
    : option.argParser((text) => readNumber(name, text));
}

/** datasetSize → `--dataset-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const SYMBOLS = Object.values(TABLE).flatMap(({ symbol }) => symbol ?? []);

/** What expressions are, for the help. */
export const EXPRESSION_HELP = `
Numbers may be arithmetic over the plan's names, in quotes:
  --delta '1/n^1.1' --steps 'epochs*n/batch'
Names: ${SYMBOLS.join(', ')}.
Functions: ${EXPRESSION_FUNCTIONS.join(', ')}.`;

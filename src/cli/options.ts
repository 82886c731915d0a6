import { type Command, Option } from 'commander';
import {
  ACCOUNTANT_NAMES,
  type AccountantChoice,
  NEIGHBORING_RELATIONS,
  type NeighboringRelation,
} from 'privacy-accounting';
import { badInput } from './failure.js';

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** What a numeric flag accepts, and how that is said. */
interface NumberSpec {
  readonly flag: string;
  readonly expected: string;
  readonly accepts: (value: number) => boolean;
  readonly remedy?: string;
}

/** Reads a decimal number exactly as written: no units, no prefixes, nothing that a double would turn into ∞ or 0. */
export function numberParser({ flag, expected, accepts, remedy }: NumberSpec): (text: string) => number {
  return (text) => {
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    const vanished = value === 0 && /[1-9]/.test(text.split(/e/i)[0]!);
    if (Number.isFinite(value) && !vanished && accepts(value)) return value;
    const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
    throw badInput(`${flag} must be ${expected}, got ${shown}.${remedy === undefined ? '' : ` ${remedy}`}`);
  };
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;

function number(flags: string, description: string, spec: Omit<NumberSpec, 'flag'>): Option {
  const option = new Option(flags, description);
  return option.argParser(numberParser({ ...spec, flag: `--${option.name()}` }));
}

/** Flags that describe how a model is trained. */
export interface PlanFlags {
  readonly datasetSize?: number;
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly sampler?: 'poisson' | 'shuffle';
}

/** Flags that say what is asked about it. */
export interface QuestionFlags {
  readonly delta?: number;
  readonly relation?: NeighboringRelation;
  readonly accountant?: AccountantChoice;
  readonly json?: boolean;
}

/** How many examples there are, how they are batched, and for how long. */
export function addPlanFlags(command: Command): Command {
  const count = { expected: 'a whole number, 1 or larger', accepts: isCount };
  return command
    .addOption(number('--dataset-size <n>', 'number of training examples; public', count))
    .addOption(number('--batch-size <b>', 'examples in a batch; with Poisson sampling, on average', count))
    .addOption(
      number('--epochs <e>', 'passes over the data; or give --steps', {
        expected: 'a number above 0',
        accepts: (value) => value > 0,
      }),
    )
    .addOption(number('--steps <t>', 'optimizer steps; or give --epochs', count))
    .addOption(
      new Option('--sampler <name>', 'how batches are drawn (default: poisson)').choices([
        'poisson',
        'shuffle',
      ]),
    );
}

/** δ, relation, accountant and the form of the answer. */
export function addQuestionFlags(command: Command): Command {
  return command
    .addOption(
      number('--delta <δ>', 'δ of the guarantee, below 1 / dataset size', {
        expected: 'a number strictly between 0 and 1',
        accepts: (value) => value > 0 && value < 1,
        remedy: 'A usual choice is below 1 / (number of examples).',
      }),
    )
    .addOption(
      new Option(
        '--relation <name>',
        'neighbouring relation (default: add-or-remove-one for Poisson sampling, replace-special for shuffling)',
      ).choices(NEIGHBORING_RELATIONS),
    )
    .addOption(
      new Option(
        '--accountant <name>',
        'which accountant bounds ε (default: best, the smallest bound)',
      ).choices([...ACCOUNTANT_NAMES, 'best']),
    )
    .addOption(new Option('--json', 'print one JSON object'));
}

/** σ of a run. */
export function noiseMultiplierOption(): Option {
  return number('--noise-multiplier <σ>', 'standard deviation of the noise / clipping norm', {
    expected: 'a number, 0 (no noise, not private) or larger',
    accepts: (value) => value >= 0,
  });
}

/** ε to be reached. */
export function targetEpsilonOption(): Option {
  return number('--target-epsilon <ε>', 'the largest ε that is acceptable', {
    expected: 'a number above 0',
    accepts: (value) => value > 0,
  });
}

/** The value of a flag that a command can't do without; names all that are missing at once. */
export function requireFlags<K extends string, V extends object>(
  flags: V & { readonly [P in K]?: unknown },
  names: readonly K[],
  example: string,
): asserts flags is V & { readonly [P in K]: NonNullable<unknown> } {
  const missing = names.filter((name) => flags[name] === undefined).map(flagOf);
  if (missing.length > 0) throw badInput(`missing ${missing.join(', ')}. For example: ${example}`);
}

/** datasetSize → `--dataset-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

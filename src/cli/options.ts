import { type Command, Option } from 'commander';
import {
  ACCOUNTANT_NAMES,
  type AccountantChoice,
  type AccountantName,
  NEIGHBORING_RELATIONS,
  type NeighboringRelation,
} from 'privacy-accounting';
import { badInput } from './failure.js';
import { type FieldName, fieldOption, flagOf } from './fields.js';

export { flagOf } from './fields.js';

/** How batches are drawn, by the name of a flag. */
export const SAMPLERS = ['poisson', 'shuffle'] as const;

/** Every accountant that can be asked for. */
export const ACCOUNTANT_CHOICES: readonly AccountantChoice[] = [...ACCOUNTANT_NAMES, 'best'];

/** What calibration can find, by the name of its flag. */
export const SOLVABLE_NAMES = [
  'noise-multiplier',
  'steps',
  'epochs',
  'batch-size',
  'sampling-probability',
  'dataset-size',
  'epsilon',
  'delta',
] as const;
export type SolvableName = (typeof SOLVABLE_NAMES)[number];

/** Flags that describe how a model is trained. */
export interface PlanFlags<N = number> {
  readonly datasetSize?: N;
  readonly batchSize?: N;
  readonly samplingProbability?: N;
  readonly epochs?: N;
  readonly steps?: N;
  readonly noiseMultiplier?: N;
  readonly sampler?: (typeof SAMPLERS)[number];
}

/** Flags that say what is asked about it. */
export interface QuestionFlags<N = number> {
  readonly relation?: NeighboringRelation;
  readonly accountant?: AccountantChoice;
  readonly groupSize?: N;
  readonly ceilings?: boolean;
  readonly prior?: N;
  readonly exception?: N;
  readonly baseline?: N;
  readonly poisoned?: N;
  readonly compare?: readonly AccountantName[];
  /** A file for the plots, or true for the terminal. */
  readonly plot?: string | true;
  /** A file that holds flags. */
  readonly config?: string;
  readonly json?: boolean;
}

/** How many examples there are, how they are batched, and for how long. */
export function addPlanFlags(command: Command): Command {
  for (const name of ['datasetSize', 'batchSize', 'samplingProbability', 'epochs', 'steps'] as const) {
    command.addOption(fieldOption(name));
  }
  return command
    .addOption(
      new Option('--sampler <name>', 'how batches are drawn (default: poisson)').choices([...SAMPLERS]),
    )
    .addOption(fieldOption('noiseMultiplier'))
    .addOption(
      new Option(
        '--config <file>',
        'a JSON file with any of these numbers and names; - reads standard input',
      ),
    );
}

/** Relation, accountant, unit, and the form of the answer. */
export function addQuestionFlags(command: Command): Command {
  return command
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
      ).choices(ACCOUNTANT_CHOICES),
    )
    .addOption(fieldOption('groupSize'))
    .addOption(
      new Option('--ceilings', 'also what no attacker can exceed: true positives, advantage, posterior'),
    )
    .addOption(fieldOption('prior'))
    .addOption(fieldOption('exception'))
    .addOption(fieldOption('baseline'))
    .addOption(fieldOption('poisoned'))
    .addOption(compareOption())
    .addOption(
      new Option(
        '--plot [file]',
        'draw ε by steps, δ by ε and the trade-off: here, or into an .svg file',
      ).argParser(plotTarget),
    )
    .addOption(new Option('--json', 'print one JSON object'));
}

function plotTarget(file: string): string {
  if (file.endsWith('.svg')) return file;
  throw badInput(
    `--plot must name an .svg file, or stand alone for a plot here, got ${JSON.stringify(file)}.`,
  );
}

/** An event says how it was sampled, for how long and with what noise: a flag that says it again is refused. */
export function refusePlan(flags: PlanFlags): void {
  const { batchSize, samplingProbability, epochs, steps, sampler, noiseMultiplier } = flags;
  const told = Object.entries({ batchSize, samplingProbability, epochs, steps, sampler, noiseMultiplier })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => flagOf(name));
  if (told.length > 0) {
    throw badInput(
      `--event already says what ${told.join(', ')} would: give the event or the plan, not both.`,
    );
  }
}

/** Numbers that only --ceilings reads. */
export const CEILING_FIELDS = ['prior', 'exception', 'baseline', 'poisoned'] as const;

/** A number that nobody would read is a mistake. */
export function requireCeilings(flags: QuestionFlags): void {
  const stray = CEILING_FIELDS.find((name) => flags[name] !== undefined);
  if (!flags.ceilings && stray !== undefined) {
    throw badInput(`${flagOf(stray)} belongs to --ceilings: give both, or neither.`);
  }
}

/** Several accountants to be set side by side: `all`, or names separated by commas. */
function compareOption(): Option {
  return new Option(
    '--compare <names>',
    `these accountants side by side, with the reason to trust each: all, or names of ${ACCOUNTANT_NAMES.join(', ')}`,
  ).argParser((text): readonly AccountantName[] => {
    if (text === 'all') return ACCOUNTANT_NAMES;
    const names = text.split(',');
    const known = names.flatMap((name) => ACCOUNTANT_NAMES.find((candidate) => candidate === name) ?? []);
    if (known.length === names.length) return [...new Set(known)];
    const stranger = names.find((name) => !ACCOUNTANT_NAMES.some((candidate) => candidate === name));
    throw badInput(
      `--compare names accountants separated by commas, or all; ${JSON.stringify(stranger!.slice(0, 40))} is none of ` +
        `${ACCOUNTANT_NAMES.join(', ')}.`,
    );
  });
}

/** The value of a flag that a command can't do without; names all that are missing at once. */
export function requireFlags<K extends FieldName, V extends object>(
  flags: V & { readonly [P in K]?: unknown },
  names: readonly K[],
  example: string,
): asserts flags is V & { readonly [P in K]: NonNullable<unknown> } {
  const missing = names.filter((name) => flags[name] === undefined).map(flagOf);
  if (missing.length > 0) throw badInput(`missing ${missing.join(', ')}. For example: ${example}`);
}

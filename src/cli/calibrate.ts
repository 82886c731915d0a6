import { type Calibration, calibrate, DpError } from 'privacy-accounting';
import {
  type Answer,
  answerJson,
  boundText,
  grouped,
  printAnswer,
  roundedDown,
  roundedUp,
} from './answer.js';
import type { EventTemplate } from './event-template.js';
import { extrasJson, extrasOf, outcome } from './extras.js';
import { badInput } from './failure.js';
import { type FieldName, flagOf, type Given } from './fields.js';
import {
  CEILING_FIELDS,
  type PlanFlags,
  type QuestionFlags,
  refusePlan,
  requireCeilings,
  requireFlags,
  type SolvableName,
} from './options.js';
import { batchFields, defaultRelation, eventOf, planFrom, samplerRelation } from './plan.js';
import { readRequest } from './request.js';
import { printJson, type Terminal } from './terminal.js';

/** The schema of what `calibrate --json` prints. */
export const CALIBRATE_SCHEMA = 'tfjs-privacy/calibrate/1';

/** What can be solved for, by the name of a flag, and what the library calls it. */
export const SOLVABLE = {
  'noise-multiplier': ['noiseMultiplier', 'noiseMultiplier'],
  steps: ['steps', 'steps'],
  epochs: ['epochs', 'epochs'],
  'batch-size': ['batchSize', 'expectedBatchSize'],
  'sampling-probability': ['samplingProbability', 'samplingProbability'],
  'dataset-size': ['datasetSize', 'datasetSize'],
  epsilon: ['epsilon', 'epsilon'],
  delta: ['delta', 'delta'],
} as const satisfies Readonly<Record<SolvableName, readonly [FieldName, string]>>;

/** Flags of `calibrate`. */
export interface CalibrateFlags<N = Given> extends PlanFlags<N>, QuestionFlags<N> {
  readonly solve?: SolvableName;
  readonly event?: string;
  readonly targetEpsilon?: N;
  readonly delta?: N;
}

const KNOWN: readonly FieldName[] = [
  ...(['datasetSize', 'batchSize', 'samplingProbability', 'epochs', 'steps', 'noiseMultiplier'] as const),
  ...(['targetEpsilon', 'delta', 'groupSize', ...CEILING_FIELDS] as const),
];

const EXAMPLE =
  'tfjs-privacy calibrate --target-epsilon 3 --delta 1e-5 --dataset-size 60000 --batch-size 1024 --epochs 15';

/** Prints the one number of a plan that was left open, so that the plan stays within a target. */
export async function runCalibrate(given: CalibrateFlags, terminal: Terminal): Promise<number> {
  const solve = given.solve ?? 'noise-multiplier';
  const [unknown, find] = SOLVABLE[solve];
  const request = await readRequest<CalibrateFlags>(given, terminal, { known: KNOWN, unknown });
  const flags = request.flags as CalibrateFlags<number>;
  requireCeilings(flags);
  const template = flags.event === undefined ? undefined : await templateOf(flags.event, terminal);
  if (template === undefined) checkFields(flags, unknown);
  else checkTemplate(flags, unknown, template);
  const found = await solved(flags, unknown, find, template);
  const { value, bound, event } = found;
  const final =
    template === undefined || unknown === 'noiseMultiplier' ? { ...flags, [unknown]: value } : flags;
  const plan = template === undefined ? planFrom(final, request.formulas) : undefined;
  const { noiseMultiplier } = final;
  const answer: Answer = {
    bound,
    asked: unknown === 'delta' ? 'delta' : 'epsilon',
    event,
    ...(plan === undefined ? {} : { plan }),
    ...(final.datasetSize === undefined ? {} : { datasetSize: final.datasetSize }),
    ...(plan === undefined ? {} : { noiseMultiplier: noiseMultiplier! }),
    formulas: request.formulas,
  };
  const extras = await extrasOf(answer, flags, { ...questionOf(flags), relation: bound.relation });
  if (flags.json) {
    const { targetEpsilon = null } = flags;
    printJson(
      {
        schema: CALIBRATE_SCHEMA,
        noiseMultiplier: noiseMultiplier ?? null,
        targetEpsilon,
        solved: { name: solve, value, tolerance: found.tolerance, misses: found.misses ?? null },
        ...answerJson(answer),
        ...extrasJson(extras),
      },
      terminal,
    );
  } else {
    printAnswer(answer, lead(solve, value, answer), terminal);
    for (const { print } of extras) print?.(terminal);
  }
  return outcome(extras, terminal);
}

function lead(solve: SolvableName, value: number, answer: Answer): string {
  if (solve === 'epsilon' || solve === 'delta') return boundText(answer);
  return `${solve.replace('-', ' ')} ${shownValue(solve, value)} gives ${boundText(answer)}`;
}

/** Rounded to the private side: noise up, a sampling probability down. */
function shownValue(solve: SolvableName, value: number): string {
  if (solve === 'noise-multiplier') return roundedUp(value, 6);
  return solve === 'sampling-probability' ? roundedDown(value, 6) : grouped(value);
}

/** What is found, and what would say it already. */
const EXCLUSIVE = [
  ['steps', 'epochs'],
  ['epochs', 'steps'],
  ['samplingProbability', 'batchSize'],
  ['batchSize', 'samplingProbability'],
] as const;

/** Everything must be there but the unknown, and what decides the same as the unknown. */
function checkFields(flags: CalibrateFlags<number>, unknown: FieldName): void {
  const told = unknown === 'epsilon' ? 'targetEpsilon' : unknown;
  const given = (flags as Readonly<Record<string, unknown>>)[told];
  if (given !== undefined) {
    throw badInput(`${flagOf(told)} is what --solve is to find: leave it out, or solve for something else.`);
  }
  for (const [one, other] of EXCLUSIVE) {
    if (unknown === one && flags[other] !== undefined) {
      throw badInput(
        `${flagOf(other)} decides what ${flagOf(one)} would: leave it out to solve for ${flagOf(one).slice(2)}.`,
      );
    }
  }
  const target = [
    ...(unknown === 'epsilon' ? [] : (['targetEpsilon'] as const)),
    ...(unknown === 'delta' ? [] : (['delta'] as const)),
  ];
  const sizes = unknown === 'samplingProbability' ? [] : batchFields(flags);
  const needed = [...target, ...sizes, 'noiseMultiplier' as const].filter((name) => name !== unknown);
  requireFlags(flags, needed, exampleOf(unknown));
  if (flags.sampler === 'shuffle' && ['batchSize', 'samplingProbability', 'datasetSize'].includes(unknown)) {
    throw badInput(
      `--solve ${flagOf(unknown).slice(2)} asks for Poisson samples: of shuffled batches only the passes count. ` +
        'Solve for noise-multiplier, epochs or steps, or take --sampler poisson.',
    );
  }
}

async function templateOf(source: string, terminal: Terminal): Promise<EventTemplate> {
  const { readTemplate } = await import('./event-template.js');
  return readTemplate(source, terminal);
}

/** What can be left open in an event: the rest are numbers of a plan. */
const OPEN_IN_EVENT: readonly FieldName[] = ['noiseMultiplier', 'steps', 'samplingProbability'];

/** An event must leave open exactly what is to be found. */
function checkTemplate(flags: CalibrateFlags<number>, unknown: FieldName, { isOpen }: EventTemplate): void {
  const isFigure = unknown === 'epsilon' || unknown === 'delta';
  if (!isFigure && !OPEN_IN_EVENT.includes(unknown)) {
    throw badInput(
      `--solve ${flagOf(unknown).slice(2)} is of a plan. Of an event, solve for noise-multiplier (the least scale of ` +
        'noise), steps (the largest count), sampling-probability (the largest), epsilon or delta.',
    );
  }
  refusePlan(flags);
  if (isFigure && flags[unknown === 'epsilon' ? 'targetEpsilon' : 'delta'] !== undefined) {
    const told = unknown === 'epsilon' ? '--target-epsilon' : '--delta';
    throw badInput(`${told} is what --solve is to find: leave it out, or solve for something else.`);
  }
  if (isOpen === isFigure) {
    throw badInput(
      isFigure
        ? `--event holds a "?", and --solve ${unknown} asks what is complete: write a number there.`
        : '--event holds no "?": write it where the number to find stands, such as {"type":"laplace","parameter":"?"}.',
    );
  }
  const target = [
    ...(unknown === 'epsilon' ? [] : (['targetEpsilon'] as const)),
    ...(unknown === 'delta' ? [] : (['delta'] as const)),
  ];
  requireFlags(flags, target, 'tfjs-privacy calibrate --event event.json --target-epsilon 1 --delta 1e-6');
}

/** A value that the unknown may have. */
function probeOf(unknown: FieldName): number {
  return unknown === 'samplingProbability' ? 0.5 : 1;
}

function exampleOf(unknown: FieldName): string {
  if (unknown === 'noiseMultiplier') return EXAMPLE;
  const words = EXAMPLE.split(' --');
  const name = unknown === 'epsilon' ? 'target-epsilon' : flagOf(unknown).slice(2);
  const kept = words.filter(
    (word) => !word.startsWith(`${name} `) && !(name === 'steps' && word.startsWith('epochs')),
  );
  return [
    kept[0]!.replace('calibrate', `calibrate --solve ${flagOf(unknown).slice(2)}`),
    ...kept.slice(1),
    'noise-multiplier 1.1',
  ].join(' --');
}

function questionOf(flags: CalibrateFlags<number>) {
  return {
    accountant: flags.accountant ?? ('best' as const),
    ...(flags.groupSize === undefined ? {} : { contributions: flags.groupSize }),
  };
}

async function solved(
  flags: CalibrateFlags<number>,
  unknown: FieldName,
  find: (typeof SOLVABLE)[SolvableName][1],
  template: EventTemplate | undefined,
): Promise<Calibration> {
  const { targetEpsilon: epsilon, delta, sampler } = flags;
  const target = { ...(epsilon === undefined ? {} : { epsilon }), ...(delta === undefined ? {} : { delta }) };
  const makeEvent = (value: number) => {
    if (template !== undefined) return template.make(value);
    const candidate = { ...flags, [unknown]: value };
    return eventOf(planFrom(candidate), candidate.noiseMultiplier!);
  };
  const relation =
    flags.relation ??
    (template === undefined ? samplerRelation(sampler) : defaultRelation(template.make(probeOf(unknown))));
  const asked = { ...questionOf(flags), ...target, relation, find };
  try {
    if (unknown === 'epsilon' || unknown === 'delta') return calibrate({ ...asked, event: makeEvent(0.5) });
    if (template !== undefined || sampler === 'shuffle' || unknown === 'noiseMultiplier')
      return calibrate({ ...asked, makeEvent });
    const { noiseMultiplier, samplingProbability, batchSize, datasetSize, steps, epochs } = flags;
    const plan = {
      noiseMultiplier,
      samplingProbability,
      expectedBatchSize: batchSize,
      datasetSize,
      steps,
      epochs,
    };
    const given = Object.fromEntries(Object.entries(plan).filter(([, value]) => value !== undefined));
    return calibrate({ ...asked, ...given });
  } catch (error) {
    const explained = inFlags(error, unknown, find);
    if (asked.accountant === 'best' || (template === undefined && unknown !== 'noiseMultiplier'))
      throw explained;
    const { withAdvice } = await import('./advice.js');
    throw withAdvice(explained, makeEvent(probeOf(unknown)), { ...asked, relation });
  }
}

/** The library's words for a plan, in those of the command line. */
function inFlags(error: unknown, unknown: FieldName, find: string): unknown {
  if (!(error instanceof DpError) || error.code !== 'DP_INVALID_ARGUMENT') return error;
  const message = error.message
    .replace(/ Check that makeEvent uses its argument, r/, ' R')
    .replace(/, or check that makeEvent uses its argument/, '')
    .replace(/\bepsilon\b/g, '--target-epsilon')
    .replace(/\bdelta\b/g, '--delta')
    .replaceAll(find, flagOf(unknown));
  return new DpError(error.code, message, { cause: error });
}

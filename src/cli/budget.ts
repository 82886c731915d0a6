import { type AccountingOptions, deltaOf, epsilonOf } from 'privacy-accounting';
import {
  type Answer,
  accountantOf,
  answerJson,
  boundJson,
  boundText,
  directionOf,
  printAnswer,
} from './answer.js';
import { columns } from './columns.js';
import { readEvent } from './event-input.js';
import { extrasJson, extrasOf, outcome } from './extras.js';
import { badInput } from './failure.js';
import type { FieldName, Given } from './fields.js';
import {
  CEILING_FIELDS,
  type PlanFlags,
  type QuestionFlags,
  refusePlan,
  requireCeilings,
  requireFlags,
} from './options.js';
import { batchFields, defaultRelation, eventOf, planFrom } from './plan.js';
import { type Request, readRequest } from './request.js';
import { painter, printJson, type Terminal, textWidth } from './terminal.js';

/** The schema of what `budget --json` prints. */
export const BUDGET_SCHEMA = 'tfjs-privacy/budget/1';

/** Flags of `budget`. */
export interface BudgetFlags<N = Given> extends PlanFlags<N>, QuestionFlags<N> {
  readonly event?: string;
  readonly delta?: readonly N[];
  readonly epsilon?: readonly N[];
  readonly budgetEpsilon?: N;
  readonly remaining?: boolean;
}

const KNOWN: readonly FieldName[] = [
  ...(['datasetSize', 'batchSize', 'samplingProbability', 'epochs', 'steps', 'noiseMultiplier'] as const),
  ...(['delta', 'epsilon', 'budgetEpsilon', 'groupSize', ...CEILING_FIELDS] as const),
];

const PLAN_EXAMPLE =
  'tfjs-privacy budget --dataset-size 60000 --batch-size 256 --epochs 60 --noise-multiplier 1.1 --delta 1e-5';
const EVENT_EXAMPLE = 'tfjs-privacy budget --event event.json --delta 1e-5';

/** What was released, however it was told. */
type Subject = Omit<Answer, 'bound' | 'asked'>;

/** Prints what a plan, or a serialised event, costs. */
export async function runBudget(given: BudgetFlags, terminal: Terminal): Promise<number> {
  const request = await readRequest<BudgetFlags>(given, terminal, {
    known: KNOWN,
    lists: ['delta', 'epsilon'],
  });
  const flags = request.flags as BudgetFlags<number>;
  checkTogether(flags);
  const subject = flags.event === undefined ? planned(flags, request) : await serialised(flags, terminal);
  const { event } = subject;
  const options: AccountingOptions = {
    relation: flags.relation ?? defaultRelation(event),
    accountant: flags.accountant ?? 'best',
    ...(flags.groupSize === undefined ? {} : { contributions: flags.groupSize }),
  };
  const answers = await answersTo(subject, flags, options);
  const first = answers[0]!;
  const extras = await extrasOf(first, flags, options);
  if (flags.json) {
    const each = answers.map(({ asked, bound }) => ({ asked, ...boundJson(bound) }));
    printJson(
      { schema: BUDGET_SCHEMA, ...answerJson(first), answers: each, ...extrasJson(extras) },
      terminal,
    );
  } else {
    printAnswer(first, boundText(first), terminal);
    if (answers.length > 1) printAnswers(answers, terminal);
    for (const { print } of extras) print?.(terminal);
  }
  return outcome(extras, terminal);
}

/** Every figure that is asked for. An accountant that was named and refuses says who would not. */
async function answersTo(
  subject: Subject,
  { delta, epsilon }: BudgetFlags<number>,
  options: AccountingOptions,
): Promise<readonly Answer[]> {
  const { event } = subject;
  try {
    return [
      ...(delta ?? []).map(
        (each) => ({ asked: 'epsilon', bound: epsilonOf(event, { ...options, delta: each }) }) as const,
      ),
      ...(epsilon ?? []).map(
        (each) => ({ asked: 'delta', bound: deltaOf(event, { ...options, epsilon: each }) }) as const,
      ),
    ].map((figures): Answer => ({ ...subject, ...figures }));
  } catch (error) {
    if (options.accountant === 'best') throw error;
    const { withAdvice } = await import('./advice.js');
    throw withAdvice(error, event, options);
  }
}

/** Flags that mean nothing without another one are mistakes. */
function checkTogether(flags: BudgetFlags<number>): void {
  const { remaining, budgetEpsilon, delta } = flags;
  if (remaining && budgetEpsilon === undefined) {
    throw badInput('--remaining asks how many steps are left of a budget: give it with --budget-epsilon.');
  }
  if (budgetEpsilon !== undefined && (delta?.length ?? 0) !== 1) {
    throw badInput('--budget-epsilon is an ε at one δ: give one --delta with it.');
  }
  requireCeilings(flags);
}

function planned(flags: BudgetFlags<number>, { formulas }: Request<BudgetFlags>): Subject {
  const asked = flags.epsilon === undefined ? (['delta'] as const) : [];
  requireFlags(flags, [...batchFields(flags), 'noiseMultiplier', ...asked], PLAN_EXAMPLE);
  const { datasetSize } = flags;
  const noiseMultiplier = flags.noiseMultiplier!;
  const plan = planFrom(flags, formulas);
  return {
    event: eventOf(plan, noiseMultiplier),
    plan,
    ...(datasetSize === undefined ? {} : { datasetSize }),
    noiseMultiplier,
    formulas,
  };
}

async function serialised(flags: BudgetFlags<number>, terminal: Terminal): Promise<Subject> {
  refusePlan(flags);
  const { datasetSize } = flags;
  if (flags.epsilon === undefined) requireFlags(flags, ['delta'], EVENT_EXAMPLE);
  const event = await readEvent(flags.event!, terminal);
  return { event, ...(datasetSize === undefined ? {} : { datasetSize }) };
}

function printAnswers(answers: readonly Answer[], terminal: Terminal): void {
  const rows = answers.map((answer) => [
    boundText(answer),
    directionOf(answer.bound),
    accountantOf(answer.bound),
  ]);
  terminal.stdout.write(
    `\n${painter(terminal)('All figures', 'bold')}\n${columns([['figure', 'direction', 'accountant'], ...rows], textWidth(terminal.stdout))}\n`,
  );
}

import { epsilonOf } from 'privacy-accounting';
import { type Answer, answerJson, epsilonText, printAnswer } from './answer.js';
import { readEvent } from './event-input.js';
import { badInput, EXIT } from './failure.js';
import { flagOf, type PlanFlags, type QuestionFlags, requireFlags } from './options.js';
import { defaultRelation, eventOf, planFrom } from './plan.js';
import { printJson, type Terminal } from './terminal.js';

/** The schema of what `budget --json` prints. */
export const BUDGET_SCHEMA = 'tfjs-privacy/budget/1';

/** Flags of `budget`. */
export type BudgetFlags = PlanFlags &
  QuestionFlags & { readonly noiseMultiplier?: number; readonly event?: string };

const PLAN_EXAMPLE =
  'tfjs-privacy budget --dataset-size 60000 --batch-size 256 --epochs 60 --noise-multiplier 1.1 --delta 1e-5';
const EVENT_EXAMPLE = 'tfjs-privacy budget --event event.json --delta 1e-5';

/** Prints the ε that a plan, or a serialised event, costs. */
export async function runBudget(flags: BudgetFlags, terminal: Terminal): Promise<number> {
  const question = flags.event === undefined ? planned(flags) : await serialised(flags, terminal);
  const { event, delta } = question;
  const relation = flags.relation ?? defaultRelation(event);
  const bound = epsilonOf(event, { delta, relation, accountant: flags.accountant ?? 'best' });
  const answer: Answer = { ...question, bound };
  if (flags.json) printJson({ schema: BUDGET_SCHEMA, ...answerJson(answer) }, terminal);
  else printAnswer(answer, epsilonText(bound), terminal);
  return EXIT.done;
}

type Question = Omit<Answer, 'bound'> & { readonly delta: number };

function planned(flags: BudgetFlags): Question {
  requireFlags(flags, ['datasetSize', 'batchSize', 'noiseMultiplier', 'delta'], PLAN_EXAMPLE);
  const { datasetSize, noiseMultiplier, delta } = flags;
  const plan = planFrom(flags);
  return { event: eventOf(plan, noiseMultiplier), plan, datasetSize, noiseMultiplier, delta };
}

/** An event says how it was sampled, for how long and with what noise: a flag that says it again is refused. */
async function serialised(flags: BudgetFlags, terminal: Terminal): Promise<Question> {
  const { batchSize, epochs, steps, sampler, noiseMultiplier, datasetSize, event: source } = flags;
  const told = Object.entries({ batchSize, epochs, steps, sampler, noiseMultiplier })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => flagOf(name));
  if (told.length > 0) {
    throw badInput(
      `--event already says what ${told.join(', ')} would: give the event or the plan, not both.`,
    );
  }
  requireFlags(flags, ['delta'], EVENT_EXAMPLE);
  const event = await readEvent(source!, terminal);
  return { event, delta: flags.delta, ...(datasetSize === undefined ? {} : { datasetSize }) };
}

import { calibrateNoiseMultiplier } from 'privacy-accounting';
import { type Answer, answerJson, epsilonText, printAnswer, roundedUp } from './answer.js';
import { EXIT } from './failure.js';
import { type PlanFlags, type QuestionFlags, requireFlags } from './options.js';
import { defaultRelation, eventOf, planFrom } from './plan.js';
import { printJson, type Terminal } from './terminal.js';

/** The schema of what `calibrate --json` prints. */
export const CALIBRATE_SCHEMA = 'tfjs-privacy/calibrate/1';

/** Flags of `calibrate`. */
export type CalibrateFlags = PlanFlags & QuestionFlags & { readonly targetEpsilon?: number };

const EXAMPLE =
  'tfjs-privacy calibrate --target-epsilon 3 --delta 1e-5 --dataset-size 60000 --batch-size 1024 --epochs 15';

/** Prints the least noise multiplier with which a plan stays within a target ε. */
export async function runCalibrate(flags: CalibrateFlags, terminal: Terminal): Promise<number> {
  requireFlags(flags, ['targetEpsilon', 'delta', 'datasetSize', 'batchSize'], EXAMPLE);
  const { targetEpsilon, delta, datasetSize } = flags;
  const plan = planFrom(flags);
  const makeEvent = (noiseMultiplier: number) => eventOf(plan, noiseMultiplier);
  const relation = flags.relation ?? defaultRelation(makeEvent(1));
  const { noiseMultiplier, bound } = calibrateNoiseMultiplier({
    makeEvent,
    targetEpsilon,
    delta,
    relation,
    accountant: flags.accountant ?? 'best',
  });
  const answer: Answer = { bound, event: makeEvent(noiseMultiplier), plan, datasetSize, noiseMultiplier };
  if (flags.json) {
    printJson({ schema: CALIBRATE_SCHEMA, noiseMultiplier, targetEpsilon, ...answerJson(answer) }, terminal);
  } else {
    const lead = `noise multiplier ${roundedUp(noiseMultiplier, 6)} gives ${epsilonText(bound)}`;
    printAnswer(answer, lead, terminal);
  }
  return EXIT.done;
}

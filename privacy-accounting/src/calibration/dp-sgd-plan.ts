import { invalidArgument, requireCount, requireNumber } from '../arguments.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { gaussian, poissonSampled, selfComposed } from '../events/factories.js';

/**
 * A run of DP-SGD: T Poisson-sampled Gaussian steps. The sampling probability is given, or is `expectedBatchSize` /
 * `datasetSize`; the steps are given, or are ⌈`epochs` / samplingProbability⌉, so that an epoch is a pass in expectation.
 */
export interface DpSgdParameters {
  /** σ: noise standard deviation / clipping norm. */
  readonly noiseMultiplier?: number;
  readonly samplingProbability?: number;
  readonly expectedBatchSize?: number;
  readonly datasetSize?: number;
  readonly steps?: number;
  readonly epochs?: number;
}

/** The names of a plan's parameters. */
export const PLAN_NAMES = [
  'noiseMultiplier',
  'samplingProbability',
  'expectedBatchSize',
  'datasetSize',
  'steps',
  'epochs',
] as const satisfies readonly (keyof DpSgdParameters)[];

/** One parameter of a plan. */
export type PlanName = (typeof PLAN_NAMES)[number];

const above0 = (value: unknown, name: string) =>
  requireNumber(value, name, 'a finite number above 0', (x) => x > 0);

const CHECKS: Readonly<Record<PlanName, (value: unknown, name: string) => number>> = {
  noiseMultiplier: (value, name) =>
    requireNumber(value, name, 'a finite number, 0 or larger', (sigma) => sigma >= 0),
  samplingProbability: (value, name) =>
    requireNumber(value, name, 'a number in (0, 1]', (q) => q > 0 && q <= 1),
  expectedBatchSize: above0,
  datasetSize: (value, name) =>
    requireNumber(value, name, 'a whole number of at least 1', (n) => Number.isSafeInteger(n) && n >= 1),
  steps: requireCount,
  epochs: above0,
};

/** The plan's parameters, each in its range; with `find` everything but it must be given, once. */
export function requirePlan(
  options: Readonly<Record<string, unknown>>,
  find: PlanName | undefined,
): DpSgdParameters {
  const plan: Partial<Record<PlanName, number>> = {};
  for (const name of PLAN_NAMES) {
    if (options[name] === undefined) continue;
    if (name === find) throw invalidArgument(name, 'left out: it is what is to be found', options[name]);
    plan[name] = CHECKS[name](options[name], name);
  }
  requireOne(plan, find, [['noiseMultiplier']]);
  requireOne(plan, find, [['steps'], ['epochs']]);
  requireOne(plan, find, [['samplingProbability'], ['expectedBatchSize', 'datasetSize']]);
  return plan;
}

/** Exactly one of `ways` to state something must be there in full; that which is to be found counts as given. */
function requireOne(
  plan: DpSgdParameters,
  find: PlanName | undefined,
  ways: readonly (readonly PlanName[])[],
) {
  const given = (name: PlanName) => name === find || plan[name] !== undefined;
  const stated = ways.filter((names) => names.some(given));
  const wanted = ways.map((names) => names.join(' and ')).join(', or ');
  if (stated.length > 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Give ${wanted}, not both: two statements of one thing can differ.`,
    );
  }
  const missing = (stated[0] ?? ways[0]!).filter((name) => !given(name));
  if (missing.length > 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${missing.join(' and ')} is missing: give ${wanted}, or a makeEvent of your own.`,
    );
  }
}

/** q of a complete plan. */
function planProbability({ samplingProbability, expectedBatchSize, datasetSize }: DpSgdParameters): number {
  if (samplingProbability !== undefined) return samplingProbability;
  if (expectedBatchSize! > datasetSize!) {
    throw invalidArgument('expectedBatchSize', `at most datasetSize (${datasetSize})`, expectedBatchSize);
  }
  return expectedBatchSize! / datasetSize!;
}

/** The number of steps of a complete plan. */
export function planSteps(plan: DpSgdParameters): number {
  if (plan.steps !== undefined) return plan.steps;
  const { epochs, samplingProbability, expectedBatchSize, datasetSize } = plan;
  const steps =
    samplingProbability === undefined
      ? Math.ceil((epochs! * datasetSize!) / expectedBatchSize!)
      : Math.ceil(epochs! / samplingProbability);
  return requireCount(steps, 'the number of steps');
}

/** The event of a complete plan. */
export function planEvent(plan: DpSgdParameters): DpEvent {
  return stepsEvent(plan.noiseMultiplier!, planProbability(plan), planSteps(plan));
}

/** `count` Poisson-sampled Gaussian steps. */
export function stepsEvent(noiseMultiplier: number, samplingProbability: number, count: number): DpEvent {
  const event = poissonSampled({ samplingProbability, event: gaussian({ noiseMultiplier }) });
  return selfComposed({ count, event });
}

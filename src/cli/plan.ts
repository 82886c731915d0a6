import {
  type DpEvent,
  gaussian,
  type NeighboringRelation,
  poissonSampled,
  selfComposed,
  shuffled,
} from 'privacy-accounting';
import { badInput } from './failure.js';
import type { FieldName } from './fields.js';
import type { PlanFlags } from './options.js';
import type { Formulas } from './quantities.js';

/** A training plan as flags describe it, every derived number with its origin. */
export interface Plan {
  readonly sampler: 'poisson' | 'shuffle';
  /** null when the sampling probability alone was given. */
  readonly datasetSize: number | null;
  readonly batchSize: number | null;
  /** Passes over the data: as given, or what the steps amount to. */
  readonly epochs: number;
  readonly steps: number;
  /** How the number of steps came about. */
  readonly stepsFrom: string;
  /** q = batchSize / datasetSize; null without sampling. */
  readonly samplingProbability: number | null;
  /** Participations that are booked for every example; null with Poisson sampling, where chance decides. */
  readonly passes: number | null;
}

/** How a plan's batches come about, once it is clear that they do. */
interface Batches {
  readonly sampler: 'poisson' | 'shuffle';
  readonly datasetSize: number | null;
  readonly batchSize: number | null;
  readonly samplingProbability: number | null;
  /** Batches in a pass, which need not be whole with Poisson sampling, and how that is written. */
  readonly perPass: number;
  readonly perPassFrom: string;
  /** Batches of so many epochs. */
  readonly stepsIn: (epochs: number) => number;
}

/**
 * Poisson sampling: T = ceil(epochs · n / b) steps, each on a sample of rate q = b/n; q alone does too. Shuffling:
 * batches of b, the last of a pass smaller, so ceil(n/b) steps a pass; a pass that was begun counts whole.
 */
export function planFrom(flags: PlanFlags, formulas: Formulas = {}): Plan {
  const { epochs, steps } = flags;
  const { perPass, perPassFrom, stepsIn, ...batches } = batchesOf(flags);
  if ((epochs === undefined) === (steps === undefined)) {
    throw badInput(
      epochs === undefined
        ? 'missing --epochs or --steps: how long training takes decides how much it reveals.'
        : '--epochs and --steps both say how long training takes: give one of them.',
    );
  }
  const stepsFrom =
    steps === undefined
      ? `ceil(${epochs} × ${perPassFrom})`
      : formulas.steps === undefined
        ? '--steps'
        : `ceil(${formulas.steps.text})`;
  const shared = { ...batches, epochs: epochs ?? steps! / perPass, stepsFrom };
  const total = countable(steps ?? stepsIn(epochs!));
  if (batches.samplingProbability !== null) return { ...shared, steps: total, passes: null };
  return { ...shared, steps: total, passes: countable(Math.ceil(epochs ?? steps! / perPass)) };
}

function batchesOf({ datasetSize, batchSize, samplingProbability, sampler = 'poisson' }: PlanFlags): Batches {
  if (samplingProbability !== undefined) {
    if (sampler === 'shuffle') {
      throw badInput(
        '--sampling-probability is of Poisson samples; shuffled batches have none. Give --batch-size.',
      );
    }
    if (batchSize !== undefined) {
      throw badInput(
        '--batch-size and --sampling-probability both say how large batches are: give one of them.',
      );
    }
    return {
      sampler,
      datasetSize: datasetSize ?? null,
      batchSize: datasetSize === undefined ? null : samplingProbability * datasetSize,
      samplingProbability,
      perPass: 1 / samplingProbability,
      perPassFrom: `1 / ${samplingProbability}`,
      stepsIn: (epochs) => Math.ceil(epochs / samplingProbability),
    };
  }
  if (batchSize! > datasetSize!) {
    throw badInput(
      `--batch-size ${batchSize} is larger than --dataset-size ${datasetSize}: an example can't be in a batch ` +
        'with a probability above 1. Give a batch size of at most the number of examples.',
    );
  }
  const poisson = sampler === 'poisson';
  const perPass = poisson ? datasetSize! / batchSize! : Math.ceil(datasetSize! / batchSize!);
  return {
    sampler,
    datasetSize: datasetSize!,
    batchSize: batchSize!,
    samplingProbability: poisson ? batchSize! / datasetSize! : null,
    perPass,
    perPassFrom: poisson ? `${datasetSize} / ${batchSize}` : `ceil(${datasetSize} / ${batchSize})`,
    // Not epochs · (n / b), which would round twice.
    stepsIn: (epochs) => Math.ceil(poisson ? (epochs * datasetSize!) / batchSize! : epochs * perPass),
  };
}

/** The numbers without which there are no batches: the sampling probability alone, or both sizes. */
export function batchFields({
  samplingProbability,
}: Partial<Record<FieldName, unknown>>): readonly FieldName[] {
  return samplingProbability === undefined ? ['datasetSize', 'batchSize'] : [];
}

/** The event of the plan at a noise multiplier: what the samplers of the toolkit state for it. */
export function eventOf({ steps, passes, samplingProbability }: Plan, noiseMultiplier: number): DpEvent {
  const step = gaussian({ noiseMultiplier });
  if (samplingProbability === null) return selfComposed({ count: passes!, event: shuffled({ event: step }) });
  return selfComposed({ count: steps, event: poissonSampled({ samplingProbability, event: step }) });
}

/** The relation that a question is about when none is named: the one that its sampling is usually bounded under. */
export function samplerRelation(sampler: Plan['sampler'] = 'poisson'): NeighboringRelation {
  return sampler === 'shuffle' ? 'replace-special' : 'add-or-remove-one';
}

/** {@link samplerRelation} of an event. */
export function defaultRelation(event: DpEvent): NeighboringRelation {
  return samplerRelation(containsShuffle(event, new Set()) ? 'shuffle' : 'poisson');
}

function containsShuffle(event: DpEvent, seen: Set<DpEvent>): boolean {
  if (seen.has(event)) return false;
  seen.add(event);
  if (event.type === 'shuffled') return true;
  if (event.type === 'composed') return event.events.some((part) => containsShuffle(part, seen));
  return 'event' in event && containsShuffle(event.event, seen);
}

function countable(count: number): number {
  if (Number.isSafeInteger(count)) return count;
  throw badInput(`--epochs amounts to ${count} steps: more than 2^53 - 1 can't be counted exactly.`);
}

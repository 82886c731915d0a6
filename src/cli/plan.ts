import {
  type DpEvent,
  gaussian,
  type NeighboringRelation,
  poissonSampled,
  selfComposed,
  shuffled,
} from 'privacy-accounting';
import { badInput } from './failure.js';
import type { PlanFlags } from './options.js';

/** A training plan as flags describe it, every derived number with its origin. */
export interface Plan {
  readonly sampler: 'poisson' | 'shuffle';
  readonly datasetSize: number;
  readonly batchSize: number;
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

/** The numbers that every plan needs, known to be there. */
export type CompletePlanFlags = PlanFlags & Required<Pick<PlanFlags, 'datasetSize' | 'batchSize'>>;

/**
 * Poisson sampling: T = ceil(epochs · n / b) steps, each on a sample of rate q = b/n. Shuffling: batches of b, the
 * last of a pass smaller, so ceil(n/b) steps a pass; a pass that was begun counts whole.
 */
export function planFrom(flags: CompletePlanFlags): Plan {
  const { datasetSize, batchSize, epochs, steps, sampler = 'poisson' } = flags;
  if (batchSize > datasetSize) {
    throw badInput(
      `--batch-size ${batchSize} is larger than --dataset-size ${datasetSize}: an example can't be in a batch ` +
        'with a probability above 1. Give a batch size of at most the number of examples.',
    );
  }
  if ((epochs === undefined) === (steps === undefined)) {
    throw badInput(
      epochs === undefined
        ? 'missing --epochs or --steps: how long training takes decides how much it reveals.'
        : '--epochs and --steps both say how long training takes: give one of them.',
    );
  }
  const shared = { sampler, datasetSize, batchSize };
  if (sampler === 'poisson') {
    const total = steps ?? Math.ceil((epochs! * datasetSize) / batchSize);
    return {
      ...shared,
      epochs: epochs ?? (total * batchSize) / datasetSize,
      steps: countable(total),
      stepsFrom: steps === undefined ? `ceil(${epochs} × ${datasetSize} / ${batchSize})` : '--steps',
      samplingProbability: batchSize / datasetSize,
      passes: null,
    };
  }
  const perPass = Math.ceil(datasetSize / batchSize);
  const passes = Math.ceil(epochs ?? steps! / perPass);
  return {
    ...shared,
    epochs: epochs ?? steps! / perPass,
    steps: countable(steps ?? Math.ceil(epochs! * perPass)),
    stepsFrom: steps === undefined ? `ceil(${epochs} × ceil(${datasetSize} / ${batchSize}))` : '--steps',
    samplingProbability: null,
    passes: countable(passes),
  };
}

/** The event of the plan at a noise multiplier: what the samplers of the toolkit state for it. */
export function eventOf({ steps, passes, samplingProbability }: Plan, noiseMultiplier: number): DpEvent {
  const step = gaussian({ noiseMultiplier });
  if (samplingProbability === null) return selfComposed({ count: passes!, event: shuffled({ event: step }) });
  return selfComposed({ count: steps, event: poissonSampled({ samplingProbability, event: step }) });
}

/** The relation that a question is about when none is named: the one that its sampling is usually bounded under. */
export function defaultRelation(event: DpEvent): NeighboringRelation {
  return containsShuffle(event, new Set()) ? 'replace-special' : 'add-or-remove-one';
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

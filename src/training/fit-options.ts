import type * as tf from '@tensorflow/tfjs-core';
import {
  type AccountantChoice,
  calibrateNoiseMultiplier,
  DpError,
  type DpEvent,
  epsilonOf,
  type NeighboringRelation,
} from 'privacy-accounting';
import {
  type Clipping,
  eventOfReleases,
  type NoiseKind,
  requireClipping,
  requireNoise,
  requireSchedule,
  type Schedule,
  scaleSchedule,
  scheduledReleases,
  scheduleRange,
} from '../optimizer/index.js';
import type { BatchSampler } from '../sampling/index.js';
import type { Augmentation } from './augmentation.js';
import { lastWithin } from './last-within.js';
import type { LossFunction } from './model-loss.js';
import type { EpochMetrics, StepProgress } from './progress.js';

/** What `privateFit` is asked for. `datasetSize` and the batch size are public, and so is everything here. */
export interface PrivateFitOptions {
  /** The ε to end at or below; σ is calibrated for it unless given, and training stops before passing it. */
  readonly targetEpsilon?: number;
  /** σ, the noise's standard deviation over the clipping norm; a schedule gives each step its own. */
  readonly noiseMultiplier?: number | Schedule;
  /** In place of noiseMultiplier: σ in proportion to this schedule, by the factor that `targetEpsilon` calls for. */
  readonly noiseShape?: Schedule;
  /** δ in (0, 1); below 1 / datasetSize to mean anything. */
  readonly delta: number;
  /** Length of training: epochs of datasetSize examples in expectation, or steps. */
  readonly epochs?: number;
  readonly steps?: number;
  /** Expected examples in one logical batch: the sampling rate's numerator and the sum's divisor. */
  readonly expectedBatchSize: number;
  /** C, the largest L2 norm of one example's gradient. */
  readonly l2NormClip: number | Schedule;
  /** Which parameters share a norm, and what is done with it; `flatClipping()` unless given. */
  readonly clipping?: Clipping;
  /** Of the optimizer, set before each update; that optimizer's own unless given. */
  readonly learningRate?: number | Schedule;
  /** Keeps an exponential moving average of the weights, with this decay in [0, 1); costs no privacy. */
  readonly weightAverageDecay?: number;
  /** Several random views of each example, whose gradients are averaged before clipping; costs no privacy. */
  readonly augmentation?: Augmentation;
  /** Applies the noisy gradients; the compiled optimizer unless given, or `tf.train.adam(1e-3)`. */
  readonly optimizer?: tf.Optimizer;
  /** As in `model.compile`; the compiled loss unless given. */
  readonly loss?: string | LossFunction | readonly (string | LossFunction)[];
  /** 'poisson' (default): each example in each batch by an independent coin. 'shuffle': fixed-size, no amplification. */
  readonly sampler?: 'poisson' | 'shuffle';
  /** Neighbouring data sets; 'add-or-remove-one' for Poisson, 'replace-special' for shuffled batches unless given. */
  readonly relation?: NeighboringRelation;
  readonly accountant?: AccountantChoice;
  /**
   * Largest number of examples in memory at a time; changes nothing but memory and speed. 'auto': the largest that a
   * forecast from the model's shapes puts within `memoryBudgetBytes`. Halved when memory runs out all the same.
   */
  readonly maxPhysicalBatch?: number | 'auto';
  /** Bytes that 'auto' may plan with beyond what tensors hold now; `memoryBudget()` unless given. */
  readonly memoryBudgetBytes?: number;
  /** Real-valued (default) or discrete noise, which leaves nothing to read in the low bits. */
  readonly noise?: NoiseKind;
  /** Predictable noise and sampling, for tests: the result is not private and says so. */
  readonly seed?: string | number;
  /** Where the run is kept: configuration, record of steps, checkpoints, metrics, statement. Node only. */
  readonly runDirectory?: string;
  /** Continues the run in `runDirectory`, with fresh noise and the same record of steps. */
  readonly resume?: boolean;
  /** Steps between checkpoints when there is a run directory; an epoch unless given. */
  readonly checkpointEverySteps?: number;
  /** Ends training after the current step, with a checkpoint. Ctrl-C does the same when there is a run directory. */
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: StepProgress) => void | Promise<void>;
  readonly onEpochEnd?: (metrics: EpochMetrics) => void | Promise<void>;
}

/** The names of all options: a misspelt one must not leave a default in its place. */
export const FIT_OPTIONS: Readonly<Record<keyof PrivateFitOptions, true>> = {
  targetEpsilon: true,
  noiseMultiplier: true,
  noiseShape: true,
  delta: true,
  epochs: true,
  steps: true,
  expectedBatchSize: true,
  l2NormClip: true,
  clipping: true,
  learningRate: true,
  weightAverageDecay: true,
  augmentation: true,
  optimizer: true,
  loss: true,
  sampler: true,
  relation: true,
  accountant: true,
  maxPhysicalBatch: true,
  memoryBudgetBytes: true,
  noise: true,
  seed: true,
  runDirectory: true,
  resume: true,
  checkpointEverySteps: true,
  signal: true,
  onStep: true,
  onEpochEnd: true,
};

/** The plan of a run: all numbers settled before any data is touched. */
export interface FitPlan {
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantChoice;
  readonly noiseMultiplier: number | Schedule;
  readonly steps: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Steps that the budget allows in all; `steps` unless a target stops it earlier. */
  readonly allowedSteps: number;
}

const invalid = (expected: string, got: unknown) =>
  new DpError('DP_INVALID_ARGUMENT', `Expected ${expected}, got ${String(got)}.`);

function positive(name: string, value: unknown, whole: boolean): number {
  if (
    typeof value !== 'number' ||
    !(value > 0) ||
    !Number.isFinite(value) ||
    (whole && !Number.isInteger(value))
  ) {
    throw invalid(`${name} to be a positive ${whole ? 'whole ' : ''}number`, value);
  }
  return value;
}

/** Settles length, relation and noise, for a model of `dimension` trained numbers; throws `DP_INVALID_ARGUMENT`, `DP_UNSUPPORTED_EVENT` or `DP_NUMERICAL`. */
export function planFit(options: PrivateFitOptions, sampler: BatchSampler, dimension: number): FitPlan {
  const { targetEpsilon, noiseMultiplier, delta } = options;
  if (typeof delta !== 'number' || !(delta > 0 && delta < 1)) throw invalid('delta in (0, 1)', delta);
  if ((options.epochs === undefined) === (options.steps === undefined)) {
    throw invalid('either epochs or steps', options.epochs === undefined ? 'neither' : 'both');
  }
  if (options.noiseShape !== undefined) {
    if (noiseMultiplier !== undefined) throw invalid('noiseMultiplier or noiseShape', 'both');
    if (targetEpsilon === undefined) throw invalid('targetEpsilon with noiseShape', 'none');
    if (!(scheduleRange(requireSchedule(options.noiseShape, 'noiseShape')).min > 0)) {
      throw invalid('noiseShape to be above 0 at every step', JSON.stringify(options.noiseShape));
    }
  }
  if (targetEpsilon === undefined && noiseMultiplier === undefined) {
    throw invalid('targetEpsilon or noiseMultiplier', 'neither');
  }
  if (targetEpsilon !== undefined) positive('targetEpsilon', targetEpsilon, false);
  if (typeof noiseMultiplier === 'object') requireSchedule(noiseMultiplier, 'noiseMultiplier');
  else if (noiseMultiplier !== undefined && noiseMultiplier !== 0)
    positive('noiseMultiplier', noiseMultiplier, false);
  if (options.clipping !== undefined) requireClipping(options.clipping);
  if (options.noise !== undefined) requireNoise(options.noise);
  const { maxPhysicalBatch, memoryBudgetBytes } = options;
  if (maxPhysicalBatch !== undefined && maxPhysicalBatch !== 'auto') {
    positive("maxPhysicalBatch other than 'auto'", maxPhysicalBatch, true);
  }
  if (memoryBudgetBytes !== undefined) positive('memoryBudgetBytes', memoryBudgetBytes, false);
  if (options.checkpointEverySteps !== undefined)
    positive('checkpointEverySteps', options.checkpointEverySteps, true);

  const relation = options.relation ?? (sampler.name === 'poisson' ? 'add-or-remove-one' : 'replace-special');
  if (!sampler.relations.includes(relation)) {
    throw new DpError(
      'DP_UNSUPPORTED_EVENT',
      `Expected one of ${sampler.relations.join(', ')} for the ${sampler.name} sampler, got ${relation}: the ` +
        "sampler's batches change in other ways between such data sets.",
    );
  }
  const accountant = options.accountant ?? 'best';
  const exact = sampler.datasetSize / sampler.expectedBatchSize;
  const stepsPerEpoch = sampler.name === 'shuffle' ? Math.ceil(exact) : exact;
  const steps =
    options.steps !== undefined
      ? positive('steps', options.steps, true)
      : Math.ceil(positive('epochs', options.epochs, sampler.name === 'shuffle') * stepsPerEpoch - 1e-9);
  const eventAt = (sigma: number | Schedule, count: number): DpEvent =>
    eventOfReleases(
      sampler,
      scheduledReleases({ ...options, noiseMultiplier: sigma, dimension, secure: true }, count),
    );
  const bound = (sigma: number | Schedule, count: number) =>
    epsilonOf(eventAt(sigma, count), { delta, relation, accountant }).epsilon;

  const { noiseShape } = options;
  const scaled = (factor: number) => (noiseShape === undefined ? factor : scaleSchedule(noiseShape, factor));
  const sigma =
    noiseMultiplier ??
    scaled(
      calibrateNoiseMultiplier({
        makeEvent: (candidate) => eventAt(scaled(candidate), steps),
        targetEpsilon: targetEpsilon as number,
        delta,
        relation,
        accountant,
      }).noiseMultiplier,
    );
  const allowedSteps =
    targetEpsilon === undefined || bound(sigma, steps) <= targetEpsilon
      ? steps
      : lastWithin(steps, (count) => bound(sigma, count) <= targetEpsilon);
  return {
    relation,
    accountant,
    noiseMultiplier: sigma,
    steps,
    epochs: Math.max(1, Math.ceil(steps / stepsPerEpoch - 1e-9)),
    stepsPerEpoch: Math.max(1, Math.round(stepsPerEpoch)),
    allowedSteps,
  };
}

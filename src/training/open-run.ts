import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import type { RandomWords } from '../noise/index.js';
import {
  requireClipping,
  requireNoise,
  requireSchedule,
  type Schedule,
  scheduleRange,
  type WeightAverage,
} from '../optimizer/index.js';
import { type BatchSampler, restoreSampler } from '../sampling/index.js';
import { restoreCheckpoint } from './checkpoint.js';
import type { FitPlan, PrivateFitOptions } from './fit-options.js';
import { type RunConfig, RunDirectory } from './run-directory.js';

/**
 * The run directory of `options`, new or, where a run is resumed, the one that is there; undefined without one. Throws
 * `DP_INVALID_ARGUMENT` where the run that is there has another configuration.
 */
export function openRun(
  options: PrivateFitOptions,
  plan: FitPlan,
  model: tfl.LayersModel,
  datasetSize: number,
  optimizer: string,
  resuming: boolean,
): RunDirectory | undefined {
  const path = options.runDirectory;
  if (path === undefined) {
    if (options.resume === true) {
      throw new DpError('DP_INVALID_ARGUMENT', 'Expected runDirectory with resume: true, got none.');
    }
    return undefined;
  }
  const config: RunConfig = {
    sampler: options.sampler ?? 'poisson',
    relation: plan.relation,
    accountant: plan.accountant,
    datasetSize,
    expectedBatchSize: options.expectedBatchSize,
    // The values that claim least, for whoever does not know of schedules.
    l2NormClip: scheduleRange(options.l2NormClip).max,
    noiseMultiplier: scheduleRange(plan.noiseMultiplier).min,
    delta: options.delta,
    targetEpsilon: options.targetEpsilon ?? null,
    steps: plan.steps,
    seeded: options.seed !== undefined,
    optimizer,
    ...(typeof plan.noiseMultiplier === 'object'
      ? { noiseSchedule: requireSchedule(plan.noiseMultiplier) }
      : {}),
    ...(typeof options.l2NormClip === 'object' ? { clipSchedule: requireSchedule(options.l2NormClip) } : {}),
    ...(options.clipping === undefined ? {} : { clipping: requireClipping(options.clipping) }),
    ...(options.learningRate === undefined ? {} : { learningRate: settled(options.learningRate) }),
    ...(options.weightAverageDecay === undefined ? {} : { weightAverageDecay: options.weightAverageDecay }),
    ...(options.augmentation === undefined ? {} : { multiplicity: options.augmentation.multiplicity }),
    ...(options.noise === undefined
      ? {}
      : { noise: requireNoise(options.noise), dimension: trainedNumbers(model) }),
  };
  if (!resuming || !RunDirectory.exists(path)) {
    return RunDirectory.create(path, config, {
      'tfjs-core': tf.version_core,
      'tfjs-layers': tfl.version_layers,
      backend: tf.getBackend(),
    });
  }
  const run = RunDirectory.open(path);
  const keys = [...new Set([...Object.keys(config), ...Object.keys(run.config)])] as (keyof RunConfig)[];
  const differing = keys.filter((key) => JSON.stringify(run.config[key]) !== JSON.stringify(config[key]));
  if (differing.length > 0) {
    run.close();
    const list = differing.map((key) => `${key}: ${show(run.config[key])} there, ${show(config[key])} here`);
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected the configuration of the run in '${path}', got other values (${list.join('; ')}). Resume with the same ` +
        'options, or start another run.',
    );
  }
  return run;
}

/** How many numbers a model trains. */
export const trainedNumbers = (model: tfl.LayersModel): number =>
  model.trainableWeights.reduce((sum, weight) => sum + tf.util.sizeFromShape(weight.shape as number[]), 0);

/** Fields in the order in which they are kept. */
const settled = (value: number | Schedule): number | Schedule =>
  typeof value === 'object' ? requireSchedule(value) : value;

const show = (value: unknown): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

/** Weights and optimizer of the last checkpoint; the sampler where the record says that the run had come. */
export async function resume(
  run: RunDirectory,
  model: tfl.LayersModel,
  optimizer: tf.Optimizer,
  fresh: BatchSampler,
  words: RandomWords,
  average: WeightAverage | undefined,
): Promise<BatchSampler> {
  const checkpoint = run.loadCheckpoint();
  if (checkpoint !== undefined) {
    await restoreCheckpoint(checkpoint, model, optimizer);
    if (average !== undefined && checkpoint.average !== undefined) average.setState(checkpoint.average);
    checkpoint.average?.averages.forEach((tensor) => void tensor.dispose());
    Object.values(checkpoint.weights).forEach((tensor) => void tensor.dispose());
    checkpoint.optimizerState?.forEach(({ tensor }) => void tensor.dispose());
  }
  const kept = run.loadSampler();
  const { config } = run;
  if (kept === undefined) {
    if (run.record.steps === 0 || config.sampler !== 'shuffle') return fresh;
    throw new DpError(
      'DP_CORRUPT',
      `Expected the sampler's state in '${run.path}', got none: its permutation is lost.`,
    );
  }
  const sampler = restoreSampler(kept.state, words);
  if (
    sampler.name !== config.sampler ||
    sampler.datasetSize !== config.datasetSize ||
    sampler.expectedBatchSize !== config.expectedBatchSize
  ) {
    throw new DpError(
      'DP_CORRUPT',
      `Expected the sampler of this run in '${run.path}', got that of another.`,
    );
  }
  // A batch that was drawn and never booked is lost, and counts: its epoch was begun.
  while (run.record.steps < kept.step) run.record.append();
  // The state was kept when its epoch began; the steps since then have had their batches.
  if (sampler.name === 'shuffle') for (let step = kept.step; step < run.record.steps; step++) sampler.next();
  return sampler;
}

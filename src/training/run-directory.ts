import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError, type DpEvent, type EpsilonBound, jsonNumber } from 'privacy-accounting';
import {
  type Clipping,
  type NoiseKind,
  requireClipping,
  requireNoise,
  requireSchedule,
  type Schedule,
  scheduleRange,
  type WeightAverage,
} from '../optimizer/index.js';
import type { BatchSampler, SamplerState } from '../sampling/index.js';
import {
  type Checkpoint,
  hasCheckpoint,
  loadCheckpoint,
  modelFromCheckpoint,
  saveCheckpoint,
} from './checkpoint.js';
import { nodeFiles, readJson, withFile, writeAtomically } from './node-files.js';
import type { EpochMetrics } from './progress.js';
import { readStepCount, StepRecord } from './step-record.js';

const RUN_SCHEMA = 'tfjs-privacy/run/1';
const SAMPLER_SCHEMA = 'tfjs-privacy/sampler/1';
const PRIVACY_SCHEMA = 'tfjs-privacy/privacy/1';

/** What a run was started with; all of it public. A resumed run must be given the same. */
export interface RunConfig {
  readonly sampler: 'poisson' | 'shuffle';
  readonly relation: string;
  readonly accountant: string;
  readonly datasetSize: number;
  readonly expectedBatchSize: number;
  /** The largest C of a schedule. */
  readonly l2NormClip: number;
  /** The smallest σ of a schedule. */
  readonly noiseMultiplier: number;
  readonly delta: number;
  readonly targetEpsilon: number | null;
  readonly steps: number;
  readonly seeded: boolean;
  readonly optimizer: string;
  /** These are there only where they were asked for. */
  readonly noiseSchedule?: Schedule;
  readonly clipSchedule?: Schedule;
  readonly learningRate?: number | Schedule;
  readonly clipping?: Clipping;
  readonly weightAverageDecay?: number;
  /** Views of each example. */
  readonly multiplicity?: number;
  /** With discrete noise, its kind and the count of trained numbers. */
  readonly noise?: NoiseKind;
  readonly dimension?: number;
}

/** The privacy of a run, as it is stored beside the model. */
export interface RunPrivacy {
  readonly epsilon: EpsilonBound;
  readonly event: DpEvent;
  readonly statement: string;
  readonly steps: number;
}

/**
 * A run on disk: configuration, write-ahead record of steps, sampler, checkpoint, metrics and statement.
 *
 * Order of writing: the record of a step, then its noise, then (now and then) the weights; never the weights
 * first. Files are readable by their owner only; `metrics.jsonl` holds private values.
 */
export class RunDirectory {
  readonly path: string;
  readonly config: RunConfig;
  readonly record: StepRecord;
  private samplerEpoch: unknown;

  private constructor(path: string, config: RunConfig, record: StepRecord) {
    this.path = path;
    this.config = config;
    this.record = record;
  }

  static exists(path: string): boolean {
    const { fs, path: join } = nodeFiles();
    return fs.existsSync(join.join(path, 'run.json'));
  }

  /** What the run in a directory was started with. */
  static configOf(path: string): RunConfig {
    return readConfig(path);
  }

  /** Starts a run; refuses a directory that holds one already, since its record must not be lost. */
  static create(path: string, config: RunConfig, versions: Record<string, string>): RunDirectory {
    const { fs, path: join } = nodeFiles();
    if (RunDirectory.exists(path)) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected a directory without a run, got '${path}', which has one. Continue it with resume: true, or name ` +
          'another: the privacy that it spent must stay on record.',
      );
    }
    withFile(path, 'create', () => fs.mkdirSync(path, { recursive: true, mode: 0o700 }));
    const record = StepRecord.open(join.join(path, 'record.jsonl'));
    if (record.steps > 0 || hasCheckpoint(join.join(path, 'checkpoint'))) {
      record.close();
      throw new DpError(
        'DP_CORRUPT',
        `Expected an empty directory for a new run, got '${path}' with steps or weights but no run.json. What these ` +
          'steps cost is unknown: choose another directory.',
      );
    }
    writeAtomically(join.join(path, 'run.json'), json({ schema: RUN_SCHEMA, config, versions }));
    return new RunDirectory(path, config, record);
  }

  /** Opens a run to continue it; `DP_CORRUPT` when the record is missing or shorter than the weights. */
  static open(path: string): RunDirectory {
    const { path: join } = nodeFiles();
    const config = readConfig(path);
    requireRecord(path);
    return new RunDirectory(path, config, StepRecord.open(join.join(path, 'record.jsonl')));
  }

  /** Keeps the sampler's state whenever an epoch begins; within one, the record gives the position. */
  keepSampler(sampler: BatchSampler, step: number): void {
    const state = sampler.state();
    const epoch = samplerEpoch(state);
    if (epoch === this.samplerEpoch) return;
    const { path } = nodeFiles();
    writeAtomically(path.join(this.path, 'sampler.json'), json({ schema: SAMPLER_SCHEMA, step, state }));
    this.samplerEpoch = epoch;
  }

  /** The kept sampler state and the step after which it was kept. */
  loadSampler(): { readonly step: number; readonly state: SamplerState } | undefined {
    const { fs, path } = nodeFiles();
    const file = path.join(this.path, 'sampler.json');
    if (!fs.existsSync(file)) return undefined;
    const record = readJson(file, SAMPLER_SCHEMA);
    return { step: record.step as number, state: record.state as SamplerState };
  }

  async checkpoint(model: tfl.LayersModel, optimizer: tf.Optimizer, average?: WeightAverage): Promise<void> {
    this.record.flush();
    const { steps: step } = this.record;
    await saveCheckpoint(this.join('checkpoint'), { model, optimizer, step, ...(average && { average }) });
  }

  loadCheckpoint(): Checkpoint | undefined {
    if (!hasCheckpoint(this.join('checkpoint'))) return undefined;
    const checkpoint = loadCheckpoint(this.join('checkpoint'));
    if (checkpoint.step > this.record.steps) {
      throw new DpError(
        'DP_CORRUPT',
        `Expected a record of at least ${checkpoint.step} steps beside the weights in '${this.path}', got ` +
          `${this.record.steps}. Weights without their record are not resumed: their ε is unknown.`,
      );
    }
    return checkpoint;
  }

  appendMetrics(metrics: EpochMetrics): void {
    const file = this.join('metrics.jsonl');
    withFile(file, 'append to', () =>
      nodeFiles().fs.appendFileSync(file, `${json(metrics)}\n`, { mode: 0o600 }),
    );
  }

  writePrivacy(privacy: RunPrivacy): void {
    writeAtomically(this.join('privacy.json'), json({ schema: PRIVACY_SCHEMA, ...privacy }));
  }

  close(): void {
    this.record.close();
  }

  private join(name: string): string {
    return nodeFiles().path.join(this.path, name);
  }
}

/** A saved run, read back. */
export interface LoadedRun {
  readonly path: string;
  readonly model: tfl.LayersModel;
  readonly config: RunConfig;
  readonly versions: Readonly<Record<string, string>>;
  /** Steps on record; the model is of the checkpoint's step, which is at most this. */
  readonly steps: number;
  readonly checkpointStep: number;
}

/**
 * Reads a run directory for inspection: the model of its last checkpoint, its configuration, and the number of
 * steps on record. Throws `DP_CORRUPT` naming the file when any part is missing, cut off or altered.
 */
export async function loadRun(path: string): Promise<LoadedRun> {
  const config = readConfig(path);
  const file = requireRecord(path);
  const steps = readStepCount(file);
  const { path: join } = nodeFiles();
  const directory = join.join(path, 'checkpoint');
  if (!hasCheckpoint(directory)) {
    throw new DpError('DP_CORRUPT', `Expected a checkpoint in '${path}', got none: no step was saved yet.`);
  }
  const checkpoint = loadCheckpoint(directory);
  if (checkpoint.step > steps) {
    throw new DpError(
      'DP_CORRUPT',
      `Expected a record of at least ${checkpoint.step} steps in '${file}', got ${steps}. The record was cut off: the ` +
        'ε of these weights is unknown.',
    );
  }
  const model = await modelFromCheckpoint(checkpoint);
  Object.values(checkpoint.weights).forEach((tensor) => void tensor.dispose());
  checkpoint.optimizerState?.forEach(({ tensor }) => void tensor.dispose());
  checkpoint.average?.averages.forEach((tensor) => void tensor.dispose());
  const { versions } = readJson(join.join(path, 'run.json'), RUN_SCHEMA);
  return {
    path,
    model,
    config,
    versions: (versions ?? {}) as Record<string, string>,
    steps,
    checkpointStep: checkpoint.step,
  };
}

function requireRecord(path: string): string {
  const { fs, path: join } = nodeFiles();
  const file = join.join(path, 'record.jsonl');
  if (!fs.existsSync(file)) {
    throw new DpError(
      'DP_CORRUPT',
      `Expected the record of steps '${file}', got none. Weights without their record are refused: their ε is unknown.`,
    );
  }
  return file;
}

function readConfig(path: string): RunConfig {
  const { path: join } = nodeFiles();
  const file = join.join(path, 'run.json');
  const config = readJson(file, RUN_SCHEMA).config as Record<string, unknown> | undefined;
  const numbers = ['datasetSize', 'expectedBatchSize', 'l2NormClip', 'noiseMultiplier', 'delta', 'steps'];
  const flags = ['seeded'];
  const texts = ['sampler', 'relation', 'accountant', 'optimizer'];
  const broken =
    numbers.find((key) => typeof config?.[key] !== 'number') ??
    texts.find((key) => typeof config?.[key] !== 'string') ??
    flags.find((key) => typeof config?.[key] !== 'boolean');
  if (config === undefined || broken !== undefined) {
    throw new DpError('DP_CORRUPT', `Expected 'config.${broken ?? ''}' in '${file}', got none of its type.`);
  }
  requirePlans(config as unknown as RunConfig, file);
  return config as unknown as RunConfig;
}

/** The parts of a configuration that have a form of their own. */
function requirePlans(config: RunConfig, file: string): void {
  try {
    if (config.clipping !== undefined) requireClipping(config.clipping);
    if (config.noise !== undefined) requireNoise(config.noise);
    if (config.noise?.kind === 'discrete-gaussian' && !Number.isSafeInteger(config.dimension)) {
      throw new Error('no dimension beside discrete noise');
    }
    if (config.clipSchedule !== undefined) requireSchedule(config.clipSchedule, 'clipSchedule');
    if (typeof config.learningRate === 'object') requireSchedule(config.learningRate, 'learningRate');
    if (config.noiseSchedule === undefined) return;
    const { min } = scheduleRange(requireSchedule(config.noiseSchedule, 'noiseSchedule'));
    if (min === config.noiseMultiplier) return;
    throw new Error(`noiseMultiplier is ${config.noiseMultiplier}, the least of noiseSchedule ${min}`);
  } catch (error) {
    throw new DpError(
      'DP_CORRUPT',
      `Expected the configuration of a run in '${file}', got another: ${(error as Error).message}`,
    );
  }
}

/** What changes in a sampler's state when an epoch begins: all but its position. */
function samplerEpoch(state: SamplerState): unknown {
  return 'epochsBegun' in state ? state.epochsBegun : state.name;
}

function json(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'number' ? jsonNumber(field) : field,
  );
}

import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError, type DpEvent, type EpsilonBound, epsilonOf, privacyStatement } from 'privacy-accounting';
import { type RandomWords, secureRandomWords, seededRandomWords } from '../noise/index.js';
import {
  DpOptimizer,
  dpOptimizer,
  PassBook,
  refuseUnknownKeys,
  SamplerBook,
  type Schedule,
  scheduleRange,
  type WeightAverage,
  weightAverage,
} from '../optimizer/index.js';
import { type BatchSampler, poissonSampler, shuffleSampler } from '../sampling/index.js';
import { Views } from './augmentation.js';
import { physicalBatches } from './auto-batch.js';
import { EpochTally } from './epoch-tally.js';
import { FIT_OPTIONS, type FitPlan, type PrivateFitOptions, planFit } from './fit-options.js';
import { interruptible } from './interrupt.js';
import { ModelLoss, refuseUnprivateLayers } from './model-loss.js';
import { openRun, resume, trainedNumbers } from './open-run.js';
import { inMemory, type PhysicalBatches } from './physical-batches.js';
import type { EpochMetrics } from './progress.js';
import { RunDirectory } from './run-directory.js';
import { runReleases } from './run-releases.js';
import { CheckedData, type TrainingData } from './training-data.js';

/** What training left behind. */
export interface PrivateFitResult {
  /** The model that was given, trained. */
  readonly model: tfl.LayersModel;
  readonly history: {
    readonly public: readonly EpochMetrics['public'][];
    /** Computed from the data without noise; not covered by ε. */
    readonly private: readonly EpochMetrics['private'][];
  };
  readonly privacy: {
    /** Upper bound for everything that this run released; ε is Infinity when the noise was seeded or absent. */
    readonly epsilon: EpsilonBound;
    readonly event: DpEvent;
    readonly statement: string;
    /** σ, the smallest of the schedule where there is one. */
    readonly noiseMultiplier: number;
    /** σ of each step, where it followed a schedule. */
    readonly noiseSchedule?: Schedule;
    /** Steps on record, steps lost in a crash included. */
    readonly steps: number;
    readonly secure: boolean;
  };
  /** The averaged weights, with `weightAverageDecay`: `apply()` puts them into the model, `restore()` back. */
  readonly weightAverage?: WeightAverage;
  readonly stopped: 'completed' | 'budget' | 'aborted';
}

/**
 * Trains a layers model with DP-SGD: Poisson sampling (or shuffled batches), per-example clipping, noise once a
 * logical batch, accounting by the sampler's own event.
 *
 * Guarantee: the sequence of weights is (ε, δ)-differentially private under `relation`, with ε as
 * `privacy.epsilon` states; every step is booked before its noise is drawn, and training stops before it would
 * pass `targetEpsilon`. The loss curve in `history.private` is not covered.
 *
 * Throws `DP_INVALID_ARGUMENT`, `DP_CROSS_EXAMPLE`, `DP_UNSUPPORTED_OP`, `DP_BUDGET_EXCEEDED`, `DP_IO` or
 * `DP_CORRUPT`; what was trained and booked until then stays.
 *
 * @example
 * const { privacy } = await privateFit(model, { xs, ys }, {
 *   targetEpsilon: 3, delta: 1e-5, epochs: 10, expectedBatchSize: 1024, l2NormClip: 1,
 * });
 * console.log(privacy.statement);
 */
export async function privateFit(
  model: tfl.LayersModel,
  data: TrainingData,
  options: PrivateFitOptions,
): Promise<PrivateFitResult> {
  if (typeof options !== 'object' || options === null) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected options such as { targetEpsilon, delta, … }, got ${typeof options}.`,
    );
  }
  if (typeof model?.apply !== 'function' || typeof model.compile !== 'function') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a tf.LayersModel, got ${model === null ? 'null' : typeof model}.`,
    );
  }
  refuseUnknownKeys('privateFit', options, FIT_OPTIONS);
  refuseUnprivateLayers(model);
  refuseEarlierTraining(model);
  const checked = new CheckedData(model, data);
  const { runDirectory } = options;
  const resuming = options.resume === true && runDirectory !== undefined;
  const words =
    options.seed === undefined ? secureRandomWords() : seededRandomWords(`${options.seed}/sampling`);
  let sampler = makeSampler(options, checked.datasetSize, words);
  // A resumed run keeps its σ, however it was calibrated then.
  const stored =
    resuming && RunDirectory.exists(runDirectory) ? RunDirectory.configOf(runDirectory) : undefined;
  const { noiseShape, ...shapeless } = options;
  const plan = planFit(
    stored === undefined || options.noiseMultiplier !== undefined
      ? options
      : { ...shapeless, noiseMultiplier: stored.noiseSchedule ?? stored.noiseMultiplier },
    sampler,
    trainedNumbers(model),
  );
  const views = options.augmentation === undefined ? undefined : new Views(options.augmentation);
  if (plan.allowedSteps === 0) {
    throw new DpError(
      'DP_BUDGET_EXCEEDED',
      `Expected a budget for at least one step, but one step at noise multiplier ${scheduleRange(plan.noiseMultiplier).min} passes ` +
        `ε = ${options.targetEpsilon}. Raise the noise multiplier or leave it to calibration.`,
    );
  }
  const optimizer = dpOptimizer(options.optimizer ?? compiledOptimizer(model) ?? tf.train.adam(1e-3), {
    l2NormClip: options.l2NormClip,
    noiseMultiplier: plan.noiseMultiplier,
    expectedBatchSize: options.expectedBatchSize,
    ...(options.clipping === undefined ? {} : { clipping: options.clipping }),
    ...(options.learningRate === undefined ? {} : { learningRate: options.learningRate }),
    ...(options.noise === undefined ? {} : { noise: options.noise }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  });
  const loss = compile(model, optimizer, options, checked);
  const parts = physicalBatches(model, options, checked, { loss, optimizer: optimizer.inner, views });
  const run = openRun(options, plan, model, checked.datasetSize, optimizer.inner.getClassName(), resuming);
  const { weightAverageDecay: decay } = options;
  let average: WeightAverage | undefined;
  try {
    average = decay === undefined ? undefined : weightAverage(model, { decay });
    if (run !== undefined && resuming) sampler = await resume(run, model, optimizer, sampler, words, average);
    const book = new SamplerBook(sampler, run?.record, run && runReleases(run.config, run.record.steps));
    optimizer.useBook(book);
    const training = {
      model,
      checked,
      options,
      plan,
      sampler,
      optimizer,
      loss,
      run,
      book,
      views,
      parts,
      average,
    };
    return await train(training);
  } catch (error) {
    average?.dispose();
    throw error;
  } finally {
    optimizer.discard();
    run?.close();
  }
}

interface Training {
  readonly model: tfl.LayersModel;
  readonly checked: CheckedData;
  readonly options: PrivateFitOptions;
  readonly plan: FitPlan;
  readonly sampler: BatchSampler;
  readonly optimizer: ReturnType<typeof dpOptimizer>;
  readonly loss: ModelLoss;
  readonly run: RunDirectory | undefined;
  readonly book: SamplerBook;
  readonly views: Views | undefined;
  readonly parts: PhysicalBatches;
  readonly average: WeightAverage | undefined;
}

async function train(training: Training): Promise<PrivateFitResult> {
  const { model, checked, options, plan, sampler, optimizer, run, book, average } = training;
  const history: { public: EpochMetrics['public'][]; private: EpochMetrics['private'][] } = {
    public: [],
    private: [],
  };
  const bound = () =>
    epsilonOf(book.event, { delta: options.delta, relation: plan.relation, accountant: plan.accountant });
  const everySteps = options.checkpointEverySteps ?? plan.stepsPerEpoch;
  const interrupt = interruptible(options.signal, run !== undefined);
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const penalty = training.loss.penalty();
  let epoch = new EpochTally();
  let lastSaved = -1;
  try {
    while (book.steps < plan.allowedSteps && !interrupt.requested) {
      requireSameModel(model, variables);
      const indices = sampler.next();
      run?.keepSampler(sampler, book.steps + 1);
      epoch.add(logicalBatch(training, indices, variables), indices.length);
      inMemory('noise and update', () => optimizer.step(variables, penalty));
      average?.update();
      const progress = {
        step: book.steps,
        steps: plan.steps,
        epoch: Math.min(plan.epochs, Math.ceil(book.steps / plan.stepsPerEpoch)),
        epochs: plan.epochs,
      };
      await options.onStep?.(progress);
      const last = book.steps >= plan.allowedSteps;
      if (book.steps % plan.stepsPerEpoch === 0 || last) {
        const metrics: EpochMetrics = {
          public: { epoch: progress.epoch, step: book.steps, epsilon: bound() },
          private: {
            epoch: progress.epoch,
            ...epoch.summary(optimizer.privateCounts, checked.nonFiniteExamples),
          },
        };
        epoch = new EpochTally(optimizer.privateCounts);
        history.public.push(metrics.public);
        history.private.push(metrics.private);
        run?.appendMetrics(metrics);
        await options.onEpochEnd?.(metrics);
      }
      if (run !== undefined && (book.steps % everySteps === 0 || last)) {
        await run.checkpoint(model, optimizer, average);
        lastSaved = book.steps;
      }
      // Lets signals and timers in: the native backend computes without yielding.
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    if (run !== undefined && lastSaved !== book.steps) await run.checkpoint(model, optimizer, average);
  } finally {
    interrupt.release();
    // Whatever is trained with this optimizer from here on is added to what this run spent.
    optimizer.useBook(new PassBook(book.event));
  }
  const epsilon = bound();
  const statement = privacyStatement(epsilon, { event: book.event, datasetSize: checked.datasetSize });
  run?.writePrivacy({ epsilon, event: book.event, statement, steps: book.steps });
  return {
    model,
    history,
    privacy: {
      epsilon,
      event: book.event,
      statement,
      noiseMultiplier: scheduleRange(plan.noiseMultiplier).min,
      ...(typeof plan.noiseMultiplier === 'object' ? { noiseSchedule: plan.noiseMultiplier } : {}),
      steps: book.steps,
      secure: optimizer.secure && sampler.secure,
    },
    ...(average === undefined ? {} : { weightAverage: average }),
    stopped: book.steps >= plan.steps ? 'completed' : book.steps >= plan.allowedSteps ? 'budget' : 'aborted',
  };
}

/** Clips and sums one logical batch in physical ones; returns the sum of the losses. */
function logicalBatch(training: Training, indices: Int32Array, variables: tf.Variable[]): number {
  const { checked, optimizer, loss, views, parts } = training;
  const usable = checked.usable(indices);
  const means: { readonly value: tf.Scalar; readonly examples: number }[] = [];
  try {
    parts.each(usable.length, (from, to) => {
      const batch = checked.gather(usable.slice(from, to));
      const seen: tf.Tensor[] = [];
      try {
        if (views !== undefined) seen.push(...views.of(batch.xs), ...views.targets(batch.ys));
        const [xs, ys] = [seen.slice(0, batch.xs.length), seen.slice(batch.xs.length)];
        const losses = () =>
          views === undefined
            ? loss.of(batch.xs, batch.ys)
            : views.loss(xs, ys, (rowXs, rowYs) => loss.of(rowXs, rowYs));
        means.push({ value: optimizer.accumulate(losses, variables), examples: to - from });
      } finally {
        tf.dispose([batch.xs, batch.ys, seen]);
      }
    });
    // Read when all parts are in the sum: a failure to read must not have one repeated.
    return means.reduce((sum, { value, examples }) => sum + (value.dataSync()[0] as number) * examples, 0);
  } finally {
    tf.dispose(means.map(({ value }) => value));
  }
}

/** What a run trains is settled when it begins: its sums, its noise and its optimizer's state belong to that. */
function requireSameModel(model: tfl.LayersModel, variables: readonly tf.Variable[]): void {
  if (variables.some((variable) => variable.isDisposed)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected the model to stay until the run ends, got one that was disposed meanwhile.',
    );
  }
  const now = model.trainableWeights.map((weight) => weight.read());
  if (now.length === variables.length && now.every((variable, k) => variable === variables[k])) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected the model to keep its ${variables.length} trained variables during a run, got ${now.length}, not all of them ` +
      'the same: layers were added, frozen or thawed. End the run, and begin another with the changed model.',
  );
}

/** A model that carries spent privacy would leave it behind: its optimizer is replaced here. */
function refuseEarlierTraining(model: tfl.LayersModel): void {
  const optimizer: unknown = model.optimizer;
  if (!(optimizer instanceof DpOptimizer) || !optimizer.hasBooked) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    'Expected a model that was not privately trained yet, got one whose optimizer has steps booked: the ε of this run ' +
      'would leave them out. Recompile it with another optimizer if its weights are public by now, and add both ' +
      'events: epsilonOf(composed([before, privacy.event]), …).',
  );
}

/** The optimizer that the model was compiled with; the one inside, where that is private already. */
function compiledOptimizer(model: tfl.LayersModel): tf.Optimizer | undefined {
  const optimizer = model.optimizer as tf.Optimizer | undefined | null;
  return optimizer instanceof DpOptimizer ? optimizer.inner : (optimizer ?? undefined);
}

function makeSampler(options: PrivateFitOptions, datasetSize: number, words: RandomWords): BatchSampler {
  const { expectedBatchSize, sampler } = options;
  if (sampler !== undefined && sampler !== 'poisson' && sampler !== 'shuffle') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected sampler 'poisson' or 'shuffle', got '${String(sampler)}'.`,
    );
  }
  return sampler === 'shuffle'
    ? shuffleSampler({ datasetSize, batchSize: expectedBatchSize, words })
    : poissonSampler({ datasetSize, expectedBatchSize, words });
}

function compile(
  model: tfl.LayersModel,
  optimizer: tf.Optimizer,
  options: PrivateFitOptions,
  checked: CheckedData,
): ModelLoss {
  const loss = options.loss ?? (model.loss as PrivateFitOptions['loss'] | undefined);
  if (loss === undefined || loss === null) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      "Expected a loss: compile the model with one, or pass loss: 'categoricalCrossentropy' or a function.",
    );
  }
  const list = (Array.isArray(loss) ? loss : model.outputs.map(() => loss)) as readonly unknown[];
  checked.checkClassLabels(
    model,
    list.map((entry) => entry === 'sparseCategoricalCrossentropy'),
  );
  model.compile({ optimizer, loss: loss as tfl.ModelCompileArgs['loss'] });
  return new ModelLoss(model);
}

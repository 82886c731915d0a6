import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { DpOptimizer, refuseUnknownKeys } from '../../optimizer/index.js';
import { type LossFunction, ModelLoss, refuseUnprivateLayers } from '../model-loss.js';
import { dryRun, dryUpdate, type StepWork } from './dry-run.js';
import { batchSpec } from './made-up-batch.js';
import { type ParameterPlan, parameterPlans } from './parameter-plan.js';

const PLAN_SCHEMA = 'tfjs-privacy/plan/1';

/** What a plan is asked for. */
export interface PlanBatch {
  /** Examples in memory at a time. */
  readonly physicalBatch: number;
  /** Expected examples of one logical batch; `physicalBatch` unless given. */
  readonly expectedBatchSize?: number;
}

export interface PlanOptions {
  /** Shapes of the inputs without the batch, where the model leaves an extent open. */
  readonly inputShapes?: readonly (readonly number[])[];
  /** Shapes of the targets without the batch; those of the outputs unless given. */
  readonly targetShapes?: readonly (readonly number[])[];
  /** Per-example loss of the only output; the compiled loss unless given, or squared error. */
  readonly loss?: LossFunction;
  /** The compiled optimizer unless given, or Adam. */
  readonly optimizer?: tf.Optimizer;
}

/** A forecast of memory and time of one private step: a plain object, to print with `planReport` or as JSON. */
export interface StepPlan {
  readonly schema: typeof PLAN_SCHEMA;
  readonly backend: string;
  readonly physicalBatch: number;
  readonly expectedBatchSize: number;
  /** Physical batches in a logical batch of the expected size. */
  readonly physicalBatches: number;
  readonly parameters: readonly ParameterPlan[];
  /** Bytes in tensors. What a kernel uses while it runs comes on top, as does what the runtime holds. */
  readonly bytes: {
    /** The model's weights. */
    readonly weights: number;
    /** The optimizer's own, such as moments. */
    readonly optimizerState: number;
    /** Clipped sums, held from one physical batch to the next where there are several. */
    readonly heldSums: number;
    /** Peak of a physical batch above the weights, its data included. */
    readonly physicalBatch: number;
    /** The same for the first batch of a run, in which the engine checks itself. */
    readonly firstBatch: number;
    /** Peak of noise and update above weights and state. */
    readonly update: number;
    /** Highest of all moments of a step, weights and state included, the data set not. */
    readonly peak: number;
    /** The same for the first step of a run. */
    readonly firstPeak: number;
  };
  readonly milliseconds: {
    readonly physicalBatch: number;
    readonly update: number;
    /** All physical batches, noise and update. */
    readonly step: number;
  };
  /** Every figure is an estimate: a straight line through what two small batches took on this machine. */
  readonly estimate: {
    readonly method: 'dry run';
    readonly batches: readonly [number, number];
    readonly loss: 'compiled' | 'given' | 'squared error';
  };
}

/**
 * Forecasts memory and time of a private step, parameter by parameter, and says how each one's norms are found.
 *
 * Method: the step is taken on random batches of two small sizes, made up from the model's input shapes, with the
 * choices that the engine makes at the size asked for; at each moment, bytes and time are then continued as straight
 * lines. Reads no data, moves no weight, leaves no tensor: what it says is public. Bytes are those in tensors, measured
 * to be within 1.5× either way; milliseconds depend on what else the machine does. Takes about ten small steps.
 *
 * Throws `DP_INVALID_ARGUMENT` where a shape is open, `DP_OUT_OF_MEMORY` where not even the small batches fit, and
 * as `privateFit` does for a model that cannot be private.
 *
 * @example
 * const forecast = plan(model, { physicalBatch: 256, expectedBatchSize: 4096 });
 * console.log(planReport(forecast));
 */
export function plan(model: tfl.LayersModel, batch: number | PlanBatch, options: PlanOptions = {}): StepPlan {
  if (typeof model?.apply !== 'function' || !Array.isArray(model.inputs)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a tf.LayersModel, got ${model === null ? 'null' : typeof model}.`,
    );
  }
  const { physicalBatch, expectedBatchSize } = sizesOf(batch);
  refuseUnknownKeys('plan', options, {
    inputShapes: true,
    targetShapes: true,
    loss: true,
    optimizer: true,
  } satisfies Record<keyof PlanOptions, true>);
  refuseUnprivateLayers(model);
  const { work, loss } = workOf(model, options);
  const dry = dryRun(work, physicalBatch, physicalBatch < 64 ? [5, 11] : [7, 31], 3);
  const update = dryUpdate(work);
  const physicalBatches = Math.max(1, Math.ceil(expectedBatchSize / physicalBatch));
  const trained = bytesOf(work.variables);
  const bytes = {
    weights: bytesOf(model.weights.map((weight) => weight.read())),
    optimizerState: update.stateBytes,
    heldSums: physicalBatches > 1 ? trained : 0,
    physicalBatch: Math.round(dry.peakBytes(physicalBatch)),
    firstBatch: Math.round(dry.firstPeakBytes(physicalBatch)),
    update: update.peakBytes,
  };
  const standing = bytes.weights + bytes.optimizerState;
  const milliseconds = dry.milliseconds(physicalBatch);
  return {
    schema: PLAN_SCHEMA,
    backend: tf.getBackend(),
    physicalBatch,
    expectedBatchSize,
    physicalBatches,
    parameters: parameterPlans(work.variables, dry.reports, physicalBatch, milliseconds),
    bytes: {
      ...bytes,
      peak: standing + Math.max(bytes.heldSums + bytes.physicalBatch, bytes.update),
      firstPeak: standing + Math.max(bytes.heldSums + bytes.physicalBatch, bytes.firstBatch, bytes.update),
    },
    milliseconds: {
      physicalBatch: milliseconds,
      update: update.milliseconds,
      step: milliseconds * physicalBatches + update.milliseconds,
    },
    estimate: { method: 'dry run', batches: dry.sizes, loss },
  };
}

function sizesOf(batch: number | PlanBatch): Required<PlanBatch> {
  const sizes = typeof batch === 'number' ? { physicalBatch: batch } : batch;
  if (typeof sizes !== 'object' || sizes === null) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a batch size or { physicalBatch, expectedBatchSize }, got ${batch === null ? 'null' : typeof batch}.`,
    );
  }
  const { physicalBatch, expectedBatchSize = physicalBatch } = sizes;
  if (!Number.isSafeInteger(physicalBatch) || physicalBatch < 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected physicalBatch to be a positive whole number, got ${physicalBatch}.`,
    );
  }
  if (
    typeof expectedBatchSize !== 'number' ||
    !(expectedBatchSize > 0 && Number.isFinite(expectedBatchSize))
  ) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected expectedBatchSize to be a finite number > 0, got ${expectedBatchSize}.`,
    );
  }
  return { physicalBatch, expectedBatchSize };
}

const bytesOf = (tensors: readonly tf.Tensor[]): number =>
  tensors.reduce((sum, tensor) => sum + tensor.size * 4, 0);

function workOf(
  model: tfl.LayersModel,
  options: PlanOptions,
): { work: StepWork; loss: StepPlan['estimate']['loss'] } {
  const { loss: given, optimizer: asked } = options;
  const compiled = model.loss === undefined || model.loss === null ? undefined : model.loss;
  const compiledOptimizer = model.optimizer as tf.Optimizer | null | undefined;
  const optimizer = asked ?? compiledOptimizer ?? undefined;
  const spec = batchSpec(model, { ...options, ...(given ? {} : { loss: compiled }) });
  const kind = given !== undefined ? 'given' : compiled !== undefined ? 'compiled' : 'squared error';
  const forward = (xs: tf.Tensor[]): tf.Tensor[] => {
    const outputs = model.apply(xs.length === 1 ? (xs[0] as tf.Tensor) : xs, { training: true });
    return (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor[];
  };
  const modelLoss = kind === 'compiled' ? new ModelLoss(model) : undefined;
  const perExample = given ?? ((target, output) => tf.squaredDifference(target, output));
  const losses: StepWork['losses'] = (xs, ys) =>
    modelLoss?.of(xs, ys) ??
    tf.addN(
      forward(xs).map((output, k) => {
        const values = perExample(ys[k] as tf.Tensor, output);
        return values.rank < 2 ? values : tf.mean(tf.reshape(values, [values.shape[0] as number, -1]), 1);
      }),
    );
  return {
    work: {
      spec,
      losses,
      variables: model.trainableWeights.map((weight) => weight.read() as tf.Variable),
      optimizer: optimizer instanceof DpOptimizer ? optimizer.inner : optimizer,
    },
    loss: kind,
  };
}

import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { Views } from './augmentation.js';
import type { PrivateFitOptions } from './fit-options.js';
import { lastWithin } from './last-within.js';
import { memoryBudget } from './memory-budget.js';
import type { ModelLoss } from './model-loss.js';
import { PhysicalBatches } from './physical-batches.js';
import { dryRun, dryUpdate, type StepWork } from './plan/dry-run.js';
import { batchSpec } from './plan/made-up-batch.js';
import type { CheckedData } from './training-data.js';

const DEFAULT_PHYSICAL_BATCH = 1024;
const SIZES = [5, 11] as const;
/** The methods that the engine chooses depend on the size; a few rounds settle both. */
const ROUNDS = 6;

/**
 * The largest physical batch whose forecast stays within `budget` bytes beyond those there are now, at most
 * `largest` and at least 1. From sizes alone: no data are read.
 */
function largestPhysicalBatch(work: StepWork, largest: number, budget: number): number {
  const update = dryUpdate(work);
  const sums = work.variables.reduce((bytes, variable) => bytes + variable.size * 4, 0);
  // The optimizer's state and the sums of earlier physical batches stay while the next is computed.
  const room = budget - update.stateBytes - sums;
  let size = Math.max(1, largest);
  for (let round = 0; round < ROUNDS && size > 1; round++) {
    const dry = dryRun(work, size, SIZES, 0);
    const fits = (batch: number) => Math.max(dry.peakBytes(batch), dry.firstPeakBytes(batch)) <= room;
    if (fits(size)) return size;
    size = Math.max(1, lastWithin(size, fits));
  }
  return size;
}

/** The largest number of examples at a time; from sizes alone. */
export function physicalBatches(
  model: tfl.LayersModel,
  options: PrivateFitOptions,
  checked: CheckedData,
  parts: { readonly loss: ModelLoss; readonly optimizer: tf.Optimizer; readonly views: Views | undefined },
): PhysicalBatches {
  // Every view is a row in memory.
  const views = parts.views?.multiplicity ?? 1;
  const { maxPhysicalBatch = DEFAULT_PHYSICAL_BATCH, memoryBudgetBytes, expectedBatchSize } = options;
  let rows = maxPhysicalBatch;
  if (rows === 'auto') {
    const work = {
      spec: batchSpec(model, { ...checked.shapes, loss: model.loss }),
      losses: (xs: tf.Tensor[], ys: tf.Tensor[]) => parts.loss.of(xs, ys),
      variables: model.trainableWeights.map((weight) => weight.read() as tf.Variable),
      optimizer: parts.optimizer,
    };
    // Poisson batches hardly ever exceed this.
    const largest = Math.ceil(expectedBatchSize + 6 * Math.sqrt(expectedBatchSize));
    const most = Math.min(checked.datasetSize, largest) * views;
    rows = largestPhysicalBatch(work, most, memoryBudgetBytes ?? memoryBudget());
  }
  return new PhysicalBatches(Math.max(1, Math.floor(rows / views)));
}

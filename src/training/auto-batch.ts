import { dryRun, dryUpdate, type StepWork } from './plan/dry-run.js';

const SIZES = [5, 11] as const;
/** The methods that the engine chooses depend on the size; a few rounds settle both. */
const ROUNDS = 6;

/**
 * The largest physical batch whose forecast stays within `budget` bytes beyond those there are now, at most
 * `largest` and at least 1. From sizes alone: no data are read.
 */
export function largestPhysicalBatch(work: StepWork, largest: number, budget: number): number {
  const update = dryUpdate(work);
  const sums = work.variables.reduce((bytes, variable) => bytes + variable.size * 4, 0);
  // The optimizer's state and the sums of earlier physical batches stay while the next is computed.
  const room = budget - update.stateBytes - sums;
  let size = Math.max(1, largest);
  for (let round = 0; round < ROUNDS && size > 1; round++) {
    const dry = dryRun(work, size, SIZES, 0);
    const fits = (batch: number) => Math.max(dry.peakBytes(batch), dry.firstPeakBytes(batch)) <= room;
    if (fits(size)) return size;
    let low = 1;
    let high = size;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (fits(middle)) low = middle;
      else high = middle;
    }
    size = low;
  }
  return size;
}

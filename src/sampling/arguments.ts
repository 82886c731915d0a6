import { DpError } from 'privacy-accounting';

/** Indices are 32-bit integers. */
export const MAX_DATASET_SIZE = 2 ** 31 - 1;

/** Refuses sizes that no batch can be drawn from; `batchName` is the option's name in the message. */
export function requireSizes(
  sizes: { readonly datasetSize: number; readonly batchSize: number },
  batchName: string,
): void {
  const { datasetSize, batchSize } = sizes;
  if (!Number.isInteger(datasetSize) || datasetSize < 1 || datasetSize > MAX_DATASET_SIZE) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected datasetSize to be an integer from 1 to 2^31 - 1, got ${String(datasetSize)}. ` +
        'It is the number of examples, and counts as public.',
    );
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > datasetSize) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected ${batchName} to be an integer from 1 to the ${datasetSize} examples there are, got ` +
        `${String(batchSize)}. Lower it or add data.`,
    );
  }
}

/** The number of steps of an event: a whole number; 0 is a run that has not begun. */
export function requireSteps(steps: number): void {
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected steps to be a whole number from 0, got ${String(steps)}.`,
    );
  }
}

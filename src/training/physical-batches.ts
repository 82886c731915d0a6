import { DpError } from 'privacy-accounting';
import { isOutOfMemory } from '../engine/index.js';

/**
 * Splits logical batches into physical ones, and into smaller ones once memory has run out.
 *
 * Contract: `each` calls `work` on intervals that cover [0, count) once and without overlap; an interval on which
 * `work` threw for lack of memory is repeated in halves, so `work` must have added nothing when it throws, as
 * `optimizer.accumulate` does. Splitting is memory management: it changes neither the sum's sensitivity nor the
 * noise, only the order of its float32 additions.
 *
 * The size depends on sizes alone, at first. Whether an allocation fails also depends on how many examples the
 * sampler drew and, in rare cases, on their values (norms that cancel are formed in another way): whoever watches
 * the process's memory or time may see that, and the weights do not show it.
 *
 * @example
 * const parts = new PhysicalBatches(512);
 * parts.each(indices.length, (from, to) => {
 *   const loss = optimizer.accumulate(() => lossesOf(indices.slice(from, to)));
 *   loss.dispose();
 * });
 * optimizer.step();
 */
export class PhysicalBatches {
  private largest: number;

  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected a physical batch of a positive whole number of examples, got ${size}.`,
      );
    }
    this.largest = size;
  }

  /** Most examples at a time from now on. */
  get size(): number {
    return this.largest;
  }

  /** Calls `work` on parts [from, to) of [0, count). Throws `DP_OUT_OF_MEMORY` where one example does not fit. */
  each(count: number, work: (from: number, to: number) => void): void {
    const open = equalParts(0, count, this.largest).reverse();
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      const [from, to] = part;
      if (to - from > this.largest) {
        open.push(...equalParts(from, to, this.largest).reverse());
        continue;
      }
      try {
        work(from, to);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        if (to - from === 1) throw oneDoesNotFit(error);
        this.largest = Math.floor((to - from) / 2);
        open.push(part);
      }
    }
  }
}

/** Runs `run`; a failure for lack of memory becomes `DP_OUT_OF_MEMORY`. For what does not shrink with the batch. */
export function inMemory<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!isOutOfMemory(cause)) throw cause;
    throw new DpError(
      'DP_OUT_OF_MEMORY',
      `Expected ${what} to fit memory, got: ${(cause as Error).message} Make the model or its inputs smaller, or free ` +
        'memory.',
      { cause },
    );
  }
}

type Interval = readonly [from: number, to: number];

/** Equal parts: the last is not left with a handful of examples. */
function equalParts(from: number, to: number, size: number): Interval[] {
  const count = to - from;
  const parts = Math.ceil(count / size);
  return Array.from({ length: parts }, (_, part) => [
    from + Math.floor((part * count) / parts),
    from + Math.floor(((part + 1) * count) / parts),
  ]);
}

function oneDoesNotFit(cause: unknown): DpError {
  return new DpError(
    'DP_OUT_OF_MEMORY',
    `Expected at least one example at a time to fit memory, got: ${(cause as Error).message} ` +
      'Make the model or its inputs smaller, or free memory; plan(model, 1) says where the bytes go.',
    { cause },
  );
}

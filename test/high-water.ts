/** Watching memory: the high-water mark of bytes in tensors, and allocations that fail where a test wants them to. */
import * as tf from '@tensorflow/tfjs-core';

/** The most bytes that tensors held while `run` ran, above those at its start. */
export async function highWater(run: () => unknown): Promise<number> {
  const { state } = tf.engine() as unknown as { readonly state: { numBytes: number } };
  const start = state.numBytes;
  let bytes = start;
  let top = start;
  Object.defineProperty(state, 'numBytes', {
    configurable: true,
    get: () => bytes,
    set: (value: number) => {
      bytes = value;
      top = Math.max(top, value);
    },
  });
  try {
    await run();
  } finally {
    Object.defineProperty(state, 'numBytes', { configurable: true, writable: true, value: bytes });
  }
  return top - start;
}

/** What tfjs counts, for comparing before and after. */
export function held(): { numTensors: number; numDataBuffers: number; numBytes: number } {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  return { numTensors, numDataBuffers, numBytes };
}

export class Faults {
  /** Kernel calls so far. */
  calls = 0;
  private readonly undo: (() => void)[] = [];

  /** From now on every kernel of the active backend asks `fails` first, with its number, counted from 1. */
  constructor(fails: (call: number) => boolean, message = 'Array buffer allocation failed') {
    for (const config of tf.getKernelsForBackend(tf.getBackend())) {
      const writable = config as { kernelFunc: typeof config.kernelFunc };
      const { kernelFunc } = config;
      writable.kernelFunc = (params) => {
        this.calls++;
        if (fails(this.calls)) throw new RangeError(message);
        return kernelFunc(params);
      };
      this.undo.push(() => {
        writable.kernelFunc = kernelFunc;
      });
    }
  }

  end(): void {
    for (const undo of this.undo.splice(0)) undo();
  }
}

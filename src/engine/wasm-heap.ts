import * as tf from '@tensorflow/tfjs-core';

interface WasmModule {
  _malloc?: (bytes: number) => number;
}

const guarded = new WeakSet<WasmModule>();

/**
 * Makes the wasm backend say when its heap is full (4 GiB).
 *
 * The backend takes the address that `malloc` gives without looking at it. A failed allocation gives 0, and the
 * next kernel writes its result there: over the weights and whatever else lies at the bottom of the heap, without
 * an error. From here on a failed allocation throws a RangeError before anything is written.
 */
export function guardWasmHeap(): void {
  if (tf.getBackend() !== 'wasm') return;
  const { wasm } = tf.backend() as unknown as { readonly wasm?: WasmModule };
  const allocate = wasm?._malloc;
  if (wasm === undefined || typeof allocate !== 'function' || guarded.has(wasm)) return;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) {
      throw new RangeError(`Out of memory: the wasm backend could not allocate ${bytes} bytes.`);
    }
    return address;
  };
  guarded.add(wasm);
}

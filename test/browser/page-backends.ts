/** The backends that a page can have, registered as a page does it, and started as a page wants them. */
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { MathBackendWebGL } from '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';

setWasmPaths({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

export const PAGE_BACKENDS = ['webgl', 'wasm', 'cpu'] as const;

/** A webgl backend on a context of its own, so that one test may lose it and the next starts sound. */
export async function freshWebgl(): Promise<MathBackendWebGL> {
  await tf.setBackend('cpu');
  if (tf.findBackendFactory('webgl') !== null) tf.removeBackend('webgl');
  const canvas = document.createElement('canvas');
  tf.registerBackend('webgl', () => new MathBackendWebGL(canvas), 2);
  await tf.setBackend('webgl');
  return tf.backend() as MathBackendWebGL;
}

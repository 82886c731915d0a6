/**
 * Ten thousand private steps of a tiny model: does anything stay behind? Physical batches, empty batches and failing
 * losses included. Counts tensors, buffers and bytes after 1,000 steps and at the end, and the JavaScript heap after
 * a collection where `node --expose-gc` allows one. Ends with exit code 1 when anything grew.
 *
 *   npm run soak            # cpu
 *   npm run soak -- tensorflow 10000
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { dpOptimizer, selectBackend } from 'tfjs-privacy';

const [backend = 'cpu', total = '10000'] = process.argv.slice(2);
await selectBackend({ prefer: backend });
/** What a collection may leave in doubt. */
const HEAP_SLACK = 8 * 2 ** 20;

const model = tfl.sequential({
  layers: [tfl.layers.dense({ units: 2, inputShape: [3], activation: 'tanh' })],
});
const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
const optimizer = dpOptimizer(tf.train.adam(1e-3), {
  l2NormClip: 1,
  noiseMultiplier: 1,
  expectedBatchSize: 8,
});
const batches = [8, 5, 1].map((rows) => tf.randomUniform([rows, 3]));

function step(k: number): void {
  // Every fifth batch is empty; every seventh has a physical batch that fails, and is begun again.
  if (k % 5 !== 0) {
    const x = batches[k % batches.length] as tf.Tensor;
    const losses = () => tf.mean(tf.square(model.apply(x) as tf.Tensor), 1);
    optimizer.accumulate(losses, variables).dispose();
    if (k % 7 === 0) {
      try {
        optimizer.accumulate(() => tf.mean(tf.sub(losses(), tf.mean(losses()))), variables).dispose();
      } catch {
        optimizer.discard();
      }
    }
  }
  optimizer.step(variables);
}

function counted() {
  (globalThis as { gc?: () => void }).gc?.();
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  return { numTensors, numDataBuffers, numBytes, heap: process.memoryUsage().heapUsed };
}

const steps = Number(total);
const started = performance.now();
for (let k = 0; k < steps / 10; k++) step(k);
const before = counted();
for (let k = steps / 10; k < steps; k++) step(k);
const after = counted();
const seconds = (performance.now() - started) / 1000;
const grew =
  after.numTensors !== before.numTensors ||
  after.numDataBuffers !== before.numDataBuffers ||
  after.numBytes !== before.numBytes ||
  ((globalThis as { gc?: unknown }).gc !== undefined && after.heap > before.heap + HEAP_SLACK);
console.log(JSON.stringify({ backend: tf.getBackend(), steps, seconds, before, after, grew }, null, 2));
process.exitCode = grew ? 1 : 0;

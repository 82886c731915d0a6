// Trains in a run directory and, after every step, notes in a side file that the step was released. Killed by the
// test at a moment of its choosing; started again, it resumes.
import { appendFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { privateFit, selectBackend } from 'tfjs-privacy';

const [runDirectory, sideFile, sampler] = process.argv.slice(2);
await selectBackend({ prefer: 'cpu' });
const model = tfl.sequential({
  layers: [tfl.layers.dense({ units: 2, inputShape: [3], activation: 'softmax' })],
});
const xs = tf.tensor2d(
  Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(i), 1]),
  [40, 3],
);
const ys = tf.oneHot(
  tf.tensor1d(
    Int32Array.from({ length: 40 }, (_, i) => i % 2),
    'int32',
  ),
  2,
);
const { privacy, stopped } = await privateFit(
  model,
  { xs, ys },
  {
    noiseMultiplier: 1,
    delta: 1e-3,
    steps: 100_000,
    expectedBatchSize: 8,
    l2NormClip: 1,
    loss: 'categoricalCrossentropy',
    sampler,
    runDirectory,
    resume: true,
    checkpointEverySteps: 3,
    optimizer: tf.train.adam(0.01),
    onStep: ({ step }) => {
      appendFileSync(sideFile, '.');
      if (process.send) process.send(step);
    },
  },
);
console.log(JSON.stringify({ epsilon: privacy.epsilon.epsilon, stopped }));

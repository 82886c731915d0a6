/**
 * DP-SGD in a training loop of your own, on variables of your own: no layers, no `fit`.
 *
 *   npx tsx examples/custom-loop.ts
 *
 * Three things make such a loop private, and each is one line below: a sampler that draws the batches, an optimizer
 * that is given per-example losses, and ε computed from the sampler's own event. `--small` takes seconds.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  calibrateNoiseMultiplier,
  type DpEvent,
  dpOptimizer,
  gaussian,
  poissonSampler,
  privacyStatement,
  secureRandomWords,
  selectBackend,
} from 'tfjs-privacy';
import { CLASSES, firstDigits, loadMnist } from './data/mnist.js';
import { runExample } from './lib/command.js';
import { FEATURES, tensorsOf } from './lib/features.js';
import { startStage } from './lib/progress.js';

const RELATION = 'add-or-remove-one';
const FULL = { train: 60_000, test: 10_000, expectedBatchSize: 1024, epochs: 4 };
const SMALL: typeof FULL = { train: 4000, test: 1000, expectedBatchSize: 200, epochs: 2 };

await runExample(
  {
    usage: 'npx tsx examples/custom-loop.ts',
    about: 'A private training loop written by hand: sampler, optimizer, accounting.',
    flags: ['small'],
  },
  async ({ small }) => {
    const sizes = small ? SMALL : FULL;
    const backend = await selectBackend();
    process.stderr.write(`Computing on ${backend.name}: ${backend.reason}.\n`);
    const mnist = await loadMnist();
    const { xs, ys } = tensorsOf(firstDigits(mnist.train, sizes.train));
    const test = firstDigits(mnist.test, sizes.test);

    const weights = tf.variable(tf.zeros([FEATURES, CLASSES]));
    const bias = tf.variable(tf.zeros([CLASSES]));
    const logits = (batch: tf.Tensor2D) => tf.add(tf.matMul(batch, weights), bias);

    // The sampler draws each batch by one coin an example, and states the event that accounts for it.
    const sampler = poissonSampler({
      datasetSize: xs.shape[0],
      expectedBatchSize: sizes.expectedBatchSize,
      words: secureRandomWords(),
    });
    const steps = Math.ceil((sizes.epochs * xs.shape[0]) / sizes.expectedBatchSize);
    const eventOf = (noiseMultiplier: number): DpEvent => sampler.event(gaussian({ noiseMultiplier }), steps);
    const { noiseMultiplier } = calibrateNoiseMultiplier({
      makeEvent: eventOf,
      targetEpsilon: 3,
      delta: 1e-5,
      relation: RELATION,
    });
    const optimizer = dpOptimizer(tf.train.adam(0.01), {
      l2NormClip: 1,
      noiseMultiplier,
      expectedBatchSize: sampler.expectedBatchSize,
    });
    optimizer.bookWith(sampler); // a step costs what the sampler says it does

    const stage = startStage('Custom loop with DP-SGD', steps);
    for (let step = 1; step <= steps; step++) {
      const indices = sampler.next();
      tf.tidy(() => {
        // A batch without a single example is a step like any other: noise, update, account.
        if (indices.length === 0) return optimizer.step([weights, bias]);
        const batch = tf.gather(xs, tf.tensor1d(indices, 'int32'));
        const labels = tf.gather(ys, tf.tensor1d(indices, 'int32'));
        // [batch]: one loss an example, so that each gradient can be clipped on its own. Not their mean.
        const losses = () => tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(logits(batch))), -1));
        optimizer.minimize(losses, false, [weights, bias]);
      });
      stage.update(step);
    }
    const seconds = stage.end();

    const { event } = optimizer;
    const bound = optimizer.privacySpent({ delta: 1e-5, relation: RELATION });
    const guesses = tf.tidy(() => tf.argMax(logits(tensorsOf(test).xs), 1).dataSync<'int32'>());
    const accuracy = guesses.filter((guess, i) => guess === test.labels[i]).length / test.count;
    process.stdout.write(
      `steps      ${steps} in ${seconds.toFixed(1)} s\n` +
        `accuracy   ${(100 * accuracy).toFixed(1)} % of ${test.count} test digits\n` +
        `epsilon    ${bound.epsilon.toFixed(4)} at delta ${bound.delta.toExponential()}, ${bound.relation}\n\n` +
        `${privacyStatement(bound, { event, datasetSize: sampler.datasetSize })}\n`,
    );
  },
);

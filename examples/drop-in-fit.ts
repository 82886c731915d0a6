/**
 * One changed line: `model.compile` with a private optimizer, then plain `model.fit`.
 *
 *   npx tsx examples/drop-in-fit.ts
 *
 * Inside `model.fit` the optimizer sees neither how many examples there are nor how they are shuffled. So what it
 * states by itself counts every step as if every example took part in it: true, and far too much. `guardedFit` is
 * `model.fit` with that checked: it sees each example take part once an epoch and books just that. Neither claims the
 * amplification that random (Poisson) batches would give; `privateFit` draws those. `--small` takes seconds.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  calibrateNoiseMultiplier,
  dpOptimizer,
  type EpsilonBound,
  gaussian,
  guardedFit,
  selectBackend,
  selfComposed,
  shuffled,
} from 'tfjs-privacy';
import { firstDigits, loadMnist } from './data/mnist.js';
import { accuracyOf, classifier, LOSS } from './lib/classifier.js';
import { runExample } from './lib/command.js';
import { tensorsOf } from './lib/features.js';
import { startStage } from './lib/progress.js';

const DELTA = 1e-5;
/** Blanking out one example: the pair of data sets that passes over shuffled data are accounted for. */
const RELATION = 'replace-special';
const FULL = { train: 60_000, test: 10_000, epochs: 8, batchSize: 1024 };
const SMALL: typeof FULL = { train: 4000, test: 1000, epochs: 2, batchSize: 200 };

await runExample(
  {
    usage: 'npx tsx examples/drop-in-fit.ts',
    about: 'model.compile and model.fit with a private optimizer, without and with the fit guard.',
    flags: ['small'],
  },
  async ({ small }) => {
    const { train, test, epochs, batchSize } = small ? SMALL : FULL;
    const backend = await selectBackend();
    process.stderr.write(`Computing on ${backend.name}: ${backend.reason}.\n`);
    const mnist = await loadMnist();
    const { xs, ys } = tensorsOf(firstDigits(mnist.train, train));
    const testDigits = firstDigits(mnist.test, test);
    const testXs = tensorsOf(testDigits).xs;

    const { noiseMultiplier } = calibrateNoiseMultiplier({
      makeEvent: (sigma) =>
        selfComposed({ count: epochs, event: shuffled({ event: gaussian({ noiseMultiplier: sigma }) }) }),
      targetEpsilon: 3,
      delta: DELTA,
      relation: RELATION,
    });
    const privateAdam = () =>
      dpOptimizer(tf.train.adam(4e-3), { l2NormClip: 1, noiseMultiplier, expectedBatchSize: batchSize });
    const steps = epochs * Math.ceil(train / batchSize);
    const report = (name: string, accuracy: number, bound: EpsilonBound, seconds: number) =>
      process.stdout.write(
        `${name.padEnd(12)} accuracy ${(100 * accuracy).toFixed(1)} %   epsilon ${bound.epsilon.toFixed(3)} ` +
          `at delta ${DELTA.toExponential()}, ${bound.relation}   ${seconds.toFixed(1)} s\n`,
      );
    const ticking = (title: string) => {
      const stage = startStage(title, steps);
      let step = 0;
      return { stage, callbacks: { onBatchEnd: async () => stage.update(++step) } };
    };

    // The drop-in. Everything but the optimizer is as it was.
    const plain = classifier();
    const optimizer = privateAdam();
    plain.compile({ optimizer, loss: LOSS });
    const first = ticking('model.fit with a private optimizer');
    await plain.fit(xs, ys, { epochs, batchSize, verbose: 0, callbacks: first.callbacks });
    const seconds = first.stage.end();
    const spent = optimizer.privacySpent({ delta: DELTA });
    report('model.fit', accuracyOf(plain, testXs, testDigits.labels), spent, seconds);

    // The same training, watched.
    const guarded = classifier();
    guarded.compile({ optimizer: privateAdam(), loss: LOSS });
    const second = ticking('guardedFit');
    const { epsilon, statement } = await guardedFit(guarded, xs, ys, {
      epochs,
      batchSize,
      delta: DELTA,
      verbose: 0,
      callbacks: second.callbacks,
    });
    report('guardedFit', accuracyOf(guarded, testXs, testDigits.labels), epsilon, second.stage.end());
    process.stdout.write(`\n${statement}\n`);
  },
);

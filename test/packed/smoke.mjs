// What a stranger does first with the packed packages, in plain JavaScript: an ε, a private fit, the command line.
// Copied into an empty project and run there (by test/packed.test.ts and by CI), so nothing of the repository but
// the two installed packages is within its reach. Prints one line a check; exit code 1 when any failed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const checks = [];
const check = (name, run) => checks.push({ name, run });

/** Runs the installed command; `status`, `stdout` and `stderr` as text. */
function cli(...args) {
  const manifest = createRequire(import.meta.url).resolve('tfjs-privacy/package.json');
  const { bin } = createRequire(import.meta.url)(manifest);
  const program = join(dirname(manifest), bin['tfjs-privacy']);
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
}

const plan = ['--dataset-size', '60000', '--batch-size', '256', '--epochs', '60', '--delta', '1e-5'];

check('accounting: the ε of 60 epochs of DP-SGD on 60,000 examples', async () => {
  const { epsilonOf, gaussian, poissonSampled, selfComposed } = await import('privacy-accounting');
  const step = poissonSampled({
    samplingProbability: 256 / 60000,
    event: gaussian({ noiseMultiplier: 1.1 }),
  });
  const event = selfComposed({ count: Math.ceil((60 * 60000) / 256), event: step });
  const bound = epsilonOf(event, { delta: 1e-5, relation: 'add-or-remove-one', accountant: 'rdp' });
  // 2.92 is what two independent RDP implementations give with the improved conversion.
  assert.ok(bound.epsilon > 2.5 && bound.epsilon < 3.05, `epsilon ${bound.epsilon}`);
  assert.equal(bound.relation, 'add-or-remove-one');
  assert.equal(bound.unit, 'example');
});

check('accounting: bad input is a DpError, of one class for both packages', async () => {
  const accounting = await import('privacy-accounting');
  const toolkit = await import('tfjs-privacy');
  const errors = await import('privacy-accounting/errors');
  assert.equal(toolkit.DpError, accounting.DpError);
  assert.equal(errors.DpError, accounting.DpError);
  assert.throws(
    () => accounting.gaussian({ noiseMultiplier: -1 }),
    (error) => error instanceof accounting.DpError && error.code === 'DP_INVALID_ARGUMENT',
  );
});

check('training: a private fit on the WebAssembly backend', async () => {
  const tf = await import('@tensorflow/tfjs-core');
  const tfl = await import('@tensorflow/tfjs-layers');
  const { privateFit, selectBackend } = await import('tfjs-privacy');
  const backend = await selectBackend({ prefer: 'wasm' });
  assert.equal(backend.name, 'wasm');
  const examples = 256;
  const points = Float32Array.from({ length: 2 * examples }, (_, i) => Math.sin(12.9898 * (i + 1)));
  const xs = tf.tensor2d(points, [examples, 2]);
  const ys = tf.tidy(() => tf.cast(tf.greater(tf.sum(xs, 1, true), 0), 'float32'));
  const model = tfl.sequential({
    layers: [tfl.layers.dense({ units: 1, activation: 'sigmoid', inputShape: [2] })],
  });
  model.compile({ optimizer: tf.train.sgd(1), loss: 'binaryCrossentropy' });
  const before = model.getWeights()[0].dataSync().slice();
  const fit = await privateFit(
    model,
    { xs, ys },
    { noiseMultiplier: 1, delta: 1e-4, epochs: 2, expectedBatchSize: 64, l2NormClip: 1 },
  );
  const after = model.getWeights()[0].dataSync();
  assert.ok(after.every(Number.isFinite) && after.some((w, i) => w !== before[i]), 'the weights moved');
  const { epsilon, secure, statement } = fit.privacy;
  assert.ok(epsilon.epsilon > 0 && Number.isFinite(epsilon.epsilon), `epsilon ${epsilon.epsilon}`);
  assert.equal(epsilon.delta, 1e-4);
  assert.equal(secure, true);
  assert.ok(statement.length > 0);
});

check('command line: budget --json answers with its contract', () => {
  const { status, stdout, stderr } = cli('budget', ...plan, '--noise-multiplier', '1.1', '--json');
  assert.equal(status, 0, stderr);
  const answer = JSON.parse(stdout);
  for (const key of ['schema', 'epsilon', 'delta', 'relation', 'accountant', 'events', 'statement']) {
    assert.ok(key in answer, `key ${key}`);
  }
  assert.ok(answer.epsilon > 2 && answer.epsilon < 3.05, `epsilon ${answer.epsilon}`);
});

check('command line: calibrate finds the noise back, erring to the private side', () => {
  const { status, stdout, stderr } = cli('calibrate', ...plan, '--target-epsilon', '3', '--json');
  assert.equal(status, 0, stderr);
  const { noiseMultiplier, epsilon } = JSON.parse(stdout);
  assert.ok(epsilon <= 3 && epsilon > 2.9, `epsilon ${epsilon}`);
  assert.ok(noiseMultiplier > 0.9 && noiseMultiplier < 1.2, `noise multiplier ${noiseMultiplier}`);
});

check('command line: bad input exits with 2 and says what is wrong', () => {
  const { status, stderr } = cli('budget', ...plan, '--noise-multiplier', '-1');
  assert.equal(status, 2);
  assert.match(stderr, /noise/i);
});

check('command line: doctor names the backends that load', () => {
  const { status, stdout, stderr } = cli('doctor', '--json');
  assert.equal(status, 0, stderr);
  const answer = JSON.parse(stdout);
  assert.ok(answer.backends.some(({ name, loads }) => name === 'wasm' && loads));
  assert.equal(answer.engine.folders.length, 1);
});

let failed = 0;
for (const { name, run } of checks) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    const message = error instanceof Error ? error.message : String(error);
    console.log(`not ok ${name}: ${message.replaceAll('\n', ' | ').slice(0, 300)}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;

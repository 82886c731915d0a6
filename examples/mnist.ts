/**
 * Handwritten digits with and without differential privacy, and what an attacker can tell from either model.
 *
 *   npm run demo
 *
 * 1. Trains a classifier on the 60,000 digits of MNIST without privacy, and with DP-SGD at (ε ≤ 3, δ = 1e-5).
 * 2. Trains a second pair on about 2,000 digits, half of 4,000 by a fair coin each, 400 mislabelled canaries among
 *    them, and attacks both: who was in the training data?
 * 3. Prints what came out and writes it to one HTML page in ./runs, which works offline.
 *
 * Ctrl-C during private training keeps a checkpoint; the message then says how to go on.
 * `TFJS_PRIVACY_BACKEND=wasm npm run demo` chooses a backend; `-- --small` takes seconds.
 */
import { join } from 'node:path';
import { selectBackend } from 'tfjs-privacy';
import { auditModel } from 'tfjs-privacy/audit';
import { renderHtml, renderTerminal } from 'tfjs-privacy/report';
import { type Digits, firstDigits, loadMnist } from './data/mnist.js';
import { auditSetIn, auditTensor, membersOf, withReferences } from './lib/audit-digits.js';
import { newRunFolder, runExample, writeOutput } from './lib/command.js';
import { tensorsOf } from './lib/features.js';
import { type Attacked, demoReport, type Pair } from './lib/mnist-report.js';
import { type TestDigits, type TrainingTensors, trainPlainly, trainPrivately } from './lib/train.js';

const TARGET = { targetEpsilon: 3, delta: 1e-5 };

/** Chosen on what is publicly known of MNIST; see the report's notes on what that leaves out of ε. */
const FULL = {
  train: 60_000,
  test: 10_000,
  plain: { epochs: 5, batchSize: 256, learningRate: 2e-3 },
  private: { epochs: 12, expectedBatchSize: 1024, l2NormClip: 1, learningRate: 6e-3 },
  audit: { canaries: 400, ordinary: 3600, references: 4000 },
  auditPlain: { epochs: 100, batchSize: 128, learningRate: 6e-3 },
  auditPrivate: { epochs: 20, expectedBatchSize: 200, l2NormClip: 1, learningRate: 4e-3 },
};

const DIRECTORY = { private: 'private', auditPrivate: 'audit-private' } as const;

const SMALL: typeof FULL = {
  train: 4000,
  test: 1000,
  plain: { ...FULL.plain, epochs: 2 },
  private: { ...FULL.private, epochs: 3, expectedBatchSize: 256 },
  audit: { canaries: 100, ordinary: 400, references: 300 },
  auditPlain: { ...FULL.auditPlain, batchSize: 64 },
  auditPrivate: { ...FULL.auditPrivate, epochs: 5, expectedBatchSize: 60 },
};

interface Settings {
  readonly sizes: typeof FULL;
  readonly folder: string;
  readonly resume: boolean;
  readonly test: TestDigits;
}

/** A private classifier and one without privacy; undefined when Ctrl-C came during private training. */
async function trainPair(
  name: 'private' | 'auditPrivate',
  data: TrainingTensors,
  { sizes, folder, resume, test }: Settings,
): Promise<Pair | undefined> {
  const digits = `${data.xs.shape[0].toLocaleString('en-US')} digits`;
  const protectedOne = await trainPrivately(`With privacy, ${digits}`, data, test, {
    ...TARGET,
    ...sizes[name],
    runDirectory: join(folder, DIRECTORY[name]),
    resume,
  });
  if (protectedOne.fit?.stopped === 'aborted') {
    process.stderr.write(
      `Stopped after step ${protectedOne.steps}; the checkpoint is kept. To go on:\n` +
        `  npm run demo -- ${sizes === SMALL ? '--small ' : ''}--resume --out ${folder}\n`,
    );
    process.exitCode = 130;
    return undefined;
  }
  const recipe = name === 'private' ? sizes.plain : sizes.auditPlain;
  const plain = await trainPlainly(`Without privacy, ${digits}`, data, test, recipe);
  return { plain, private: protectedOne };
}

/** Trains a pair on the members of an audit set and attacks both on the same digits. */
async function attackPair(pool: Digits, settings: Settings): Promise<Attacked | undefined> {
  const set = await auditSetIn(join(settings.folder, DIRECTORY.auditPrivate), pool, settings.sizes.audit);
  const pair = await trainPair('auditPrivate', membersOf(set), settings);
  if (pair === undefined) return undefined;
  const attacked = withReferences(set, pool, settings.sizes.audit.references);
  const features = auditTensor(attacked);
  const attack = (trained: Pair['plain'], subject: string) =>
    auditModel({
      ...attacked,
      model: trained.model,
      features,
      subject,
      attacks: [
        { score: 'loss', on: 'canaries' },
        { score: 'loss', on: 'ordinary' },
      ],
      guessShare: 0.35,
      claim: trained.fit?.privacy.epsilon,
      delta: TARGET.delta,
    });
  return {
    pair,
    plain: await attack(pair.plain, 'the model trained without privacy'),
    private: await attack(pair.private, 'the private model'),
  };
}

await runExample(
  {
    usage: 'npm run demo',
    about: 'Trains on MNIST with and without differential privacy, and attacks both models.',
    flags: ['small', 'out', 'resume'],
  },
  async ({ small, out, resume }) => {
    const sizes = small ? SMALL : FULL;
    const folder = out ?? newRunFolder('mnist');
    const backend = await selectBackend();
    process.stderr.write(`Computing on ${backend.name}: ${backend.reason}.\n`);
    const mnist = await loadMnist();
    const pool = firstDigits(mnist.train, sizes.train);
    const testDigits = firstDigits(mnist.test, sizes.test);
    const test = { xs: tensorsOf(testDigits).xs, labels: testDigits.labels };
    const settings = { sizes, folder, resume, test };

    const pair = await trainPair('private', tensorsOf(pool), settings);
    if (pair === undefined) return;
    const attacked = await attackPair(pool, settings);
    if (attacked === undefined) return;

    const report = demoReport({ pair, attacked, backend, testExamples: testDigits.count, resumed: resume });
    const page = await writeOutput(folder, 'report.html', await renderHtml(report));
    await writeOutput(folder, 'report.json', `${JSON.stringify(report, null, 2)}\n`);
    process.stdout.write(`${renderTerminal(report)}\nReport: ${page}\n`);
  },
);

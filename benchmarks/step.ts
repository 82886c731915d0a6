/**
 * The price of privacy: one DP-SGD step against one plain step, on the same model, batch and backend.
 *
 *   npm run bench             a table for every backend that loads
 *   npm run bench -- --json   the same figures as one JSON object
 *
 * Method. Both sides apply SGD to the mean cross-entropy of 256 random images; the private side clips every
 * example and draws fresh secure noise for every parameter. Each backend runs in a process of its own. After
 * warm-up (the engine's self-check happens there) plain, private and clip-only steps alternate, so that a slow
 * moment of the machine hits all of them; a step ends when a weight has been read back. Ratios are of minima
 * (what the code can do) and of medians (what one gets).
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { availableBackends, dpOptimizer, selectBackend } from 'tfjs-privacy';

const BATCH = 256;

interface Figures {
  readonly model: string;
  readonly backend: string;
  readonly parameters: number;
  readonly plainMs: Summary | null;
  readonly privateMs: Summary;
  readonly clipOnlyMs: Summary;
  readonly ratio: Summary | null;
  readonly clipOnlyRatio: Summary | null;
}
interface Summary {
  readonly min: number;
  readonly median: number;
}

const models: Readonly<Record<string, () => tfl.LayersModel>> = {
  'MLP 784-256-128-10': () =>
    tfl.sequential({
      layers: [
        tfl.layers.dense({ units: 256, activation: 'relu', inputShape: [784] }),
        tfl.layers.dense({ units: 128, activation: 'relu' }),
        tfl.layers.dense({ units: 10 }),
      ],
    }),
  // The network of Opacus's MNIST example.
  'CNN 26,010 parameters': () =>
    tfl.sequential({
      layers: [
        tfl.layers.reshape({ targetShape: [28, 28, 1], inputShape: [784] }),
        tfl.layers.zeroPadding2d({ padding: 3 }),
        tfl.layers.conv2d({ filters: 16, kernelSize: 8, strides: 2, activation: 'relu' }),
        tfl.layers.maxPooling2d({ poolSize: 2, strides: 1 }),
        tfl.layers.conv2d({ filters: 32, kernelSize: 4, strides: 2, activation: 'relu' }),
        tfl.layers.maxPooling2d({ poolSize: 2, strides: 1 }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 32, activation: 'relu' }),
        tfl.layers.dense({ units: 10 }),
      ],
    }),
};

function summarise(times: readonly number[]): Summary {
  const sorted = [...times].sort((a, b) => a - b);
  return { min: sorted[0] as number, median: sorted[Math.floor(sorted.length / 2)] as number };
}
const quotient = (a: Summary, b: Summary): Summary => ({ min: a.min / b.min, median: a.median / b.median });

function measure(name: string, make: () => tfl.LayersModel, backend: string): Figures {
  const model = make();
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const xs = tf.randomUniform([BATCH, 784], 0, 1, 'float32', 1);
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
  const ys = tf.oneHot(tf.tensor1d(labels, 'int32'), 10);
  const losses = () =>
    tf.losses.softmaxCrossEntropy(ys, model.apply(xs) as tf.Tensor, undefined, undefined, tf.Reduction.NONE);
  const options = { l2NormClip: 1, expectedBatchSize: BATCH };
  const plain = tf.train.sgd(1e-6);
  const noisy = dpOptimizer(tf.train.sgd(1e-6), { ...options, noiseMultiplier: 1 });
  const clipOnly = dpOptimizer(tf.train.sgd(1e-6), { ...options, noiseMultiplier: 0 });
  const sides: (() => void)[] = [
    () => void plain.minimize(() => tf.mean(losses()), false, variables),
    () => void noisy.minimize(losses, false, variables),
    () => void clipOnly.minimize(losses, false, variables),
  ];
  const last = variables[variables.length - 1] as tf.Variable;
  const times: number[][] = [[], [], []];
  let stockTrains = true;
  const start = performance.now();
  for (let round = 0; round < 60; round++) {
    sides.forEach((side, k) => {
      if (k === 0 && !stockTrains) return;
      const from = performance.now();
      try {
        side();
        last.dataSync();
      } catch (error) {
        if (k !== 0) throw error;
        stockTrains = false;
        return;
      }
      if (round >= 2) times[k]?.push(performance.now() - from);
    });
    // Slow backends stop after four measured rounds, the slowest after two.
    const elapsed = performance.now() - start;
    if ((round >= 5 && elapsed > 20_000) || (round >= 3 && elapsed > 60_000)) break;
  }
  const [plainTimes = [], privateTimes = [], clipTimes = []] = times;
  const plainMs = stockTrains ? summarise(plainTimes) : null;
  const privateMs = summarise(privateTimes);
  const clipOnlyMs = summarise(clipTimes);
  return {
    model: name,
    backend,
    parameters: model.countParams(),
    plainMs,
    privateMs,
    clipOnlyMs,
    ratio: plainMs && quotient(privateMs, plainMs),
    clipOnlyRatio: plainMs && quotient(clipOnlyMs, plainMs),
  };
}

async function child(backend: string): Promise<void> {
  await selectBackend({ prefer: backend });
  for (const [name, make] of Object.entries(models)) {
    process.stdout.write(`${JSON.stringify(measure(name, make, backend))}\n`);
  }
}

async function main(): Promise<void> {
  const at = process.argv.indexOf('--backend');
  if (at > 0) return child(process.argv[at + 1] as string);
  const figures: Figures[] = [];
  for (const backend of await availableBackends()) {
    process.stderr.write(`measuring on ${backend} …\n`);
    const args = [...process.execArgv, fileURLToPath(import.meta.url), '--backend', backend];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (run.status !== 0) throw new Error(`the benchmark failed on ${backend}`);
    for (const line of run.stdout.split('\n'))
      if (line.startsWith('{')) figures.push(JSON.parse(line) as Figures);
  }
  if (process.argv.includes('--json')) {
    process.stdout.write(
      `${JSON.stringify({ schema: 'tfjs-privacy/bench-step/1', batch: BATCH, figures })}\n`,
    );
    return;
  }
  const ms = (summary: Summary | null) =>
    summary === null ? 'cannot train' : `${summary.min.toFixed(1)} / ${summary.median.toFixed(1)}`;
  const times = (ratio: Summary | null) =>
    ratio === null ? '–' : `${ratio.min.toFixed(2)} / ${ratio.median.toFixed(2)}`;
  process.stdout.write(`batch ${BATCH}, SGD on both sides; each cell is minimum / median\n`);
  const row = (cells: readonly string[]) =>
    process.stdout.write(
      `${cells.map((cell, i) => (i < 2 ? cell.padEnd(22) : cell.padStart(17))).join('')}\n`,
    );
  row(['model', 'backend', 'plain ms', 'private ms', 'ratio', 'ratio, no noise']);
  for (const f of figures) {
    row([f.model, f.backend, ms(f.plainMs), ms(f.privateMs), times(f.ratio), times(f.clipOnlyRatio)]);
  }
}

await main();

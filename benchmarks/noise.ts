/**
 * What a parameter of noise costs: `npx tsx benchmarks/noise.ts [--json]` (after `npm run build`).
 *
 * Method: each row fills an array of so many parameters with N(0, 1.1²), again and again. Rows are interleaved,
 * so that a slow moment of the machine hits all of them; 5 untimed rounds, then 41 timed ones; small arrays are
 * filled often enough within a round to take about a million samples. Printed: nanoseconds a parameter, median and
 * minimum over the rounds. "secure" and "seeded" are this package's gaussianSource over secureRandomWords and
 * seededRandomWords, the random words included; "words only" is the words alone, two a parameter; "discrete" is
 * discreteGaussianSource with so many steps of the grid to a standard deviation, "mechanism" the rounding of a sum to
 * the grid, the noise and the way back to float32;
 * "tf.randomNormal" is TensorFlow.js's own generator (not cryptographic), on the cpu backend, read back with
 * dataSync, because its samples are made in JavaScript on every backend.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {
  discreteGaussianMechanism,
  discreteGaussianSource,
  gaussianSource,
  secureRandomWords,
  seededRandomWords,
} from '../src/noise/index.js';

const STANDARD_DEVIATION = 1.1;
const WARM_UP_ROUNDS = 5;
const ROUNDS = 41;
const SAMPLES_A_ROUND = 2 ** 20;

interface Row {
  readonly name: string;
  readonly parameters: number;
  /** Samples made in one round: slow generators make fewer. */
  readonly samples: number;
  readonly run: () => void;
  readonly nanoseconds: number[];
}

function row(name: string, parameters: number, run: () => void, samples = SAMPLES_A_ROUND): Row {
  return { name, parameters, samples: Math.max(samples, parameters), run, nanoseconds: [] };
}

function rows(): Row[] {
  const secure = gaussianSource(secureRandomWords());
  const seeded = gaussianSource(seededRandomWords(1));
  const words = secureRandomWords();
  const block = new Uint32Array(16_384);
  const all: Row[] = [];
  for (const parameters of [2 ** 20, 235_146, 10_000, 100]) {
    const out = new Float32Array(parameters);
    all.push(row('secure', parameters, () => secure.fill(out, STANDARD_DEVIATION)));
  }
  const out = new Float32Array(2 ** 20);
  all.push(row('seeded', 2 ** 20, () => seeded.fill(out, STANDARD_DEVIATION)));
  const discrete = discreteGaussianSource(secureRandomWords());
  const integers = new Float64Array(2 ** 20);
  for (const sigma of [2 ** 8, 2 ** 12, 2 ** 20]) {
    all.push(row(`discrete, 2^${Math.log2(sigma)}`, 2 ** 20, () => discrete.fill(integers, sigma)));
  }
  const mechanism = discreteGaussianMechanism(discreteGaussianSource(secureRandomWords()), 2 ** -20);
  const sum = new Float32Array(2 ** 20).fill(0.3);
  all.push(row('mechanism, 2^20', 2 ** 20, () => mechanism.release(sum, out, 1)));
  all.push(row('words only', block.length / 2, () => words.fill(block)));
  const small = 2 ** 16;
  all.push(
    row(
      'tf.randomNormal',
      small,
      () => tf.tidy(() => void tf.randomNormal([small], 0, STANDARD_DEVIATION).dataSync()),
      small,
    ),
  );
  return all;
}

function timeOnce({ samples, parameters, run }: Row): number {
  const repeats = Math.ceil(samples / parameters);
  const start = process.hrtime.bigint();
  for (let i = 0; i < repeats; i++) run();
  return Number(process.hrtime.bigint() - start) / (repeats * parameters);
}

await tf.setBackend('cpu');
const table = rows();
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
  for (const each of table) {
    const nanoseconds = timeOnce(each);
    if (round >= WARM_UP_ROUNDS) each.nanoseconds.push(nanoseconds);
  }
}

const results = table.map(({ name, parameters, nanoseconds }) => {
  const sorted = nanoseconds.toSorted((a, b) => a - b);
  return { name, parameters, median: sorted[sorted.length >> 1]!, minimum: sorted[0]! };
});
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ schema: 'tfjs-privacy/bench-noise/1', unit: 'ns per parameter', results }));
} else {
  console.log('ns per parameter          parameters    median   minimum');
  for (const { name, parameters, median, minimum } of results) {
    console.log(
      `${name.padEnd(20)} ${String(parameters).padStart(15)} ${median.toFixed(1).padStart(9)} ${minimum.toFixed(1).padStart(9)}`,
    );
  }
}

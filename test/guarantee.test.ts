/**
 * Ways in which a training loop can promise more than it keeps, each found once and held shut here.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { composed, DpError, gaussian, selfComposed, shuffled } from 'privacy-accounting';
import {
  dpOptimizer,
  guardedFit,
  type PrivateFitOptions,
  poissonSampler,
  privateFit,
  selectBackend,
  shuffleSampler,
} from 'tfjs-privacy';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PassBook } from '../src/optimizer/index.js';

const noNoise = { l2NormClip: 1, noiseMultiplier: 0, expectedBatchSize: 1 };
/** One example whose gradient with respect to `w` is `size` in every coordinate. */
const pull = (w: tf.Variable, size = 10) => {
  const x = tf.fill([1, w.size], size);
  return () => tf.sum(tf.mul(x, tf.reshape(w, [1, w.size])), 1);
};
const norm = (tensors: readonly tf.Tensor[]) =>
  Math.sqrt(tensors.flatMap((t) => [...t.dataSync()]).reduce((sum, value) => sum + value * value, 0));

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof DpError ? error.code : String(error);
  }
  return 'accepted';
}

describe('what one example moves', () => {
  beforeAll(async () => {
    await selectBackend({ prefer: 'cpu' });
  });

  it('is at most C after a step that failed: its batch is dropped, not merged with the next', () => {
    const w = tf.variable(tf.zeros([4]));
    const optimizer = dpOptimizer(tf.train.sgd(1), noNoise);
    let full = true;
    const book = new PassBook();
    optimizer.useBook({
      book: (step) => {
        if (full) throw new DpError('DP_IO', 'disk full');
        book.book(step);
      },
      get event() {
        return book.event;
      },
    });
    optimizer.accumulate(pull(w), [w]).dispose();
    expect(() => optimizer.step([w])).toThrow('disk full');
    full = false;
    optimizer.accumulate(pull(w), [w]).dispose();
    optimizer.step([w]);
    expect(norm([w])).toBeLessThanOrEqual(1);
    expect(norm([w])).toBeGreaterThan(0.99);
  });

  it('is at most C over all variables, however they are listed', () => {
    const [a, b] = [tf.variable(tf.zeros([2])), tf.variable(tf.zeros([2]))];
    const optimizer = dpOptimizer(tf.train.sgd(1), noNoise);
    optimizer.accumulate(pull(a), [a]).dispose();
    expect(() => optimizer.accumulate(pull(b), [b])).toThrow(/one list of variables/);
    optimizer.discard();
    optimizer.minimize(pull(a), false, [a, a]);
    expect(norm([a])).toBeLessThanOrEqual(1);
  });

  it.each([16, 1000])(
    'does not depend on how many others there are: physical batches of %i',
    async (maxPhysicalBatch) => {
      const rows = 33;
      const moved = async (bad: boolean) => {
        const model = tfl.sequential({
          layers: [tfl.layers.dense({ units: 1, inputShape: [3], useBias: false })],
        });
        model.setWeights([tf.zeros([3, 1])]);
        const xs = tf.buffer([rows, 3], 'float32', new Float32Array(rows * 3).fill(50));
        if (bad) xs.set(Number.NaN, 0, 0);
        await privateFit(
          model,
          { xs: xs.toTensor(), ys: tf.ones([rows, 1]) },
          {
            delta: 1e-3,
            noiseMultiplier: 0,
            steps: 1,
            expectedBatchSize: rows,
            l2NormClip: 1,
            loss: 'meanSquaredError',
            optimizer: tf.train.sgd(rows),
            maxPhysicalBatch,
          },
        );
        return model.getWeights()[0] as tf.Tensor;
      };
      const difference = tf.sub(await moved(false), await moved(true));
      expect(norm([difference])).toBeLessThanOrEqual(1 + 1e-6);
      expect(norm([difference])).toBeGreaterThan(0.99);
    },
  );

  it('does not show in the regulariser: an empty batch has its penalty too', async () => {
    const weightAfter = async (blank: boolean) => {
      const model = tfl.sequential({
        layers: [
          tfl.layers.dense({
            units: 1,
            inputShape: [1],
            useBias: false,
            kernelRegularizer: tfl.regularizers.l2({ l2: 10 }),
          }),
        ],
      });
      model.setWeights([tf.tensor2d([[5]])]);
      await privateFit(
        model,
        { xs: tf.tensor2d([[blank ? Number.NaN : 1]]), ys: tf.ones([1, 1]) },
        {
          delta: 1e-3,
          noiseMultiplier: 0,
          steps: 1,
          expectedBatchSize: 1,
          l2NormClip: 1e-3,
          loss: 'meanSquaredError',
          optimizer: tf.train.sgd(1),
        },
      );
      return (model.getWeights()[0] as tf.Tensor).dataSync()[0] as number;
    };
    // 5 − 2·10·5, and at most the clipped gradient besides.
    expect(await weightAfter(true)).toBeCloseTo(-95, 4);
    expect(Math.abs((await weightAfter(false)) - (await weightAfter(true)))).toBeLessThanOrEqual(1.1e-3);
  });

  it('does not show in a loop of one’s own either: an empty step asks for its penalty', () => {
    const w = tf.variable(tf.ones([2]));
    const optimizer = dpOptimizer(tf.train.sgd(0.1), noNoise);
    const penalty = () => tf.mul(3, tf.sum(tf.square(w))) as tf.Scalar;
    const losses = pull(w);
    optimizer.minimize(() => tf.add(tf.mean(losses()), penalty()) as tf.Scalar, false, [w]);
    expect(() => optimizer.step([w])).toThrow(/empty batch/);
    const before = [...w.dataSync()];
    optimizer.step([w], penalty);
    [...w.dataSync()].forEach((value, i) => {
      expect(value).toBeCloseTo((before[i] as number) * (1 - 0.1 * 6), 5);
    });
  });
});

describe('what is booked', () => {
  let directory: string;
  beforeAll(async () => {
    await selectBackend({ prefer: 'cpu' });
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'guarantee-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const makeModel = () =>
    tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [2], activation: 'softmax' })] });
  const data = (rows = 4) => ({
    xs: tf.ones([rows, 2]),
    ys: tf.oneHot(
      tf.tensor1d(
        Int32Array.from({ length: rows }, (_, i) => i % 2),
        'int32',
      ),
      2,
    ),
  });
  const options = (more: Partial<PrivateFitOptions>): PrivateFitOptions => ({
    delta: 1e-3,
    noiseMultiplier: 4,
    expectedBatchSize: 1,
    l2NormClip: 1,
    loss: 'categoricalCrossentropy',
    runDirectory: join(directory, 'run'),
    ...more,
  });

  it('is never behind the sampler: a batch lost at the first step of an epoch counts', async () => {
    const shuffle = options({ sampler: 'shuffle', steps: 12 });
    let calls = 0;
    const dying = (yTrue: tf.Tensor, yPred: tf.Tensor) => {
      // The fifth batch is the first of the second epoch.
      if (++calls === 5) throw new Error('died');
      return tfl.metrics.categoricalCrossentropy(yTrue, yPred);
    };
    await expect(privateFit(makeModel(), data(), { ...shuffle, loss: dying })).rejects.toThrow('died');
    const { privacy } = await privateFit(makeModel(), data(), { ...shuffle, resume: true });
    const { state } = JSON.parse(readFileSync(join(directory, 'run', 'sampler.json'), 'utf8')) as {
      state: { epochsBegun: number };
    };
    expect(privacy.event).toEqual(
      selfComposed({
        count: state.epochsBegun,
        event: shuffled({ event: gaussian({ noiseMultiplier: 4 }) }),
      }),
    );
  });

  it('is one process’s: a second one on the same run is stopped before its step', async () => {
    const two = options({ steps: 20, resume: true });
    await privateFit(makeModel(), data(), { ...two, signal: AbortSignal.abort() });
    const results = await Promise.allSettled([
      privateFit(makeModel(), data(), two),
      privateFit(makeModel(), data(), two),
    ]);
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(1);
    for (const result of results) {
      if (result.status === 'rejected') expect((result.reason as DpError).code).toBe('DP_IO');
    }
    const lines = readFileSync(join(directory, 'run', 'record.jsonl'), 'utf8')
      .trim()
      .split('\n');
    for (const result of results) {
      if (result.status === 'fulfilled') expect(result.value.privacy.steps).toBe(lines.length);
    }
  });

  it('is not forgotten when run.json or sampler.json are', async () => {
    const shuffle = options({ sampler: 'shuffle', steps: 8 });
    const abort = new AbortController();
    await privateFit(makeModel(), data(), {
      ...shuffle,
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === 2) abort.abort();
      },
    });
    const resume = () => rejection(privateFit(makeModel(), data(), { ...shuffle, resume: true }));
    const file = (name: string) => join(directory, 'run', name);
    const sampler = readFileSync(file('sampler.json'), 'utf8');
    rmSync(file('sampler.json'));
    expect(await resume()).toBe('DP_CORRUPT');
    writeFileSync(file('sampler.json'), sampler.replace('"datasetSize":4', '"datasetSize":40'));
    expect(await resume()).toBe('DP_CORRUPT');
    writeFileSync(file('sampler.json'), sampler);
    expect(
      await rejection(privateFit(makeModel(), data(), { ...shuffle, resume: true, noiseMultiplier: 40 })),
    ).toBe('DP_INVALID_ARGUMENT');
    rmSync(file('run.json'));
    expect(await resume()).toBe('DP_CORRUPT');
  });

  it('goes with the model: a second private run refuses to leave the first out', async () => {
    const model = makeModel();
    const { runDirectory: _, ...twice } = options({ steps: 2 });
    await privateFit(model, data(), twice);
    expect(await rejection(privateFit(model, data(), twice))).toBe('DP_INVALID_ARGUMENT');
  });

  it('starts with the sampler', () => {
    const sampler = shuffleSampler({ datasetSize: 4, batchSize: 1 });
    sampler.next();
    const optimizer = dpOptimizer(tf.train.sgd(1), noNoise);
    expect(() => optimizer.bookWith(sampler)).toThrow(/drawn nothing/);
    expect(() => optimizer.bookWith(poissonSampler({ datasetSize: 4, expectedBatchSize: 2 }))).toThrow(
      /batch size/,
    );
  });

  it('counts every step of a pass in which a record came twice', () => {
    const book = new PassBook();
    const step = { noiseMultiplier: 1, sensitivity: 1, examples: 4, secure: true };
    book.beginPass(8);
    book.book(step);
    book.book(step);
    expect(() => book.book(step)).toThrow(/twice/);
    expect(book.event).toEqual(
      composed([selfComposed({ count: 2, event: shuffled({ event: gaussian({ noiseMultiplier: 1 }) }) })]),
    );
  });

  it('has a public length: early stopping on the training loss is refused', async () => {
    const model = makeModel();
    model.compile({
      optimizer: dpOptimizer(tf.train.sgd(0.1), { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: 2 }),
      loss: 'categoricalCrossentropy',
    });
    const { xs, ys } = data();
    const args = { batchSize: 2, epochs: 2, delta: 1e-3, verbose: 0 as const };
    const callbacks = tfl.callbacks.earlyStopping({ monitor: 'loss' });
    expect(await rejection(guardedFit(model, xs, ys, { ...args, callbacks }))).toBe('DP_INVALID_ARGUMENT');
    expect(await rejection(guardedFit(model, xs, ys, args))).toBe('accepted');
  });
});

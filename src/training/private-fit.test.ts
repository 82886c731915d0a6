import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError, epsilonOf, gaussian, poissonSampled, selfComposed } from 'privacy-accounting';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { privateFit } from './private-fit.js';
import { loadRun } from './run-directory.js';

const N = 60;

function makeModel(): tfl.LayersModel {
  return tfl.sequential({
    layers: [
      tfl.layers.dense({ units: 6, activation: 'tanh', inputShape: [4] }),
      tfl.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
}

function makeData() {
  const xs = tf.tensor2d(
    Float32Array.from({ length: N * 4 }, (_, i) => Math.sin(i * 1.7)),
    [N, 4],
  );
  const labels = Int32Array.from({ length: N }, (_, i) => i % 3);
  return { xs, ys: tf.oneHot(tf.tensor1d(labels, 'int32'), 3) };
}

const base = {
  delta: 1e-3,
  expectedBatchSize: 10,
  l2NormClip: 1,
  loss: 'categoricalCrossentropy',
} as const;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DpError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('privateFit', () => {
  let directory: string;
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'private-fit-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const runDirectory = () => join(directory, 'run');

  it('calibrates the noise so that the run ends at or below the target, and says so', async () => {
    const { privacy, stopped, history } = await privateFit(makeModel(), makeData(), {
      ...base,
      targetEpsilon: 2,
      epochs: 2,
    });
    expect(stopped).toBe('completed');
    expect(privacy.steps).toBe(12);
    expect(privacy.epsilon.epsilon).toBeLessThanOrEqual(2);
    expect(privacy.epsilon.epsilon).toBeGreaterThan(1.99);
    expect(privacy.epsilon.relation).toBe('add-or-remove-one');
    const event = selfComposed({
      count: 12,
      event: poissonSampled({
        samplingProbability: 10 / 60,
        event: gaussian({ noiseMultiplier: privacy.noiseMultiplier }),
      }),
    });
    expect(epsilonOf(event, { delta: 1e-3, relation: 'add-or-remove-one' }).epsilon).toBe(
      privacy.epsilon.epsilon,
    );
    expect(privacy.statement).toContain('ε');
    expect(history.public.map((entry) => entry.step)).toEqual([6, 12]);
    expect(history.private.every((entry) => Number.isFinite(entry.loss))).toBe(true);
  });

  it('stops before the step that would pass the target', async () => {
    const { privacy, stopped } = await privateFit(makeModel(), makeData(), {
      ...base,
      targetEpsilon: 1,
      noiseMultiplier: 2,
      steps: 500,
    });
    expect(stopped).toBe('budget');
    expect(privacy.steps).toBeGreaterThan(0);
    expect(privacy.epsilon.epsilon).toBeLessThanOrEqual(1);
    const next = selfComposed({
      count: privacy.steps + 1,
      event: poissonSampled({ samplingProbability: 10 / 60, event: gaussian({ noiseMultiplier: 2 }) }),
    });
    expect(epsilonOf(next, { delta: 1e-3, relation: 'add-or-remove-one' }).epsilon).toBeGreaterThan(1);
  });

  it('says "not private" when the noise is seeded, and repeats itself', async () => {
    const weights: number[][][] = [];
    for (let repeat = 0; repeat < 2; repeat++) {
      const model = makeModel();
      model.setWeights(model.getWeights().map((w) => tf.fill(w.shape, 0.1)));
      const { privacy } = await privateFit(model, makeData(), {
        ...base,
        noiseMultiplier: 1,
        steps: 3,
        seed: 7,
      });
      expect(privacy.secure).toBe(false);
      expect(privacy.epsilon.epsilon).toBe(Number.POSITIVE_INFINITY);
      expect(privacy.statement.toLowerCase()).toContain('not private');
      weights.push(model.getWeights().map((w) => [...w.dataSync()]));
    }
    expect(weights[0]).toEqual(weights[1]);
  });

  it('splits logical batches without changing the step', async () => {
    const trained: number[][] = [];
    for (const maxPhysicalBatch of [1, 7, 1000]) {
      const model = makeModel();
      model.setWeights(model.getWeights().map((w) => tf.fill(w.shape, 0.1)));
      await privateFit(model, makeData(), {
        ...base,
        noiseMultiplier: 1,
        steps: 4,
        seed: 1,
        maxPhysicalBatch,
      });
      trained.push(model.getWeights().flatMap((w) => [...w.dataSync()]));
    }
    trained[0]?.forEach((value, i) => {
      expect(trained[1]?.[i]).toBeCloseTo(value, 5);
      expect(trained[2]?.[i]).toBeCloseTo(value, 5);
    });
  });

  it('takes empty batches as steps', async () => {
    // One example expected of 60: with this seed several of the batches are empty.
    const model = makeModel();
    const moved: boolean[] = [];
    let before = model.getWeights().flatMap((w) => [...w.dataSync()]);
    const { privacy } = await privateFit(model, makeData(), {
      ...base,
      expectedBatchSize: 1,
      noiseMultiplier: 1,
      steps: 12,
      seed: 3,
      onStep: () => {
        const now = model.getWeights().flatMap((w) => [...w.dataSync()]);
        // Noise moves every value; Adam's share of it may be too small for float32 in one of them.
        moved.push(now.filter((value, i) => value !== before[i]).length > 0.9 * now.length);
        before = now;
      },
    });
    expect(privacy.steps).toBe(12);
    expect(moved).toEqual(new Array(12).fill(true));
  });

  it('accounts shuffled batches by epochs, under zero-out, and refuses add-or-remove', async () => {
    const { privacy } = await privateFit(makeModel(), makeData(), {
      ...base,
      sampler: 'shuffle',
      noiseMultiplier: 4,
      epochs: 3,
    });
    expect(privacy.steps).toBe(18);
    expect(privacy.epsilon.relation).toBe('replace-special');
    expect(privacy.epsilon.epsilon).toBe(
      epsilonOf(privacy.event, { delta: 1e-3, relation: 'replace-special', accountant: 'gdp' }).epsilon,
    );
    expect(
      await codeOf(
        privateFit(makeModel(), makeData(), {
          ...base,
          sampler: 'shuffle',
          relation: 'add-or-remove-one',
          noiseMultiplier: 4,
          epochs: 3,
        }),
      ),
    ).toBe('DP_UNSUPPORTED_EVENT');
  });

  it('counts examples with NaN and lets them contribute nothing', async () => {
    const { xs, ys } = makeData();
    const values = xs.dataSync().slice();
    values[5] = Number.NaN;
    values[4 * 9] = Number.POSITIVE_INFINITY;
    const model = makeModel();
    const { history } = await privateFit(
      model,
      { xs: tf.tensor2d(values, [N, 4]), ys },
      { ...base, noiseMultiplier: 1, epochs: 2 },
    );
    expect(history.private.map((entry) => entry.nonFiniteExamples)).toEqual([2, 2]);
    for (const weight of model.getWeights()) expect([...weight.dataSync()].every(Number.isFinite)).toBe(true);
  });

  it.each(['poisson', 'shuffle'] as const)(
    'resumes an aborted %s run on the same record',
    async (sampler) => {
      const abort = new AbortController();
      const options = {
        ...base,
        sampler,
        noiseMultiplier: 2,
        epochs: 3,
        runDirectory: runDirectory(),
        targetEpsilon: 50,
      };
      const first = await privateFit(makeModel(), makeData(), {
        ...options,
        signal: abort.signal,
        onStep: ({ step }) => {
          if (step === 8) abort.abort();
        },
      });
      expect(first.stopped).toBe('aborted');
      expect(first.privacy.steps).toBe(8);
      const saved = await loadRun(runDirectory());
      expect(saved.steps).toBe(8);
      saved.model.getWeights().forEach((w, i) => {
        expect([...w.dataSync()]).toEqual([...(first.model.getWeights()[i] as tf.Tensor).dataSync()]);
      });
      const second = await privateFit(makeModel(), makeData(), { ...options, resume: true });
      expect(second.stopped).toBe('completed');
      expect(second.privacy.steps).toBe(18);
      expect(second.privacy.epsilon.epsilon).toBeGreaterThan(first.privacy.epsilon.epsilon);
      const again = await privateFit(makeModel(), makeData(), { ...options, resume: true });
      expect(again.privacy.steps).toBe(18);
    },
  );

  it('counts steps on record whose weights were lost, and a line that was cut off', async () => {
    const options = {
      ...base,
      noiseMultiplier: 2,
      steps: 6,
      runDirectory: runDirectory(),
      checkpointEverySteps: 2,
    };
    await privateFit(makeModel(), makeData(), options);
    const record = join(runDirectory(), 'record.jsonl');
    writeFileSync(record, `${readFileSync(record, 'utf8')}{"step":7}\n{"st`);
    const { privacy, stopped } = await privateFit(makeModel(), makeData(), { ...options, resume: true });
    expect(privacy.steps).toBe(8);
    expect(stopped).toBe('completed');
  });

  it('refuses a damaged run and leaves it as it is', async () => {
    const options = { ...base, noiseMultiplier: 2, steps: 4, runDirectory: runDirectory() };
    await privateFit(makeModel(), makeData(), options);
    const resume = () => codeOf(privateFit(makeModel(), makeData(), { ...options, resume: true }));
    expect(await codeOf(privateFit(makeModel(), makeData(), options))).toBe('DP_INVALID_ARGUMENT');
    expect(
      await codeOf(privateFit(makeModel(), makeData(), { ...options, resume: true, l2NormClip: 2 })),
    ).toBe('DP_INVALID_ARGUMENT');
    const record = join(runDirectory(), 'record.jsonl');
    const good = readFileSync(record);
    truncateSync(record, 11);
    expect(await resume()).toBe('DP_CORRUPT');
    expect(await codeOf(loadRun(runDirectory()))).toBe('DP_CORRUPT');
    writeFileSync(record, good.toString().replace('"step":2', '"step":9'));
    expect(await resume()).toBe('DP_CORRUPT');
    rmSync(record);
    expect(await resume()).toBe('DP_CORRUPT');
    writeFileSync(record, good);
    const weights = join(runDirectory(), 'checkpoint', 'weights.bin');
    const bytes = readFileSync(weights);
    truncateSync(weights, 20);
    expect(await resume()).toBe('DP_CORRUPT');
    bytes[3] = (bytes[3] as number) ^ 1;
    writeFileSync(weights, bytes);
    expect(await codeOf(loadRun(runDirectory()))).toBe('DP_CORRUPT');
    expect(await codeOf(loadRun(join(directory, 'nowhere')))).toBe('DP_CORRUPT');
  });

  it('names what is wrong with bad input', async () => {
    const data = makeData();
    const good = { ...base, noiseMultiplier: 1, steps: 1 };
    const bad: [object, string][] = [
      [{ ...good, noiseMultiplier: -1 }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, delta: 1 }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, delta: Number.NaN }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, expectedBatchSize: 61 }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, steps: undefined }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, epochs: 1 }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, noiseMultiplier: undefined }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, l2NormClip: 0 }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, loss: undefined }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, optimizer: {} }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, sampler: 'bootstrap' }, 'DP_INVALID_ARGUMENT'],
      [{ ...good, noiseMultiplier: 0.1, targetEpsilon: 0.01 }, 'DP_BUDGET_EXCEEDED'],
    ];
    for (const [options, code] of bad) {
      expect(await codeOf(privateFit(makeModel(), data, options as never)), JSON.stringify(options)).toBe(
        code,
      );
    }
    expect(await codeOf(privateFit({} as never, data, good))).toBe('DP_INVALID_ARGUMENT');
    expect(await codeOf(privateFit(makeModel(), { xs: tf.zeros([0, 4]), ys: tf.zeros([0, 3]) }, good))).toBe(
      'DP_INVALID_ARGUMENT',
    );
    expect(await codeOf(privateFit(makeModel(), { xs: data.xs, ys: tf.zeros([5, 3]) }, good))).toBe(
      'DP_INVALID_ARGUMENT',
    );
    const labels = tf.tensor2d(new Array<number>(N).fill(3), [N, 1]);
    expect(
      await codeOf(
        privateFit(
          makeModel(),
          { xs: data.xs, ys: labels },
          { ...good, loss: 'sparseCategoricalCrossentropy' },
        ),
      ),
    ).toBe('DP_INVALID_ARGUMENT');
    const normalised = tfl.sequential({
      layers: [
        tfl.layers.dense({ units: 3, inputShape: [4] }),
        tfl.layers.batchNormalization({ name: 'norm' }),
      ],
    });
    await expect(privateFit(normalised, data, good)).rejects.toThrow(/'norm'/);
  });

  it('leaks no tensors', async () => {
    const model = makeModel();
    const data = makeData();
    const optimizer = tf.train.adam(1e-3);
    await privateFit(model, data, { ...base, noiseMultiplier: 1, steps: 2, optimizer });
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
    const before = tf.memory().numTensors;
    await privateFit(model, data, { ...base, noiseMultiplier: 1, steps: 20, optimizer });
    expect(tf.memory().numTensors).toBe(before);
  });
});

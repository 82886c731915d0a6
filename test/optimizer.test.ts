import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { composed, DpError, epsilonOf, gaussian, selfComposed, shuffled } from 'privacy-accounting';
import { type DpOptimizer, dpOptimizer, guardedFit } from 'tfjs-privacy';
import { expect, it } from 'vitest';
import { eachBackend } from './backends.js';

const ROWS = 24;
const BATCH = 8;

function makeModel(): tfl.Sequential {
  const model = tfl.sequential({
    layers: [
      tfl.layers.dense({
        units: 5,
        activation: 'tanh',
        inputShape: [4],
        kernelRegularizer: tfl.regularizers.l2({ l2: 0.01 }),
      }),
      tfl.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  let next = 0;
  model.setWeights(
    model.getWeights().map((w) =>
      tf.tensor(
        Float32Array.from({ length: w.size }, () => Math.sin(++next)),
        w.shape,
      ),
    ),
  );
  return model;
}

function makeData(rows = ROWS) {
  const xs = tf.tensor2d(
    Float32Array.from({ length: rows * 4 }, (_, i) => Math.cos(i * 1.3)),
    [rows, 4],
  );
  const ys = tf.oneHot(
    tf.tensor1d(
      Int32Array.from({ length: rows }, (_, i) => (i * 7) % 3),
      'int32',
    ),
    3,
  );
  return { xs, ys };
}

const weightsOf = (model: tfl.LayersModel) => model.getWeights().flatMap((w) => [...w.dataSync()]);
const variablesOf = (model: tfl.LayersModel) => model.trainableWeights.map((w) => w.read() as tf.Variable);

const optimizers: Readonly<Record<string, () => tf.Optimizer>> = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  nesterov: () => tf.train.momentum(0.1, 0.9, true),
  adam: () => tf.train.adam(0.05),
  adamax: () => tf.train.adamax(0.05),
  rmsprop: () => tf.train.rmsprop(0.01),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(0.5),
};

const noNoise = { l2NormClip: Number.POSITIVE_INFINITY, noiseMultiplier: 0, expectedBatchSize: BATCH };
const private1 = { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: BATCH };

function codeOf(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    if (error instanceof DpError) return error.code;
    throw error;
  }
  return 'no error';
}

eachBackend(() => {
  it.each(Object.keys(optimizers))(
    '%s without noise or clipping takes the plain update, step after step',
    (name) => {
      const make = optimizers[name] as () => tf.Optimizer;
      const plain = makeModel();
      const dp = makeModel();
      const plainOptimizer = make();
      const dpWrapped = dpOptimizer(make(), noNoise);
      const { xs, ys } = makeData();
      const lossOf = (model: tfl.Sequential, from: number, count: number) => {
        const x = tf.slice(xs, [from, 0], [count, -1]);
        const y = tf.slice(ys, [from, 0], [count, -1]);
        return () => tf.mean(losses(model, x, y)) as tf.Scalar;
      };
      for (let step = 0; step < 3; step++) {
        plainOptimizer.minimize(lossOf(plain, step * BATCH, BATCH), false, variablesOf(plain));
        dpWrapped.minimize(lossOf(dp, step * BATCH, BATCH), false, variablesOf(dp));
      }
      const expected = weightsOf(plain);
      expectClose(weightsOf(dp), expected, 4);
    },
  );

  it('divides a short batch by the expected size', () => {
    const short = 3;
    const { xs, ys } = makeData(short);
    const plain = makeModel();
    const dp = makeModel();
    const start = weightsOf(plain);
    const loss = (model: tfl.Sequential) => () =>
      tf.mean(tfl.metrics.categoricalCrossentropy(ys, model.apply(xs) as tf.Tensor)) as tf.Scalar;
    tf.train.sgd(1).minimize(loss(plain), false, variablesOf(plain));
    dpOptimizer(tf.train.sgd(1), noNoise).minimize(loss(dp), false, variablesOf(dp));
    const expected = weightsOf(plain);
    weightsOf(dp).forEach((value, i) => {
      const plainMove = (expected[i] as number) - (start[i] as number);
      expect(value - (start[i] as number)).toBeCloseTo((plainMove * short) / BATCH, 5);
    });
  });

  it('fits, trains on batches and weighs classes inside model.fit as the plain optimizer does', async () => {
    const { xs, ys } = makeData();
    const run = async (optimizer: tf.Optimizer) => {
      const model = makeModel();
      model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
      await model.fit(xs, ys, { epochs: 2, batchSize: BATCH, shuffle: false, verbose: 0 });
      await model.fit(xs, ys, {
        epochs: 1,
        batchSize: BATCH,
        shuffle: false,
        verbose: 0,
        classWeight: { 0: 1, 1: 0.5, 2: 3 },
      });
      const values = await model.trainOnBatch(
        tf.slice(xs, [0, 0], [BATCH, -1]),
        tf.slice(ys, [0, 0], [BATCH, -1]),
      );
      expect(values).toHaveLength(2);
      return weightsOf(model);
    };
    const expected = await run(tf.train.adam(0.01));
    const got = await run(dpOptimizer(tf.train.adam(0.01), noNoise));
    expectClose(got, expected, 4);
  });

  it('trains in fitDataset', async () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.sgd(0.1), private1);
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    const batches = [0, 1, 2].map((k) => ({
      xs: tf.slice(xs, [k * BATCH, 0], [BATCH, -1]),
      ys: tf.slice(ys, [k * BATCH, 0], [BATCH, -1]),
    }));
    // The part of the tf.data.Dataset interface that fitDataset uses.
    const dataset = {
      size: batches.length,
      iterator: async () => {
        let at = 0;
        return {
          next: async () =>
            at < batches.length
              ? { value: { xs: tf.clone(batches[at]!.xs), ys: tf.clone(batches[at++]!.ys) }, done: false }
              : { value: null, done: true },
        };
      },
    };
    await model.fitDataset(dataset as never, { epochs: 2, verbose: 0 });
    expect(optimizer.event).toEqual(
      composed([selfComposed({ count: 6, event: shuffled({ event: gaussian({ noiseMultiplier: 1 }) }) })]),
    );
  });

  it('survives model.save with the optimizer, with the record of what was spent', async () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.adam(0.01), { ...private1, noiseMultiplier: 0.8 });
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    await model.fit(xs, ys, { epochs: 2, batchSize: BATCH, verbose: 0 });
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      {
        save: async (artifacts: tf.io.ModelArtifacts) => {
          saved = artifacts;
          return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
        },
      },
      { includeOptimizer: true },
    );
    const stored = saved as tf.io.ModelArtifacts;
    const { modelTopology, trainingConfig } = JSON.parse(JSON.stringify(stored)) as tf.io.ModelArtifacts;
    const load = async (config: tf.io.TrainingConfig | undefined) =>
      tfl.loadLayersModel({
        load: async () => ({
          modelTopology: modelTopology as object,
          weightSpecs: stored.weightSpecs as tf.io.WeightsManifestEntry[],
          weightData: stored.weightData as ArrayBuffer,
          trainingConfig: config as tf.io.TrainingConfig,
        }),
      });
    const loaded = await load(trainingConfig);
    const again = loaded.optimizer as unknown as DpOptimizer;
    expect(again.event).toEqual(optimizer.event);
    expect(again.getConfig()).toEqual(optimizer.getConfig());
    await loaded.fit(xs, ys, { epochs: 1, batchSize: BATCH, verbose: 0 });
    expect(again.privacySpent({ delta: 1e-5 }).epsilon).toBeGreaterThan(
      optimizer.privacySpent({ delta: 1e-5 }).epsilon,
    );
    expect(again.event).toEqual(
      composed([selfComposed({ count: 9, event: shuffled({ event: gaussian({ noiseMultiplier: 0.8 }) }) })]),
    );
    const forgetful = JSON.parse(JSON.stringify(trainingConfig)) as {
      optimizer_config: { config: { spent?: string } };
    };
    delete forgetful.optimizer_config.config.spent;
    await expect(load(forgetful as never)).rejects.toThrow(/not resumed/);
  });

  it('books every step as a participation, and an epoch as one only under the guard', async () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.sgd(0.01), { ...private1, noiseMultiplier: 3 });
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    const exact = (passes: number) =>
      epsilonOf(gaussian({ noiseMultiplier: 3 / Math.sqrt(passes) }), {
        delta: 1e-5,
        relation: 'replace-special',
      }).epsilon;
    for (let i = 0; i < 50; i++) await model.trainOnBatch(xs, ys);
    expect(optimizer.privacySpent({ delta: 1e-5 }).epsilon).toBeCloseTo(exact(50), 8);
    const guarded = await guardedFit(model, xs, ys, { epochs: 4, batchSize: BATCH, verbose: 0, delta: 1e-5 });
    expect(guarded.epsilon.epsilon).toBeCloseTo(exact(54), 8);
    await model.fit(xs, ys, { epochs: 2, batchSize: BATCH, verbose: 0 });
    expect(optimizer.privacySpent({ delta: 1e-5 }).epsilon).toBeCloseTo(exact(60), 8);
    expect(optimizer.privacySpent({ delta: 1e-5, relation: 'replace-one' }).epsilon).toBeCloseTo(
      epsilonOf(gaussian({ noiseMultiplier: 3 / Math.sqrt(60) }), { delta: 1e-5, relation: 'replace-one' })
        .epsilon,
      8,
    );
    expect(codeOf(() => optimizer.privacySpent({ delta: 1e-5, relation: 'add-or-remove-one' }))).toBe(
      'DP_UNSUPPORTED_EVENT',
    );
  });

  it('lets no record take part twice in a guarded epoch', async () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.sgd(0.01), private1);
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    const intruder = {
      onBatchEnd: async (batch: number) => {
        if (batch === 1) optimizer.minimize(() => losses(model, xs, ys), false, variablesOf(model));
      },
    };
    await expect(
      guardedFit(model, xs, ys, {
        epochs: 1,
        batchSize: BATCH,
        verbose: 0,
        delta: 1e-5,
        callbacks: intruder,
      }),
    ).rejects.toMatchObject({ code: 'DP_BUDGET_EXCEEDED' });
    await expect(
      guardedFit(model, xs, ys, { epochs: 1, delta: 1e-5, validationSplit: 0.2 }),
    ).rejects.toMatchObject({ code: 'DP_INVALID_ARGUMENT' });
  });

  it('refuses gradients that it did not noise', () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const variables = variablesOf(model);
    const optimizer = dpOptimizer(tf.train.sgd(0.1), private1);
    const raw = tf.variableGrads(() => tf.mean(losses(model, xs, ys)) as tf.Scalar, variables).grads;
    const before = weightsOf(model);
    expect(codeOf(() => optimizer.applyGradients(raw))).toBe('DP_UNNOISED_GRADIENT');
    expect(codeOf(() => optimizer.applyGradients([]))).toBe('DP_UNNOISED_GRADIENT');
    const { grads } = optimizer.computeGradients(() => losses(model, xs, ys), variables);
    const name = Object.keys(grads)[0] as string;
    expect(codeOf(() => optimizer.applyGradients({ ...grads, [name]: raw[name] as tf.Tensor }))).toBe(
      'DP_UNNOISED_GRADIENT',
    );
    expect(weightsOf(model)).toEqual(before);
    optimizer.applyGradients(grads);
    expect(weightsOf(model)).not.toEqual(before);
    expect(codeOf(() => optimizer.applyGradients(grads))).toBe('DP_UNNOISED_GRADIENT');
    const other = dpOptimizer(tf.train.sgd(0.1), private1);
    const theirs = other.computeGradients(() => losses(model, xs, ys), variables);
    expect(codeOf(() => optimizer.applyGradients(theirs.grads))).toBe('DP_UNNOISED_GRADIENT');
  });

  it('pairs the inner state with the same variables, in whatever order they are named', () => {
    const { xs, ys } = makeData();
    const straight = makeModel();
    const mixed = makeModel();
    const optimizerA = dpOptimizer(tf.train.adam(0.05), noNoise);
    const optimizerB = dpOptimizer(tf.train.adam(0.05), noNoise);
    for (let step = 0; step < 3; step++) {
      optimizerA.minimize(() => losses(straight, xs, ys), false, variablesOf(straight));
      const list = variablesOf(mixed);
      optimizerB.minimize(() => losses(mixed, xs, ys), false, step % 2 === 0 ? list : list.reverse());
    }
    const expected = weightsOf(straight);
    expectClose(weightsOf(mixed), expected, 5);
  });

  it('adds noise of the stated size, fresh at every step, once a logical batch', () => {
    // 4,000 coordinates a step: the sample variance of z has standard error √(2/n); 7 of those is a chance of 3e-12.
    const size = 4000;
    const optimizer = dpOptimizer(tf.train.sgd(1), {
      l2NormClip: 2,
      noiseMultiplier: 1.5,
      expectedBatchSize: 10,
    });
    const w = tf.variable(tf.zeros([size]), true);
    const x = tf.zeros([2, size]);
    const seen: Float32Array[] = [];
    for (let step = 0; step < 3; step++) {
      w.assign(tf.zeros([size]));
      const words = optimizer.noiseWordsConsumed;
      optimizer.accumulate(() => tf.sum(tf.mul(x, w), 1), [w]).dispose();
      optimizer.accumulate(() => tf.sum(tf.mul(x, w), 1), [w]).dispose();
      expect(optimizer.noiseWordsConsumed).toBe(words);
      optimizer.step([w]);
      expect(optimizer.noiseWordsConsumed - words).toBeGreaterThanOrEqual(size);
      seen.push(Float32Array.from(w.dataSync()));
    }
    for (const values of seen) {
      const variance = values.reduce((sum, v) => sum + v * v, 0) / size;
      expect(Math.abs(variance / (1.5 * 2 * 0.1) ** 2 - 1)).toBeLessThan(7 * Math.sqrt(2 / size));
    }
    const [a, b] = seen as [Float32Array, Float32Array];
    const correlation =
      a.reduce((sum, v, i) => sum + v * (b[i] as number), 0) / (size * (1.5 * 2 * 0.1) ** 2);
    expect(Math.abs(correlation)).toBeLessThan(7 / Math.sqrt(size));
    w.dispose();
  });

  it('takes a step with nothing accumulated: noise, update, booked', () => {
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.sgd(0.1), private1);
    const before = weightsOf(model);
    optimizer.step(variablesOf(model));
    expect(weightsOf(model).every((value, i) => value !== before[i])).toBe(true);
    expect(optimizer.event).toEqual(composed([shuffled({ event: gaussian({ noiseMultiplier: 1 }) })]));
  });

  it('keeps as many tensors after 100 steps as after 2', () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.adam(0.01), private1);
    const step = () => optimizer.minimize(() => losses(model, xs, ys), false, variablesOf(model));
    step();
    step();
    const before = tf.memory().numTensors;
    for (let i = 2; i < 100; i++) step();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves everything as it was when a step is refused', () => {
    const { xs, ys } = makeData();
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.sgd(0.1), private1);
    const before = weightsOf(model);
    const tensors = tf.memory().numTensors;
    const mixing = () => losses(model, tf.sub(xs, tf.mean(xs, 0)), ys);
    expect(codeOf(() => optimizer.minimize(mixing, false, variablesOf(model)))).toBe('DP_CROSS_EXAMPLE');
    expect(weightsOf(model)).toEqual(before);
    expect(optimizer.event).toEqual(composed([]));
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('refuses what is not an optimizer, and options out of range', () => {
    expect(codeOf(() => dpOptimizer('adam' as never, private1))).toBe('DP_INVALID_ARGUMENT');
    expect(codeOf(() => dpOptimizer(null as never, private1))).toBe('DP_INVALID_ARGUMENT');
    expect(codeOf(() => dpOptimizer(dpOptimizer(tf.train.sgd(1), private1), private1))).toBe(
      'DP_INVALID_ARGUMENT',
    );
    for (const wrong of [
      { l2NormClip: 0 },
      { l2NormClip: Number.NaN },
      { l2NormClip: Number.POSITIVE_INFINITY },
      { noiseMultiplier: -1 },
      { noiseMultiplier: Number.NaN },
      { noiseMultiplier: '1' as never },
      { expectedBatchSize: 0 },
      { expectedBatchSize: Number.POSITIVE_INFINITY },
    ]) {
      expect(codeOf(() => dpOptimizer(tf.train.sgd(1), { ...private1, ...wrong }))).toBe(
        'DP_INVALID_ARGUMENT',
      );
    }
  });
});

function expectClose(got: readonly number[], expected: readonly number[], digits: number): void {
  got.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, digits);
  });
}

function losses(model: tfl.Sequential, xs: tf.Tensor, ys: tf.Tensor): tf.Tensor {
  return tfl.metrics.categoricalCrossentropy(ys, model.apply(xs) as tf.Tensor);
}

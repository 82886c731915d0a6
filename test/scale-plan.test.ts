/** The forecast against what a step really holds, method and bytes; and the physical batch that is chosen from it. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { dpOptimizer, memoryBudget, PerExampleEngine, plan, planReport, privateFit } from 'tfjs-privacy';
import { describe, expect, it } from 'vitest';
import type { NormReport } from '../src/engine/index.js';
import { ModelLoss } from '../src/training/model-loss.js';
import { batchSpec, madeUpBatch } from '../src/training/plan/made-up-batch.js';
import { eachBackend } from './backends.js';
import { held, highWater } from './high-water.js';

const { layers } = tfl;

const dense = (units: number, inputShape?: number[]) =>
  layers.dense({ units, activation: 'relu', ...(inputShape ? { inputShape } : {}) });
const softmax = (units: number) => layers.dense({ units, activation: 'softmax' });

/** Each with its loss and a physical batch. */
const models: Readonly<Record<string, () => readonly [tfl.LayersModel, string, number]>> = {
  'an MLP': () => [
    tfl.sequential({ layers: [dense(48, [96]), dense(24), softmax(5)] }),
    'categoricalCrossentropy',
    96,
  ],
  'a CNN': () => [
    tfl.sequential({
      layers: [
        layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu', inputShape: [8, 8, 2] }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        softmax(4),
      ],
    }),
    'sparseCategoricalCrossentropy',
    24,
  ],
  'an LSTM': () => [
    tfl.sequential({
      layers: [
        layers.lstm({ units: 8, inputShape: [5, 6], recurrentInitializer: 'glorotNormal' }),
        softmax(2),
      ],
    }),
    'categoricalCrossentropy',
    24,
  ],
  'an embedding': () => [
    tfl.sequential({
      layers: [
        layers.embedding({ inputDim: 40, outputDim: 6, inputLength: 10 }),
        layers.globalAveragePooling1d({}),
        softmax(2),
      ],
    }),
    'categoricalCrossentropy',
    16,
  ],
  'weights wide enough for Gram matrices': () => [
    tfl.sequential({
      layers: [
        layers.timeDistributed({ layer: dense(300), inputShape: [3, 300] } as Parameters<
          typeof layers.timeDistributed
        >[0]),
        layers.flatten(),
        softmax(2),
      ],
    }),
    'categoricalCrossentropy',
    100,
  ],
};

const variablesOf = (model: tfl.LayersModel) =>
  model.trainableWeights.map((weight) => weight.read() as tf.Variable);

eachBackend((backend) => {
  describe('plan', () => {
    // The widest model takes the cpu backend a quarter of a minute.
    const tried = Object.entries(models).filter(([name]) => backend !== 'cpu' || !name.includes('Gram'));
    it.each(tried)('%s: bytes and methods are those of a real step', async (_, build) => {
      const [model, loss, batch] = build();
      model.compile({ optimizer: tf.train.adam(1e-3), loss });
      const forecast = plan(model, batch);
      const variables = variablesOf(model);
      const used: Pick<NormReport, 'method' | 'time' | 'p' | 'd'>[] = [];
      const observer = {
        norms<T>({ method, time, p, d }: NormReport, find: () => T): T {
          used.push({ method, time, p, d });
          return find();
        },
      };
      const modelLoss = new ModelLoss(model);
      const spec = batchSpec(model, { loss });
      const engine = new PerExampleEngine({ observer });
      const step = () => {
        const { xs, ys } = madeUpBatch(spec, batch);
        const result = engine.clippedSum(() => modelLoss.of(xs, ys), variables, { l2NormClip: 1 });
        tf.dispose([...result.sums, result.value, xs, ys]);
      };
      const first = await highWater(step);
      used.length = 0;
      const later = await highWater(step);
      const planned = forecast.parameters.flatMap(({ uses }) =>
        uses.map(({ method, time, p, d }) => ({ method, time, p, d })),
      );
      expect(planned).toEqual(used);
      expect(planned.length).toBeGreaterThanOrEqual(variables.length);
      for (const [predicted, real] of [
        [forecast.bytes.firstBatch, first],
        [forecast.bytes.physicalBatch, later],
      ] as const) {
        expect(predicted / real).toBeGreaterThan(1 / 1.5);
        expect(predicted / real).toBeLessThan(1.5);
      }
      const optimizer = dpOptimizer(tf.train.adam(1e-3), {
        l2NormClip: 1,
        noiseMultiplier: 1,
        expectedBatchSize: batch,
      });
      const whole = async () => {
        const { xs, ys } = madeUpBatch(spec, batch);
        const peak = await highWater(() => {
          optimizer.accumulate(() => modelLoss.of(xs, ys), variables).dispose();
          optimizer.step(variables);
        });
        tf.dispose([xs, ys]);
        return peak;
      };
      await whole();
      const ofStep = forecast.bytes.peak - forecast.bytes.weights - forecast.bytes.optimizerState;
      const ratio = ofStep / (await whole());
      expect(ratio).toBeGreaterThan(1 / 1.5);
      expect(ratio).toBeLessThan(1.5);
      optimizer.dispose();
    });

    it('leaves weights, optimizer and tensors as they were, and is JSON', () => {
      const [model, loss] = models['an MLP']!();
      model.compile({ optimizer: 'adam', loss });
      plan(model, 8);
      const before = [held(), model.getWeights().map((weight) => [...weight.dataSync()])];
      const forecast = plan(model, { physicalBatch: 32, expectedBatchSize: 100 });
      expect([held(), model.getWeights().map((weight) => [...weight.dataSync()])]).toEqual(before);
      expect(JSON.parse(JSON.stringify(forecast))).toEqual(forecast);
      expect(forecast.physicalBatches).toBe(4);
      expect(forecast.bytes.heldSums).toBe(4 * model.countParams());
      expect(forecast.bytes.weights).toBe(4 * model.countParams());
      expect(forecast.bytes.optimizerState).toBeGreaterThanOrEqual(8 * model.countParams());
      expect(forecast.milliseconds.step).toBeGreaterThan(forecast.milliseconds.physicalBatch);
      const report = planReport(forecast);
      for (const { name } of forecast.parameters) expect(report).toContain(name);
      expect(report).toContain('Estimates from a dry run on made-up batches of 5 and 11');
    });

    it('takes models that were not compiled, open lengths and ids in models inside models', () => {
      const tokens = tfl.input({ shape: [null], dtype: 'int32' });
      const inner = tfl.sequential({
        layers: [layers.embedding({ inputDim: 7, outputDim: 4, inputShape: [null as unknown as number] })],
      });
      const pooled = layers.globalAveragePooling1d({}).apply(inner.apply(tokens)) as tfl.SymbolicTensor;
      const model = tfl.model({
        inputs: tokens,
        outputs: layers.dense({ units: 2 }).apply(pooled) as tfl.SymbolicTensor,
      });
      expect(batchSpec(model, { inputShapes: [[9]] }).inputs).toEqual([
        { shape: [9], dtype: 'int32', below: 7 },
      ]);
      const forecast = plan(model, 16, { inputShapes: [[9]] });
      expect(forecast.estimate.loss).toBe('squared error');
      expect(forecast.parameters[0]?.uses[0]).toMatchObject({ method: 'lookup', time: 9, p: 7, d: 4 });
      expect(() => plan(model, 16)).toThrow(/inputShapes/);
    });

    it.each([0, -1, 2.5, Number.NaN, 2 ** 60, null, '8'])('refuses a batch of %s', (batch) => {
      const [model] = models['an MLP']!();
      expect(() => plan(model, batch as number)).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
      );
    });

    it('refuses what is not a model, unknown options, and layers that cannot be private', () => {
      const invalid = expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' });
      expect(() => plan({} as tfl.LayersModel, 8)).toThrow(invalid);
      const [model] = models['an MLP']!();
      expect(() => plan(model, 8, { shapes: [] } as object)).toThrow(invalid);
      const normalized = tfl.sequential({ layers: [dense(4, [4]), layers.batchNormalization({})] });
      expect(() => plan(normalized, 8)).toThrow(expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }));
    });
  });

  describe("maxPhysicalBatch: 'auto'", () => {
    const examples = 256;
    const options = {
      noiseMultiplier: 1,
      delta: 1e-4,
      steps: 1,
      expectedBatchSize: examples,
      l2NormClip: 1,
      loss: 'categoricalCrossentropy',
      maxPhysicalBatch: 'auto',
    } as const;

    it.each([2e6, 1e6, 5e5])('stays within %d bytes', async (memoryBudgetBytes) => {
      const model = tfl.sequential({ layers: [dense(8, [400]), softmax(5)] });
      const xs = tf.randomUniform([examples, 400]);
      const ys = tf.oneHot(tf.zeros([examples], 'int32'), 5);
      const peak = await highWater(() => privateFit(model, { xs, ys }, { ...options, memoryBudgetBytes }));
      expect(peak).toBeLessThanOrEqual(memoryBudgetBytes);
      // It is not just the smallest that fits: a part of the budget that matters is used.
      expect(peak).toBeGreaterThan(memoryBudgetBytes / 4);
      tf.dispose([xs, ys]);
    });

    it('goes on with single examples where the budget is too small for any forecast', async () => {
      const model = tfl.sequential({
        layers: [layers.dense({ units: 2, inputShape: [3], activation: 'softmax' })],
      });
      const data = { xs: tf.ones([6, 3]), ys: tf.oneHot(tf.zeros([6], 'int32'), 2) };
      const { privacy } = await privateFit(model, data, {
        ...options,
        expectedBatchSize: 6,
        memoryBudgetBytes: 1,
      });
      expect(privacy.steps).toBe(1);
    });

    it('has a budget of its own', () => {
      expect(memoryBudget()).toBeGreaterThan(2 ** 20);
      expect(Number.isFinite(memoryBudget())).toBe(true);
    });
  });
});

/** What is wrong with a model or its data is an error with a name, never a silently wrong norm. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { dpOptimizer, type PrivateFitOptions, privateFit, type TrainingData } from 'tfjs-privacy';
import { beforeAll, describe, expect, it } from 'vitest';
import { held } from './high-water.js';

const { layers } = tfl;
const N = 12;
const options: PrivateFitOptions = {
  noiseMultiplier: 1,
  delta: 1e-3,
  steps: 4,
  expectedBatchSize: 6,
  l2NormClip: 1,
  loss: 'meanSquaredError',
};
const named = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });
const invalid = (message: RegExp) => named('DP_INVALID_ARGUMENT', message);

const model = () => tfl.sequential({ layers: [layers.dense({ units: 2, inputShape: [3], name: 'only' })] });
const data = () => ({ xs: tf.randomUniform([N, 3]), ys: tf.randomUniform([N, 2]) });

/** A layer with a weight that its output does not read. */
class Unused extends layers.Layer {
  static readonly className = 'ScaleTestUnused';
  override build(shape: tfl.Shape): void {
    const extent = shape[shape.length - 1] as number;
    this.addWeight('idle', [extent], 'float32', tfl.initializers.ones());
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(Array.isArray(inputs) ? (inputs[0] as tf.Tensor) : inputs, 2);
  }
}

describe('bad input', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  describe('a trained weight that the loss does not read', () => {
    const idle = () =>
      tfl.sequential({ layers: [layers.dense({ units: 2, inputShape: [3] }), new Unused()] });

    it('is named by privateFit', async () => {
      await expect(privateFit(idle(), data(), options)).rejects.toMatchObject(
        invalid(/idle.*trainable = false/s),
      );
    });

    it('is named by model.fit', async () => {
      const spoilt = idle();
      const optimizer = dpOptimizer(tf.train.sgd(0.1), {
        l2NormClip: 1,
        noiseMultiplier: 1,
        expectedBatchSize: 6,
      });
      spoilt.compile({ optimizer, loss: 'meanSquaredError' });
      const { xs, ys } = data();
      await expect(spoilt.fit(xs, ys, { batchSize: 6, verbose: 0 })).rejects.toMatchObject(invalid(/idle/));
      expect(optimizer.hasBooked).toBe(false);
    });
  });

  describe('a model that changes', () => {
    it('between steps of privateFit, by freezing a layer', async () => {
      const changing = tfl.sequential({
        layers: [layers.dense({ units: 2, inputShape: [3] }), layers.dense({ units: 2 })],
      });
      const onStep = () => {
        (changing.layers[0] as tfl.layers.Layer).trainable = false;
      };
      await expect(privateFit(changing, data(), { ...options, onStep })).rejects.toMatchObject(
        invalid(/layers were added, frozen or thawed/),
      );
    });

    it('between steps of model.fit, by freezing a layer', async () => {
      const changing = tfl.sequential({
        layers: [layers.dense({ units: 2, inputShape: [3] }), layers.dense({ units: 2 })],
      });
      const optimizer = dpOptimizer(tf.train.sgd(0.1), {
        l2NormClip: 1,
        noiseMultiplier: 1,
        expectedBatchSize: 6,
      });
      changing.compile({ optimizer, loss: 'meanSquaredError' });
      const { xs, ys } = data();
      await changing.fit(xs, ys, { batchSize: 6, verbose: 0 });
      (changing.layers[0] as tfl.layers.Layer).trainable = false;
      await expect(changing.fit(xs, ys, { batchSize: 6, verbose: 0 })).rejects.toMatchObject(
        invalid(/variables/),
      );
    });

    it('is trained as it is when privateFit begins, whatever was compiled before', async () => {
      const grown = model();
      grown.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
      grown.add(layers.dense({ units: 2, name: 'later' }));
      const later = grown.getLayer('later').getWeights()[0] as tf.Tensor;
      const before = [...later.dataSync()];
      await privateFit(grown, data(), options);
      expect([...(grown.getLayer('later').getWeights()[0] as tf.Tensor).dataSync()]).not.toEqual(before);
    });
  });

  describe('tensors that are disposed', () => {
    it.each(['xs', 'ys'] as const)('%s, before the run', async (name) => {
      const spoilt = data();
      spoilt[name].dispose();
      await expect(privateFit(model(), spoilt, options)).rejects.toMatchObject(invalid(/disposed/));
    });

    it.each(['xs', 'ys'] as const)('%s, in the middle of it', async (name) => {
      const spoilt = data();
      const onStep = () => spoilt[name].dispose();
      await expect(
        privateFit(model(), spoilt, { ...options, sampler: 'shuffle', onStep }),
      ).rejects.toMatchObject(invalid(/disposed meanwhile/));
    });

    it('the model, in the middle of it', async () => {
      const spoilt = model();
      const onStep = () => void spoilt.dispose();
      await expect(
        privateFit(spoilt, data(), { ...options, sampler: 'shuffle', onStep }),
      ).rejects.toMatchObject(invalid(/disposed/));
    });
  });

  describe('data', () => {
    const bad: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
      'ys shorter than xs': [() => ({ xs: tf.ones([N, 3]), ys: tf.ones([N - 1, 2]) }), /12 rows in ys/],
      'xs shorter than ys': [() => ({ xs: tf.ones([N - 1, 3]), ys: tf.ones([N, 2]) }), /11 rows in ys/],
      'no rows': [() => ({ xs: tf.ones([0, 3]), ys: tf.ones([0, 2]) }), /at least one example/],
      'no tensors': [() => ({ xs: [], ys: tf.ones([N, 2]) }), /at least one tensor in xs/],
      'too few columns': [() => ({ xs: tf.ones([N, 2]), ys: tf.ones([N, 2]) }), /inputs/],
      'one input too many': [
        () => ({ xs: [tf.ones([N, 3]), tf.ones([N, 3])], ys: tf.ones([N, 2]) }),
        /1 inputs/,
      ],
      arrays: [() => ({ xs: [[1, 2, 3]], ys: [[1, 2]] }), /tf\.Tensor/],
      'a generator': [
        () => ({
          xs: (function* () {
            yield tf.ones([3]);
          })(),
          ys: tf.ones([N, 2]),
        }),
        /tf\.Tensor/,
      ],
      'a data set': [() => ({ iterator: async () => undefined }), /xs, ys/],
      nothing: [() => undefined, /xs, ys/],
      strings: [
        () => ({ xs: tf.tensor2d(new Array(N * 3).fill('a'), [N, 3], 'string'), ys: tf.ones([N, 2]) }),
        /string/,
      ],
    };
    it.each(Object.entries(bad))('%s', async (_, [make, message]) => {
      await expect(privateFit(model(), make() as TrainingData, options)).rejects.toMatchObject(
        invalid(message),
      );
    });

    it('whole numbers and truth values train as the numbers that they are', async () => {
      const xs = tf.cast(tf.round(tf.randomUniform([N, 3], 0, 2)), 'int32');
      const { privacy } = await privateFit(
        model(),
        { xs, ys: tf.cast(tf.randomUniform([N, 2]), 'bool') },
        options,
      );
      expect(privacy.steps).toBe(4);
    });

    it('examples that are not numbers are set aside, and counted apart', async () => {
      const values = new Float32Array(N * 3).fill(1);
      values[4] = Number.NaN;
      values[7] = Number.POSITIVE_INFINITY;
      const xs = tf.tensor2d(values, [N, 3]);
      const trained = model();
      const { history } = await privateFit(trained, { xs, ys: tf.ones([N, 2]) }, options);
      expect(history.private[0]?.nonFiniteExamples).toBe(2);
      expect(trained.getWeights().every((w) => w.dataSync().every(Number.isFinite))).toBe(true);
    });
  });

  describe('sizes', () => {
    it.each([
      ['expectedBatchSize', 2 ** 31],
      ['expectedBatchSize', 2 ** 53],
      ['expectedBatchSize', Number.NaN],
      ['expectedBatchSize', 13],
      ['maxPhysicalBatch', 0],
      ['maxPhysicalBatch', 2.5],
      ['maxPhysicalBatch', Number.POSITIVE_INFINITY],
      ['maxPhysicalBatch', 'largest'],
      ['memoryBudgetBytes', -1],
      ['memoryBudgetBytes', Number.NaN],
    ])('%s of %s', async (name, value) => {
      const given = { ...options, [name]: value } as PrivateFitOptions;
      const before = held();
      const [spoilt, examples] = [model(), data()];
      await expect(privateFit(spoilt, examples, given)).rejects.toMatchObject({
        code: 'DP_INVALID_ARGUMENT',
      });
      tf.dispose([examples.xs, examples.ys]);
      spoilt.dispose();
      expect(held().numTensors).toBe(before.numTensors);
    });
  });
});

/**
 * Models from Keras files: loaded by `tfl.loadLayersModel`, they are examined, repaired and trained like any other, and
 * their per-example gradients equal the one-example loop.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixModel, GroupNormalization, lora, privateFit, validateModel } from '../../src/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, weightsOf } from '../engine/layers-problem.js';
import { expectEqualsLoop } from '../engine/one-example-loop.js';
import { integers, normal, normals, oneHot } from '../engine/seeded-data.js';
import { fromKerasFiles, twoInputs, withBatchNorm, writeKerasFiles } from './keras-files.js';

const folder = mkdtempSync(join(tmpdir(), 'keras-'));
const load = (name: string) => tfl.loadLayersModel(fromKerasFiles(join(folder, name)));
const images = (batch: number) => [
  normal([batch, 6, 6, 1], 1),
  tf.cast(integers([batch, 4], 9, 2), 'float32'),
];

beforeAll(() => {
  writeKerasFiles(join(folder, 'two-inputs'), twoInputs);
  writeKerasFiles(join(folder, 'batch-norm'), withBatchNorm);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

eachBackend(() => {
  it('loads with its weights, and nothing keeps it from private training', async () => {
    const model = await load('two-inputs');
    expect(model.getLayer('group_normalization')).toBeInstanceOf(GroupNormalization);
    const [kernel] = model.getLayer('conv2d').getWeights();
    expect(kernel!.dataSync()).toEqual(normals(36, 60, 0.4));
    expect(validateModel(model)).toEqual([]);
  });

  it('has the gradients of the one-example loop', async () => {
    const model = await load('two-inputs');
    const [labels, scores] = [oneHot([4], 3, 3), normal([4, 1], 4)];
    expectEqualsLoop({
      data: [...images(4), labels, scores],
      variables: weightsOf(model),
      loss: ([image, words, label, score]) => {
        const [p, s] = model.apply([image!, words!], { training: true }) as [tf.Tensor, tf.Tensor];
        const crossEntropy = tf.neg(tf.sum(tf.mul(label!, tf.log(tf.add(p, 1e-6))), 1));
        return tf.add(crossEntropy, meanOfExample(tf.squaredDifference(s, score!)));
      },
    });
  });

  it('is trained by privateFit', async () => {
    const model = await load('two-inputs');
    const before = model.getWeights().map((weight) => weight.dataSync().slice());
    const { privacy } = await privateFit(
      model,
      { xs: images(8), ys: [oneHot([8], 3, 3), normal([8, 1], 4)] },
      {
        loss: ['categoricalCrossentropy', 'meanSquaredError'],
        expectedBatchSize: 4,
        epochs: 1,
        l2NormClip: 1,
        noiseMultiplier: 1,
        delta: 1e-5,
        seed: 1,
      },
    );
    expect(privacy.steps).toBe(2);
    model.getWeights().forEach((weight, k) => {
      expect(weight.dataSync()).not.toEqual(before[k]);
    });
  });

  it('is adapted with low rank, with the same outputs', async () => {
    const model = await load('two-inputs');
    const tuned = lora(model, { rank: 2 });
    const [expected, got] = [model, tuned].map((each) =>
      (each.predict(images(3)) as tf.Tensor[]).flatMap((output) => Array.from(output.dataSync())),
    );
    expect(Math.max(...got!.map((value, k) => Math.abs(value - expected![k]!)))).toBeLessThan(1e-6);
  });

  it('with batch normalisation: named, repaired, trained', async () => {
    const model = await load('batch-norm');
    expect(validateModel(model)).toMatchObject([{ layer: 'bn', problem: 'batch-normalization' }]);
    const { model: fixed, changes } = fixModel(model);
    expect(changes).toMatchObject([{ layer: 'bn', to: 'GroupNormalization (4 groups of 1 channel)' }]);
    expect(validateModel(fixed)).toEqual([]);
    const [gamma, beta] = fixed.getLayer('bn').getWeights();
    expect(gamma!.dataSync()).toEqual(normals(4, 62, 0.4));
    expect(beta!.dataSync()).toEqual(normals(4, 63, 0.4));
    expectEqualsLoop(regression(fixed, [normal([4, 6, 6, 2], 1)]));
  });
});

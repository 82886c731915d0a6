/** Memory of large steps: logical batches, parameters, vocabularies, and many steps in a row. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { dpOptimizer, privateFit } from 'tfjs-privacy';
import { describe, expect, it } from 'vitest';
import { eachBackend } from './backends.js';
import { held, highWater } from './high-water.js';

const FLOAT = 4;
const { layers } = tfl;

eachBackend((backend) => {
  describe('a logical batch of 65,536', () => {
    it('takes the memory of one physical batch', async () => {
      const rows = 65_536;
      const xs = tf.randomUniform([rows, 4]);
      const ys = tf.randomUniform([rows, 2]);
      const peakOf = async (expectedBatchSize: number) => {
        const model = tfl.sequential({ layers: [layers.dense({ units: 2, inputShape: [4] })] });
        let steps = 0;
        const peak = await highWater(() =>
          privateFit(
            model,
            { xs, ys },
            {
              noiseMultiplier: 1,
              delta: 1e-6,
              steps: 1,
              expectedBatchSize,
              sampler: 'shuffle',
              l2NormClip: 1,
              loss: 'meanSquaredError',
              optimizer: tf.train.sgd(0.1),
              maxPhysicalBatch: 2048,
              onStep: () => {
                steps++;
              },
            },
          ),
        );
        expect(steps).toBe(1);
        const parameters = model.countParams();
        model.dispose();
        return { peak, parameters };
      };
      const one = await peakOf(2048);
      const all = await peakOf(rows);
      // Sums held from one physical batch to the next, while two of them are added, and a loss each.
      const constant = 3 * one.parameters * FLOAT + (rows / 2048) * FLOAT;
      expect(all.peak).toBeLessThanOrEqual(one.peak + constant);
      expect(one.peak).toBeGreaterThan(2048 * 6 * FLOAT);
      tf.dispose([xs, ys]);
    });
  });

  describe('many parameters', () => {
    // Ten million where it is quick, a hundredth of that elsewhere: the ratio is that of tensors held.
    const width = backend === 'tensorflow' ? 3163 : 317;
    it(`${width * width} of them: a step holds at most 1.5 times what a plain one does`, async () => {
      const w = tf.tidy(() => tf.variable(tf.randomUniform([width, width], -0.01, 0.01)));
      const x = tf.randomUniform<tf.Rank.R2>([4, width]);
      const losses = () => tf.mean(tf.square(tf.matMul(x, w as unknown as tf.Tensor2D)), 1);
      const plain = tf.train.sgd(0.1);
      const options = { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: 4 };
      const optimizer = dpOptimizer(tf.train.sgd(0.1), options);
      const weights = w.size * FLOAT;
      const peaks: number[] = [];
      for (let k = 0; k < 2; k++) {
        const before = tf.tidy(() => tf.clone(w).dataSync().slice(0, 3));
        const plainPeak = await highWater(() =>
          plain.minimize(() => tf.mean(losses()) as tf.Scalar, false, [w]),
        );
        const privatePeak = await highWater(() => optimizer.minimize(losses, false, [w]));
        peaks.push((weights + privatePeak) / (weights + plainPeak));
        expect([...w.dataSync().slice(0, 3)]).not.toEqual([...before]);
      }
      // The first step checks itself; from then on:
      expect(peaks[1]).toBeLessThanOrEqual(1.5);
      plain.dispose();
      optimizer.dispose();
      tf.dispose([w, x]);
    });
  });

  // The cpu backend's own gradient of a lookup, which the first step compares with, passes over all values for each row.
  describe.skipIf(backend === 'cpu')('512 tokens over a table of 30,000 rows', () => {
    it('forms no [batch, vocabulary, width], and no Gram matrices', async () => {
      const [batch, time, rows, width] = [64, 512, 30_000, 4];
      const table = tf.tidy(() => tf.variable(tf.randomUniform([rows, width])));
      const ids = tf.tidy(() => tf.cast(tf.floor(tf.randomUniform([batch, time], 0, rows)), 'int32'));
      const losses = () => tf.sum(tf.square(tf.mean(tf.gather(table, ids), 1)), 1);
      const optimizer = dpOptimizer(tf.train.sgd(0.1), {
        l2NormClip: 1e-3,
        noiseMultiplier: 1,
        expectedBatchSize: batch,
      });
      const peaks: number[] = [];
      for (let k = 0; k < 2; k++) {
        peaks.push(await highWater(() => optimizer.minimize(losses, false, [table])));
      }
      const terms = batch * time * width * FLOAT;
      const tables = rows * width * FLOAT;
      for (const peak of peaks) expect(peak).toBeLessThan((batch * tables) / 2);
      // One of the two Gram matrices alone.
      expect(peaks[1]).toBeLessThan(8 * terms + 4 * tables);
      expect(peaks[1]).toBeLessThan(batch * time * time * FLOAT);
      optimizer.dispose();
      tf.dispose([table, ids]);
    });
  });

  describe('many steps', () => {
    const tiny = () =>
      tfl.sequential({ layers: [layers.dense({ units: 2, inputShape: [3], activation: 'tanh' })] });

    it('leave nothing behind in a loop, with physical batches, empty ones and errors', () => {
      const model = tiny();
      const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const x = tf.randomUniform([6, 3]);
      const optimizer = dpOptimizer(tf.train.adam(0.01), {
        l2NormClip: 1,
        noiseMultiplier: 1,
        expectedBatchSize: 6,
      });
      const losses = () => tf.mean(tf.square(model.apply(x) as tf.Tensor), 1);
      const spoilt: (() => tf.Tensor)[] = [
        () => {
          tf.square(x);
          throw new Error('from the loss');
        },
        () => tf.mean(tf.sub(losses(), tf.mean(losses()))),
        () => tf.sum(x, 1),
        () => tf.square(model.apply(x) as tf.Tensor),
      ];
      const round = () => {
        optimizer.accumulate(losses, variables).dispose();
        optimizer.accumulate(losses, variables).dispose();
        optimizer.step(variables);
        optimizer.step(variables);
        optimizer.minimize(losses, true, variables)?.dispose();
        optimizer.accumulate(losses, variables).dispose();
        for (const loss of spoilt) expect(() => optimizer.accumulate(loss, variables)).toThrow();
        optimizer.discard();
      };
      round();
      round();
      const before = held();
      for (let k = 0; k < 20; k++) round();
      expect(held()).toEqual(before);
      optimizer.dispose();
      model.dispose();
      x.dispose();
    });

    it('leave nothing behind in privateFit but the weights', async () => {
      const xs = tf.randomUniform([12, 3]);
      const ys = tf.randomUniform([12, 2]);
      const model = tiny();
      const marks: ReturnType<typeof held>[] = [];
      await privateFit(
        model,
        { xs, ys },
        {
          noiseMultiplier: 1,
          delta: 1e-3,
          steps: 80,
          // Some of the Poisson batches are empty, some are split.
          expectedBatchSize: 3,
          maxPhysicalBatch: 2,
          l2NormClip: 1,
          loss: 'meanSquaredError',
          optimizer: tf.train.momentum(0.01, 0.9),
          onStep: ({ step }) => {
            if (step === 20 || step === 80) marks.push(held());
          },
        },
      );
      expect(marks[1]).toEqual(marks[0]);
      tf.dispose([xs, ys]);
      model.dispose();
    });
  });
});

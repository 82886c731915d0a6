/** Schedules and changing models inside the optimizer's step. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { composed, gaussian, poissonSampled, selfComposed, shuffled } from 'privacy-accounting';
import {
  constantSchedule,
  cosineSchedule,
  dpAdamBC,
  dpOptimizer,
  guardedFit,
  linearSchedule,
  perLayerClipping,
  poissonSampler,
  scheduleAt,
  stepSchedule,
} from 'tfjs-privacy';
import { describe, expect, it } from 'vitest';
import { eachBackend } from './backends.js';
import { errorText } from './error-text.js';

const shuffledGaussian = (noiseMultiplier: number) => shuffled({ event: gaussian({ noiseMultiplier }) });

eachBackend(() => {
  describe('schedules in a step', () => {
    it('each step clips to its own C, with its own learning rate', () => {
      const w = tf.variable(tf.zeros([1]), true);
      const x = tf.tensor2d([[100]]);
      const l2NormClip = linearSchedule({ from: 1, to: 3, steps: 2 });
      const learningRate = stepSchedule({ values: [1, 0.5], boundaries: [3] });
      const optimizer = dpOptimizer(tf.train.sgd(7), {
        l2NormClip,
        learningRate,
        noiseMultiplier: 0,
        expectedBatchSize: 1,
      });
      const moves: number[] = [];
      for (let step = 0; step < 5; step++) {
        expect(optimizer.l2NormClip).toBe(scheduleAt(l2NormClip, step));
        const before = w.dataSync()[0] as number;
        optimizer.accumulate(() => tf.sum(tf.mul(x, w), 1), [w]).dispose();
        optimizer.accumulate(() => tf.sum(tf.mul(x, w), 1), [w]).dispose();
        optimizer.step([w]);
        moves.push(before - (w.dataSync()[0] as number));
      }
      [2, 4, 6, 3, 3].forEach((move, step) => {
        expect(moves[step]).toBeCloseTo(move, 4);
      });
      tf.dispose([w, x]);
    });

    it('each step has noise of its own σ, and is booked with it', () => {
      const size = 2000;
      const noiseMultiplier = stepSchedule({ values: [3, 1], boundaries: [2] });
      const w = tf.variable(tf.zeros([size]), true);
      const zeros = tf.zeros([size]);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 0.5,
        noiseMultiplier,
        expectedBatchSize: 1,
        seed: 'schedule',
      });
      for (let step = 0; step < 4; step++) {
        w.assign(zeros);
        optimizer.step([w]);
        const sum = [...w.dataSync()].reduce((total, value) => total + value * value, 0);
        const expected = scheduleAt(noiseMultiplier, step) * 0.5;
        // A root mean square of 2,000: relative standard error 0.016; seven of them: 3e-12.
        expect(Math.abs(Math.sqrt(sum / size) / expected - 1)).toBeLessThan(0.11);
      }
      const secure = dpOptimizer(tf.train.sgd(1), { l2NormClip: 1, noiseMultiplier, expectedBatchSize: 1 });
      for (let step = 0; step < 4; step++) secure.step([w]);
      expect(secure.event).toEqual(
        composed([
          selfComposed({ count: 2, event: shuffledGaussian(3) }),
          selfComposed({ count: 2, event: shuffledGaussian(1) }),
        ]),
      );
      tf.dispose([w, zeros]);
    });

    it('are booked by the sampler that was named', () => {
      const w = tf.variable(tf.zeros([2]), true);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 1,
        noiseMultiplier: stepSchedule({ values: [2, 1], boundaries: [1] }),
        expectedBatchSize: 10,
      });
      optimizer.bookWith(poissonSampler({ datasetSize: 100, expectedBatchSize: 10 }));
      for (let step = 0; step < 3; step++) optimizer.step([w]);
      const sampled = (noiseMultiplier: number) =>
        poissonSampled({ samplingProbability: 0.1, event: gaussian({ noiseMultiplier }) });
      expect(optimizer.event).toEqual(
        composed([
          selfComposed({ count: 1, event: sampled(2) }),
          selfComposed({ count: 2, event: sampled(1) }),
        ]),
      );
      w.dispose();
    });

    it('an epoch under the guard is booked at the least σ of its steps', async () => {
      const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 1, inputShape: [2] })] });
      const optimizer = dpOptimizer(tf.train.sgd(0.1), {
        l2NormClip: 1,
        noiseMultiplier: linearSchedule({ from: 4, to: 1, steps: 6 }),
        expectedBatchSize: 2,
      });
      model.compile({ optimizer, loss: 'meanSquaredError' });
      const args = { batchSize: 2, epochs: 2, delta: 1e-3, verbose: 0 as const };
      await guardedFit(model, tf.ones([6, 2]), tf.ones([6, 1]), args);
      expect(optimizer.event).toEqual(composed([shuffledGaussian(3), shuffledGaussian(1.5)]));
    });

    it('go on where a saved optimizer stood', () => {
      const w = tf.variable(tf.zeros([2]), true);
      const noiseMultiplier = linearSchedule({ from: 4, to: 1, steps: 3 });
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 1,
        noiseMultiplier,
        expectedBatchSize: 1,
      });
      optimizer.step([w]);
      const config = JSON.parse(JSON.stringify(optimizer.getConfig())) as tf.serialization.ConfigDict;
      const [optimizerClass, fromConfig] =
        tf.serialization.SerializationMap.getMap().classNameMap.DpOptimizer!;
      const again = fromConfig(optimizerClass, config) as unknown as typeof optimizer;
      expect(again.noiseMultiplier).toBe(3);
      again.step([w]);
      expect(again.event).toEqual(composed([shuffledGaussian(4), shuffledGaussian(3)]));
      w.dispose();
    });

    it.each([
      ['sgd', () => tf.train.sgd(1)],
      ['momentum', () => tf.train.momentum(1, 0.9)],
      ['adam', () => tf.train.adam(1)],
      ['adamax', () => tf.train.adamax(1)],
      ['rmsprop', () => tf.train.rmsprop(1)],
      ['adagrad', () => tf.train.adagrad(1)],
      ['adadelta', () => tf.train.adadelta(1)],
      ['dpAdamBC', () => dpAdamBC()],
    ] as const)('a learning rate of 0 stops %s', (_, make) => {
      const w = tf.variable(tf.zeros([5]), true);
      const optimizer = dpOptimizer(make() as tf.Optimizer, {
        l2NormClip: 1,
        noiseMultiplier: 1,
        expectedBatchSize: 1,
        learningRate: cosineSchedule({ from: 0.1, to: 0, steps: 2 }),
      });
      optimizer.step([w]);
      optimizer.step([w]);
      const before = [...w.dataSync()];
      expect(before.every((value) => value !== 0)).toBe(true);
      optimizer.step([w]);
      expect([...w.dataSync()]).toEqual(before);
      w.dispose();
    });

    it('refuses values out of range, and an optimizer whose learning rate nobody can set', () => {
      const make = (more: object, inner: tf.Optimizer = tf.train.sgd(1)) => {
        const options = { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: 1, ...more };
        return errorText(() => dpOptimizer(inner, options));
      };
      expect(make({ l2NormClip: linearSchedule({ from: 1, to: 0, steps: 3 }) })).toMatch(/l2NormClip > 0/);
      expect(make({ noiseMultiplier: { kind: 'linear' } })).toMatch(/^DP_INVALID_ARGUMENT .*noiseMultiplier/);
      expect(make({ learningRate: -1 })).toMatch(/learningRate/);
      expect(make({ learningRate: Number.POSITIVE_INFINITY })).toMatch(/learningRate/);
      class Rateless extends tf.Optimizer {
        static readonly className = 'Rateless';
        override applyGradients(): void {}
        override getConfig() {
          return {};
        }
      }
      expect(make({ learningRate: constantSchedule(1) }, new Rateless())).toMatch(/Rateless/);
      expect(make({}, new Rateless())).toBe('no error');
    });
  });

  describe('a model that changes', () => {
    const options = { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: 2, clipping: perLayerClipping() };
    const makeModel = () =>
      tfl.sequential({
        layers: [tfl.layers.dense({ units: 3, inputShape: [2] }), tfl.layers.dense({ units: 1 })],
      });
    const [xs, ys] = [() => tf.ones([2, 2]), () => tf.ones([2, 1])];
    // Layer by layer: the order of a model's weights depends on which are trainable.
    const valuesOf = (model: tfl.LayersModel) =>
      model.layers.flatMap((layer) => layer.getWeights().map((w) => [...w.dataSync()]));

    it('freezing or thawing a layer after the first step is an error that names its variables', async () => {
      for (const first of [true, false]) {
        const model = makeModel();
        const layer = model.layers[0] as tfl.layers.Layer;
        layer.trainable = first;
        const optimizer = dpOptimizer(tf.train.sgd(0.1), options);
        model.compile({ optimizer, loss: 'meanSquaredError' });
        await model.trainOnBatch(xs(), ys());
        const before = [optimizer.event, valuesOf(model)];
        layer.trainable = !first;
        if (!first) model.compile({ optimizer, loss: 'meanSquaredError' });
        const names = first ? 'no longer trained' : 'new';
        await expect(model.trainOnBatch(xs(), ys())).rejects.toThrow(
          new RegExp(`kernel.*${names}.*model was changed`),
        );
        expect([optimizer.event, valuesOf(model)]).toEqual(before);
        layer.trainable = first;
        model.compile({ optimizer, loss: 'meanSquaredError' });
        await model.trainOnBatch(xs(), ys());
      }
    });

    it('a disposed variable is an error that names it, in either half of a step', () => {
      const [a, b] = ['a', 'b'].map((name) => tf.variable(tf.zeros([2]), true, `${name}${Math.random()}`));
      const optimizer = dpOptimizer(tf.train.sgd(1), options);
      const x = tf.ones([2, 2]);
      const loss = () => tf.sum(tf.mul(x, tf.add(a as tf.Variable, b as tf.Variable)), 1);
      const list = [a, b] as tf.Variable[];
      optimizer.accumulate(loss, list).dispose();
      b!.dispose();
      expect(errorText(() => optimizer.step(list))).toMatch(/^DP_INVALID_ARGUMENT .*'b.*disposed/);
      expect(errorText(() => optimizer.accumulate(loss, list))).toMatch(/disposed/);
      expect(optimizer.event).toEqual(composed([]));
      optimizer.discard();
      a!.dispose();
    });

    it('other variables than those of the first step are an error that names them', () => {
      const [a, b] = ['a', 'b'].map((name) => tf.variable(tf.zeros([2]), true, `${name}${Math.random()}`));
      const optimizer = dpOptimizer(tf.train.sgd(1), options);
      optimizer.step([a as tf.Variable]);
      const { event } = optimizer;
      expect(errorText(() => optimizer.step([b as tf.Variable]))).toMatch(/'a.*no longer trained; 'b.*new/);
      expect(errorText(() => optimizer.step([a, b] as tf.Variable[]))).toMatch(/'b.*new/);
      expect(optimizer.event).toEqual(event);
      tf.dispose([a, b] as tf.Variable[]);
    });

    it('a loop that names no variables leaves out the inner optimizer’s own', () => {
      const kept = Object.values(tf.engine().registeredVariables);
      const frozen = kept.filter((variable) => variable.trainable);
      for (const variable of frozen) variable.trainable = false;
      const w = tf.variable(tf.zeros([2]), true);
      const optimizer = dpOptimizer(tf.train.adam(0.1), { ...options, noiseMultiplier: 0 });
      const x = tf.ones([2, 2]);
      for (let step = 0; step < 2; step++) optimizer.minimize(() => tf.sum(tf.mul(x, w), 1));
      expect([...w.dataSync()].every((value) => value < -0.1)).toBe(true);
      w.dispose();
      for (const variable of frozen) variable.trainable = true;
    });
  });
});

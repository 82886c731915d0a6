import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../backend/index.js';
import { weightAverage } from './index.js';

beforeAll(async () => {
  await selectBackend({ prefer: 'cpu' });
});

const values = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => [...tensor.dataSync()]);

describe('weightAverage', () => {
  it('is the recursion with its warm-up', () => {
    const w = tf.variable(tf.tensor1d([1, -1]), true);
    const average = weightAverage([w], { decay: 0.5 });
    let expected = 1;
    for (let t = 0; t < 20; t++) {
      const next = Math.sin(t);
      w.assign(tf.tensor1d([next, -next]));
      average.update();
      const decay = Math.min(0.5, (1 + t) / (10 + t));
      expected = decay * expected + (1 - decay) * next;
      const [got] = values(average.averagedWeights());
      expect(got![0]).toBeCloseTo(expected, 5);
      expect(got![1]).toBeCloseTo(-expected, 5);
    }
    expect(average.updates).toBe(20);
  });

  it('takes the place of a model’s weights and gives it back', () => {
    const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [3] })] });
    const average = weightAverage(model, { decay: 0.9 });
    const start = values(model.getWeights());
    model.setWeights(model.getWeights().map((weights) => tf.add(weights, 1)));
    average.update();
    const raw = values(model.getWeights());
    const averaged = average.averagedWeights();
    average.apply();
    expect(values(model.getWeights())).toEqual(values(averaged));
    expect(model.getWeights()[0]!.dataSync()[0]).toBeCloseTo(start[0]![0]! + 0.9, 5);
    expect(() => average.apply()).toThrow(/restore\(\) first/);
    expect(() => average.update()).toThrow(/restore\(\) first/);
    average.restore();
    expect(values(model.getWeights())).toEqual(raw);
    expect(() => average.restore()).toThrow(/apply\(\) before/);
    // Averaged weights fit the model as they are.
    model.setWeights(averaged);
    expect(values(model.getWeights())).toEqual(values(averaged));
  });

  it('goes on from its state, and keeps no tensor it need not', () => {
    const w = tf.variable(tf.zeros([2]), true);
    const one = weightAverage([w], { decay: 0.7 });
    const two = weightAverage([w], { decay: 0.7 });
    const step = (k: number) => {
      const next = tf.tensor1d([k, k * k]);
      w.assign(next);
      next.dispose();
    };
    for (let k = 0; k < 3; k++) {
      step(k);
      one.update();
    }
    const { updates, averages } = one.state();
    two.setState({ updates, averages: averages.map(({ tensor }) => tensor) });
    const before = tf.memory().numTensors;
    for (let k = 3; k < 6; k++) {
      step(k);
      one.update();
      two.update();
      one.apply();
      one.restore();
    }
    expect(tf.memory().numTensors).toBe(before);
    const [a, b] = [one.averagedWeights(), two.averagedWeights()];
    expect(values(a)).toEqual(values(b));
    tf.dispose([a, b]);
    one.dispose();
    two.dispose();
    expect(tf.memory().numTensors).toBe(before - 2);
  });

  it('is no variable to be trained', () => {
    const w = tf.variable(tf.zeros([2]), true);
    weightAverage([w], { decay: 0.7 });
    const trainable = Object.values(tf.engine().registeredVariables).filter(
      (variable) => variable.trainable && variable.shape[0] === 2 && variable.id > w.id,
    );
    expect(trainable).toEqual([]);
  });

  it('refuses what it cannot average', () => {
    const w = tf.variable(tf.zeros([2]), true);
    expect(() => weightAverage([w], { decay: 1 })).toThrow(DpError);
    expect(() => weightAverage([w], {} as never)).toThrow(/decay in \[0, 1\)/);
    expect(() => weightAverage([], { decay: 0.9 })).toThrow(DpError);
    expect(() => weightAverage([tf.zeros([1])] as never, { decay: 0.9 })).toThrow(DpError);
    const average = weightAverage([w], { decay: 0.9 });
    expect(() => average.setState({ updates: 1, averages: [tf.zeros([3])] })).toThrow(
      expect.objectContaining({ code: 'DP_CORRUPT' }),
    );
    w.dispose();
    expect(() => average.update()).toThrow(/was disposed/);
  });
});

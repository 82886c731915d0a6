/**
 * lora, mergeLora and freeze: outputs at the start, per-example norms against the one-example loop, what is trained and
 * what stays exactly as it was (rule 9; pytorch/opacus#820 is a library whose norms were silently wrong here).
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import {
  dpOptimizer,
  freeze,
  LowRankAdapter,
  lora,
  mergeLora,
  privateFit,
  unfreeze,
  validateModel,
} from '../../src/index.js';
import { eachBackend } from '../backends.js';
import { regression, seeded } from '../engine/layers-problem.js';
import { expectNoFallback } from '../engine/no-fallback.js';
import { expectEqualsLoop } from '../engine/one-example-loop.js';
import { integers, normal } from '../engine/seeded-data.js';

const { layers } = tfl;
type Symbol = tfl.SymbolicTensor;
const recurrentInitializer = 'glorotNormal';

interface Pretrained {
  readonly make: () => tfl.LayersModel;
  readonly inputs: () => tf.Tensor[];
  readonly adapters: number;
}

const models: Record<string, Pretrained> = {
  'dense layers': {
    make: () =>
      tfl.sequential({
        layers: [
          layers.dense({ units: 6, activation: 'relu', inputShape: [5] }),
          layers.dense({ units: 4, activation: 'softmax', useBias: false }),
        ],
      }),
    inputs: () => [normal([5, 5], 1)],
    adapters: 2,
  },
  'dense layers on sequences': {
    make: () =>
      tfl.sequential({
        layers: [
          layers.dense({ units: 6, activation: 'tanh', inputShape: [3, 5] }),
          layers.timeDistributed({ layer: layers.dense({ units: 4, name: 'inner' }) }),
        ],
      }),
    inputs: () => [normal([4, 3, 5], 1)],
    adapters: 2,
  },
  'embedding, recurrent layer and head': {
    make: () =>
      tfl.sequential({
        layers: [
          layers.embedding({ inputDim: 7, outputDim: 4, maskZero: true, inputShape: [5] }),
          layers.lstm({ units: 3, recurrentInitializer }),
          layers.dense({ units: 2 }),
        ],
      }),
    inputs: () => [integers([4, 5], 7, 1)],
    adapters: 2,
  },
  convolutions: {
    make: () =>
      tfl.sequential({
        layers: [
          layers.conv2d({
            filters: 4,
            kernelSize: [3, 2],
            strides: [2, 1],
            padding: 'same',
            activation: 'elu',
            inputShape: [6, 5, 2],
          }),
          layers.conv2d({ filters: 3, kernelSize: 2 }),
          layers.reshape({ targetShape: [4, 6] }),
          layers.conv1d({ filters: 3, kernelSize: 2, padding: 'same' }),
          layers.flatten(),
        ],
      }),
    inputs: () => [normal([3, 6, 5, 2], 1)],
    adapters: 3,
  },
  'a model in a model, a shared layer': {
    make: () => {
      const [a, b] = [tfl.input({ shape: [5] }), tfl.input({ shape: [5] })];
      const tower = tfl.sequential({ layers: [layers.dense({ units: 4, inputShape: [5] })] });
      tower.trainable = false;
      const shared = layers.dense({ units: 3 });
      const ends = [a, b].map((input) => shared.apply(tower.apply(input) as Symbol) as Symbol);
      const sum = layers.add().apply(ends) as Symbol;
      return tfl.model({ inputs: [a, b], outputs: sum });
    },
    inputs: () => [normal([4, 5], 1), normal([4, 5], 2)],
    adapters: 2,
  },
};

const outputOf = (model: tfl.LayersModel, inputs: tf.Tensor[]) =>
  (model.predict(inputs) as tf.Tensor).dataSync();
const valuesOf = (model: { weights: tfl.LayerVariable[] }) =>
  model.weights.map((w) => Array.from(w.read().dataSync()));

/** Moves B away from zero, where the gradient of A would vanish. */
function stirred(model: tfl.LayersModel): tfl.LayersModel {
  model.trainableWeights.forEach(
    (weight, k) => void weight.write(normal(weight.shape as number[], 40 + k, 0.3)),
  );
  return model;
}

eachBackend(() => {
  describe.each(Object.entries(models))('lora on %s', (_, { make, inputs, adapters }) => {
    it('gives what the model gives, and trains A and B alone', () => {
      const model = seeded(make());
      const before = valuesOf(model);
      const tuned = lora(model, { rank: 2 });
      const [expected, got] = [outputOf(model, inputs()), outputOf(tuned, inputs())];
      // Not bit by bit: the bias is added before the activation here, and inside one kernel there.
      expect(Math.max(...got.map((value, k) => Math.abs(value - expected[k]!)))).toBeLessThan(1e-6);
      expect(tuned.trainableWeights).toHaveLength(2 * adapters);
      // Loops without a list of variables train whatever is marked.
      const marked = tuned.weights.filter((weight) => (weight.read() as tf.Variable).trainable);
      expect(marked).toEqual(tuned.trainableWeights);
      for (const { originalName } of tuned.trainableWeights) expect(originalName).toMatch(/lora_[ab]\/\w+$/);
      const start = tuned.trainableWeights.map((weight) => tf.max(tf.abs(weight.read())).dataSync()[0]!);
      expect(start.map((size) => size > 0)).toEqual(start.map((_, k) => k % 2 === 0));
      expect(valuesOf(model)).toEqual(before);
    });

    it('equals the one-example loop, at the start and later', () => {
      const tuned = lora(seeded(make()), { rank: 2, alpha: 3 });
      const problem = regression(tuned, inputs());
      expectEqualsLoop(problem);
      stirred(tuned);
      expectEqualsLoop(problem);
      expectNoFallback(problem);
      expect(validateModel(tuned)).toEqual([]);
    });

    it('is merged into a plain model with the same outputs', () => {
      const tuned = stirred(lora(seeded(make()), { rank: 2, alpha: 3 }));
      const merged = mergeLora(tuned);
      const [expected, got] = [outputOf(tuned, inputs()), outputOf(merged, inputs())];
      expect(Math.max(...got.map((value, k) => Math.abs(value - expected[k]!)))).toBeLessThan(1e-5);
      const plain = make();
      // What was merged can be trained again, and tfjs lists trained weights first.
      for (const layer of plain.layers) layer.trainable = true;
      expect(merged.layers.map((layer) => layer.getClassName())).toEqual(
        plain.layers.map((l) => l.getClassName()),
      );
      expect(merged.weights.map(({ shape }) => shape)).toEqual(plain.weights.map(({ shape }) => shape));
    });
  });

  it('moves A, B and the named head only, without a trace of noise on the rest', async () => {
    const model = seeded(
      tfl.sequential({
        layers: [
          layers.dense({ units: 4, inputShape: [5], name: 'body' }),
          layers.layerNormalization({ name: 'norm' }),
          layers.dense({ units: 2, name: 'head' }),
        ],
      }),
    );
    const tuned = lora(model, { rank: 1, train: (layer) => layer === 'head' });
    expect(tuned.trainableWeights.map(({ originalName }) => originalName)).toEqual([
      'body/lora_a/kernel',
      'body/lora_b/kernel',
      'head/kernel',
      'head/bias',
    ]);
    const before = new Map(
      tuned.weights.map((weight) => [weight.originalName, Array.from(weight.read().dataSync())]),
    );
    await privateFit(
      tuned,
      { xs: normal([8, 5], 1), ys: normal([8, 2], 2) },
      {
        loss: 'meanSquaredError',
        expectedBatchSize: 4,
        epochs: 2,
        l2NormClip: 1,
        noiseMultiplier: 1,
        delta: 1e-5,
        seed: 1,
      },
    );
    for (const weight of tuned.weights) {
      const same = Array.from(weight.read().dataSync()).every(
        (v, k) => v === before.get(weight.originalName)![k],
      );
      expect(`${weight.originalName} ${same ? 'stays' : 'moves'}`).toBe(
        `${weight.originalName} ${weight.trainable && tuned.trainableWeights.includes(weight) ? 'moves' : 'stays'}`,
      );
    }
  });

  it('is saved, loaded and merged', async () => {
    const tuned = stirred(lora(seeded(models['embedding, recurrent layer and head']!.make()), { rank: 2 }));
    let saved: tf.io.ModelArtifacts | undefined;
    await tuned.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
    const ids = [integers([4, 5], 7, 1)];
    expect(outputOf(loaded, ids)).toEqual(outputOf(tuned, ids));
    expect(outputOf(mergeLora(loaded), ids)).toEqual(outputOf(mergeLora(tuned), ids));
    const names = (model: tfl.LayersModel) => model.trainableWeights.map(({ originalName }) => originalName);
    expect(names(loaded)).toEqual(names(tuned));
  });
});

describe('lora', () => {
  const make = () =>
    tfl.sequential({
      layers: [
        layers.dense({ units: 4, inputShape: [5], name: 'one' }),
        layers.dense({ units: 4, name: 'two' }),
      ],
    });

  it('adapts the layers that are chosen', () => {
    const tuned = lora(make(), { rank: 2, layers: (layer) => layer === 'two' });
    expect(tuned.layers.map((layer) => layer instanceof LowRankAdapter)).toEqual([false, true]);
    expect(tuned.getLayer('one').trainable).toBe(false);
  });

  it('leaves no tensors behind when the copy is disposed', () => {
    const model = make();
    lora(model, { rank: 2 }).dispose();
    const before = tf.memory().numTensors;
    const tuned = lora(model, { rank: 2 });
    mergeLora(tuned).dispose();
    tuned.dispose();
    expect(() => lora(model, { rank: 2, layers: () => false })).toThrow(DpError);
    expect(() => mergeLora(model)).toThrow(DpError);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([{ rank: 0 }, { rank: 1.5 }, { rank: 2, alpha: 0 }, { rank: 2, alpha: Number.NaN }])(
    'refuses %j',
    (options) => {
      expect(() => lora(make(), options)).toThrow(DpError);
    },
  );

  it('refuses a model without a layer to adapt', () => {
    const model = tfl.sequential({ layers: [layers.layerNormalization({ inputShape: [3] })] });
    expect(() => lora(model, { rank: 2 })).toThrow(/Dense, Embedding, Conv1D or Conv2D/);
  });
});

describe('freeze', () => {
  /** Recurrent cells and models inside models keep training in tfjs when their layer is frozen after compile. */
  const make = () => {
    const inner = tfl.sequential({
      name: 'inner',
      layers: [
        layers.timeDistributed({
          layer: layers.dense({ units: 3, name: 'd' }),
          inputShape: [3, 2],
          name: 'each',
        }),
      ],
    });
    const model = tfl.sequential({
      layers: [
        inner,
        layers.lstm({ units: 2, recurrentInitializer, name: 'lstm' }),
        layers.dense({ units: 1, name: 'head' }),
      ],
    });
    const optimizer = dpOptimizer(tf.train.sgd(0.1), {
      l2NormClip: 1,
      noiseMultiplier: 1,
      expectedBatchSize: 4,
      seed: 1,
    });
    model.compile({ optimizer, loss: 'meanSquaredError' });
    return model;
  };
  const step = (model: tfl.LayersModel) =>
    model.fit(normal([4, 3, 2], 1), normal([4, 1], 2), { batchSize: 4, verbose: 0 });
  const moved = async (model: tfl.LayersModel) => {
    const weights = [...model.layers.flatMap((layer) => layer.weights)];
    const before = weights.map((weight) => weight.read().dataSync().slice());
    await step(model);
    return weights
      .filter((w, k) =>
        w
          .read()
          .dataSync()
          .some((v, i) => v !== before[k]![i]),
      )
      .map((w) => w.originalName);
  };

  it('is needed: a flag set after compile leaves cells and inner models in training', async () => {
    const model = make();
    for (const layer of model.layers.slice(0, 2)) layer.trainable = false;
    expect(await moved(model)).toHaveLength(7);
  });

  it('reaches every weight of a compiled model', async () => {
    const model = make();
    expect(freeze(model, (layer) => layer !== 'head')).toEqual(['inner/each/d', 'lstm']);
    expect(await moved(model)).toEqual(['head/kernel', 'head/bias']);
  });

  it('is a named error for the optimizer after its first step', async () => {
    const model = make();
    await step(model);
    freeze(model, (layer) => layer === 'lstm');
    await expect(step(model)).rejects.toThrow(DpError);
    await expect(step(model)).rejects.toThrow(/new optimizer/);
  });

  it('is undone by unfreeze, and another compile', async () => {
    const model = make();
    freeze(model, () => true);
    expect(model.trainableWeights).toEqual([]);
    expect(unfreeze(model, (layer) => layer === 'lstm')).toEqual(['lstm']);
    model.compile({ optimizer: make().optimizer, loss: 'meanSquaredError' });
    expect(await moved(model)).toHaveLength(3);
  });

  it('refuses to freeze nothing', () => {
    expect(() => freeze(make(), () => false)).toThrow(/'inner\/each\/d', 'lstm', 'head'/);
  });
});

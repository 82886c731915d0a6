/**
 * fixModel: what is replaced, what is carried over, what stays exactly as it was, and that the result trains.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { describe, expect, it, vi } from 'vitest';
import { fixModel, GroupNormalization, validateModel } from '../../src/index.js';
import { eachBackend } from '../backends.js';
import { regression, seeded } from '../engine/layers-problem.js';
import { expectEqualsLoop } from '../engine/one-example-loop.js';
import { integers, normal } from '../engine/seeded-data.js';
import { BatchCentering } from './odd-layers.js';

const { layers } = tfl;
type Symbol = tfl.SymbolicTensor;
const recurrentInitializer = 'glorotNormal';

const problemsOf = (model: tfl.LayersModel) =>
  validateModel(model).flatMap(({ problem, severity }) => (severity === 'refused' ? [problem] : []));
const valuesOf = (model: { weights: tfl.LayerVariable[] }) =>
  model.weights.map((w) => Array.from(w.read().dataSync()));
const outputOf = (model: tfl.LayersModel, inputs: tf.Tensor | tf.Tensor[]) => {
  const result = model.predict(inputs) as tf.Tensor | tf.Tensor[];
  return (Array.isArray(result) ? result : [result]).map((tensor) => Array.from(tensor.dataSync()));
};

function imageModel(): tfl.LayersModel {
  return seeded(
    tfl.sequential({
      name: 'images',
      layers: [
        layers.conv2d({ filters: 8, kernelSize: 3, inputShape: [8, 8, 1], name: 'conv' }),
        layers.batchNormalization({ name: 'norm', epsilon: 0.02, gammaRegularizer: 'l1l2' }),
        layers.reLU(),
        layers.globalAveragePooling2d({}),
        layers.dense({ units: 64, name: 'features' }),
        layers.batchNormalization({ name: 'norm_1d' }),
        layers.dropout({ rate: 0.5, seed: 4, name: 'drop' }),
        layers.dense({ units: 3, name: 'head' }),
      ],
    }),
  );
}

/** Two inputs, two outputs, a shared layer, a shared model with batch normalisation inside, wrappers, memory. */
function graphModel(): tfl.LayersModel {
  const tower = tfl.sequential({
    name: 'tower',
    layers: [
      layers.dense({ units: 16, inputShape: [4], name: 'tower_dense' }),
      layers.batchNormalization({ name: 'tower_norm' }),
    ],
  });
  const [a, b] = [
    tfl.input({ batchShape: [4, 4], name: 'a' }),
    tfl.input({ batchShape: [4, 3, 4], name: 'b' }),
  ];
  const shared = layers.dense({ units: 4, name: 'shared' });
  const once = tower.apply(shared.apply(a)) as Symbol;
  const twice = tower.apply(shared.apply(shared.apply(a) as Symbol)) as Symbol;
  const each = layers
    .timeDistributed({ layer: layers.batchNormalization({ name: 'inner_norm' }), name: 'each' })
    .apply(b) as Symbol;
  const memory = layers
    .lstm({ units: 2, stateful: true, recurrentInitializer, name: 'memory' })
    .apply(each) as Symbol;
  const both = layers
    .bidirectional({
      layer: layers.gru({ units: 2, stateful: true, recurrentInitializer, name: 'gru' }) as tfl.RNN,
      mergeMode: 'concat',
      name: 'both',
    })
    .apply(b) as Symbol;
  const joined = layers.concatenate({ name: 'joined' }).apply([once, twice, memory, both]) as Symbol;
  const head = layers.dense({ units: 2, name: 'head' }).apply(joined) as Symbol;
  return seeded(tfl.model({ inputs: [a, b], outputs: [head, once], name: 'graph' }));
}

describe('fixModel on an image model', () => {
  it('tells every change', () => {
    const { changes } = fixModel(imageModel());
    expect(
      changes.map(({ layer, from, to, carriedOver, dropped }) => ({ layer, from, to, carriedOver, dropped })),
    ).toEqual([
      {
        layer: 'norm',
        from: 'BatchNormalization',
        to: 'GroupNormalization (8 groups of 1 channel)',
        carriedOver: 'gamma, beta, epsilon',
        dropped: 'moving mean, moving variance',
      },
      {
        layer: 'norm_1d',
        from: 'BatchNormalization',
        to: 'GroupNormalization (4 groups of 16 channels)',
        carriedOver: 'gamma, beta, epsilon',
        dropped: 'moving mean, moving variance',
      },
      {
        layer: 'drop',
        from: 'Dropout with seed 4',
        to: 'Dropout without a seed',
        carriedOver: 'all weights',
        dropped: 'the seed',
      },
    ]);
  });

  it('keeps names, gamma, beta, epsilon and regularisers, and copies all other weights', () => {
    const model = imageModel();
    const { model: fixed } = fixModel(model);
    expect(problemsOf(fixed)).toEqual([]);
    expect(fixed).toBeInstanceOf(tfl.Sequential);
    expect(fixed.name).toBe('images');
    expect(fixed.layers.map(({ name }) => name)).toEqual(model.layers.map(({ name }) => name));
    const norm = fixed.getLayer('norm') as GroupNormalization;
    expect(norm).toBeInstanceOf(GroupNormalization);
    expect(norm.epsilon).toBe(0.02);
    expect(norm.losses).toHaveLength(1);
    expect(valuesOf(norm)).toEqual(valuesOf(model.getLayer('norm')).slice(0, 2));
    for (const name of ['conv', 'features', 'head']) {
      expect(valuesOf(fixed.getLayer(name))).toEqual(valuesOf(model.getLayer(name)));
    }
  });

  it('shares nothing with the model, which stays as it was', () => {
    const model = imageModel();
    const [weights, config] = [valuesOf(model), JSON.stringify(model.getConfig())];
    const { model: fixed } = fixModel(model);
    for (const weight of fixed.weights) weight.write(tf.zerosLike(weight.read()));
    expect(valuesOf(model)).toEqual(weights);
    expect(JSON.stringify(model.getConfig())).toBe(config);
    fixed.dispose();
    expect(outputOf(model, normal([2, 8, 8, 1], 1))[0]).toHaveLength(6);
  });

  it('leaves no tensors behind', () => {
    const model = imageModel();
    fixModel(model).model.dispose();
    const before = tf.memory().numTensors;
    fixModel(model).model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('says that what compile set is not copied', () => {
    const model = imageModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const { model: fixed, changes } = fixModel(model);
    expect(changes.at(-1)).toMatchObject({ layer: 'images', dropped: 'optimizer, loss and metrics' });
    expect(fixed.optimizer ?? null).toBeNull();
  });
});

eachBackend((backend) => {
  describe('fixModel on a graph', () => {
    it('walks shared layers, models in models, wrappers and recurrent layers', () => {
      const model = graphModel();
      expect(new Set(problemsOf(model))).toEqual(new Set(['batch-normalization', 'stateful']));
      const { model: fixed, changes } = fixModel(model);
      expect(new Set(changes.map(({ layer, to }) => `${layer}: ${to}`))).toEqual(
        new Set([
          'tower/tower_norm: GroupNormalization (1 group of 16 channels)',
          'each/inner_norm: GroupNormalization (1 group of 4 channels)',
          'memory: LSTM without memory',
          'both: GRU without memory',
        ]),
      );
      expect(problemsOf(fixed)).toEqual([]);
      expect(fixed.inputs.map(({ shape }) => shape)).toEqual(model.inputs.map(({ shape }) => shape));
      expect(fixed.outputs.map(({ shape }) => shape)).toEqual(model.outputs.map(({ shape }) => shape));
      // The tower is still one tower: used twice, counted once.
      expect(fixed.countParams()).toBe(model.countParams() - 2 * 16 - 2 * 4);
    });

    it('gives the same outputs where nothing was replaced', () => {
      const a = tfl.input({ shape: [5], name: 'a' });
      const ids = tfl.input({ shape: [4], name: 'ids', dtype: 'int32' });
      const words = layers.embedding({ inputDim: 9, outputDim: 3, maskZero: true }).apply(ids) as Symbol;
      const both = layers
        .bidirectional({
          layer: layers.lstm({ units: 2, recurrentInitializer }) as tfl.RNN,
          mergeMode: 'concat',
        })
        .apply(words) as Symbol;
      const inner = tfl.sequential({
        layers: [
          layers.dense({ units: 6, activation: 'tanh', inputShape: [5] }),
          layers.layerNormalization(),
        ],
      });
      const steps = layers.repeatVector({ n: 3 }).apply(inner.apply(a)) as Symbol;
      const each = layers.timeDistributed({ layer: layers.dense({ units: 2 }) }).apply(steps) as Symbol;
      const joined = layers.concatenate().apply([both, layers.flatten().apply(each) as Symbol]) as Symbol;
      const out = layers.dense({ units: 2 }).apply(layers.batchNormalization().apply(joined)) as Symbol;
      const model = seeded(tfl.model({ inputs: [a, ids], outputs: [out, joined] }));
      const { model: fixed } = fixModel(model);
      const data = [normal([3, 5], 1), integers([3, 4], 9, 2)];
      const [[, before], [, after]] = [outputOf(model, data), outputOf(fixed, data)];
      expect(after).toEqual(before);
    });

    it('trains to the one-example loop', () => {
      const { model } = fixModel(imageModel());
      if (backend === 'wasm') return;
      // Dropout draws anew in every run, so the loop cannot see the same masks.
      (model.getLayer('drop') as unknown as { rate: number }).rate = 0;
      expectEqualsLoop(regression(model, [normal([3, 8, 8, 1], 1)]));
    });
  });
});

describe('the number of groups', () => {
  it('never erases: values of an example stay apart after a dense layer', () => {
    for (const units of [1, 2, 3, 4, 5, 8, 31, 32, 64]) {
      const model = tfl.sequential({
        layers: [
          layers.dense({ units, inputShape: [3], kernelInitializer: 'randomNormal' }),
          layers.batchNormalization(),
        ],
      });
      const { model: fixed } = fixModel(model);
      const [rows] = outputOf(
        fixed,
        tf.tensor2d([
          [1, 2, 3],
          [-3, 1, 5],
        ]),
      );
      expect(rows!.some((value, k) => k < units && Math.abs(value - rows![k + units]!) > 1e-4)).toBe(true);
    }
  });

  it('is the identity where a layer has too few values, and says so', () => {
    const model = tfl.sequential({
      layers: [layers.batchNormalization({ inputShape: [1], name: 'first' }), layers.dense({ units: 1 })],
    });
    const { model: fixed, changes } = fixModel(model);
    expect(changes).toMatchObject([
      { layer: 'first', to: 'the identity', dropped: expect.stringContaining('gamma') },
    ]);
    expect(fixed.getLayer('first').getClassName()).toBe('Activation');
    expect(problemsOf(fixed)).toEqual([]);
  });

  it('can be chosen, for all layers or each', () => {
    expect((fixModel(imageModel(), { groups: 2 }).model.getLayer('norm') as GroupNormalization).groups).toBe(
      2,
    );
    const groups = (layer: string, channels: number) => (layer === 'norm' ? channels / 4 : 1);
    const { model } = fixModel(imageModel(), { groups });
    expect(['norm', 'norm_1d'].map((name) => (model.getLayer(name) as GroupNormalization).groups)).toEqual([
      2, 1,
    ]);
  });

  it.each([3, 0, -1, 1.5, 64])('%s is refused where it does not fit', (groups) => {
    expect(() => fixModel(imageModel(), { groups })).toThrow(DpError);
  });
});

describe('copies keep', () => {
  it('states that one recurrent layer hands to another', () => {
    const [source, target] = [tfl.input({ shape: [4, 3] }), tfl.input({ shape: [5, 3] })];
    const encoder = layers.lstm({ units: 2, recurrentInitializer, returnState: true });
    const [, h, c] = encoder.apply(source) as Symbol[];
    const decoder = layers.lstm({ units: 2, recurrentInitializer, returnSequences: true });
    const decoded = decoder.apply(target, { initialState: [h, c] }) as Symbol;
    const out = layers.timeDistributed({ layer: layers.dense({ units: 2 }) }).apply(decoded) as Symbol;
    const model = seeded(tfl.model({ inputs: [source, target], outputs: out }));
    const data = [normal([2, 4, 3], 1), normal([2, 5, 3], 2)];
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { model: fixed } = fixModel(model);
    warn.mockRestore();
    expect(outputOf(fixed, data)).toEqual(outputOf(model, data));
    expect(problemsOf(fixed)).toEqual([]);
  });

  it('which weights are trained: frozen layers, models, wrappers, directions', () => {
    const inner = tfl.sequential({
      name: 'inner',
      layers: [layers.dense({ units: 3, inputShape: [3, 4] }), layers.dense({ units: 4, trainable: false })],
    });
    const model = tfl.sequential({
      layers: [
        inner,
        layers.timeDistributed({ layer: layers.dense({ units: 4 }) }),
        layers.bidirectional({
          layer: layers.lstm({ units: 2, recurrentInitializer, returnSequences: true }) as tfl.RNN,
          mergeMode: 'concat',
        }),
        layers.lstm({ units: 2, recurrentInitializer }),
        layers.batchNormalization({ trainable: false }),
        layers.dense({ units: 2 }),
      ],
    });
    const frozen = (of: tfl.LayersModel) => ({
      layers: of.layers.map(({ trainable }) => trainable),
      shapes: of.trainableWeights.map(({ shape }) => shape),
      marks: of.layers.map((layer) => layer.weights.map((weight) => weight.trainable)),
    });
    const check = () => {
      const { model: fixed } = fixModel(model);
      const [expected, got] = [frozen(model), frozen(fixed)];
      // The replaced layer has fewer weights.
      expected.marks[4] = got.marks[4]!;
      expect(got).toEqual(expected);
    };
    check();
    inner.trainable = false;
    check();
    for (const layer of model.layers.slice(1, 4)) {
      layer.trainable = false;
      check();
    }
    (inner.layers[0]!.weights[0] as tfl.LayerVariable).trainable = false;
    inner.trainable = true;
    (inner.layers[0]!.weights[0] as tfl.LayerVariable).trainable = false;
    check();
  });

  it('layers of one’s own that are registered, and refuse those that are not', () => {
    const own = tfl.sequential({ layers: [new BatchCentering({ inputShape: [3], name: 'centre' })] });
    expect(fixModel(own).model.layers[0]).toBeInstanceOf(BatchCentering);
    expect(fixModel(own).changes).toEqual([]);
    class Unregistered extends BatchCentering {
      static override readonly className = 'Unregistered' as 'BatchCentering';
    }
    const other = tfl.sequential({ layers: [new Unregistered({ inputShape: [3] })] });
    expect(() => fixModel(other)).toThrow(DpError);
    expect(() => fixModel(other)).toThrow(/registerClass/);
  });

  it('one place for each layer: a layer in two models is refused', () => {
    const shared = layers.dense({ units: 4, name: 'shared' });
    const input = tfl.input({ shape: [4] });
    const inner = tfl.model({ inputs: input, outputs: shared.apply(input) as Symbol, name: 'inner' });
    const outer = tfl.input({ shape: [4] });
    const out = shared.apply(inner.apply(outer) as Symbol) as Symbol;
    expect(() => fixModel(tfl.model({ inputs: outer, outputs: out }))).toThrow(/'inner\/shared'|'shared'/);
  });
});

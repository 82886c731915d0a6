/**
 * validateModel over a zoo of models, each with the problems that it has, held against what training does: a model
 * with a refused problem is refused at the first private step, and one without trains.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { groupNormalization, lora, privateFit, validateModel } from '../../src/index.js';
import { eachBackend } from '../backends.js';
import { integers, normal } from '../engine/seeded-data.js';
import {
  BatchCentering,
  Counting,
  Damping,
  DataPenalty,
  DeadWeight,
  Largest,
  OwnGradient,
} from './odd-layers.js';

const { layers } = tfl;
// The default uses chained operations, which core and layers alone do not register.
const recurrentInitializer = 'glorotNormal';
const dense = (units = 3, more = {}) => layers.dense({ units, ...more });
const first = (more = {}) => dense(4, { inputShape: [4], ...more });
const of = (...list: tfl.layers.Layer[]) => tfl.sequential({ layers: list });
const norm = (more = {}) => layers.batchNormalization({ name: 'bn', ...more });

/** A model, what is wrong with it, and inputs if random vectors of 4 will not do. */
interface Specimen {
  readonly make: () => tfl.LayersModel;
  readonly problems: readonly string[];
  readonly inputs?: () => tf.Tensor[];
}

function functional(build: (input: tfl.SymbolicTensor) => tfl.SymbolicTensor[]): tfl.LayersModel {
  const input = tfl.input({ shape: [4] });
  return tfl.model({ inputs: input, outputs: build(input) });
}

const good: Record<string, Specimen> = {
  'a dense network': { make: () => of(first({ activation: 'relu' }), dense()), problems: [] },
  'dropout without a seed': { make: () => of(first(), layers.dropout({ rate: 0.5 }), dense()), problems: [] },
  'regularised weights': { make: () => of(first({ kernelRegularizer: 'l1l2' }), dense()), problems: [] },
  'group normalisation': {
    make: () => of(first(), groupNormalization({ groups: 2 }), dense()),
    problems: [],
  },
  'convolutions of any size': {
    make: () =>
      of(
        layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [null, null, 1] as unknown as number[] }),
        groupNormalization({ groups: 1 }),
        layers.globalAveragePooling2d({}),
        dense(),
      ),
    problems: [],
    inputs: () => [normal([4, 7, 7, 1], 1)],
  },
  'text of any length': {
    make: () =>
      of(
        layers.embedding({ inputDim: 7, outputDim: 3, maskZero: true }),
        layers.bidirectional({
          layer: layers.lstm({ units: 2, recurrentInitializer }) as tfl.RNN,
          mergeMode: 'concat',
        }),
        dense(),
      ),
    problems: [],
    inputs: () => [integers([4, 5], 7, 1)],
  },
  'a shared layer, two inputs, two outputs': {
    make: () => {
      const [a, b] = [tfl.input({ shape: [4] }), tfl.input({ shape: [4] })];
      const shared = dense();
      const both = [shared.apply(a), shared.apply(b)] as tfl.SymbolicTensor[];
      const sum = layers.add().apply(both) as tfl.SymbolicTensor;
      return tfl.model({ inputs: [a, b], outputs: [dense().apply(sum), both[0]] as tfl.SymbolicTensor[] });
    },
    problems: [],
    inputs: () => [normal([4, 4], 1), normal([4, 4], 2)],
  },
  'a model in a model, and wrapped layers': {
    make: () =>
      of(
        of(layers.timeDistributed({ layer: dense(), inputShape: [3, 4] })),
        layers.gru({ units: 2, recurrentInitializer }),
      ),
    problems: [],
    inputs: () => [normal([4, 3, 4], 1)],
  },
  'a frozen layer': { make: () => of(first({ trainable: false }), dense()), problems: [] },
  'low-rank adapters': { make: () => lora(of(first(), dense()), { rank: 2 }), problems: [] },
  'a weight without a rule': {
    make: () => of(first(), new Damping({ name: 'damping' }), dense()),
    problems: ['damping masked-fallback slow'],
  },
  'a wrapped weight without a rule': {
    make: () =>
      of(layers.timeDistributed({ layer: new Damping({ name: 'd' }), inputShape: [3, 4], name: 't' })),
    problems: ['t/d masked-fallback slow'],
    inputs: () => [normal([4, 3, 4], 1)],
  },
};

const bad: Record<string, Specimen> = {
  'batch normalisation': {
    make: () => of(first(), norm(), dense()),
    problems: ['bn batch-normalization refused'],
  },
  'frozen batch normalisation': {
    make: () => of(first(), norm({ trainable: false }), dense()),
    problems: ['bn batch-normalization refused'],
  },
  'batch normalisation in a model in a model': {
    make: () => of(first(), tfl.sequential({ name: 'inner', layers: [norm({ inputShape: [4] })] }), dense()),
    problems: ['inner/bn batch-normalization refused'],
  },
  'batch normalisation in a wrapper': {
    make: () =>
      of(
        layers.timeDistributed({ layer: norm(), inputShape: [3, 4], name: 'each' }),
        layers.flatten(),
        dense(),
      ),
    problems: ['each/bn batch-normalization refused'],
    inputs: () => [normal([4, 3, 4], 1)],
  },
  'shared batch normalisation': {
    make: () =>
      functional((input) => {
        const shared = norm();
        const once = shared.apply(dense(4).apply(input)) as tfl.SymbolicTensor;
        return [dense().apply(shared.apply(once)) as tfl.SymbolicTensor];
      }),
    problems: ['bn batch-normalization refused'],
  },
  'a recurrent layer with memory': {
    make: () =>
      of(
        layers.lstm({
          units: 2,
          stateful: true,
          recurrentInitializer,
          batchInputShape: [4, 3, 4],
          name: 'memory',
        }),
        dense(),
      ),
    problems: ['memory stateful refused'],
    inputs: () => [normal([4, 3, 4], 1)],
  },
  'dropout with a seed': {
    make: () => of(first(), layers.dropout({ rate: 0.5, seed: 3, name: 'drop' }), dense()),
    problems: ['drop fixed-seed refused'],
  },
  'a layer that centres the batch': {
    make: () => of(first(), new BatchCentering({ name: 'centre' }), dense()),
    problems: ['centre mixes-examples refused'],
  },
  'the same inside a model': {
    make: () =>
      of(
        first(),
        tfl.sequential({ name: 'in', layers: [new BatchCentering({ name: 'c', inputShape: [4] })] }),
        dense(),
      ),
    problems: ['in/c mixes-examples refused'],
  },
  'an operation without a gradient': {
    make: () => of(first(), new Largest({ name: 'sort' }), dense()),
    problems: ['sort unknown-operation refused'],
  },
  'a gradient of one’s own': {
    make: () => of(first(), new OwnGradient({ name: 'twice' }), dense()),
    problems: ['twice unknown-operation refused'],
  },
  'a layer that counts': {
    make: () => of(first(), new Counting({ name: 'count' }), dense()),
    problems: ['count mixes-examples refused'],
  },
  'a weight that nothing reads': {
    make: () => of(first(), new DeadWeight({ name: 'dead' }), dense()),
    problems: ['dead unreached-weight refused'],
  },
  'a loss term read off data': {
    make: () => of(first(), new DataPenalty({ name: 'penalty' }, tf.scalar(1)), dense()),
    problems: ['penalty loss-reads-data refused'],
  },
  'nothing to train': {
    make: () => tfl.sequential({ name: 'still', layers: [first({ trainable: false })] }),
    problems: ['still no-trainable-weights refused'],
  },
  'three problems': {
    make: () =>
      of(
        first(),
        norm(),
        layers.dropout({ rate: 0.5, seed: 3, name: 'drop' }),
        new BatchCentering({ name: 'centre' }),
        new Damping({ name: 'damping' }),
      ),
    problems: [
      'bn batch-normalization refused',
      'drop fixed-seed refused',
      'centre mixes-examples refused',
      'damping masked-fallback slow',
    ],
  },
};

const listed = (model: tfl.LayersModel) =>
  validateModel(model).map(({ layer, problem, severity }) => `${layer} ${problem} ${severity}`);

/** One step of private training on random data, mean squared error. */
async function firstStep(model: tfl.LayersModel, inputs: readonly tf.Tensor[]): Promise<void> {
  const outputs = tf.tidy(() => {
    const result = model.predict([...inputs]) as tf.Tensor | tf.Tensor[];
    return (Array.isArray(result) ? result : [result]).map(({ shape }) => shape);
  });
  const [xs, ys] = [[...inputs], outputs.map((shape, k) => normal([...shape], 90 + k))];
  const data = { xs: xs.length === 1 ? xs[0]! : xs, ys: ys.length === 1 ? ys[0]! : ys };
  await privateFit(model, data, {
    loss: 'meanSquaredError',
    optimizer: tf.train.sgd(0.1),
    sampler: 'shuffle',
    relation: 'replace-special',
    expectedBatchSize: 4,
    epochs: 1,
    l2NormClip: 1,
    noiseMultiplier: 1,
    delta: 1e-5,
    seed: 1,
  });
}

const vectors = () => [normal([4, 4], 1)];

eachBackend(() => {
  it.each(Object.entries(good))(
    '%s trains, and has no problem but speed',
    async (_, { make, problems, inputs }) => {
      const model = make();
      expect(listed(model)).toEqual(problems);
      await firstStep(model, (inputs ?? vectors)());
    },
  );

  it.each(Object.entries(bad))(
    '%s: named, and refused at the first step',
    async (_, { make, problems, inputs }) => {
      const model = make();
      expect(listed(model)).toEqual(problems);
      await expect(firstStep(model, (inputs ?? vectors)())).rejects.toThrow(DpError);
    },
  );
});

describe('validateModel', () => {
  it.each(Object.entries({ ...good, ...bad }))('%s: left as it was', (_, { make }) => {
    const model = make();
    const weights = model.weights.map((weight) => Array.from(weight.read().dataSync()));
    const before = { tensors: tf.memory().numTensors, config: JSON.stringify(model.getConfig()) };
    validateModel(model);
    expect(tf.memory().numTensors).toBe(before.tensors);
    expect(JSON.stringify(model.getConfig())).toBe(before.config);
    expect(model.weights.map((weight) => Array.from(weight.read().dataSync()))).toEqual(weights);
    for (const layer of model.layers) expect(Object.keys(layer)).not.toContain('apply');
  });

  it('says why and what to do', () => {
    const [problem] = validateModel(of(first(), norm()));
    expect(problem).toMatchObject({ layer: 'bn', className: 'BatchNormalization', severity: 'refused' });
    expect(problem!.why).toMatch(/moving averages/);
    expect(problem!.whatToDo).toMatch(/fixModel/);
  });

  it('leaves no dropout masks in recurrent cells', () => {
    const lstm = layers.lstm({
      units: 2,
      dropout: 0.5,
      recurrentDropout: 0.5,
      recurrentInitializer,
      inputShape: [3, 4],
    });
    const model = of(lstm);
    const before = tf.memory().numTensors;
    validateModel(model);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names an activity regulariser, which tfjs does not run', () => {
    const model = of(first({ name: 'penalised' }), dense());
    model.layers[0]!.activityRegularizer = tfl.regularizers.l2();
    expect(listed(model)).toEqual(['penalised activity-regularizer refused']);
  });

  it('names the layer that cannot run, and takes public inputs instead', () => {
    class Exactly extends tfl.layers.Layer {
      static readonly className = 'Exactly';
      override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
        const [x] = inputs as [tf.Tensor];
        if (x.shape[1] !== 11) throw new Error('eleven steps, please');
        return tf.clone(x);
      }
    }
    const open = [null, 2] as unknown as number[];
    const model = of(layers.inputLayer({ inputShape: open }), new Exactly({ name: 'picky' }), dense());
    expect(listed(model)).toEqual(['picky cannot-run refused']);
    expect(validateModel(model)[0]!.why).toMatch(/eleven steps/);
    expect(validateModel(model, { inputs: [normal([3, 11, 2], 1)] })).toEqual([]);
    expect(() => validateModel(model, { inputs: [normal([3, 11], 1)] })).toThrow(DpError);
  });

  it.each([undefined, null, {}, 3])('refuses %s as a model', (model) => {
    expect(() => validateModel(model as unknown as tfl.LayersModel)).toThrow(DpError);
  });
});

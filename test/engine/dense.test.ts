import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { regression, sequential, weightsOf } from './layers-problem.js';
import { expectEqualsLoop } from './one-example-loop.js';
import { normal, oneHot } from './seeded-data.js';

const ACTIVATIONS = [
  'linear',
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'tanh',
  'softplus',
  'softsign',
  'softmax',
  'swish',
  'mish',
  'gelu',
  'gelu_new',
] as const;

eachBackend(() => {
  describe('dense layers', () => {
    it.each(ACTIVATIONS)('with activation %s', (activation) => {
      const model = sequential([
        tfl.layers.dense({ units: 6, activation, inputShape: [4] }),
        tfl.layers.dense({ units: 5, activation }),
        tfl.layers.dense({ units: 3 }),
      ]);
      expectEqualsLoop(regression(model, [normal([7, 4], 2)]));
    });

    it.each([1, 2, 7])('at batch size %i, as a mean, a sum and one loss an example', (batch) => {
      const model = sequential([
        tfl.layers.dense({ units: 5, activation: 'tanh', inputShape: [4] }),
        tfl.layers.dense({ units: 3 }),
      ]);
      const data = [normal([batch, 4], 3), oneHot([batch], 3, 4)];
      const losses = ([x, y]: readonly tf.Tensor[]) =>
        tf.losses.softmaxCrossEntropy(y!, model.apply(x!) as tf.Tensor, undefined, 0, tf.Reduction.NONE);
      const variables = weightsOf(model);
      expectEqualsLoop({ data, variables, loss: losses });
      expectEqualsLoop({ data, variables, loss: (rows) => tf.mean(losses(rows)) });
      expectEqualsLoop({ data, variables, loss: (rows) => tf.sum(losses(rows)) });
    });

    it('without bias', () => {
      const model = sequential([
        tfl.layers.dense({ units: 5, useBias: false, activation: 'relu', inputShape: [4] }),
        tfl.layers.dense({ units: 3, useBias: false }),
      ]);
      expectEqualsLoop(regression(model, [normal([7, 4], 2)]));
    });

    it.each([
      ['rank 3', [5, 4]],
      ['rank 4', [3, 2, 4]],
      ['rank 3 with one step', [1, 4]],
      ['rank 3 with as many steps as examples', [7, 4]],
    ])('on sequences of %s', (_, shape) => {
      const model = sequential([
        tfl.layers.dense({ units: 6, activation: 'tanh', inputShape: shape }),
        tfl.layers.dense({ units: 3 }),
      ]);
      expectEqualsLoop(regression(model, [normal([7, ...shape], 5)]));
    });

    it('wide enough that forming the gradient costs more than its norm, and the other way round', () => {
      const wide = sequential([tfl.layers.dense({ units: 40, inputShape: [3, 30] })]);
      expectEqualsLoop(regression(wide, [normal([5, 3, 30], 6)]));
      const long = sequential([tfl.layers.dense({ units: 2, inputShape: [40, 3] })]);
      expectEqualsLoop(regression(long, [normal([5, 40, 3], 7)]));
    });

    it('through flatten, reshape, permute, repeatVector and the merging layers', () => {
      const input = tfl.input({ shape: [4, 3] });
      const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]) =>
        layer.apply(x) as tfl.SymbolicTensor;
      const swapped = apply(tfl.layers.permute({ dims: [2, 1] }), input);
      const left = apply(tfl.layers.dense({ units: 5, activation: 'tanh' }), swapped);
      const flat = apply(tfl.layers.flatten(), left);
      const again = apply(tfl.layers.repeatVector({ n: 2 }), flat);
      const reshaped = apply(tfl.layers.reshape({ targetShape: [6, 5] }), again);
      const right = apply(tfl.layers.dense({ units: 5, activation: 'sigmoid' }), reshaped);
      const mirrored = apply(tfl.layers.dense({ units: 5 }), reshaped);
      const merged = [
        tfl.layers.add(),
        tfl.layers.multiply(),
        tfl.layers.average(),
        tfl.layers.maximum(),
        tfl.layers.minimum(),
        tfl.layers.concatenate({ axis: -1 }),
      ].map((layer) => apply(layer, [right, mirrored]));
      const all = apply(tfl.layers.concatenate({ axis: 2 }), merged);
      const output = apply(tfl.layers.dense({ units: 2 }), all);
      const model = tfl.model({ inputs: input, outputs: output });
      expectEqualsLoop(regression(model, [normal([6, 4, 3], 8)]));
    });

    it('with frozen layers: a subset of the variables, in any order', () => {
      const model = sequential([
        tfl.layers.dense({ units: 6, activation: 'tanh', inputShape: [4] }),
        tfl.layers.dense({ units: 5, activation: 'tanh' }),
        tfl.layers.dense({ units: 3 }),
      ]);
      const problem = regression(model, [normal([7, 4], 2)]);
      const [firstKernel, firstBias, , secondBias, thirdKernel] = problem.variables;
      expectEqualsLoop({ ...problem, variables: [thirdKernel!, firstKernel!] });
      expectEqualsLoop({ ...problem, variables: [secondBias!] });
      expectEqualsLoop({ ...problem, variables: [firstBias!, firstKernel!] });
      model.layers[1]!.trainable = false;
      expectEqualsLoop({ ...problem, variables: weightsOf(model) });
    });

    it('refuses a variable that the loss does not use, by name', () => {
      const model = sequential([tfl.layers.dense({ units: 3, inputShape: [4] })]);
      const problem = regression(model, [normal([7, 4], 2)]);
      const idle = tf.variable(tf.zeros([2, 3]), true, 'idle');
      expect(() => expectEqualsLoop({ ...problem, variables: [idle, ...problem.variables] })).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT', message: expect.stringContaining("'idle'") }),
      );
      idle.dispose();
    });
  });
});

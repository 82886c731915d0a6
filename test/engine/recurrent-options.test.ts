/** Every option of the recurrent layers and their wrappers: exact, without the fallback. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, seeded, sequential, weightsOf } from './layers-problem.js';
import { expectBoundedByNeighbours } from './neighbouring-steps.js';
import { expectNoFallback } from './no-fallback.js';
import { concatenated, disposeResult, expectEqualsLoop, normOf, type Problem } from './one-example-loop.js';
import { integers, normal } from './seeded-data.js';

// The orthogonal default initializer uses chained ops, which core and layers alone do not register.
const recurrentInitializer = 'glorotNormal' as const;
const { bidirectional, dense, embedding, gru, lstm, masking, rnn, simpleRNN, timeDistributed } = tfl.layers;

function expectExactByRule(problem: Problem, tolerance = 1e-5): void {
  expectEqualsLoop(problem, { tolerance });
  expectNoFallback(problem);
}

eachBackend(() => {
  describe('recurrent layers', () => {
    const layers: Record<string, () => tfl.layers.Layer> = {
      'simpleRNN, relu': () => simpleRNN({ units: 4, recurrentInitializer, activation: 'relu' }),
      'lstm, hard sigmoid, no unit forget bias': () =>
        lstm({ units: 4, recurrentInitializer, recurrentActivation: 'hardSigmoid', unitForgetBias: false }),
      'lstm, the other implementation': () => lstm({ units: 4, recurrentInitializer, implementation: 2 }),
      'gru, the other implementation': () => gru({ units: 4, recurrentInitializer, implementation: 2 }),
      'gru without bias, every step, backwards': () =>
        gru({ units: 4, recurrentInitializer, useBias: false, returnSequences: true, goBackwards: true }),
      'lstm unrolled': () => lstm({ units: 4, recurrentInitializer, unroll: true, returnSequences: true }),
      'stacked cells': () =>
        rnn({
          cell: [
            tfl.layers.lstmCell({ units: 3, recurrentInitializer }),
            tfl.layers.gruCell({ units: 4, recurrentInitializer }),
          ],
        }),
      'stacked cells by name, every step': () =>
        rnn({
          cell: tfl.layers.stackedRNNCells({
            cells: [
              tfl.layers.simpleRNNCell({ units: 3, recurrentInitializer }),
              tfl.layers.simpleRNNCell({ units: 2, recurrentInitializer }),
            ],
          }),
          returnSequences: true,
        }),
    };
    it.each(Object.entries(layers))('%s', (_, make) => {
      const model = sequential([dense({ units: 3, inputShape: [4, 3] }), make(), dense({ units: 2 })]);
      expectExactByRule(regression(model, [normal([3, 4, 3], 1)]));
    });

    it.each(['sum', 'ave', 'concat', 'mul'] as const)(
      'bidirectional, merged by %s, every step',
      (mergeMode) => {
        const layer = lstm({ units: 3, recurrentInitializer, returnSequences: true }) as tfl.RNN;
        const model = sequential([
          bidirectional({ layer, mergeMode, inputShape: [4, 3] }),
          dense({ units: 2 }),
        ]);
        expectExactByRule(regression(model, [normal([4, 4, 3], 1)]));
      },
    );

    it('bidirectional, its last step, two of them', () => {
      const layer = (returnSequences: boolean) =>
        simpleRNN({ units: 3, recurrentInitializer, returnSequences }) as tfl.RNN;
      const model = sequential([
        bidirectional({ layer: layer(true), mergeMode: 'concat', inputShape: [4, 3] }),
        bidirectional({ layer: layer(false), mergeMode: 'sum' }),
        dense({ units: 2 }),
      ]);
      expectExactByRule(regression(model, [normal([3, 4, 3], 1)]));
    });

    it('an embedding with masked zeros before a recurrent layer', () => {
      const model = sequential([
        embedding({ inputDim: 6, outputDim: 3, maskZero: true, inputLength: 5 }),
        gru({ units: 4, recurrentInitializer, returnSequences: true }),
        lstm({ units: 3, recurrentInitializer }),
        dense({ units: 2 }),
      ]);
      const lengths = [5, 2, 3, 1];
      const keep = tf.tensor2d(
        lengths.map((n) => [0, 1, 2, 3, 4].map((t) => (t < n ? 1 : 0))),
        [4, 5],
        'int32',
      );
      const ids = tf.mul(tf.add(integers([4, 5], 5, 1), tf.scalar(1, 'int32')), keep);
      expectExactByRule(regression(model, [ids]));
    });

    it('masked steps, every step kept, backwards', () => {
      const keep = tf.tensor3d([5, 3, 1].map((n) => [0, 1, 2, 3, 4].map((t) => [t < n ? 1 : 0])));
      const model = sequential([
        masking({ inputShape: [5, 3] }),
        lstm({ units: 4, recurrentInitializer, returnSequences: true, goBackwards: true }),
        timeDistributed({ layer: dense({ units: 2 }) }),
      ]);
      expectExactByRule(regression(model, [tf.mul(normal([3, 5, 3], 1), keep)]));
    });

    it('states handed from an encoder to a decoder', () => {
      const [source, target] = [tfl.input({ shape: [4, 3] }), tfl.input({ shape: [5, 2] })];
      const encoder = lstm({ units: 3, recurrentInitializer, returnState: true });
      const [, h, c] = encoder.apply(source) as tfl.SymbolicTensor[];
      const decoder = lstm({ units: 3, recurrentInitializer, returnSequences: true });
      const decoded = decoder.apply([target, h!, c!]) as tfl.SymbolicTensor;
      const output = dense({ units: 2 }).apply(decoded) as tfl.SymbolicTensor;
      const model = seeded(tfl.model({ inputs: [source, target], outputs: output }));
      expectExactByRule(regression(model, [normal([3, 4, 3], 1), normal([3, 5, 2], 2)]));
    });

    it('timeDistributed normalisation and embedding', () => {
      const model = sequential([
        timeDistributed({ layer: dense({ units: 4 }), inputShape: [3, 3] }),
        timeDistributed({ layer: tfl.layers.layerNormalization() }),
        timeDistributed({ layer: tfl.layers.prelu() }),
      ]);
      expectExactByRule(regression(model, [normal([3, 3, 3], 1)]), 4e-5);
    });

    it.each([
      ['dropout', { dropout: 0.4 }],
      ['recurrentDropout', { recurrentDropout: 0.4 }],
    ])('%s: by the first-step check on the very same masks, within C', (_, option) => {
      for (const make of [simpleRNN, lstm, gru]) {
        const model = sequential([make({ units: 3, recurrentInitializer, ...option, inputShape: [3, 2] })]);
        const x = normal([4, 3, 2], 1);
        const f = () => meanOfExample(tf.square(model.apply(x, { training: true }) as tf.Tensor));
        const engine = new PerExampleEngine();
        for (let step = 0; step < 2; step++) {
          const result = engine.clippedSum(f, weightsOf(model), { l2NormClip: 1e-3 });
          expect(normOf([concatenated(result)])).toBeGreaterThan(0);
          expect(normOf([concatenated(result)])).toBeLessThanOrEqual(4e-3);
          disposeResult(result);
        }
      }
    });

    it.each([
      ['simpleRNN', simpleRNN],
      ['lstm', lstm],
      ['gru', gru],
    ] as const)('a stateful %s is refused', (_, make) => {
      const model = sequential([
        make({ units: 3, recurrentInitializer, stateful: true, batchInputShape: [4, 3, 2] }),
        dense({ units: 1 }),
      ]);
      const x = normal([4, 3, 2], 1);
      const f = () => meanOfExample(tf.square(model.apply(x, { training: true }) as tf.Tensor));
      expect(() => new PerExampleEngine().clippedSum(f, weightsOf(model), { l2NormClip: 1 })).toThrow(
        /stateful/,
      );
    });

    it.each([
      ['simpleRNN', simpleRNN],
      ['lstm', lstm],
      ['gru', gru],
    ] as const)('%s: neighbouring steps differ by at most C', (_, make) => {
      const model = sequential([make({ units: 2, recurrentInitializer, inputShape: [2, 2] })]);
      expectBoundedByNeighbours({
        width: 4,
        variables: weightsOf(model),
        loss: (rows) => meanOfExample(tf.square(model.apply(tf.reshape(rows, [-1, 2, 2])) as tf.Tensor)),
      });
    });
  });
});

/** No tensor outlives a call but those of its result. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { defaultRules, PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { regression, sequential } from './layers-problem.js';
import { disposeResult, type Problem } from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const problems: Record<string, readonly [() => Problem, number]> = {
  'an MLP': [
    () =>
      regression(
        sequential([
          tfl.layers.dense({ units: 4, activation: 'relu', inputShape: [3] }),
          tfl.layers.dense({ units: 2 }),
        ]),
        [normal([4, 3], 1)],
      ),
    100,
  ],
  'a convolution': [
    () =>
      regression(
        sequential([
          tfl.layers.conv2d({ filters: 2, kernelSize: 2, activation: 'relu', inputShape: [4, 4, 1] }),
          tfl.layers.maxPooling2d({ poolSize: 2 }),
          tfl.layers.flatten(),
          tfl.layers.dense({ units: 2 }),
        ]),
        [normal([4, 4, 4, 1], 1)],
      ),
    100,
  ],
  'an embedding': [
    () =>
      regression(sequential([tfl.layers.embedding({ inputDim: 5, outputDim: 3, inputShape: [4] })]), [
        integers([4, 4], 5, 1),
      ]),
    100,
  ],
  'a recurrent layer': [
    () =>
      regression(
        sequential([tfl.layers.lstm({ units: 2, recurrentInitializer: 'glorotNormal', inputShape: [2, 2] })]),
        [normal([3, 2, 2], 1)],
      ),
    20,
  ],
  'a layer without a rule': [
    () =>
      regression(sequential([tfl.layers.dense({ units: 3, inputShape: [3] }), tfl.layers.prelu({})]), [
        normal([3, 3], 1),
      ]),
    40,
  ],
  'a mean with a penalty': [
    () => {
      const w = variable([3, 2], 1);
      const mean = ([x]: readonly tf.Tensor[]) => tf.mean(tf.square(tf.matMul(x as Matrix, w as Matrix)));
      return {
        data: [normal([4, 3], 1)],
        variables: [w],
        loss: (x) => tf.add(mean(x), tf.sum(tf.square(w))),
      };
    },
    100,
  ],
};

const counts = () => {
  const { numTensors, numDataBuffers } = tf.memory();
  return { numTensors, numDataBuffers };
};

eachBackend(() => {
  describe('memory', () => {
    it.each(Object.entries(problems))(
      '%s: the count of tensors after many steps is that after two',
      (_, [build, steps]) => {
        const { loss, data, variables } = build();
        const engine = new PerExampleEngine();
        const step = () => disposeResult(engine.clippedSum(() => loss(data), variables, { l2NormClip: 0.1 }));
        step();
        step();
        const before = counts();
        for (let k = 2; k < steps; k++) step();
        expect(counts()).toEqual(before);
      },
    );

    it.each(Object.entries(problems))('%s: a step leaves its result and nothing else', (_, [build]) => {
      const { loss, data, variables } = build();
      const engine = new PerExampleEngine();
      for (let k = 0; k < 2; k++) {
        const before = counts().numTensors;
        const result = engine.clippedSum(() => loss(data), variables, { l2NormClip: 0.1 });
        const penalties = result.penalties.filter((penalty) => penalty !== null).length;
        expect(counts().numTensors - before).toBe(result.sums.length + penalties + 1);
        disposeResult(result);
        expect(counts().numTensors).toBe(before);
      }
    });

    it('batches that differ in size leave nothing behind', () => {
      const w = variable([3, 2], 1);
      const engine = new PerExampleEngine();
      const batches = [5, 1, 3, 2, 4, 7, 6].map((size) => normal([size, 3], size) as Matrix);
      const pass = () => {
        for (const x of batches) {
          const f = () => tf.mean(tf.square(tf.matMul(x, w as Matrix)), 1);
          disposeResult(engine.clippedSum(f, [w], { l2NormClip: 0.1 }));
        }
      };
      pass();
      const before = counts();
      pass();
      expect(counts()).toEqual(before);
    });

    const throwing = {
      'f throws': () => {
        throw new Error('from f');
      },
      'f throws a DpError of its own making after some work': (z: tf.Tensor) => {
        tf.square(z);
        throw new RangeError('from f');
      },
      'examples are mixed': (z: tf.Tensor) => tf.mean(tf.sub(z, tf.mean(z, 0)), 1),
      'an operation is unknown': (z: tf.Tensor) => tf.mean(tf.mul(z, tf.unique(tf.round(z), 1).values), 1),
      'the loss has the wrong shape': (z: tf.Tensor) => tf.square(z),
      'the loss reads no variable': () => tf.ones([4]),
    };
    it.each(Object.entries(throwing))('nothing is left when %s', (_, spoil) => {
      const w = variable([3, 2], 1);
      const x = normal([4, 3], 1) as Matrix;
      const engine = new PerExampleEngine();
      const step = () => engine.clippedSum(() => spoil(tf.matMul(x, w as Matrix)), [w], { l2NormClip: 1 });
      const before = counts();
      for (let k = 0; k < 3; k++) expect(step).toThrow();
      expect(counts()).toEqual(before);
      // tfjs is as usable as it was: the tape is closed, kernels and scopes are restored.
      const sound = () => tf.mean(tf.square(tf.matMul(x, w as Matrix)), 1);
      disposeResult(engine.clippedSum(sound, [w], { l2NormClip: 1 }));
      const slope = tf.tidy(
        () =>
          tf
            .grad((v) => tf.sum(tf.square(v)))(tf.scalar(3))
            .dataSync()[0],
      );
      expect(slope).toBe(6);
      expect(counts()).toEqual(before);
    });

    it('nothing is left when the engine finds its own rule wrong', () => {
      const { loss, data, variables } = problems['an MLP']![0]();
      const rules = defaultRules.map((rule) => ({
        ...rule,
        parameterPiece: (...call: Parameters<NonNullable<typeof rule.parameterPiece>>) => {
          const piece = rule.parameterPiece?.(...call);
          return piece?.kind === 'outer' ? { ...piece, right: tf.mul(piece.right, 2) as tf.Tensor3D } : piece;
        },
      }));
      const before = counts();
      const engine = new PerExampleEngine({ rules });
      for (let k = 0; k < 3; k++) {
        expect(() => engine.clippedSum(() => loss(data), variables, { l2NormClip: 1 })).toThrow(
          expect.objectContaining({ code: 'DP_SELF_CHECK' }),
        );
      }
      expect(counts()).toEqual(before);
    });

    it('the data and the variables are still there', () => {
      const { loss, data, variables } = problems['an MLP']![0]();
      disposeResult(new PerExampleEngine().clippedSum(() => loss(data), variables, { l2NormClip: 1 }));
      expect([...data, ...variables].every((tensor) => !tensor.isDisposed)).toBe(true);
    });
  });
});

/** Models that no rule covers, or only in part: exact all the same. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { defaultRules, type OpRule } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, sequential } from './layers-problem.js';
import { expectEqualsLoop, type Problem } from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;

/** The rules without their pieces: every parameter goes through masked back-propagation. */
function withoutPieces(which: (rule: OpRule) => boolean = () => true, asked: string[] = []): OpRule[] {
  return defaultRules.map((rule) => {
    if (!which(rule)) return rule;
    return {
      ...rule,
      parameterPiece: (use) => {
        asked.push(use.node.kernelName);
        return undefined;
      },
    };
  });
}

const problems: Record<string, (backend: string) => Problem> = {
  'an MLP': () =>
    regression(
      sequential([
        tfl.layers.dense({ units: 5, activation: 'tanh', inputShape: [4] }),
        tfl.layers.dense({ units: 3 }),
      ]),
      [normal([5, 4], 1)],
    ),
  'dense on sequences': () =>
    regression(sequential([tfl.layers.dense({ units: 3, inputShape: [3, 4] })]), [normal([4, 3, 4], 1)]),
  'a hand-written product with a bias': () => {
    const [w, b] = [variable([4, 3], 1), variable([3], 2)];
    return {
      data: [normal([5, 4], 3)],
      variables: [w, b],
      loss: ([x]) => meanOfExample(tf.square(tf.add(tf.matMul(x as Matrix, w as Matrix), b))),
    };
  },
};

eachBackend((backend) => {
  describe('masked back-propagation', () => {
    it.each(Object.entries(problems))('%s, all rules withdrawn', (_, build) => {
      const asked: string[] = [];
      expectEqualsLoop(build(backend), { rules: withoutPieces(() => true, asked) });
      expect(asked.length).toBeGreaterThan(0);
    });

    it('an MLP whose biases have a rule and whose kernels have none, and the reverse', () => {
      const [w, b] = [variable([4, 3], 1), variable([3], 2)];
      const problem: Problem = {
        data: [normal([5, 4], 3)],
        variables: [w, b],
        loss: ([x]) => meanOfExample(tf.square(tf.add(tf.matMul(x as Matrix, w as Matrix), b))),
      };
      const adds = (rule: OpRule) => rule.nodes.includes('Add');
      expectEqualsLoop(problem, { rules: withoutPieces(adds) });
      expectEqualsLoop(problem, { rules: withoutPieces((rule) => !adds(rule)) });
    });

    it('no rules at all', () => {
      const [w, b] = [variable([4, 3], 1), variable([3], 2)];
      const loss = ([x]: readonly tf.Tensor[]) =>
        meanOfExample(tf.square(tf.tanh(tf.add(tf.matMul(x as Matrix, w as Matrix), b))));
      expectEqualsLoop({ data: [normal([5, 4], 3)], variables: [w, b], loss }, { rules: [] });
    });

    it('one use of a tied weight with a rule, the other without', () => {
      const w = variable([4, 4], 1);
      expectEqualsLoop({
        data: [normal([5, 4], 3)],
        variables: [w],
        loss: ([x]) => {
          const matrix = tf.tanh(tf.matMul(x as Matrix, w as Matrix));
          const rows = tf.reshape(matrix, [-1, 4, 1]);
          return meanOfExample(tf.square(tf.div(rows, tf.add(tf.square(w), 1))));
        },
      });
    });

    if (backend !== 'wasm') {
      it('convolution and embedding, all rules withdrawn', () => {
        const rules = withoutPieces();
        const images = sequential([tfl.layers.conv2d({ filters: 2, kernelSize: 2, inputShape: [3, 4, 2] })]);
        expectEqualsLoop(regression(images, [normal([3, 3, 4, 2], 1)]), { rules });
        const tokens = sequential([tfl.layers.embedding({ inputDim: 5, outputDim: 3, inputShape: [4] })]);
        expectEqualsLoop(regression(tokens, [integers([3, 4], 5, 1)]), { rules });
      });
    }
  });

  describe('layers without parameters', () => {
    it.each(['leakyReLU', 'elu', 'softmax', 'reLU'] as const)('%s between dense layers', (name) => {
      const layers: Record<typeof name, () => tfl.layers.Layer> = {
        leakyReLU: () => tfl.layers.leakyReLU(),
        elu: () => tfl.layers.elu(),
        softmax: () => tfl.layers.softmax(),
        reLU: () => tfl.layers.reLU(),
      };
      const model = sequential([
        tfl.layers.dense({ units: 6, inputShape: [4] }),
        layers[name](),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([5, 4], 1)]));
    });

    it('dropout by a mask that comes with the data', () => {
      const [first, second] = [variable([4, 6], 1), variable([6, 2], 2)];
      const keep = tf.cast(tf.greater(normal([5, 6], 7), 0), 'float32');
      expectEqualsLoop({
        data: [normal([5, 4], 3), keep],
        variables: [first, second],
        loss: ([x, mask]) => {
          const hidden = tf.mul(tf.relu(tf.matMul(x as Matrix, first as Matrix)), tf.mul(mask!, 2));
          return meanOfExample(tf.square(tf.matMul(hidden as Matrix, second as Matrix)));
        },
      });
    });

    it('dropout layers of rate 0 change nothing', () => {
      const model = sequential([
        tfl.layers.dense({ units: 6, inputShape: [4] }),
        tfl.layers.dropout({ rate: 0 }),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([5, 4], 1)]));
    });
  });
});

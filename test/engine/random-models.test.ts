/** Small random stacks of operations with random weights, tied and not, against the one-example loop. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { clipAndSum, expectEqualsLoop, oneExampleGradients, type Problem } from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;

/** The width of every tensor: operations take [B, T, WIDTH] and return it, so that any order of them is a model. */
const WIDTH = 4;

const OPERATIONS = {
  dense: [[WIDTH, WIDTH], (x, w) => product(x, w)],
  'dense, transposed': [[WIDTH, WIDTH], (x, w) => product(x, w, true)],
  'dense on flattened rows': [
    [WIDTH, WIDTH],
    (x, w) => {
      const major = tf.transpose(x, [1, 0, 2]);
      return tf.transpose(product(major, w), [1, 0, 2]);
    },
  ],
  fused: [
    [WIDTH, WIDTH],
    (x, w) => {
      const rows = tf.reshape(x, [-1, WIDTH]) as Matrix;
      const y = tf.fused.matMul({ a: rows, b: w as Matrix, activation: 'relu' });
      return tf.reshape(y, x.shape);
    },
  ],
  bias: [[WIDTH], (x, b) => tf.add(x, b)],
  gain: [[WIDTH], (x, g) => tf.mul(x, g)],
  temperature: [[], (x, s) => tf.div(x, tf.add(tf.square(s), 0.5))],
  'convolution over time': [
    [1, 2, WIDTH, WIDTH],
    (x, w) => {
      const image = tf.reshape(x, [-1, 1, x.shape[1]!, WIDTH]) as tf.Tensor4D;
      return tf.reshape(tf.conv2d(image, w as tf.Tensor4D, 1, 'same'), x.shape);
    },
  ],
  'low rank': [
    [WIDTH, 2],
    (x, w) => {
      const narrow = tf.matMul(tf.reshape(x, [-1, WIDTH]) as Matrix, w as Matrix);
      return tf.reshape(tf.matMul(narrow, w as Matrix, false, true), x.shape);
    },
  ],
  'half of the columns': [
    [WIDTH, WIDTH],
    (x, w) => {
      const half = tf.slice(w as Matrix, [0, 0], [WIDTH, WIDTH / 2]);
      const y = tf.matMul(tf.reshape(x, [-1, WIDTH]) as Matrix, half);
      return tf.reshape(tf.concat([y, tf.neg(y)], 1), x.shape);
    },
  ],
  'columns interleaved, and a copy scaled': [
    [WIDTH, WIDTH],
    (x, w) => {
      const pairs = tf.transpose(tf.reshape(w, [WIDTH, 2, WIDTH / 2]), [2, 0, 1]);
      const [even, odd] = tf.unstack(pairs) as [tf.Tensor, tf.Tensor];
      return product(x, tf.concat([tf.mul(odd, 0.5), even], 1));
    },
  ],
  'a kernel added to its own rows, reversed': [
    [WIDTH, WIDTH],
    (x, w) => product(x, tf.sub(w, tf.mul(tf.reverse(w, 0), 0.3))),
  ],
  'a gain tiled to all examples': [
    [WIDTH],
    (x, g) => tf.mul(x, tf.tile(tf.reshape(g, [1, 1, WIDTH]), [x.shape[0]!, x.shape[1]!, 1])),
  ],
  'an exponent': [[WIDTH], (x, m) => tf.add(tf.tanh(x), tf.pow(tf.add(tf.square(x), 1), tf.mul(m, 0.1)))],
  attention: [
    [WIDTH, WIDTH],
    (x, w) => {
      const q = product(x, w) as tf.Tensor3D;
      return tf.matMul(tf.softmax(tf.div(tf.matMul(q, x as tf.Tensor3D, false, true), 2)), x as tf.Tensor3D);
    },
  ],
  'slopes as PReLU has': [[WIDTH], (x, a) => tf.prelu(x, a)],
  tanh: [undefined, (x) => tf.tanh(x)],
  relu: [undefined, (x) => tf.relu(x)],
  sigmoid: [undefined, (x) => tf.sigmoid(x)],
  softmax: [undefined, (x) => tf.softmax(x)],
  residual: [undefined, (x) => tf.add(x, tf.sin(x))],
  'normalised features': [
    undefined,
    (x) => {
      const { mean, variance } = tf.moments(x, 2, true);
      return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 0.1)));
    },
  ],
  'mean over time, added': [undefined, (x) => tf.add(x, tf.mean(x, 1, true))],
  'time reversed': [undefined, (x) => tf.reverse(x, 1)],
  'time to features and back': [
    undefined,
    (x) => tf.transpose(tf.softmax(tf.transpose(x, [0, 2, 1])), [0, 2, 1]),
  ],
} satisfies Record<
  string,
  readonly [number[] | undefined, (x: tf.Tensor, parameter: tf.Variable) => tf.Tensor]
>;

function product(x: tf.Tensor, w: tf.Tensor, transposed = false): tf.Tensor {
  return tf.reshape(tf.matMul(tf.reshape(x, [-1, WIDTH]) as Matrix, w as Matrix, false, transposed), x.shape);
}

/** What mixes the examples of [B, T, WIDTH], each by a path of its own, and returns the same shape. */
const MIXERS = {
  'the batch mean': (x) => tf.sub(x, tf.mean(x, 0)),
  'the batch maximum': (x) => tf.div(x, tf.add(1, tf.max(tf.abs(x)))),
  'the next example': (x) =>
    tf.concat([tf.slice(x, [1, 0, 0], [x.shape[0]! - 1, -1, -1]), tf.slice(x, [0, 0, 0], [1, -1, -1])]),
  'examples reversed': (x) => tf.reverse(x, 0),
  'cumulative sums over examples': (x) => tf.cumsum(x, 0),
  'a softmax over examples': (x) => tf.transpose(tf.softmax(tf.transpose(x, [1, 2, 0])), [2, 0, 1]),
  'attention across examples': (x) => {
    const major = tf.transpose(x, [1, 0, 2]) as tf.Tensor3D;
    return tf.transpose(tf.matMul(tf.softmax(tf.matMul(major, major, false, true)), major), [1, 0, 2]);
  },
  'a batch mean times zero': (x) => tf.add(x, tf.mul(0, tf.mean(x, 0))),
  'rows scrambled': (x) => tf.reshape(tf.transpose(tf.reshape(x, [-1, WIDTH]), [1, 0]), x.shape),
  'examples stacked in another order': (x) => tf.stack([...tf.unstack(x)].reverse()),
  'a convolution over examples': (x) => {
    const image = tf.reshape(tf.transpose(x, [1, 0, 2]), [x.shape[1]!, 1, x.shape[0]!, WIDTH]) as tf.Tensor4D;
    const blurred = tf.conv2d(image, tf.fill([1, 3, WIDTH, WIDTH], 0.1) as tf.Tensor4D, 1, 'same');
    return tf.transpose(tf.reshape(blurred, [x.shape[1]!, x.shape[0]!, WIDTH]), [1, 0, 2]);
  },
} satisfies Record<string, (x: tf.Tensor) => tf.Tensor>;

type Name = keyof typeof OPERATIONS;
interface Recipe {
  readonly names: readonly Name[];
  readonly batch: number;
  readonly steps: number;
  readonly embedded: boolean;
  readonly tied: boolean;
  readonly reduction: 'each' | 'mean' | 'sum';
  readonly seed: number;
}

const recipes: fc.Arbitrary<Recipe> = fc.record({
  names: fc.array(fc.constantFrom(...(Object.keys(OPERATIONS) as Name[])), { minLength: 1, maxLength: 6 }),
  batch: fc.integer({ min: 1, max: 5 }),
  steps: fc.integer({ min: 1, max: 5 }),
  embedded: fc.boolean(),
  tied: fc.boolean(),
  reduction: fc.constantFrom('each', 'mean', 'sum'),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

/** With `tied`, operations whose parameters have the same shape share one variable. */
function build(recipe: Recipe, mixer?: { readonly name: keyof typeof MIXERS; readonly at: number }): Problem {
  const { names, batch, steps, embedded, tied, reduction, seed } = recipe;
  const variables: tf.Variable[] = [];
  const shared = new Map<string, tf.Variable>();
  const parameter = (shape: number[]) => {
    const key = shape.join();
    const known = tied ? shared.get(key) : undefined;
    const made = known ?? variable(shape, seed + variables.length, 0.7);
    if (!known) variables.push(made);
    shared.set(key, made);
    return made;
  };
  const table = embedded ? parameter([WIDTH, WIDTH]) : undefined;
  const out = parameter([WIDTH, WIDTH]);
  const stack = names.map((name) => {
    const [shape, operation] = OPERATIONS[name];
    const used = shape ? parameter(shape) : out;
    return (x: tf.Tensor) => operation(x, used);
  });
  if (mixer) stack.splice(mixer.at % (stack.length + 1), 0, MIXERS[mixer.name]);
  const input = table ? integers([batch, steps], WIDTH, seed) : normal([batch, steps, WIDTH], seed);
  return {
    data: [input, normal([batch, steps, WIDTH], seed + 99)],
    variables,
    loss: ([given, target]) => {
      const x = table ? tf.gather(table, given as tf.Tensor2D) : given!;
      const y = product(
        stack.reduce((value, operation) => operation(value), x),
        out,
      );
      const losses = meanOfExample(tf.squaredDifference(y, target!));
      return reduction === 'each' ? losses : reduction === 'mean' ? tf.mean(losses) : tf.sum(losses);
    },
  };
}

eachBackend(() => {
  describe('random models', () => {
    it('equal the one-example loop', () => {
      const seen = new Set<Name>();
      const property = fc.property(recipes, (recipe) => {
        const problem = build(recipe);
        const gradients = oneExampleGradients(problem);
        const { norms } = clipAndSum(gradients, 1);
        fc.pre(norms.every((norm) => norm > 1e-4 && norm < 1e4));
        expectEqualsLoop(problem, { gradients, tolerance: 2e-5 });
        for (const name of recipe.names) seen.add(name);
        tf.dispose([problem.data as tf.Tensor[], problem.variables as tf.Variable[]]);
      });
      fc.assert(property, { seed: 20240731, numRuns: 60 });
      expect(seen.size).toBe(Object.keys(OPERATIONS).length);
    });

    it('are refused with one operation among them that mixes the examples', () => {
      const mixers = fc.record({
        name: fc.constantFrom(...(Object.keys(MIXERS) as (keyof typeof MIXERS)[])),
        at: fc.nat(6),
      });
      const seen = new Set<string>();
      const property = fc.property(recipes, mixers, (recipe, mixer) => {
        const problem = build({ ...recipe, batch: Math.max(2, recipe.batch) }, mixer);
        const step = () =>
          new PerExampleEngine().clippedSum(() => problem.loss(problem.data), problem.variables, {
            l2NormClip: 1,
          });
        expect(step, mixer.name).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^DP_(CROSS_EXAMPLE|UNSUPPORTED_OP)$/) }),
        );
        seen.add(mixer.name);
        tf.dispose([problem.data as tf.Tensor[], problem.variables as tf.Variable[]]);
      });
      fc.assert(property, { seed: 20240731, numRuns: 60 });
      expect(seen.size).toBe(Object.keys(MIXERS).length);
    });
  });
});

/** Transformers made of tfjs operations and layers: every parameter by a rule, tied embeddings too. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { meanOfExample, regression, seeded, weightsOf } from './layers-problem.js';
import { expectBoundedByNeighbours } from './neighbouring-steps.js';
import { expectNoFallback } from './no-fallback.js';
import { expectEqualsLoop, type Problem } from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));

function expectExactByRule(problem: Problem, tolerance = 1e-5): void {
  expectEqualsLoop(problem, { tolerance });
  expectNoFallback(problem);
}

/** [B, T, p] times [p, d]. */
function project(x: tf.Tensor, w: tf.Tensor): tf.Tensor {
  const [, steps, width] = x.shape as [number, number, number];
  return tf.reshape(tf.matMul(tf.reshape(x, [-1, width]) as Matrix, w as Matrix), [-1, steps, w.shape[1]!]);
}

/** [B, T, h·d] to [B, h, T, d]. */
function split(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [, steps, width] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [-1, steps, heads, width / heads]), [0, 2, 1, 3]) as tf.Tensor4D;
}

function merge(x: tf.Tensor): tf.Tensor {
  const [, heads, steps, width] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, steps, heads * width]);
}

/** Scaled dot-product attention; `mask` is added to the scores. */
function attend(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask?: tf.Tensor): tf.Tensor {
  const scores = tf.div(tf.matMul(q, k, false, true), Math.sqrt(q.shape.at(-1)!));
  return tf.matMul(tf.softmax(mask === undefined ? scores : tf.add(scores, mask)), v);
}

const causal = (steps: number): tf.Tensor => {
  const place = tf.range(0, steps, 1, 'int32');
  const later = tf.greater(tf.expandDims(place, 0), tf.expandDims(place, 1));
  return tf.mul(tf.cast(later, 'float32'), -1e4);
};

const normalise = (x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor): tf.Tensor => {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-3))), gain), bias);
};

/** Multi-head attention with weights of its own, as one writes a layer for tfjs. */
class MultiHeadAttention extends tfl.layers.Layer {
  static className = 'TestMultiHeadAttention';
  private readonly heads: number;
  private readonly fused: boolean;
  private kernels: tfl.LayerVariable[] = [];
  private bias: tfl.LayerVariable | undefined;

  constructor(options: { readonly heads: number; readonly fused?: boolean }) {
    super({});
    this.heads = options.heads;
    this.fused = options.fused === true;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const width = (inputShape as number[]).at(-1)!;
    const init = tfl.initializers.glorotNormal({});
    const shapes = this.fused ? [3 * width, width] : [width, width, width, width];
    this.kernels = shapes.map((units, k) => this.addWeight(`kernel${k}`, [width, units], 'float32', init));
    this.bias = this.addWeight('bias', [width], 'float32', init);
    this.built = true;
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape | tfl.Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = [inputs].flat()[0]!;
      const kernels = this.kernels.map((kernel) => kernel.read());
      const parts = this.fused
        ? tf.split(project(x, kernels[0]!), 3, 2)
        : kernels.slice(0, 3).map((kernel) => project(x, kernel));
      const [q, k, v] = parts.map((part) => split(part, this.heads));
      const mixed = merge(attend(q!, k!, v!, causal(x.shape[1]!)));
      return tf.add(project(mixed, kernels.at(-1)!), this.bias!.read());
    });
  }
}

eachBackend(() => {
  describe('attention over variables', () => {
    it.each([1, 3, 4])('%i examples of four steps, two heads, causal', (batch) => {
      const [query, key, value, out] = [1, 2, 3, 4].map((seed) => variable([4, 4], seed));
      expectExactByRule({
        data: [normal([batch, 4, 4], 5)],
        variables: [query!, key!, value!, out!],
        loss: ([x]) => {
          const [q, k, v] = [query!, key!, value!].map((w) => split(project(x!, w), 2));
          return power(project(merge(attend(q!, k!, v!, causal(4))), out!));
        },
      });
    });

    it('one fused kernel whose product is split, with a padding mask that comes with the data', () => {
      const [fused, bias, out] = [variable([4, 12], 1), variable([12], 2), variable([4, 2], 3)];
      const lengths = [5, 2, 4];
      const keep = tf.tensor2d(lengths.map((n) => [0, 1, 2, 3, 4].map((t) => (t < n ? 0 : -1e4))));
      expectExactByRule({
        data: [normal([3, 5, 4], 4), keep],
        variables: [fused, bias, out],
        loss: ([x, mask]) => {
          const [q, k, v] = tf.split(tf.add(project(x!, fused), bias), 3, 2).map((part) => split(part, 2));
          const added = tf.reshape(mask!, [-1, 1, 1, 5]);
          return power(project(merge(attend(q!, k!, v!, added)), out));
        },
      });
    });

    it('rotary positions: features turned by angles made inside', () => {
      const [query, key] = [variable([4, 4], 1), variable([4, 4], 2)];
      const turn = (x: tf.Tensor) => {
        const angles = tf.mul(tf.reshape(tf.range(0, 5), [5, 1]), tf.tensor2d([[1, 0.1]]));
        const [a, b] = tf.split(x, 2, 2);
        const [sin, cos] = [tf.sin(angles), tf.cos(angles)];
        return tf.concat(
          [tf.sub(tf.mul(a!, cos), tf.mul(b!, sin)), tf.add(tf.mul(a!, sin), tf.mul(b!, cos))],
          2,
        );
      };
      expectExactByRule({
        data: [normal([3, 5, 4], 3)],
        variables: [query, key],
        loss: ([x]) => power(attend(turn(project(x!, query)), turn(project(x!, key)), x!)),
      });
    });

    it('cross-attention between two inputs of different length', () => {
      const [query, key, value] = [variable([4, 3], 1), variable([2, 3], 2), variable([2, 3], 3)];
      expectExactByRule({
        data: [normal([3, 5, 4], 4), normal([3, 7, 2], 5)],
        variables: [query, key, value],
        loss: ([x, memory]) =>
          power(attend(project(x!, query), project(memory!, key), project(memory!, value))),
      });
    });

    it('positional embeddings: a parameter [T, d] added to [B, T, d]', () => {
      for (const [batch, steps] of [
        [3, 5],
        [4, 4],
        [1, 4],
      ] as const) {
        const [positions, w] = [variable([steps, 4], 1), variable([4, 3], 2)];
        expectExactByRule({
          data: [normal([batch, steps, 4], 3)],
          variables: [positions, w],
          loss: ([x]) => power(project(tf.tanh(tf.add(x!, positions)), w)),
        });
      }
    });

    it('a language model whose embedding is its output projection, positions and a norm between', () => {
      const [table, positions, gain, bias] = [
        variable([7, 4], 1),
        variable([5, 4], 2),
        variable([4], 3),
        variable([4], 4),
      ];
      const ids = integers([3, 5], 7, 5);
      const targets = tf.cast(tf.oneHot(integers([3, 5], 7, 6) as tf.Tensor2D, 7), 'float32');
      expectExactByRule(
        {
          data: [ids, targets],
          variables: [table, positions, gain, bias],
          loss: ([tokens, y]) => {
            const x = tf.add(tf.gather(table, tokens as tf.Tensor2D), positions);
            const hidden = normalise(tf.add(x, attend(x, x, x, causal(5))), gain, bias);
            const logits = project(hidden, tf.transpose(table as Matrix));
            return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), y!), 2), 1));
          },
        },
        4e-5,
      );
    });

    it('the table looked up and multiplied without a transposition, scaled', () => {
      const table = variable([6, 4], 1);
      expectExactByRule({
        data: [integers([4, 3], 6, 2)],
        variables: [table],
        loss: ([tokens]) => {
          const x = tf.mul(tf.gather(table, tokens as tf.Tensor2D), 2);
          const flat = tf.matMul(tf.reshape(x, [-1, 4]) as Matrix, table as Matrix, false, true);
          return power(tf.reshape(flat, [-1, 3, 6]));
        },
      });
    });

    it('neighbouring steps differ by at most C', () => {
      const [query, value, positions] = [variable([2, 2], 1), variable([2, 2], 2), variable([2, 2], 3)];
      expectBoundedByNeighbours({
        width: 4,
        variables: [query, value, positions],
        loss: (rows) => {
          const x = tf.add(tf.reshape(rows, [-1, 2, 2]), positions);
          const q = project(x, query);
          return meanOfExample(tf.square(attend(q, q, project(x, value))));
        },
      });
    });
  });

  describe('attention as a layer', () => {
    it.each([
      ['four kernels', false],
      ['one fused kernel', true],
    ])('%s, between dense layers', (_, fused) => {
      const model = seeded(
        tfl.sequential({
          layers: [
            tfl.layers.dense({ units: 4, inputShape: [5, 3] }),
            new MultiHeadAttention({ heads: 2, fused }),
            tfl.layers.dense({ units: 2 }),
          ],
        }),
      );
      expectExactByRule(regression(model, [normal([3, 5, 3], 1)]));
    });

    it('a block with residuals, norms and an embedding', () => {
      const input = tfl.input({ shape: [5], dtype: 'int32' });
      const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]) =>
        layer.apply(x) as tfl.SymbolicTensor;
      const tokens = apply(tfl.layers.embedding({ inputDim: 8, outputDim: 4 }), input);
      const mixed = apply(
        new MultiHeadAttention({ heads: 2 }),
        apply(tfl.layers.layerNormalization(), tokens),
      );
      const sum = apply(tfl.layers.add(), [tokens, mixed]);
      const wide = apply(
        tfl.layers.dense({ units: 8, activation: 'relu' }),
        apply(tfl.layers.layerNormalization(), sum),
      );
      const out = apply(tfl.layers.add(), [sum, apply(tfl.layers.dense({ units: 4 }), wide)]);
      const pooled = apply(tfl.layers.globalAveragePooling1d({}), out);
      const output = apply(tfl.layers.dense({ units: 2 }), pooled);
      const model = seeded(tfl.model({ inputs: input, outputs: output }));
      expectExactByRule(regression(model, [integers([3, 5], 8, 1)]), 4e-5);
    });

    it('layers shared by two inputs', () => {
      const [left, right] = [tfl.input({ shape: [4, 3] }), tfl.input({ shape: [4, 3] })];
      const encode = [
        tfl.layers.dense({ units: 4, activation: 'tanh' }),
        new MultiHeadAttention({ heads: 1 }),
        tfl.layers.layerNormalization(),
        tfl.layers.flatten(),
      ];
      const encoded = [left, right].map(
        (x) => encode.reduce((y, layer) => layer.apply(y) as tfl.SymbolicTensor, x) as tfl.SymbolicTensor,
      );
      const output = tfl.layers.dot({ axes: 1, normalize: false }).apply(encoded) as tfl.SymbolicTensor;
      const model = seeded(tfl.model({ inputs: [left, right], outputs: output }));
      expectExactByRule(
        {
          ...regression(model, [normal([3, 4, 3], 1), normal([3, 4, 3], 2)]),
          variables: weightsOf(model),
        },
        4e-5,
      );
    });
  });
});

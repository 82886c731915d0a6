/** An oracle without TensorFlow.js: losses in float64 plain JavaScript, differentiated by central differences. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { clipAndSum, disposeResult, distance } from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
type Parameters = readonly Float64Array[];

interface Twin {
  readonly variables: readonly tf.Variable[];
  readonly losses: () => tf.Tensor;
  /** The loss of example i at any parameters. */
  readonly plain: (i: number, parameters: Parameters) => number;
  readonly examples: number;
}

/** ∂loss/∂θ ≈ (loss(θ + h) - loss(θ - h)) / 2h: with h = 1e-5 in float64 the error is some 1e-10. */
function differences(twin: Twin, i: number): Float64Array[] {
  const h = 1e-5;
  const parameters = twin.variables.map((v) => Float64Array.from(v.dataSync()));
  return parameters.map((parameter) =>
    Float64Array.from(parameter, (value, k) => {
      parameter[k] = value + h;
      const above = twin.plain(i, parameters);
      parameter[k] = value - h;
      const below = twin.plain(i, parameters);
      parameter[k] = value;
      return (above - below) / (2 * h);
    }),
  );
}

/** y[u] = Σ x[k]·w[k, u] (+ b[u]). */
function affine(x: ArrayLike<number>, w: Float64Array, b: Float64Array | undefined, units: number): number[] {
  return Array.from({ length: units }, (_, u) => {
    let sum = b?.[u] ?? 0;
    for (let k = 0; k < x.length; k++) sum += x[k]! * w[k * units + u]!;
    return sum;
  });
}

const crossEntropy = (logits: readonly number[], label: number) =>
  Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[label]!;
const meanSquare = (values: readonly number[]) => values.reduce((sum, v) => sum + v * v, 0) / values.length;

const twins: Record<string, () => Twin> = {
  'an MLP with softmax cross-entropy': () => {
    const [w1, b1, w2, b2] = [variable([3, 4], 1), variable([4], 2), variable([4, 3], 3), variable([3], 4)];
    const [x, labels] = [normal([5, 3], 5), integers([5], 3, 6)];
    const [values, classes] = [x.dataSync(), labels.dataSync()];
    return {
      examples: 5,
      variables: [w1, b1, w2, b2],
      losses: () => {
        const hidden = tf.tanh(tf.add(tf.matMul(x as Matrix, w1 as Matrix), b1)) as Matrix;
        const logits = tf.add(tf.matMul(hidden, w2 as Matrix), b2);
        const target = tf.cast(tf.oneHot(labels as tf.Tensor1D, 3), 'float32');
        return tf.losses.softmaxCrossEntropy(target, logits, undefined, 0, tf.Reduction.NONE);
      },
      plain: (i, [k1, c1, k2, c2]) => {
        const hidden = affine(values.slice(3 * i, 3 * i + 3), k1!, c1, 4).map(Math.tanh);
        return crossEntropy(affine(hidden, k2!, c2, 3), classes[i]!);
      },
    };
  },
  'a dense layer on sequences': () => {
    const [w, b] = [variable([2, 3], 1), variable([3], 2)];
    const x = normal([4, 5, 2], 3);
    const values = x.dataSync();
    return {
      examples: 4,
      variables: [w, b],
      losses: () => {
        const y = tf.add(tf.matMul(tf.reshape(x, [20, 2]) as Matrix, w as Matrix), b);
        return tf.mean(tf.square(tf.tanh(tf.reshape(y, [4, 5, 3]))), [1, 2]);
      },
      plain: (i, [k, c]) => {
        const steps = [0, 1, 2, 3, 4].map((t) => {
          const start = 2 * (5 * i + t);
          return meanSquare(affine(values.slice(start, start + 2), k!, c, 3).map(Math.tanh));
        });
        return steps.reduce((sum, step) => sum + step, 0) / 5;
      },
    };
  },
  'an embedding tied with its projection': () => {
    const table = variable([4, 2], 1);
    const ids = integers([5, 3], 4, 2);
    const tokens = ids.dataSync();
    return {
      examples: 5,
      variables: [table],
      losses: () => {
        const mean = tf.mean(tf.gather(table, ids as tf.Tensor2D), 1) as Matrix;
        return tf.mean(tf.square(tf.matMul(mean, table as Matrix, false, true)), 1);
      },
      plain: (i, [rows]) => {
        const own = Array.from(tokens.slice(3 * i, 3 * i + 3));
        const mean = [0, 1].map((u) => own.reduce((sum, id) => sum + rows![2 * id + u]!, 0) / 3);
        return meanSquare([0, 1, 2, 3].map((r) => mean[0]! * rows![2 * r]! + mean[1]! * rows![2 * r + 1]!));
      },
    };
  },
  'a convolution with stride 2 and padding 1': () => {
    const filter = variable([3, 3, 1, 2], 1);
    const x = normal([3, 4, 4, 1], 2);
    const pixels = x.dataSync();
    return {
      examples: 3,
      variables: [filter],
      losses: () => {
        const padded = tf.pad(x, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]) as tf.Tensor4D;
        return tf.mean(tf.square(tf.tanh(tf.conv2d(padded, filter as tf.Tensor4D, 2, 'valid'))), [1, 2, 3]);
      },
      plain: (i, [weights]) => {
        const outputs: number[] = [];
        for (const row of [0, 1]) {
          for (const column of [0, 1]) {
            for (const channel of [0, 1]) {
              let sum = 0;
              for (let a = 0; a < 3; a++) {
                for (let b = 0; b < 3; b++) {
                  const [r, c] = [2 * row + a - 1, 2 * column + b - 1];
                  if (r < 0 || r > 3 || c < 0 || c > 3) continue;
                  sum += pixels[16 * i + 4 * r + c]! * weights![2 * (3 * a + b) + channel]!;
                }
              }
              outputs.push(Math.tanh(sum));
            }
          }
        }
        return meanSquare(outputs);
      },
    };
  },
  'a recurrent cell of three steps': () => {
    const [input, recurrent] = [variable([2, 3], 1), variable([3, 3], 2)];
    const x = normal([4, 3, 2], 3);
    const values = x.dataSync();
    return {
      examples: 4,
      variables: [input, recurrent],
      losses: () => {
        let state = tf.zeros([4, 3]) as Matrix;
        for (const step of tf.unstack(x, 1)) {
          const drive = tf.matMul(step as Matrix, input as Matrix);
          state = tf.tanh(tf.add(drive, tf.matMul(state, recurrent as Matrix))) as Matrix;
        }
        return tf.mean(tf.square(state), 1);
      },
      plain: (i, [k, r]) => {
        let state = [0, 0, 0];
        for (const t of [0, 1, 2]) {
          const start = 2 * (3 * i + t);
          const drive = affine(values.slice(start, start + 2), k!, undefined, 3);
          const echo = affine(state, r!, undefined, 3);
          state = drive.map((value, u) => Math.tanh(value + echo[u]!));
        }
        return meanSquare(state);
      },
    };
  },
};

eachBackend(() => {
  describe('central differences in float64', () => {
    it.each(Object.entries(twins))('%s', (_, build) => {
      const twin = build();
      const gradients = Array.from({ length: twin.examples }, (_x, i) => differences(twin, i));
      const { norms } = clipAndSum(gradients, Number.POSITIVE_INFINITY);
      const l2NormClip = [...norms].sort((a, b) => a - b)[Math.floor(norms.length / 2)]!;
      const expected = clipAndSum(gradients, l2NormClip);
      const result = new PerExampleEngine().clippedSum(twin.losses, twin.variables, { l2NormClip });
      norms.forEach((norm, i) => {
        expect(Math.abs(result.privateValues.norms[i]! - norm)).toBeLessThanOrEqual(1e-5 * norm);
      });
      expected.sums.forEach((sum, v) => {
        expect(distance(result.sums[v]!.dataSync(), sum)).toBeLessThanOrEqual(1e-5 * expected.scales[v]!);
      });
      const total = Array.from({ length: twin.examples }, (_x, i) =>
        twin.plain(
          i,
          twin.variables.map((v) => Float64Array.from(v.dataSync())),
        ),
      ).reduce((sum, loss) => sum + loss, 0);
      expect(result.value.dataSync()[0]).toBeCloseTo(total / twin.examples, 5);
      disposeResult(result);
    });
  });
});

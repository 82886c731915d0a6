/** The webgl backend once the engine has begun: products of odd matrices are exact, and rows keep to themselves. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireFaithfulBackend } from '../../src/backend/backend-health.js';
import { distance, normOf } from '../engine/one-example-loop.js';
import { normal } from '../engine/seeded-data.js';

type Matrix = tf.Tensor2D;
const column = (x: tf.Tensor) => tf.reshape(x, [x.shape[0]!, x.shape[1]!, 1, 1]) as tf.Tensor4D;
const fused = (x: tf.Tensor) => {
  const width = x.shape[1]!;
  const bias = tf.fill([width], 1);
  return tf.fused.matMul({ a: x as Matrix, b: tf.eye(width), bias, activation: 'sigmoid' });
};

beforeAll(async () => {
  await tf.setBackend('cpu');
  await tf.setBackend('webgl');
  requireFaithfulBackend();
});

/** Functions that are not zero, or not finite, at the zeros of padding. */
const functions: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  exp: tf.exp,
  sigmoid: tf.sigmoid,
  softplus: tf.softplus,
  'a logarithm': (x) => tf.log(tf.abs(x)),
  'a reciprocal': (x) => tf.div(1, tf.add(tf.abs(x), 0.1)),
  'a constant added': (x) => tf.add(x, 3),
  'a comparison': (x) => tf.cast(tf.lessEqual(tf.abs(x), 1), 'float32'),
  'a clip': (x) => tf.clipByValue(x, 0.2, 0.9),
  'padding cut off': (x) =>
    tf.slice(
      tf.pad(
        x,
        [
          [1, 1],
          [1, 1],
        ],
        7,
      ),
      [1, 1],
      x.shape as [number, number],
    ),
  'a fused product': fused,
};

describe('products of odd matrices', () => {
  it.each(Object.entries(functions))('after %s', (_, f) => {
    const [rows, width] = [3, 5];
    const x = normal([rows, width], 1);
    const y = normal([width, rows], 2);
    const products = () =>
      tf.tidy(() => {
        const [a, b] = [f(x) as Matrix, f(y) as Matrix];
        const all = [tf.matMul(a, b), tf.matMul(a, a, false, true), tf.matMul(a, a, true, false)];
        return tf.concat(all.map((each) => tf.reshape(each, [-1]))).dataSync();
      });
    const got = products();
    tf.setBackend('cpu');
    const expected = products();
    tf.setBackend('webgl');
    expect(distance(got, expected)).toBeLessThan(1e-4 * normOf([expected]));
  });
});

/** Operations along rows: what one row holds is nothing to the others. */
const operations: Record<string, (x: Matrix) => tf.Tensor> = {
  clipByValue: (x) => tf.clipByValue(x, -0.5, 0.5),
  relu: tf.relu,
  relu6: tf.relu6,
  leakyRelu: (x) => tf.leakyRelu(x, 0.3),
  softmax: (x) => tf.softmax(x),
  maximum: (x) => tf.maximum(x, 0.1),
  where: (x) => tf.where(tf.greater(x, 0), x, tf.zerosLike(x)),
  'a product': (x) => tf.matMul(x, tf.ones([x.shape[1], 3])),
  'a fused product': fused,
  'a sum': (x) => tf.sum(x, 1),
  'a maximum': (x) => tf.max(x, 1),
  'a convolution': (x) => tf.conv2d(column(x), tf.ones([3, 1, 1, 3]), 1, 'same'),
  'a depthwise convolution': (x) => tf.depthwiseConv2d(column(x), tf.ones([3, 1, 1, 2]), 1, 'same'),
  'a pool': (x) => tf.maxPool(column(x), [2, 1], 1, 'same'),
};

describe('rows keep to themselves', () => {
  it.each(Object.entries(operations))('in %s', (_, f) => {
    const [rows, width, spoilt] = [5, 3, 1];
    const clean = Array.from(normal([rows, width], 3).dataSync());
    const run = (values: readonly number[]) =>
      tf.tidy(() => f(tf.tensor2d([...values], [rows, width])).dataSync());
    const before = run(clean);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30]) {
      const after = run(clean.map((x, k) => (Math.floor(k / width) === spoilt ? value : x)));
      const share = before.length / rows;
      const others = (values: Iterable<number>) =>
        Array.from(values).filter((_value, k) => Math.floor(k / share) !== spoilt);
      expect(others(after), `beside ${value}`).toEqual(others(before));
    }
  });
});

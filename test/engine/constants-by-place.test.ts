/**
 * Constants made inside the loss: one that holds another value for every place of the batch makes an example's loss
 * depend on who stands before it, however the constant was brought into its shape.
 */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { disposeResult, expectEqualsLoop } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

const BATCH = 4;
const squares = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i * i);

/** Each takes data [4, 2] and meets it with a constant. */
const byPlace: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  'a longer list cut and folded': (x) =>
    tf.mul(x, tf.reshape(tf.slice(tf.tensor1d(squares(2 * BATCH + 1)), [0], [2 * BATCH]), [BATCH, 2])),
  'one row folded': (x) => tf.mul(x, tf.reshape(tf.tensor2d(squares(2 * BATCH), [1, 2 * BATCH]), [BATCH, 2])),
  'under a leading axis of one': (x) =>
    tf.reshape(tf.mul(tf.reshape(x, [1, BATCH, 2]), tf.tensor3d(squares(2 * BATCH), [1, BATCH, 2])), [
      BATCH,
      2,
    ]),
  'rows added up': (x) => tf.mul(x, tf.expandDims(tf.sum(tf.tensor2d(squares(3 * BATCH), [3, BATCH]), 0), 1)),
  'one row added up': (x) => tf.mul(x, tf.expandDims(tf.sum(tf.tensor2d(squares(BATCH), [1, BATCH]), 0), 1)),
  transposed: (x) => tf.mul(x, tf.transpose(tf.tensor2d(squares(BATCH), [1, BATCH]))),
  'a running sum of ones': (x) => tf.mul(x, tf.expandDims(tf.cumsum(tf.ones([BATCH])), 1)),
  'a range': (x) => tf.mul(x, tf.expandDims(tf.range(0, BATCH), 1)),
  'ones beside zeros': (x) => tf.mul(x, tf.concat([tf.ones([1, 2]), tf.zeros([BATCH - 1, 2])], 0)),
  'ones with zeros around': (x) =>
    tf.mul(
      x,
      tf.pad(tf.ones([1, 2]), [
        [1, BATCH - 2],
        [0, 0],
      ]),
    ),
  'places told apart by one-hot': (x) =>
    tf.mul(x, tf.slice(tf.oneHot(tf.tensor1d([0, 1, 0, 1], 'int32'), 2), [0, 0], [BATCH, 2])),
  'a fused bias along the batch as columns': (x) =>
    tf.transpose(
      tf.fused.matMul({ a: tf.ones([2, 2]), b: x, transposeB: true, bias: tf.tensor1d(squares(BATCH)) }),
    ),
  'a matrix for each place': (x) =>
    tf.reshape(tf.matMul(tf.reshape(x, [BATCH, 1, 2]), tf.tensor3d(squares(4 * BATCH), [BATCH, 2, 2])), [
      BATCH,
      2,
    ]),
};

/** The wasm backend takes a bias of one axis only. */
const byWideBias: typeof byPlace = {
  'a fused bias for each place': (x) =>
    tf.fused.matMul({ a: x, b: tf.ones([2, 2]), bias: tf.tensor2d(squares(2 * BATCH), [BATCH, 2]) }),
  'a convolution with a fused bias for each place': (x) =>
    tf.reshape(
      tf.fused.conv2d({
        x: tf.reshape(x, [BATCH, 1, 1, 2]) as tf.Tensor4D,
        filter: tf.ones([1, 1, 2, 2]),
        strides: 1,
        pad: 'valid',
        bias: tf.tensor4d(squares(2 * BATCH), [BATCH, 1, 1, 2]),
      }),
      [BATCH, 2],
    ),
};

const forAll: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  'a weight for each feature': (x) => tf.mul(x, tf.tensor1d([2, 3])),
  'the same row for all': (x) => tf.mul(x, tf.tensor2d([2, 3, 2, 3, 2, 3, 2, 3], [BATCH, 2])),
  'a row tiled': (x) => tf.mul(x, tf.tile(tf.tensor2d([[2, 3]]), [BATCH, 1])),
  'a mask of features': (x) => tf.where(tf.tensor1d([1, 0], 'bool'), x, tf.square(x)),
  'a mask of steps, as many as examples': (x) => {
    const steps = tf.tile(tf.reshape(x, [BATCH, 1, 2]), [1, BATCH, 1]);
    const rows = tf.reshape(tf.range(0, BATCH), [BATCH, 1]);
    const mask = tf.cast(tf.greaterEqual(rows, tf.reshape(tf.range(0, BATCH), [1, BATCH])), 'float32');
    return tf.mean(tf.matMul(tf.tile(tf.reshape(mask, [1, BATCH, BATCH]), [BATCH, 1, 1]), steps), 1);
  },
  'a fused bias for all': (x) =>
    tf.fused.matMul({ a: x, b: tf.tensor2d(squares(4), [2, 2]), bias: tf.tensor1d([1, 2]) }),
  'a matrix for all': (x) => tf.matMul(x, tf.tensor2d(squares(4), [2, 2])),
};

eachBackend((backend) => {
  const problemOf = (meet: (x: tf.Tensor2D) => tf.Tensor) => {
    const w = variable([2, 3], 1);
    const loss = ([x]: readonly tf.Tensor[]) =>
      tf.mean(tf.square(tf.matMul(meet(x as tf.Tensor2D) as tf.Tensor2D, w as tf.Tensor2D)), 1);
    return { data: [normal([BATCH, 2], 2)], variables: [w], loss };
  };

  describe('constants inside the loss', () => {
    it.each(Object.entries(backend === 'wasm' ? byPlace : { ...byPlace, ...byWideBias }))(
      'refused: %s',
      (_, meet) => {
        const { data, variables, loss } = problemOf(meet);
        const step = () =>
          disposeResult(new PerExampleEngine().clippedSum(() => loss(data), variables, { l2NormClip: 1 }));
        expect(step).toThrow(expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }));
      },
    );

    it.each(Object.entries(forAll))('accepted: %s', (_, meet) => {
      const { data, variables, loss } = problemOf(meet);
      expect(() =>
        disposeResult(new PerExampleEngine().clippedSum(() => loss(data), variables, { l2NormClip: 1 })),
      ).not.toThrow();
    });

    it('equal to the one-example loop where nothing knows the batch', () => {
      const meet = forAll['a weight for each feature'] as (x: tf.Tensor2D) => tf.Tensor;
      expectEqualsLoop(problemOf(meet));
    });
  });
});

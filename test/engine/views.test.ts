/** Parameters that reach the data moved, cut, joined, repeated, added or scaled: exact, without the fallback. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { expectBoundedByNeighbours } from './neighbouring-steps.js';
import { expectNoFallback } from './no-fallback.js';
import { expectEqualsLoop } from './one-example-loop.js';
import { integers, normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));
/** x [B, 4] or [B, T, 4] times a matrix. */
const times = (x: tf.Tensor, w: tf.Tensor) => {
  const flat = tf.matMul(tf.reshape(x, [-1, w.shape[0]!]) as Matrix, w as Matrix);
  return tf.reshape(flat, [-1, ...x.shape.slice(1, -1), w.shape[1]!]);
};

/** Uses of w [4, 6], v [4, 6] and b [6] on x [B, 5, 4]. */
const uses: Record<string, (x: tf.Tensor, w: tf.Variable, v: tf.Variable, b: tf.Variable) => tf.Tensor> = {
  'three slices of a fused kernel': (x, w) => {
    const part = (k: number) => times(x, tf.slice(w as Matrix, [0, 2 * k], [4, 2])) as tf.Tensor3D;
    return tf.matMul(tf.softmax(tf.matMul(part(0), part(1), false, true)), part(2));
  },
  'three slices of its product': (x, w) => {
    const [q, k, v] = tf.split(times(x, w), 3, 2) as tf.Tensor3D[];
    return tf.matMul(tf.softmax(tf.matMul(q!, k!, false, true)), v!);
  },
  'interleaved heads of a fused kernel': (x, w) => {
    const heads = tf.transpose(tf.reshape(w, [4, 2, 3]), [2, 0, 1]);
    const [q, k, v] = tf.unstack(heads).map((head) => times(x, head) as tf.Tensor3D);
    return tf.matMul(tf.softmax(tf.matMul(q!, k!, false, true)), v!);
  },
  'slices that overlap': (x, w) =>
    tf.mul(times(x, tf.slice(w as Matrix, [0, 0], [4, 4])), times(x, tf.slice(w as Matrix, [0, 2], [4, 4]))),
  'a slice, and the whole': (x, w) =>
    tf.concat([times(x, tf.slice(w as Matrix, [0, 1], [4, 3])), times(x, w)], 2),
  'the whole, then its first columns': (x, w) =>
    tf.concat([times(x, w), times(x, tf.slice(w as Matrix, [0, 0], [4, 2]))], 2),
  'rows of it': (x, w) => times(tf.slice(x, [0, 0, 1], [-1, -1, 2]), tf.slice(w as Matrix, [1, 0], [2, 6])),
  'one row of it': (x, w) => tf.mul(times(x, w), tf.slice(w as Matrix, [2, 0], [1, 6])),
  'split unevenly': (x, w) => {
    const [left, right] = tf.split(w as Matrix, [2, 4], 1);
    return tf.concat([times(x, right!), tf.tanh(times(x, left!))], 2);
  },
  'two kernels joined by columns': (x, w, v) => times(x, tf.concat([w, v], 1)),
  'two kernels joined by rows': (x, w, v) => times(tf.concat([x, tf.sin(x)], 2), tf.concat([w, v], 0)),
  'a kernel joined to itself': (x, w) => times(tf.concat([x, tf.sin(x)], 2), tf.concat([w, w], 0)),
  'a kernel and constants': (x, w) => times(x, tf.concat([w, tf.ones([4, 1])], 1)),
  'columns of a joined kernel': (x, w, v) => times(x, tf.slice(tf.concat([w, v], 1), [0, 4], [4, 5])),
  'padded with zeros': (x, w) =>
    times(
      tf.concat([x, tf.sin(x)], 2),
      tf.pad(w, [
        [3, 1],
        [0, 2],
      ]),
    ),
  'repeated by columns': (x, w) => times(x, tf.tile(w as Matrix, [1, 2])),
  'repeated by rows': (x, w) => times(tf.concat([x, tf.sin(x)], 2), tf.tile(w as Matrix, [2, 1])),
  'the sum of two kernels': (x, w, v) => times(x, tf.add(w, v)),
  'the difference of two kernels': (x, w, v) => times(x, tf.sub(w, v)),
  'a kernel with a row added to each of its own': (x, w, _v, b) => times(x, tf.add(w, b)),
  'a kernel and its negative': (x, w) => tf.concat([times(x, tf.neg(w)), times(tf.sin(x), w)], 2),
  'scaled by a number': (x, w) => times(x, tf.mul(w, 0.3)),
  'scaled from the left, and divided': (x, w) => times(x, tf.div(tf.mul(0.3, w), 7)),
  'reversed in both axes': (x, w) => times(x, tf.reverse(w)),
  'columns picked by a range': (x, w) => times(x, tf.gather(w, tf.tensor1d([4, 2, 0], 'int32'), 1)),
  'a bias in two halves': (x, _w, _v, b) =>
    tf.add(
      tf.mul(tf.slice(tf.concat([x, x], 2), [0, 0, 0], [-1, -1, 3]), tf.slice(b, [0], [3])),
      tf.slice(b, [3], [3]),
    ),
  'a bias tiled to every step': (x, w, _v, b) => tf.add(times(x, w), tf.tile(tf.reshape(b, [1, 6]), [5, 1])),
  'a bias broadcast to all examples': (x, w, _v, b) => {
    const y = times(x, w);
    return tf.add(y, tf.broadcastTo(b, y.shape as [number, number, number]));
  },
  'a gain tiled to all examples': (x, w, _v, b) =>
    tf.mul(times(x, w), tf.tile(tf.reshape(b, [1, 1, 6]), [x.shape[0]!, 5, 1])),
  'a gain tiled to all rows of all examples': (x, w, _v, b) => {
    const rows = tf.reshape(times(x, w), [-1, 6]);
    return tf.reshape(tf.mul(rows, tf.tile(tf.reshape(b, [1, 6]), [rows.shape[0]!, 1])), [-1, 5, 6]);
  },
  'positions tiled to all examples, rows merged': (x, w, v) => {
    const rows = tf.reshape(times(tf.slice(x, [0, 0, 0], [-1, 4, -1]), w), [-1, 6]);
    return tf.reshape(tf.add(rows, tf.tile(v as Matrix, [x.shape[0]!, 1])), [-1, 4, 6]);
  },
  'a learned token before every sequence': (x, w, _v, b) => {
    const y = times(x, w);
    return tf.concat([tf.tile(tf.reshape(b, [1, 1, 6]), [y.shape[0]!, 1, 1]), y], 1);
  },
  'positions, the first of a longer table': (x, w, v) =>
    tf.add(times(tf.slice(x, [0, 0, 0], [-1, 3, -1]), w), tf.slice(v as Matrix, [0, 0], [3, 6])),
};

eachBackend((backend) => {
  describe('views of parameters', () => {
    it.each(Object.entries(uses))('%s', (_, use) => {
      const variables = [variable([4, 6], 1), variable([4, 6], 2), variable([6], 3)] as const;
      const x = normal([3, 5, 4], 4);
      const names =
        /\(([^)]*)\)/
          .exec(use.toString())?.[1]
          ?.split(',')
          .map((name) => name.trim()) ?? [];
      const read = variables.filter((_v, k) => names[k + 1] !== undefined && !names[k + 1]?.startsWith('_'));
      const f = (data: tf.Tensor) => power(use(data, ...variables));
      const problem = { data: [x], variables: read, loss: ([rows]: readonly tf.Tensor[]) => f(rows!) };
      expectEqualsLoop(problem);
      expectNoFallback(problem);
    });

    it.each([
      ['its transpose, reshaped', (w: tf.Tensor) => tf.reshape(tf.transpose(w), [4, 6])],
      ['a function of it', (w: tf.Tensor) => tf.tanh(w)],
    ])('%s: by the fallback, exact all the same', (_, view) => {
      const w = variable([4, 6], 1);
      const loss = ([x]: readonly tf.Tensor[]) => power(times(x!, view(w)));
      expectEqualsLoop({ data: [normal([3, 5, 4], 4)], variables: [w], loss });
    });

    it('a strided slice, of which tfjs has no gradient, is named', () => {
      const [w, x] = [variable([4, 6], 1), normal([3, 4], 2)];
      const loss = () => power(times(x, tf.stridedSlice(w, [0, 5], [4, 0], [1, -2])));
      expect(() => new PerExampleEngine().clippedSum(loss, [w], { l2NormClip: 1 })).toThrow(/StridedSlice/);
    });

    it('positions gathered along a range', () => {
      const [table, w] = [variable([7, 4], 1), variable([4, 3], 2)];
      const problem = {
        data: [normal([3, 5, 4], 3)],
        variables: [table, w],
        loss: ([x]: readonly tf.Tensor[]) =>
          power(times(tf.add(x!, tf.gather(table, tf.range(0, 5, 1, 'int32'))), w)),
      };
      expectEqualsLoop(problem);
      expectNoFallback(problem);
    });

    it('an embedding of two tables joined by rows, and of a slice of one', () => {
      const [first, second] = [variable([3, 4], 1), variable([5, 4], 2)];
      const joined = {
        data: [integers([4, 6], 8, 3)],
        variables: [first, second],
        loss: ([ids]: readonly tf.Tensor[]) => power(tf.gather(tf.concat([first, second], 0), ids as Matrix)),
      };
      const cut = {
        data: [integers([4, 6], 3, 3)],
        variables: [second],
        loss: ([ids]: readonly tf.Tensor[]) =>
          power(tf.gather(tf.mul(tf.slice(second as Matrix, [1, 1], [3, 2]), 2), ids as Matrix)),
      };
      for (const problem of [joined, cut]) {
        expectEqualsLoop(problem);
        expectNoFallback(problem);
      }
    });

    if (backend !== 'wasm') {
      it('filters: half of the channels, two banks joined, and part of both', () => {
        const [filter, more] = [variable([2, 2, 3, 4], 1), variable([2, 2, 3, 2], 2)];
        const views = [
          () => tf.slice(filter, [0, 0, 0, 1], [-1, -1, -1, 2]),
          () => tf.concat([filter, more], 3),
          () => tf.slice(tf.concat([filter, more], 3), [0, 0, 0, 3], [-1, -1, -1, 2]),
        ];
        for (const [k, view] of views.entries()) {
          const problem = {
            data: [normal([2, 3, 4, 3], 3)],
            variables: k === 0 ? [filter] : [filter, more],
            loss: ([x]: readonly tf.Tensor[]) =>
              power(tf.conv2d(x as tf.Tensor4D, view() as tf.Tensor4D, 1, 'same')),
          };
          expectEqualsLoop(problem);
          expectNoFallback(problem);
        }
      });
    }

    it('neighbouring steps differ by at most C', () => {
      const [w, v, gain] = [variable([2, 6], 1), variable([2, 2], 2), variable([2], 3)];
      expectBoundedByNeighbours({
        width: 4,
        variables: [w, v, gain],
        loss: (rows) => {
          const x = tf.reshape(rows, [-1, 2, 2]);
          const overlapping = [0, 1, 2].map((k) => times(x, tf.slice(w as Matrix, [0, k], [2, 3])));
          const joined = times(x, tf.concat([tf.mul(v, -2), v], 1));
          const tiled = tf.mul(x, tf.tile(tf.reshape(gain, [1, 1, 2]), [rows.shape[0], 2, 1]));
          return tf.addN([tf.addN(overlapping), joined, tiled].map((y) => meanOfExample(tf.square(y))));
        },
      });
    });
  });

  describe('parameters by the place in the batch', () => {
    const batch = 4;
    const byPlace: Record<string, (x: tf.Tensor, w: tf.Variable) => tf.Tensor> = {
      'a row for each, added': (x, w) => tf.add(x, tf.slice(w as Matrix, [0, 0], [batch, 3])),
      'a row for each, reshaped': (x, w) =>
        tf.mul(x, tf.reshape(tf.slice(w as Matrix, [0, 0], [6, 2]), [batch, 3])),
      'a row for each, through a function': (x, w) =>
        tf.sub(x, tf.tanh(tf.slice(w as Matrix, [1, 0], [batch, 3]))),
      'a column for each, transposed': (x, w) =>
        tf.mul(x, tf.transpose(tf.slice(tf.reshape(w, [3, 6]) as Matrix, [0, 0], [3, batch]))),
      'a row for each, joined': (x, w) => tf.concat([x, tf.slice(w as Matrix, [0, 0], [batch, 2])], 1),
      'a row for each, gathered': (x, w) => tf.add(x, tf.gather(w, tf.range(0, batch, 1, 'int32'))),
      'a row for each, by a product with constants': (x, w) =>
        tf.add(x, tf.matMul(tf.slice(tf.eye(6), [0, 0], [batch, 6]), w as Matrix)),
      'a number for each, cumulated': (x, w) =>
        tf.mul(x, tf.cumsum(tf.tile(tf.slice(w as Matrix, [0, 0], [1, 1]), [batch, 1]), 0)),
      'a matrix for each': (x, w) => {
        const stack = tf.reshape(tf.tile(w as Matrix, [1, 2]), [batch, 3, 3]) as tf.Tensor3D;
        return tf.matMul(tf.reshape(x, [batch, 1, 3]) as tf.Tensor3D, stack);
      },
      'rows repeated block by block, taken for a tiling': (x, w) =>
        tf.add(x, tf.reshape(tf.tile(tf.slice(w as Matrix, [0, 0], [2, 3]), [1, 2]), [batch, 3])),
    };
    it.each(Object.entries(byPlace))('%s: refused', (_, f) => {
      const [w, x] = [variable([6, 3], 1), normal([batch, 3], 2)];
      const loss = () => power(f(x, w));
      expect(() => new PerExampleEngine().clippedSum(loss, [w], { l2NormClip: 1 })).toThrow(
        expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }),
      );
    });
  });
});

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // Registers the gradients, and with them what is saved.
import { beforeAll, describe, expect, it } from 'vitest';
import { contiguous, indicesOf, merged, moved, regroup } from './strided.js';
import { recordTape } from './tape.js';

/** Each function moves elements of w [4, 6]; what the numbers 0…23 become is the definition of where they lie. */
const moves: Record<string, (w: tf.Tensor) => tf.Tensor> = {
  reshaped: (w) => tf.reshape(w, [2, 12]),
  'reshaped across axes': (w) => tf.reshape(w, [3, 8]),
  transposed: (w) => tf.transpose(w),
  'heads first': (w) => tf.transpose(tf.reshape(w, [4, 3, 2]), [1, 0, 2]),
  'transposed, then flattened': (w) => tf.reshape(tf.transpose(w), [24]),
  'a block of columns': (w) => tf.slice(w, [0, 2], [4, 3]),
  'a block of rows, given in part': (w) => tf.slice(w, [1], [2]),
  'one of three, from a fused kernel': (w) =>
    tf.reshape(tf.slice(tf.reshape(w, [4, 3, 2]), [0, 1, 0], [-1, 1, -1]), [4, 2]),
  'every second column, from the third row on': (w) => tf.stridedSlice(w, [2, 0], [4, 6], [1, 2]),
  'columns backwards by a stride': (w) => tf.stridedSlice(w, [0, 5], [4, 0], [1, -2]),
  'one row by a shrinking slice': (w) => tf.stridedSlice(w, [2, 0], [3, 6], [1, 1], 0, 0, 0, 0, 1),
  reversed: (w) => tf.reverse(w, 1),
  'reversed entirely': (w) => tf.reverse(w),
  'the second part of a split': (w) => tf.split(w, [1, 3], 0)[1]!,
  'the last row of all, unstacked': (w) => tf.unstack(w)[3]!,
  'the last column, unstacked': (w) => tf.unstack(w, 1)[5]!,
  tiled: (w) => tf.tile(w, [2, 3]),
  'tiled, reshaped and cut': (w) =>
    tf.slice(tf.reshape(tf.tile(tf.expandDims(w, 0), [5, 1, 1]), [20, 6]), [4, 0], [8, 6]),
  'broadcast to more axes': (w) => tf.broadcastTo(tf.reshape(w, [4, 1, 6]), [2, 4, 3, 6]),
  'gathered along a range': (w) => tf.gather(w, tf.range(1, 4, 1, 'int32')),
  'gathered along a falling range of columns': (w) => tf.gather(w, tf.tensor1d([4, 2, 0], 'int32'), 1),
  'one row gathered': (w) => tf.gather(w, tf.tensor1d([2], 'int32')),
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('moved', () => {
  it.each(Object.entries(moves))('%s: where the elements lie is where the numbers go', (_, move) => {
    tf.tidy(() => {
      const w = tf.variable(tf.reshape(tf.range(0, 24), [4, 6]));
      const tape = recordTape(() => move(w), { keepLeaves: true });
      let view = contiguous(w.shape);
      for (const call of tape.calls) {
        if (call.kernelName === 'Range') continue;
        const at = call.outputs.findIndex((output) => output.id === tape.value.id);
        const indices = tape.nodes.find((node) => node.calls.includes(call))?.saved[1]?.dataSync();
        const next = moved(view, call, { output: Math.max(at, 0), ...(indices ? { indices } : {}) });
        expect(next, call.kernelName).toBeDefined();
        view = next!;
      }
      const places = indicesOf(view.offset, view.axes.flat());
      expect(Array.from(places)).toEqual(Array.from(tape.value.dataSync()));
      tape.dispose();
      w.dispose();
    });
  });

  it.each([
    ['a sum', (w: tf.Tensor) => tf.sum(w, 0)],
    ['a function', (w: tf.Tensor) => tf.tanh(w)],
    ['rows gathered out of order', (w: tf.Tensor) => tf.gather(w, tf.tensor1d([0, 3, 1], 'int32'))],
    [
      'a mirrored border',
      (w: tf.Tensor) =>
        tf.mirrorPad(
          w,
          [
            [1, 0],
            [0, 0],
          ],
          'reflect',
        ),
    ],
  ])('%s has no description', (_, f) => {
    tf.tidy(() => {
      const w = tf.variable(tf.reshape(tf.range(0, 24), [4, 6]));
      const tape = recordTape(() => f(w), { keepLeaves: true });
      const call = tape.calls.at(-1)!;
      const indices = tape.nodes.at(-1)!.saved[1]?.dataSync();
      expect(moved(contiguous([4, 6]), call, { output: 0, ...(indices ? { indices } : {}) })).toBeUndefined();
      tape.dispose();
      w.dispose();
    });
  });
});

describe('regroup', () => {
  it('refuses what would tear a step apart', () => {
    const transposed = [[{ extent: 6, stride: 1 }], [{ extent: 4, stride: 6 }]];
    expect(regroup(transposed, [24])).toEqual([transposed.flat()]);
    expect(regroup(transposed, [8, 3])).toBeUndefined();
  });

  it('merges steps that continue each other, repeats too', () => {
    expect(
      merged([
        { extent: 4, stride: 6 },
        { extent: 6, stride: 1 },
      ]),
    ).toEqual([{ extent: 24, stride: 1 }]);
    expect(
      merged([
        { extent: 4, stride: 0 },
        { extent: 5, stride: 0 },
      ]),
    ).toEqual([{ extent: 20, stride: 0 }]);
    expect(
      merged([
        { extent: 4, stride: 0 },
        { extent: 5, stride: 1 },
      ]),
    ).toHaveLength(2);
  });
});

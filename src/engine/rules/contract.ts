import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../isolation/layout.js';

/** A tensor with a letter for each axis, as in an einsum. */
export interface Lettered {
  readonly tensor: tf.Tensor;
  readonly letters: readonly string[];
}

export const extentsOf = ({ tensor, letters }: Lettered): Map<string, number> =>
  new Map(letters.map((letter, axis) => [letter, tensor.shape[axis] as number]));

/** Sums over the axes that `keep` does not name. */
export function summedTo({ tensor, letters }: Lettered, keep: ReadonlySet<string>): Lettered {
  const gone = letters.map((_, axis) => axis).filter((axis) => !keep.has(letters[axis] as string));
  if (gone.length === 0) return { tensor, letters };
  return { tensor: tf.sum(tensor, gone), letters: letters.filter((letter) => keep.has(letter)) };
}

/** The tensor with one axis for each group, its letters in that order; every letter is in one group. */
export function grouped({ tensor, letters }: Lettered, groups: readonly (readonly string[])[]): tf.Tensor {
  const order = groups.flat().map((letter) => letters.indexOf(letter));
  const moved = order.every((axis, k) => axis === k) ? tensor : tf.transpose(tensor, order);
  const extents = groups.map((group) =>
    sizeOf(group.map((letter) => tensor.shape[letters.indexOf(letter)] as number)),
  );
  return tf.reshape(moved, extents);
}

/** Repeats the tensor along the letters that it lacks, and brings its axes into the order of `letters`. */
export function spreadTo(
  from: Lettered,
  letters: readonly string[],
  extents: ReadonlyMap<string, number>,
): tf.Tensor {
  const missing = letters.filter((letter) => !from.letters.includes(letter));
  const wide = tf.reshape(from.tensor, [...from.tensor.shape, ...missing.map(() => 1)]);
  const reps = [...from.letters.map(() => 1), ...missing.map((letter) => extents.get(letter) as number)];
  const tensor = missing.length === 0 ? from.tensor : tf.tile(wide, reps);
  const all = { tensor, letters: [...from.letters, ...missing] };
  return tf.reshape(
    grouped(all, [letters]),
    letters.map((letter) => extents.get(letter) as number),
  );
}

/**
 * The sum of a·b over the letters that `output` does not name, as one batched matrix product. Needs no Einsum kernel,
 * and does not form the product of all axes as the one of the cpu and webgl backends does.
 */
export function contract(a: Lettered, b: Lettered, output: readonly string[]): Lettered {
  const wanted = new Set(output);
  const left = summedTo(a, new Set([...b.letters, ...wanted]));
  const right = summedTo(b, new Set([...a.letters, ...wanted]));
  const shared = left.letters.filter((letter) => right.letters.includes(letter));
  const stack = shared.filter((letter) => wanted.has(letter));
  const summed = shared.filter((letter) => !wanted.has(letter));
  const rows = left.letters.filter((letter) => !shared.includes(letter));
  const columns = right.letters.filter((letter) => !shared.includes(letter));
  const product = tf.matMul(
    grouped(left, [stack, rows, summed]) as tf.Tensor3D,
    grouped(right, [stack, summed, columns]) as tf.Tensor3D,
  );
  const extents = new Map([...extentsOf(left), ...extentsOf(right)]);
  const letters = [...stack, ...rows, ...columns];
  const tensor = tf.reshape(
    product,
    letters.map((letter) => extents.get(letter) as number),
  );
  const order = output.filter((letter) => letters.includes(letter));
  return {
    tensor: tf.transpose(
      tensor,
      order.map((letter) => letters.indexOf(letter)),
    ),
    letters: order,
  };
}

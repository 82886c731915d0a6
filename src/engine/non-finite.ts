import * as tf from '@tensorflow/tfjs-core';
import type { Seeds } from './backward.js';
import type { Isolation } from './isolation/isolation.js';
import type { Tape } from './tape.js';

/** Examples whose gradients, losses or data are infinite or NaN. */
export function nonFiniteExamples(norms: Float64Array, seeds: Seeds, isolation: Isolation): Set<number> {
  const bad = new Set<number>();
  norms.forEach((square, i) => {
    if (!Number.isFinite(square)) bad.add(i);
  });
  for (const { tensor } of seeds.boundary.values()) {
    const taint = isolation.taintOf(tensor);
    // A function that returned a total has disposed its per-example losses; gradients tell as much.
    if (taint.kind !== 'rows' || tensor.isDisposed) continue;
    const { inner } = taint.layout;
    tensor.dataSync().forEach((value, at) => {
      if (!Number.isFinite(value)) bad.add(Math.floor(at / inner) % isolation.batch);
    });
  }
  return bad;
}

/** The data that the function read, with the rows of `bad` examples replaced by those of a good one. */
export function replaceRows(
  tape: Tape,
  isolation: Isolation,
  bad: ReadonlySet<number>,
): Map<number, tf.Tensor> {
  const rows = Int32Array.from({ length: isolation.batch }, (_, i) => i);
  const good = rows.find((i) => !bad.has(i)) as number;
  const from = tf.tensor1d(
    rows.map((i) => (bad.has(i) ? good : i)),
    'int32',
  );
  const replaced = new Map<number, tf.Tensor>();
  for (const leaf of tape.leaves.values()) {
    if (isolation.taintOf(leaf.tensor).kind === 'rows')
      replaced.set(leaf.tensor.id, tf.gather(leaf.tensor, from));
  }
  return replaced;
}

import * as tf from '@tensorflow/tfjs-core';
import { toBatchTime } from '../batch-time.js';
import { sizeOf } from '../isolation/layout.js';
import { scatterRows } from '../scatter.js';
import { hasKernel } from '../tape.js';
import { layoutOf, type OpRule, soleGradient, type Use } from './op-rule.js';

/** Embedding: rows of a table by id. The gradient is δ at those rows; no [batch, rows, width] is formed. */
export const gatherRule: OpRule = {
  nodes: ['GatherV2'],

  parameterPiece(use, input) {
    const output = soleGradient(use);
    const [table, indices] = use.node.saved;
    const call = use.node.calls[0];
    const layout = layoutOf(use, call?.inputs.indices);
    if (input !== 'x' || output === undefined || !table || !indices || layout === undefined) return undefined;
    if (table.rank !== 2 || Number(call?.attrs.axis ?? 0) !== 0 || Number(call?.attrs.batchDims ?? 0) !== 0) {
      return undefined;
    }
    const [rows, width] = table.shape as [number, number];
    const ids = toBatchTime(indices, layout, 1, use.batch);
    const right = toBatchTime(output.gradient, output.layout, width, use.batch);
    if (ids === undefined || right === undefined) return undefined;
    const [batch, time] = ids.shape;
    return { kind: 'lookup', ids: tf.cast(tf.reshape(ids, [batch, time]), 'int32'), rows, right };
  },

  inputGradient: summedGradient,
  parameterGradient: summedGradient,
};

/** The gradient of what was gathered from, along any axis, where the backend has no segment sum. */
function summedGradient(use: Use, input: string): tf.Tensor | undefined {
  const [x, indices] = use.node.saved;
  const dy = use.outputGradients[0];
  const attrs = use.node.calls[0]?.attrs;
  if (input !== 'x' || hasKernel('UnsortedSegmentSum') || !x || !indices || !dy) return undefined;
  if (Number(attrs?.batchDims ?? 0) !== 0) return undefined;
  const named = Number(attrs?.axis ?? 0);
  const axis = named < 0 ? named + x.rank : named;
  const before = sizeOf(x.shape.slice(0, axis));
  const behind = sizeOf(x.shape.slice(axis + 1));
  const rows = x.shape[axis] as number;
  const front = tf.transpose(tf.reshape(dy, [before, indices.size, behind]), [1, 0, 2]);
  const sums = scatterRows(
    tf.reshape(indices, [indices.size]),
    tf.reshape(front, [indices.size, before * behind]),
    rows,
  );
  return tf.reshape(tf.transpose(tf.reshape(sums, [rows, before, behind]), [1, 0, 2]), x.shape);
}

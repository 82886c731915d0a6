import * as tf from '@tensorflow/tfjs-core';
import { toBatchTime } from '../batch-time.js';
import { scatterRows } from '../scatter.js';
import { hasKernel } from '../tape.js';
import { layoutOf, type OpRule, soleGradient } from './op-rule.js';

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

  parameterGradient(use, input) {
    const [table, indices] = use.node.saved;
    const dy = use.outputGradients[0];
    if (input !== 'x' || hasKernel('UnsortedSegmentSum') || !table || !indices || !dy || table.rank !== 2) {
      return undefined;
    }
    const [rows, width] = table.shape as [number, number];
    return scatterRows(tf.reshape(indices, [-1]), tf.reshape(dy, [-1, width]), rows);
  },
};

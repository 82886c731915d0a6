import * as tf from '@tensorflow/tfjs-core';
import { shaped, toBatchTime } from '../batch-time.js';
import { batchAxisOf, layoutAt, type RowLayout } from '../isolation/layout.js';
import type { Piece } from '../piece.js';
import { type OpRule, soleGradient, type Use } from './op-rule.js';

/**
 * Parameters that meet the data already tiled or broadcast to every example: each example's gradient is then the
 * rows of the ordinary gradient that are its own, and the view adds up what the tiling repeated.
 */

/** The piece of a tensor that runs along the batch as the node's output does; `gradient` is the ordinary one. */
export function tiledPiece(use: Use, input: string, gradient?: tf.Tensor): Piece | undefined {
  const output = soleGradient(use);
  const tensor = use.node.inputs[input];
  const made = use.node.outputs[0];
  if (output === undefined || tensor === undefined || made === undefined) return undefined;
  const layout = sameRows(tensor.shape, made.shape, output.layout, use.batch);
  if (layout === undefined) return undefined;
  const total = gradient ?? use.node.gradient?.([...use.outputGradients])[input]?.();
  if (total === undefined || total.size !== tensor.size) return undefined;
  const rows = toBatchTime(total, layout, 1, use.batch);
  if (rows === undefined) return undefined;
  return {
    kind: 'direct',
    gradient: shaped(rows, [use.batch, tensor.size / use.batch]),
    ownRows: layout.inner,
  };
}

/** Where the batch lies in an input whose axis of the batch is that of the output. */
function sameRows(
  shape: readonly number[],
  target: readonly number[],
  layout: RowLayout,
  batch: number,
): RowLayout | undefined {
  const long = (extents: readonly number[]) => extents.filter((extent) => extent !== 1).join();
  if (long(shape) === long(target)) return { inner: layout.inner };
  const at = batchAxisOf(target, layout, batch);
  if (at === undefined || shape.length !== target.length || shape[at.axis] !== target[at.axis])
    return undefined;
  return layoutAt(shape, at.axis, at.block);
}

/** A rule whose nodes also take parameters that run along the batch. */
export function alsoTiled(rule: OpRule): OpRule {
  return {
    ...rule,
    parameterPiece: (use, input) => rule.parameterPiece?.(use, input) ?? tiledPiece(use, input),
  };
}

/** A learned token joined to a sequence, a learned filling where a mask says so. */
export const tiledRule: OpRule = {
  nodes: ['Concat', 'Select'],
  parameterPiece: (use, input) => tiledPiece(use, input),
};

/** tfjs forms the gradient of a tiling by one slice and one sum a repetition: one a feature in layer normalisation. */
export const tileRule: OpRule = {
  nodes: ['Tile'],
  inputGradient(use) {
    const dy = use.outputGradients[0];
    const shape = use.node.inputs.x?.shape;
    const reps = use.node.calls[0]?.attrs.reps as readonly number[] | undefined;
    if (!dy || shape === undefined || reps === undefined) return undefined;
    const repeated = shape.map((_, k) => k).filter((k) => reps[k] !== 1);
    const split: number[] = [];
    const summed: number[] = [];
    for (const [k, extent] of shape.entries()) {
      if (repeated.includes(k)) summed.push(split.push(reps[k] as number) - 1);
      if (extent !== 1 || !repeated.includes(k)) split.push(extent);
    }
    return tf.reshape(summed.length === 0 ? dy : tf.sum(tf.reshape(dy, split), summed), [...shape]);
  },
};

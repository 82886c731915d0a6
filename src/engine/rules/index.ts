/**
 * The rules of the engine: for each kind of tape node, how per-example gradients pass it.
 *
 * A rule belongs to an op, not to a layer: the trainable weights of all tfjs layers are consumed by a handful
 * of ops. A rule gives the *pieces* of a parameter's per-example gradients (`piece.ts`), never a norm; norms
 * and clipped sums of pieces are formed in one place (`parameter-gradient.ts`).
 *
 * Invariants: a rule reads only the tape (saved tensors, attributes, layouts); where it is not certain that
 * it applies it returns undefined, and masked back-propagation serves instead; the first step of every run
 * compares each rule with masked back-propagation on the same tape.
 */
import { avgPoolRule } from './avg-pool.js';
import { broadcastRule } from './broadcast.js';
import { conv2dRule } from './conv2d.js';
import { conv2dTransposeRule } from './conv2d-transpose.js';
import { conv3dRule } from './conv3d.js';
import { depthwiseRule } from './depthwise.js';
import { einsumRule } from './einsum.js';
import { addRule, multiplyRule, reluRule } from './elementwise.js';
import { gatherRule } from './gather.js';
import { layerNormRule } from './layer-norm.js';
import { matMulRule } from './matmul.js';
import { maxPoolRule } from './max-pool.js';
import type { OpRule } from './op-rule.js';
import { reduceRule } from './reduce.js';
import { softmaxCrossEntropyRule } from './softmax-cross-entropy.js';
import { alsoTiled, tiledRule, tileRule } from './tiled.js';

export type { OpRule, Use } from './op-rule.js';

export const defaultRules: readonly OpRule[] = [
  matMulRule,
  conv2dRule,
  conv2dTransposeRule,
  depthwiseRule,
  conv3dRule,
  alsoTiled(addRule),
  alsoTiled(multiplyRule),
  broadcastRule,
  layerNormRule,
  einsumRule,
  tiledRule,
  tileRule,
  gatherRule,
  reluRule,
  maxPoolRule,
  avgPoolRule,
  reduceRule,
  softmaxCrossEntropyRule,
];

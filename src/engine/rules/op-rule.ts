import type * as tf from '@tensorflow/tfjs-core';
import type { RowLayout } from '../isolation/layout.js';
import type { Taint } from '../isolation/taint.js';
import type { Piece } from '../piece.js';
import type { TapeNode } from '../tape.js';

/** One node of the tape during a backward pass, with the gradients of its outputs. */
export interface Use {
  readonly node: TapeNode;
  readonly outputGradients: readonly (tf.Tensor | null)[];
  readonly batch: number;
  taintOf(tensor: tf.Tensor): Taint;
}

/**
 * How the engine passes one kind of tape node. To add a rule for an op, see CONTRIBUTING.md; every rule is
 * checked against masked back-propagation on the first step, and a missing part falls back to that.
 */
export interface OpRule {
  /** Names of the tape nodes that this rule serves. */
  readonly nodes: readonly string[];
  /** Whether tfjs's own gradient of a node is wrong on this backend, so that nothing is compared with it. */
  wrongInTfjs?(use: Use): boolean;
  /** The gradient of a data input, where the tape's own is missing or computes more than is asked. */
  inputGradient?(use: Use, input: string): tf.Tensor | undefined;
  /** The pieces of a parameter's per-example gradients; undefined asks for the masked fallback. */
  parameterPiece?(use: Use, input: string): Piece | undefined;
  /** The summed gradient of a parameter, where the backend lacks the kernel for the tape's own. */
  parameterGradient?(use: Use, input: string): tf.Tensor | undefined;
}

/** The layout of a tensor that carries examples, or undefined for one that does not. */
export function layoutOf(use: Use, tensor: tf.Tensor | undefined): RowLayout | undefined {
  if (tensor === undefined) return undefined;
  const taint = use.taintOf(tensor);
  return taint.kind === 'rows' ? taint.layout : undefined;
}

/** The gradient and layout of a node's only output. */
export function soleGradient(use: Use): { gradient: tf.Tensor; layout: RowLayout } | undefined {
  const gradient = use.outputGradients[0];
  const layout = layoutOf(use, use.node.outputs[0]);
  return gradient && layout ? { gradient, layout } : undefined;
}

import * as tf from '@tensorflow/tfjs-core';
import { reduceToParameter, shaped } from '../batch-time.js';
import { type OpRule, soleGradient, type Use } from './op-rule.js';
import { tiledPiece } from './tiled.js';

/**
 * Element by element with a parameter: PReLU, a learned temperature, exponent or threshold, distances to centres.
 * The gradient with respect to the parameter as broadcast to every element is tfjs's own, by its formula for operands
 * of one shape; what the broadcasting did not distinguish is then summed within each example.
 */

/** The gradient with respect to an operand as if it had been broadcast to the output's shape first. */
function broadcastGradient(use: Use, input: string): tf.Tensor | undefined {
  const { node } = use;
  const config = tf.getGradient(node.kernelName);
  const dy = use.outputGradients[0];
  const at = config?.inputsToSave?.indexOf(input) ?? -1;
  const saved = node.saved[at];
  if (!config || !dy || saved === undefined) return undefined;
  const wide = node.saved.map((tensor, k) =>
    k === at ? tf.broadcastTo(tensor, dy.shape as [number]) : tensor,
  );
  const attrs = (node.calls[0]?.attrs ?? {}) as unknown as tf.NamedAttrMap;
  const gradient = config.gradFunc(dy, wide, attrs)[input]?.();
  return gradient?.size === dy.size ? gradient : undefined;
}

/** The same, summed to the operand's own shape. */
function operandGradient(use: Use, input: string): tf.Tensor | undefined {
  const shape = use.node.inputs[input]?.shape;
  const dy = use.outputGradients[0];
  if (
    shape === undefined ||
    !dy ||
    shape.every((extent, k) => shape.length === dy.rank && extent === dy.shape[k])
  ) {
    return undefined;
  }
  const gradient = broadcastGradient(use, input);
  const axes = tf.backend_util.getReductionAxes(shape, dy.shape);
  return gradient && shaped(tf.sum(gradient, axes), shape as [number]);
}

export const broadcastRule: OpRule = {
  nodes: ['Prelu', 'RealDiv', 'Pow', 'Maximum', 'Minimum', 'SquaredDifference', 'Mod', 'Atan2'],

  // tfjs does not reduce these gradients to the shape of an operand that was broadcast.
  wrongInTfjs: ({ node }) => {
    if (!['Maximum', 'Minimum', 'SquaredDifference'].includes(node.kernelName)) return false;
    const shape = node.outputs[0]?.shape ?? [];
    return Object.values(node.inputs).some(
      (input) => input.rank !== shape.length || input.shape.some((extent, k) => extent !== shape[k]),
    );
  },
  inputGradient: operandGradient,
  parameterGradient: operandGradient,

  parameterPiece(use, input) {
    const output = soleGradient(use);
    const parameter = use.node.inputs[input];
    const gradient = broadcastGradient(use, input);
    if (output === undefined || parameter === undefined || gradient === undefined) return undefined;
    const own = reduceToParameter(gradient, output.layout, parameter.shape, use.batch);
    return own === undefined ? tiledPiece(use, input, gradient) : { kind: 'direct', gradient: own };
  },
};

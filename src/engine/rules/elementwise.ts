import * as tf from '@tensorflow/tfjs-core';
import { hasShape, reduceToParameter } from '../batch-time.js';
import { reluGradient } from '../native-ops.js';
import { type OpRule, soleGradient } from './op-rule.js';

/** Bias and scale: the gradient of an elementwise parameter is δ (times the other factor), summed within each example. */

export const addRule: OpRule = {
  nodes: ['Add', 'Sub'],

  /** δ itself where nothing was broadcast: tfjs's is a copy of it, which a kernel and its bias would not recognise as one. */
  inputGradient(use, input) {
    const gradient = use.outputGradients[0];
    const operand = use.node.inputs[input];
    if (!gradient || operand?.dtype !== gradient.dtype || !hasShape(gradient, operand.shape))
      return undefined;
    return use.node.kernelName === 'Sub' && input === 'b' ? tf.neg(gradient) : gradient;
  },

  parameterPiece(use, input) {
    const output = soleGradient(use);
    const parameter = use.node.inputs[input];
    if (output === undefined || parameter === undefined) return undefined;
    const gradient = reduceToParameter(output.gradient, output.layout, parameter.shape, use.batch);
    if (gradient === undefined) return undefined;
    const negative = use.node.kernelName === 'Sub' && input === 'b';
    return { kind: 'direct', gradient: negative ? tf.neg(gradient) : gradient };
  },
};

export const multiplyRule: OpRule = {
  nodes: ['Multiply'],
  parameterPiece(use, input) {
    const output = soleGradient(use);
    const parameter = use.node.inputs[input];
    const other = use.node.saved[input === 'a' ? 1 : 0];
    if (output === undefined || parameter === undefined || other === undefined) return undefined;
    const product = tf.mul(output.gradient, other);
    const gradient = reduceToParameter(product, output.layout, parameter.shape, use.batch);
    return gradient === undefined ? undefined : { kind: 'direct', gradient };
  },
};

/** On the native backend tfjs's own gradient of ReLU spends five times as long in its step function. */
export const reluRule: OpRule = {
  nodes: ['Relu'],
  inputGradient(use, input) {
    const [x] = use.node.saved;
    const gradient = use.outputGradients[0];
    return input === 'x' && x && gradient ? reluGradient(gradient, x) : undefined;
  },
};

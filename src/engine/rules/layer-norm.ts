import { reduceToParameter } from '../batch-time.js';
import { type OpRule, soleGradient } from './op-rule.js';
import { tiledPiece } from './tiled.js';

/**
 * Layer normalisation, which tfjs-layers computes by the kernel FusedBatchNorm with mean, variance, scale and offset
 * of every element. So the gradients of scale (δ · x̂) and offset (δ) are one an element, and each example's are its
 * rows. Batch normalisation does not come here: its isolation rule refuses it.
 */
export const layerNormRule: OpRule = {
  nodes: ['FusedBatchNorm'],
  parameterPiece(use, input) {
    if (input !== 'scale' && input !== 'offset') return undefined;
    const output = soleGradient(use);
    const parameter = use.node.inputs[input];
    const gradient = use.node.gradient?.([...use.outputGradients])[input]?.();
    if (output === undefined || parameter === undefined || gradient === undefined) return undefined;
    if (gradient.size !== output.gradient.size) return undefined;
    if (parameter.size === gradient.size && use.batch > 1) return tiledPiece(use, input, gradient);
    const own = reduceToParameter(gradient, output.layout, parameter.shape, use.batch);
    return own === undefined ? tiledPiece(use, input, gradient) : { kind: 'direct', gradient: own };
  },
};

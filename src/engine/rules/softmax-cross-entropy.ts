import * as tf from '@tensorflow/tfjs-core';
import { shaped } from '../batch-time.js';
import type { OpRule } from './op-rule.js';

/**
 * −Σ label · log softmax(logits) over the last axis, tfjs's custom gradient behind `tf.losses.softmaxCrossEntropy`. With
 * respect to the logits it is δ · (softmax − label); tfjs computes that of the labels beside it whenever either is asked.
 */
export const softmaxCrossEntropyRule: OpRule = {
  nodes: ['softmaxCrossEntropy__op', 'softmaxCrossEntropyWithLogits__op'],
  inputGradient(use, input) {
    const [labels, logResult] = use.node.saved;
    const gradient = use.outputGradients[0];
    if (input !== '1' || !labels || !logResult || !gradient) return undefined;
    const column = shaped(gradient, [...logResult.shape.slice(0, -1), 1] as [number]);
    return tf.mul(column, tf.sub(tf.exp(logResult), tf.cast(labels, 'float32')));
  },
};

import * as tf from '@tensorflow/tfjs-core';
import { dpOptimizer } from 'tfjs-privacy';
import type { Problem } from './models.js';

/** The three steps that are compared. All apply SGD to the same weights. */
export const SIDE_NAMES = ['plain', 'private', 'clipOnly'] as const;
export type SideName = (typeof SIDE_NAMES)[number];

/**
 * One step of a side, from the forward pass to a weight read back.
 *
 * Reading the weight that is updated last is the barrier: on every backend it returns only once the step has been
 * computed. The learning rate is tiny, so that thousands of steps leave the numbers in the range where they were.
 */
export function makeSide(name: SideName, problem: Problem, batch: number): () => void {
  const variables = [...problem.variables];
  const last = variables.at(-1) as tf.Variable;
  const sgd = tf.train.sgd(1e-6);
  if (name === 'plain') {
    return () => {
      sgd.minimize(() => tf.mean(problem.losses()) as tf.Scalar, false, variables);
      last.dataSync();
    };
  }
  const optimizer = dpOptimizer(sgd, {
    l2NormClip: 1,
    noiseMultiplier: name === 'private' ? 1 : 0,
    expectedBatchSize: batch,
  });
  return () => {
    optimizer.minimize(problem.losses as unknown as () => tf.Scalar, false, variables);
    last.dataSync();
  };
}

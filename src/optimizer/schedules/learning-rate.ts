import type * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/** What tfjs's optimizers keep their learning rate in. */
interface Rated {
  setLearningRate?: (learningRate: number) => void;
  learningRate?: unknown;
}

/** Throws `DP_INVALID_ARGUMENT` unless the optimizer's learning rate can be set from outside. */
export function requireLearningRate(inner: tf.Optimizer): void {
  const rated = inner as unknown as Rated;
  if (typeof rated.setLearningRate === 'function' || typeof rated.learningRate === 'number') return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected an optimizer with setLearningRate or a field learningRate to schedule, got ${inner.getClassName()} with ` +
      'neither. Leave learningRate out, or give that class a setLearningRate(number).',
  );
}

/** Sets the learning rate of the optimizer that applies the gradients. */
export function setLearningRate(inner: tf.Optimizer, learningRate: number): void {
  const rated = inner as unknown as Rated;
  if (rated.learningRate === learningRate) return;
  if (typeof rated.setLearningRate === 'function') rated.setLearningRate(learningRate);
  else if (typeof rated.learningRate === 'number') rated.learningRate = learningRate;
  else requireLearningRate(inner);
}

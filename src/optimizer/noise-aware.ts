import type * as tf from '@tensorflow/tfjs-core';

/** An inner optimizer that wants to know how noisy the gradients are, as `dpAdamBC` does. */
export interface NoiseAwareOptimizer {
  /** Called before every update with the noise's standard deviation in each coordinate of the gradients: σC/B. */
  setNoiseStandardDeviation(standardDeviation: number): void;
}

export function isNoiseAware(inner: tf.Optimizer): inner is tf.Optimizer & NoiseAwareOptimizer {
  return typeof (inner as Partial<NoiseAwareOptimizer>).setNoiseStandardDeviation === 'function';
}

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { CLASSES } from '../data/mnist.js';
import { FEATURES } from './features.js';

/** The loss of every example here, as `model.compile` takes it. */
export const LOSS = 'categoricalCrossentropy';

/**
 * The classifier that all examples train: 196-128-10, 26,506 parameters. tanh rather than ReLU, because bounded
 * activations keep gradients small and little is lost to clipping (Papernot et al. 2021, arXiv:2007.14191).
 */
export function classifier(): tfl.Sequential {
  return tfl.sequential({
    layers: [
      tfl.layers.dense({ inputShape: [FEATURES], units: 128, activation: 'tanh' }),
      tfl.layers.dense({ units: CLASSES, activation: 'softmax' }),
    ],
  });
}

/** The share of examples in [0, 1] whose most probable class is their label. */
export function accuracyOf(model: tfl.LayersModel, xs: tf.Tensor, labels: ArrayLike<number>): number {
  const guesses = tf.tidy(() =>
    tf.argMax(model.predict(xs, { batchSize: 2000 }) as tf.Tensor, 1).dataSync<'int32'>(),
  );
  return guesses.filter((guess, i) => guess === labels[i]).length / guesses.length;
}

/** Problems made from tfjs-layers models, every weight set to a seeded value so that none is zero. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { Problem } from './one-example-loop.js';
import { normal } from './seeded-data.js';

type Layer = tfl.layers.Layer;

export function sequential(layers: readonly Layer[], seed = 1): tfl.LayersModel {
  return seeded(tfl.sequential({ layers: [...layers] }), seed);
}

/** Overwrites every weight, biases and gains too, with a normal of a standard deviation that keeps signals alive. */
export function seeded<M extends tfl.LayersModel>(model: M, seed = 1): M {
  model.weights.forEach((weight, k) => {
    const shape = weight.shape as number[];
    const fanIn = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const value = normal(shape, 100 * seed + k, shape.length > 1 ? 1 / Math.sqrt(fanIn) : 0.3);
    weight.write(value);
    value.dispose();
  });
  return model;
}

export function weightsOf(model: { trainableWeights: tfl.LayerVariable[] }): tf.Variable[] {
  return model.trainableWeights.map((weight) => weight.read() as tf.Variable);
}

/** Squared error of the model's only output against a fixed random target: one number an example. */
export function regression(model: tfl.LayersModel, inputs: readonly tf.Tensor[], seed = 50): Problem {
  const batch = inputs[0]!.shape[0]!;
  const outputShape = (model.outputs[0]!.shape as number[]).slice(1);
  const first = tf.tidy(() => (model.apply([...inputs]) as tf.Tensor).shape);
  const target = normal([batch, ...first.slice(1, outputShape.length + 1)], seed);
  return {
    data: [...inputs, target],
    variables: weightsOf(model),
    loss: (data) => {
      const output = model.apply(data.slice(0, -1), { training: true }) as tf.Tensor;
      return meanOfExample(tf.squaredDifference(output, data.at(-1)!));
    },
  };
}

/** [B, ...] to [B]: the mean over everything but the first axis. */
export function meanOfExample(tensor: tf.Tensor): tf.Tensor {
  return tensor.rank === 1
    ? tensor
    : tf.mean(
        tensor,
        tensor.shape.map((_, axis) => axis).filter((axis) => axis > 0),
      );
}

/** Layers that no library has, for tests: each breaks or strains one rule of private training. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

type Args = ConstructorParameters<typeof tfl.layers.Layer>[0];
const first = (inputs: tf.Tensor | tf.Tensor[]): tf.Tensor => (Array.isArray(inputs) ? inputs[0]! : inputs);

/** Subtracts the batch's mean. */
export class BatchCentering extends tfl.layers.Layer {
  static readonly className = 'BatchCentering';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => tf.sub(first(inputs), tf.mean(first(inputs), 0, true)));
  }
}

/** Sorts each example's values, by an operation without a gradient. */
export class Largest extends tfl.layers.Layer {
  static readonly className = 'Largest';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => tf.topk(first(inputs), first(inputs).shape.at(-1)!).values);
  }
}

/** Brings its own gradient, which could do anything. */
export class OwnGradient extends tfl.layers.Layer {
  static readonly className = 'OwnGradient';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const twice = tf.customGrad((x) => ({
      value: tf.mul(x as tf.Tensor, 2),
      gradFunc: (dy) => tf.mul(dy, 2),
    }));
    return tf.tidy(() => twice(first(inputs)));
  }
}

/** Divides by 1 + w²: exact, and served by no rule. */
export class Damping extends tfl.layers.Layer {
  static readonly className = 'Damping';
  private factor: tfl.LayerVariable | undefined;
  override build(shape: tfl.Shape | tfl.Shape[]): void {
    const width = (shape as number[]).at(-1)!;
    this.factor = this.addWeight('factor', [width], 'float32', tfl.initializers.ones());
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => tf.div(first(inputs), tf.add(tf.square(this.factor!.read()), 1)));
  }
}

/** Has a trained weight that nothing reads. */
export class DeadWeight extends tfl.layers.Layer {
  static readonly className = 'DeadWeight';
  override build(): void {
    this.addWeight('dead', [3], 'float32', tfl.initializers.ones());
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.clone(first(inputs));
  }
}

/** Counts the examples that it has seen, in a weight. */
export class Counting extends tfl.layers.Layer {
  static readonly className = 'Counting';
  private seen: tfl.LayerVariable | undefined;
  override build(): void {
    this.seen = this.addWeight('seen', [1], 'float32', tfl.initializers.zeros(), undefined, false);
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      this.seen!.write(tf.add(this.seen!.read(), first(inputs).shape[0]!));
      return tf.clone(first(inputs));
    });
  }
}

/** Penalises a number that was read off data. */
export class DataPenalty extends tfl.layers.Layer {
  static readonly className = 'DataPenalty';
  constructor(args: Args = {}, ofData?: tf.Scalar) {
    super(args);
    if (ofData) this.addLoss(() => tf.clone(ofData));
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.clone(first(inputs));
  }
}

for (const layer of [BatchCentering, Largest, OwnGradient, Damping, DeadWeight, Counting, DataPenalty]) {
  tf.serialization.registerClass(layer);
}

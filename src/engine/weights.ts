import * as tf from '@tensorflow/tfjs-core';

/** One weight an example, in the forms that weighted sums ask for. */
export class Weights {
  /** [1, batch]. */
  readonly row: tf.Tensor2D;
  private readonly batch: number;
  private readonly weighted = new Map<object, tf.Tensor2D>();

  constructor(values: Float32Array) {
    this.batch = values.length;
    this.row = tf.tensor2d(values, [1, values.length]);
  }

  /** The rows of a tensor [batch, time, width], each times its example's weight, as [batch · time, width]. */
  times(tensor: tf.Tensor3D): tf.Tensor2D {
    const [, time, width] = tensor.shape;
    const known = this.weighted.get(tensor.dataId);
    if (known !== undefined) return known;
    const column = tf.reshape(this.row, [this.batch, 1]);
    const product =
      time === 1
        ? tf.mul(tf.reshape(tensor, [this.batch, width]), column)
        : tf.reshape(tf.mul(tensor, tf.reshape(column, [this.batch, 1, 1])), [this.batch * time, width]);
    // A bias and its kernel share their δ where an example has one position.
    if (time === 1) this.weighted.set(tensor.dataId, product as tf.Tensor2D);
    return product as tf.Tensor2D;
  }

  /** Σᵢ weightᵢ · rowᵢ of a matrix [batch, width], as [width]. */
  sum(matrix: tf.Tensor2D): tf.Tensor {
    const weighted = this.weighted.get(matrix.dataId);
    return weighted === undefined ? tf.matMul(this.row, matrix) : tf.sum(weighted, 0);
  }
}

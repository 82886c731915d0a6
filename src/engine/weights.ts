import * as tf from '@tensorflow/tfjs-core';
import { elementsOf, shaped } from './batch-time.js';

/** One weight an example, in the forms that weighted sums ask for. */
export class Weights {
  /** [1, batch]. */
  readonly row: tf.Tensor2D;
  private readonly batch: number;
  /** [batch, 1]; made when first asked for. */
  private ownColumn: tf.Tensor2D | undefined;
  private readonly weighted = new Map<object, tf.Tensor2D>();

  constructor(values: Float32Array) {
    this.batch = values.length;
    this.row = tf.tensor2d(values, [1, values.length]);
  }

  private get column(): tf.Tensor2D {
    this.ownColumn ??= shaped(this.row, [this.batch, 1]) as tf.Tensor2D;
    return this.ownColumn;
  }

  /** The rows of a tensor [batch, time, width], each times its example's weight, as [batch · time, width]. */
  times(tensor: tf.Tensor3D): tf.Tensor2D {
    const [, time, width] = tensor.shape;
    if (time > 1) {
      return shaped(tf.mul(tensor, shaped(this.row, [this.batch, 1, 1])), [this.batch * time, width]);
    }
    const known = this.weighted.get(elementsOf(tensor));
    if (known !== undefined) return known;
    const product: tf.Tensor2D = tf.mul(shaped(tensor, [this.batch, width]), this.column);
    // A bias and its kernel share their δ where an example has one position.
    this.weighted.set(elementsOf(tensor), product);
    return product;
  }

  /** Σᵢ weightᵢ · rowᵢ of a matrix [batch, width], as [width]. */
  sum(matrix: tf.Tensor2D): tf.Tensor {
    const weighted = this.weighted.get(elementsOf(matrix));
    return weighted === undefined ? tf.matMul(this.row, matrix) : tf.sum(weighted, 0);
  }
}

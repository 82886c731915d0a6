import type * as tf from '@tensorflow/tfjs-core';
import { type Piece, tensorsOf } from './piece.js';
import { nextTensorId } from './tape.js';

/**
 * The factors of a step's pieces, such as patches, which may be the largest tensors of the step. Where the per-example
 * gradients themselves are kept, their factors are let go, unless another piece holds them too, or the tape does.
 */
export class HeldFactors {
  private readonly counts = new Map<tf.Tensor, number>();
  private readonly first = nextTensorId();

  hold(piece: Piece): void {
    for (const tensor of tensorsOf(piece)) this.counts.set(tensor, (this.counts.get(tensor) ?? 0) + 1);
  }

  release(piece: Piece): void {
    for (const tensor of tensorsOf(piece)) {
      const others = (this.counts.get(tensor) ?? 1) - 1;
      this.counts.set(tensor, others);
      if (others === 0 && tensor.id > this.first) tensor.dispose();
    }
  }
}

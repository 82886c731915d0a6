import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/** A gradient by the name of its variable. */
export interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

declare const noised: unique symbol;

/** Gradients that were clipped, summed, noised and booked. The only kind that reaches an update. */
export interface NoisedGradients {
  readonly [noised]: true;
  inOrder(): NamedTensor[];
  byName(): tf.NamedTensorMap;
  dispose(): void;
}

/**
 * Remembers which tensors were issued as noisy gradients, so that an update can be refused at run time for any
 * other: types vanish in JavaScript. Each set may be redeemed once (rule 17).
 */
export class NoisedGradientSet {
  private readonly issuedTensors = new WeakMap<tf.Tensor, readonly NamedTensor[]>();

  issue(gradients: readonly NamedTensor[]): NoisedGradients {
    for (const { tensor } of gradients) this.issuedTensors.set(tensor, gradients);
    return {
      inOrder: () => [...gradients],
      byName: () => Object.fromEntries(gradients.map(({ name, tensor }) => [name, tensor])),
      dispose: () => tf.dispose(gradients.map(({ tensor }) => tensor)),
    } as unknown as NoisedGradients;
  }

  /** The gradients as named tensors; throws unless they are one whole issued set, unchanged, for the first time. */
  redeem(gradients: tf.NamedTensorMap | readonly NamedTensor[]): NamedTensor[] {
    const named: readonly NamedTensor[] = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    const first = named[0]?.tensor;
    const set = first === undefined ? undefined : this.issuedTensors.get(first);
    const names = new Map(set?.map(({ name, tensor }) => [name, tensor]));
    if (
      set === undefined ||
      set.length !== named.length ||
      named.some((g) => names.get(g.name) !== g.tensor)
    ) {
      throw new DpError(
        'DP_UNNOISED_GRADIENT',
        'Expected the gradients that computeGradients of this optimizer returned, unchanged and not yet applied; ' +
          'got others. Only clipped and noised gradients may move the weights: use minimize, or pass on what ' +
          'computeGradients gave.',
      );
    }
    for (const { tensor } of set) this.issuedTensors.delete(tensor);
    return [...named];
  }
}

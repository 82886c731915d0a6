import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { ClippedSum } from '../engine/index.js';
import type { GaussianSource } from '../noise/index.js';
import type { NamedTensor } from './noised-gradients.js';

/**
 * Clipped sums of the physical batches of one logical batch. Physical batches are memory management: they
 * change neither the sum's sensitivity nor the noise, which is added once, at `release` (rules 3 and 4).
 */
export class GradientAccumulator {
  private sums = new Map<number, tf.Tensor>();
  private penalties = new Map<number, tf.Tensor>();
  private count = 0;
  private list: string | undefined;

  /** Examples added since the last release. */
  get examples(): number {
    return this.count;
  }

  /** Sets the gradient of terms that read no data, whether or not there were examples. */
  setPenalties(gradients: ReadonlyMap<number, tf.Tensor>): void {
    for (const [id, gradient] of gradients) {
      this.penalties.get(id)?.dispose();
      this.penalties.set(id, tf.keep(gradient));
    }
  }

  get hasPenalties(): boolean {
    return this.penalties.size > 0;
  }

  /** Takes over the tensors of `batch`, except its value. */
  add(variables: readonly tf.Variable[], batch: ClippedSum): void {
    const list = listOf(variables);
    if (this.list !== undefined && this.list !== list) {
      tf.dispose([...batch.sums, ...batch.penalties.filter((penalty) => penalty !== null), batch.value]);
      throw oneList();
    }
    this.list = list;
    this.count += batch.examples;
    variables.forEach((variable, i) => {
      const sum = batch.sums[i] as tf.Tensor;
      const before = this.sums.get(variable.id);
      if (before === undefined) this.sums.set(variable.id, sum);
      else {
        this.sums.set(variable.id, tf.keep(tf.add(before, sum)));
        tf.dispose([before, sum]);
      }
      // A regulariser reads no data: the weights have not moved, so the latest value is the value.
      const penalty = batch.penalties[i];
      if (penalty === null || penalty === undefined) return;
      this.penalties.get(variable.id)?.dispose();
      this.penalties.set(variable.id, penalty);
    });
  }

  /** Sum + N(0, sd²) + penalty for each variable, and an empty accumulator. */
  release(
    variables: readonly tf.Variable[],
    options: { readonly noise: GaussianSource; readonly standardDeviation: number },
  ): NamedTensor[] {
    if (this.list !== undefined && this.list !== listOf(variables)) throw oneList();
    const { noise, standardDeviation } = options;
    const gradients = variables.map((variable) => {
      const tensor = tf.tidy(() => {
        let total = this.sums.get(variable.id);
        if (standardDeviation > 0) {
          // tf.tensor may keep the array that it is given, so each variable's noise has its own.
          const sample = new Float32Array(variable.size);
          noise.fill(sample, standardDeviation);
          const noiseTensor = tf.tensor(sample, variable.shape);
          total = total === undefined ? noiseTensor : tf.add(total, noiseTensor);
        }
        // Without noise this is the accumulated tensor itself, which is disposed below.
        const mean =
          total === undefined ? tf.zeros(variable.shape) : standardDeviation > 0 ? total : tf.clone(total);
        const penalty = this.penalties.get(variable.id);
        return tf.keep(penalty === undefined ? mean : tf.add(mean, penalty));
      });
      return { name: variable.name, tensor };
    });
    this.dispose();
    return gradients;
  }

  dispose(): void {
    tf.dispose([...this.sums.values(), ...this.penalties.values()]);
    this.sums = new Map();
    this.penalties = new Map();
    this.count = 0;
    this.list = undefined;
  }
}

const listOf = (variables: readonly tf.Variable[]): string => {
  const ids = variables.map((variable) => variable.id);
  return ids.sort((a, b) => a - b).join();
};

/** Clipped over one list and stepped over another, an example would contribute more than C in all. */
const oneList = (): DpError =>
  new DpError(
    'DP_INVALID_ARGUMENT',
    'Expected one list of variables for all physical batches of a step and for the step, got different ones.',
  );

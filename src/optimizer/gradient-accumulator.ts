import * as tf from '@tensorflow/tfjs-core';
import { type ClippedSum, isOutOfMemory } from '../engine/index.js';
import type { DiscreteGaussianMechanism, GaussianSource } from '../noise/index.js';
import type { NamedTensor } from './noised-gradients.js';
import { requireOneList } from './trained-variables.js';

/**
 * Clipped sums of the physical batches of one logical batch. Physical batches are memory management: they
 * change neither the sum's sensitivity nor the noise, which is added once, at `release` (rules 3 and 4).
 */
export class GradientAccumulator {
  /** Mostly one tensor a variable; more where there was no memory to add them. */
  private sums = new Map<number, tf.Tensor[]>();
  private penalties = new Map<number, tf.Tensor>();
  private count = 0;
  private list: readonly tf.Variable[] | undefined;
  private scratch = new Float32Array(0);

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
    try {
      this.requireList(variables);
    } catch (error) {
      tf.dispose([...batch.sums, ...batch.penalties.filter((penalty) => penalty !== null), batch.value]);
      throw error;
    }
    this.list = variables;
    this.count += batch.examples;
    variables.forEach((variable, i) => {
      const terms = this.sums.get(variable.id) ?? [];
      terms.push(batch.sums[i] as tf.Tensor);
      this.sums.set(variable.id, terms);
      // A regulariser reads no data: the weights have not moved, so the latest value is the value.
      const penalty = batch.penalties[i];
      if (penalty === null || penalty === undefined) return;
      this.penalties.get(variable.id)?.dispose();
      this.penalties.set(variable.id, penalty);
    });
    this.addUp();
  }

  /**
   * Adds the terms of each variable, one variable at a time. Every term is held already: an addition that fails for
   * lack of memory leaves none out and takes none twice, and its terms are added later.
   */
  private addUp(): void {
    for (const terms of this.sums.values()) {
      while (terms.length > 1) {
        const [first, second] = terms as [tf.Tensor, tf.Tensor];
        let sum: tf.Tensor;
        try {
          sum = tf.keep(tf.add(first, second));
        } catch (error) {
          if (isOutOfMemory(error)) return;
          throw error;
        }
        terms.splice(0, 2, sum);
        tf.dispose([first, second]);
      }
    }
  }

  /** Sum + noise of standard deviation sd + penalty for each variable, and an empty accumulator. */
  release(
    variables: readonly tf.Variable[],
    options: {
      readonly noise: GaussianSource | DiscreteGaussianMechanism;
      readonly standardDeviation: number;
    },
  ): NamedTensor[] {
    this.requireList(variables);
    const { noise, standardDeviation } = options;
    const gradients: NamedTensor[] = [];
    try {
      for (const variable of variables) {
        const tensor = tf.tidy(() => {
          const terms = this.sums.get(variable.id) ?? [];
          let total = terms.length > 1 ? terms.reduce((sum, term) => tf.add(sum, term)) : terms[0];
          if (standardDeviation > 0) {
            // tf.tensor may keep the array that it is given: one that is added at once may be used again after that.
            const added = 'fill' in noise && total !== undefined;
            const sample = added ? this.scratchOf(variable.size) : new Float32Array(variable.size);
            if ('fill' in noise) {
              noise.fill(sample, standardDeviation);
              const noiseTensor = tf.tensor(sample, variable.shape);
              total = total === undefined ? noiseTensor : tf.add(total, noiseTensor);
            } else {
              // The sum is rounded to the grid before noise is added to it, and that is not the device's arithmetic.
              noise.release(total?.dataSync() as Float32Array | undefined, sample, standardDeviation);
              total = tf.tensor(sample, variable.shape);
            }
          }
          // Without noise this may be the accumulated tensor itself, which is disposed below.
          const mean =
            total === undefined ? tf.zeros(variable.shape) : terms.includes(total) ? tf.clone(total) : total;
          const penalty = this.penalties.get(variable.id);
          return tf.keep(penalty === undefined ? mean : tf.add(mean, penalty));
        });
        gradients.push({ name: variable.name, tensor });
        // Variable by variable: the un-noised sums and the noisy ones are never all held at once.
        tf.dispose(this.sums.get(variable.id) ?? []);
        this.sums.delete(variable.id);
      }
    } catch (error) {
      tf.dispose(gradients.map(({ tensor }) => tensor));
      throw error;
    } finally {
      this.dispose();
    }
    return gradients;
  }

  /** Memory for noise that is added at once: fresh pages for millions of samples cost as much as drawing half of them. */
  private scratchOf(size: number): Float32Array {
    if (this.scratch.length < size) this.scratch = new Float32Array(size);
    return this.scratch.subarray(0, size);
  }

  /** Clipped over one list and stepped over another, an example would contribute more than C in all. */
  private requireList(variables: readonly tf.Variable[]): void {
    if (this.list !== undefined) requireOneList(this.list, variables);
  }

  dispose(): void {
    tf.dispose([...[...this.sums.values()].flat(), ...this.penalties.values()]);
    this.sums = new Map();
    this.penalties = new Map();
    this.count = 0;
    this.list = undefined;
  }
}

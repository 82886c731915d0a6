import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { NamedTensor } from './noised-gradients.js';

/** Variables, or a tfjs-layers model, whose weights they are. */
export type AveragedTarget =
  | readonly tf.Variable[]
  | { readonly weights: readonly { readonly name: string; read(): tf.Tensor }[] };

/**
 * An exponential moving average of weights: w̄ ← d·w̄ + (1 − d)·w after every step, d = min(decay, (1 + t)/(10 + t)) at
 * the t-th update, t = 0, 1, …, from w̄ = the weights as they were when the average was made.
 *
 * Privacy: it is computed from weights that are already private, and so costs nothing (post-processing). De et al.
 * (2022, 2204.13650) report it as one of what makes private image classifiers good.
 *
 * The order of the weights is that of the variables, or of `model.getWeights()`.
 *
 * @example
 * const average = weightAverage(model, { decay: 0.999 });
 * optimizer.minimize(loss, false, variables);
 * average.update();
 * average.apply(); // evaluate or save the model with averaged weights
 * average.restore(); // and train on
 */
export class WeightAverage {
  readonly decay: number;
  private readonly variables: readonly tf.Variable[];
  private readonly averages: readonly tf.Variable[];
  private count = 0;
  private raw: readonly tf.Tensor[] | undefined;

  constructor(target: AveragedTarget, options: { readonly decay: number }) {
    const decay = options?.decay;
    if (typeof decay !== 'number' || !(decay >= 0 && decay < 1)) {
      throw new DpError('DP_INVALID_ARGUMENT', `Expected decay in [0, 1), got ${String(decay)}.`);
    }
    this.variables = variablesOf(target);
    this.decay = decay;
    // Not trainable: a loop that trains all variables leaves them out.
    this.averages = tf.tidy(() => this.variables.map((variable) => tf.variable(variable, false)));
  }

  /** Updates so far, those before a restore included. */
  get updates(): number {
    return this.count;
  }

  /** Takes the weights in, after a step. */
  update(): void {
    this.requireRaw('update');
    const decay = Math.min(this.decay, (1 + this.count) / (10 + this.count));
    tf.tidy(() => {
      this.averages.forEach((average, i) => {
        const weights = this.variable(i);
        average.assign(tf.add(average, tf.mul(tf.sub(weights, average), 1 - decay)));
      });
    });
    this.count++;
  }

  /** Copies of the averaged weights; the caller disposes them. */
  averagedWeights(): tf.Tensor[] {
    return this.averages.map((average) => tf.tidy(() => tf.keep(tf.clone(average))));
  }

  /** Puts the averages in the weights' place, and keeps those for {@link restore}. */
  apply(): void {
    this.requireRaw('apply');
    this.raw = this.averages.map((average, i) => {
      const weights = this.variable(i);
      const before = tf.tidy(() => tf.keep(tf.clone(weights)));
      assignCopy(weights, average);
      return before;
    });
  }

  /** Puts the weights back as they were before {@link apply}. */
  restore(): void {
    const { raw } = this;
    if (raw === undefined) {
      throw new DpError('DP_INVALID_ARGUMENT', 'Expected apply() before restore(), got restore() alone.');
    }
    raw.forEach((weights, i) => {
      this.variable(i).assign(weights);
      weights.dispose();
    });
    this.raw = undefined;
  }

  /** What a checkpoint keeps; the tensors stay this object's. */
  state(): { readonly updates: number; readonly averages: readonly NamedTensor[] } {
    const averages = this.averages.map((tensor, i) => ({ name: this.variable(i).name, tensor }));
    return { updates: this.count, averages };
  }

  /** Goes on from a state; throws `DP_CORRUPT` unless its shapes are those of the weights. */
  setState(state: { readonly updates: number; readonly averages: readonly tf.Tensor[] }): void {
    const fits =
      state.averages.length === this.averages.length &&
      state.averages.every((tensor, i) => tf.util.arraysEqual(tensor.shape, this.variable(i).shape)) &&
      Number.isSafeInteger(state.updates) &&
      state.updates >= 0;
    if (!fits) {
      throw new DpError(
        'DP_CORRUPT',
        `Expected the average of ${this.averages.length} weights of this model's shapes, got that of others.`,
      );
    }
    this.averages.forEach((average, i) => {
      assignCopy(average, state.averages[i] as tf.Tensor);
    });
    this.count = state.updates;
  }

  dispose(): void {
    tf.dispose([...this.averages, ...(this.raw ?? [])]);
    this.raw = undefined;
  }

  private variable(i: number): tf.Variable {
    const variable = this.variables[i] as tf.Variable;
    if (!variable.isDisposed) return variable;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected weights that are still there, got '${variable.name}', which was disposed.`,
    );
  }

  private requireRaw(what: string): void {
    if (this.raw === undefined) return;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected ${what}() on the weights themselves, got the averages in their place: call restore() first.`,
    );
  }
}

/** Averages weights over the steps of training; see {@link WeightAverage}. */
export function weightAverage(target: AveragedTarget, options: { readonly decay: number }): WeightAverage {
  return new WeightAverage(target, options);
}

/** Assigning takes the values over: a copy keeps the two apart. */
function assignCopy(variable: tf.Variable, value: tf.Tensor): void {
  tf.tidy(() => {
    variable.assign(tf.clone(value));
  });
}

function variablesOf(target: AveragedTarget): readonly tf.Variable[] {
  const list = 'weights' in target ? target.weights.map((weight) => weight.read()) : target;
  if (!Array.isArray(list) || list.length === 0 || !list.every((entry) => entry instanceof tf.Variable)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected a model, or a list of at least one tf.Variable, to average.',
    );
  }
  return list as tf.Variable[];
}

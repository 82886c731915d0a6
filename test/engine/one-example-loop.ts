/**
 * The oracle of the engine's tests, which shares nothing with the engine: the loss of one example at a time, each
 * with its own tape (`tf.variableGrads`), on the cpu backend, which has every gradient kernel; norms, clip factors
 * and sums in float64. Every comparison in this folder goes through `expectEqualsLoop`.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // Registers the gradients, which tfjs-core alone does not.
import { expect } from 'vitest';
import { type ClippedSum, type OpRule, PerExampleEngine } from '../../src/engine/index.js';

/** A loss over data tensors whose axis 0 counts the examples; a scalar, or one number an example. */
export interface Problem {
  readonly data: readonly tf.Tensor[];
  readonly variables: readonly tf.Variable[];
  readonly loss: (data: readonly tf.Tensor[]) => tf.Tensor;
}

/** gradients[i][v]: what example i contributes to variable v before clipping. */
export type ExampleGradients = readonly (readonly Float64Array[])[];

/** The gradient of `loss` over each one-example slice of the data, on the cpu backend. */
export function oneExampleGradients(problem: Problem): ExampleGradients {
  const examples = problem.data[0]!.shape[0]!;
  const losses = Array.from({ length: examples }, (_, i) => () => {
    const rows = problem.data.map((tensor) => tf.slice(tensor, [i], [1]));
    return problem.loss(rows);
  });
  return losses.map((lossOfOne) => gradientOnCpu(lossOfOne, problem.variables));
}

/** The gradient of the sum of what `loss` returns, variable by variable; zeros where a variable plays no part. */
export function gradientOnCpu(loss: () => tf.Tensor, variables: readonly tf.Variable[]): Float64Array[] {
  const tested = tf.getBackend();
  tf.setBackend('cpu');
  try {
    let gradients: Float64Array[] = [];
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => tf.sum(loss()) as tf.Scalar, [...variables]);
      gradients = variables.map((variable) => {
        const gradient = grads[variable.name];
        return gradient ? Float64Array.from(gradient.dataSync()) : new Float64Array(variable.size);
      });
    });
    return gradients;
  } finally {
    tf.setBackend(tested);
  }
}

export function normOf(parts: readonly ArrayLike<number>[]): number {
  let scale = 0;
  for (const part of parts) for (let k = 0; k < part.length; k++) scale = Math.max(scale, Math.abs(part[k]!));
  if (scale === 0 || !Number.isFinite(scale)) return scale;
  let sum = 0;
  for (const part of parts) {
    for (let k = 0; k < part.length; k++) sum += (part[k]! / scale) ** 2;
  }
  return scale * Math.sqrt(sum);
}

export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return normOf([Float64Array.from(a, (value, k) => value - b[k]!)]);
}

/** Σᵢ min(1, C/‖gᵢ‖)·gᵢ, and for each variable the scale √Σᵢ‖cᵢ gᵢ‖² that float32 errors are measured by. */
export function clipAndSum(gradients: ExampleGradients, l2NormClip: number) {
  const norms = gradients.map(normOf);
  const sums = (gradients[0] ?? []).map((part) => new Float64Array(part.length));
  const scales = sums.map(() => 0);
  gradients.forEach((parts, i) => {
    const factor = Math.min(1, l2NormClip / norms[i]!);
    parts.forEach((part, v) => {
      scales[v] = Math.hypot(scales[v]!, factor * normOf([part]));
      for (let k = 0; k < part.length; k++) sums[v]![k]! += factor * part[k]!;
    });
  });
  return { norms, sums, scales };
}

export interface Comparison {
  readonly rules?: readonly OpRule[];
  readonly engine?: PerExampleEngine;
  /** Relative error allowed; 1e-5 is what the engine promises. */
  readonly tolerance?: number;
  readonly gradients?: ExampleGradients;
}

/**
 * Holds the engine to the oracle: norms and clipped sums within 1e-5, without clipping, with a clip that some
 * examples exceed and others do not, and with one that all of them exceed.
 */
export function expectEqualsLoop(problem: Problem, options: Comparison = {}): ExampleGradients {
  const tolerance = options.tolerance ?? 1e-5;
  const gradients = options.gradients ?? oneExampleGradients(problem);
  const sorted = gradients.map(normOf).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  expect(median, 'the problem has a gradient').toBeGreaterThan(0);
  const engine = options.engine ?? new PerExampleEngine(options.rules ? { rules: options.rules } : {});
  for (const l2NormClip of [Number.POSITIVE_INFINITY, median, sorted[0]! / 4 || median / 4]) {
    const expected = clipAndSum(gradients, l2NormClip);
    const result = engine.clippedSum(() => problem.loss(problem.data), problem.variables, { l2NormClip });
    expect(result.examples).toBe(gradients.length);
    expect(result.privateValues.norms).toHaveLength(gradients.length);
    const all = normOf([expected.norms]);
    expected.norms.forEach((norm, i) => {
      const off = Math.abs(result.privateValues.norms[i]! - norm);
      expect(off, `norm of example ${i}: ${result.privateValues.norms[i]} for ${norm}`).toBeLessThanOrEqual(
        tolerance * norm + 1e-9 * all,
      );
    });
    const contributions = normOf([expected.scales]);
    problem.variables.forEach((variable, v) => {
      expect(result.sums[v]!.shape).toEqual(variable.shape);
      const sum = result.sums[v]!.dataSync();
      const off = distance(sum, expected.sums[v]!);
      expect(off, `sum of ${variable.name} at clip ${l2NormClip}`).toBeLessThanOrEqual(
        tolerance * expected.scales[v]! + 0.05 * tolerance * contributions,
      );
    });
    expect(result.privateValues.nonFiniteExamples).toBe(0);
    disposeResult(result);
  }
  return gradients;
}

/**
 * For what TensorFlow.js itself differentiates wrongly or not at all: exact all the same, or refused, either with
 * the op's name or because the engine's rule and TensorFlow.js's gradient disagree.
 */
export function expectEqualsLoopOrRefused(problem: Problem, op: RegExp, options: Comparison = {}): void {
  try {
    expectEqualsLoop(problem, options);
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    if (code !== 'DP_UNSUPPORTED_OP' && code !== 'DP_SELF_CHECK') throw error;
    if (code === 'DP_UNSUPPORTED_OP') expect(message).toMatch(op);
  }
}

export function disposeResult(result: ClippedSum): void {
  tf.dispose([...result.sums, result.value]);
  tf.dispose(result.penalties.filter((penalty) => penalty !== null));
}

/** The clipped sums as plain numbers, variable after variable. */
export function concatenated(result: ClippedSum): Float64Array {
  const parts = result.sums.map((sum) => Array.from(sum.dataSync()));
  return Float64Array.from(parts.flat());
}

import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { BackwardPass, Seeds } from './backward.js';
import { describe, type Isolation } from './isolation/isolation.js';
import { sizeOf } from './isolation/layout.js';
import type { ParameterGradient } from './parameter-gradient.js';
import { type KernelCall, replayCall, type Tape } from './tape.js';
import { Weights } from './weights.js';

/**
 * The engine's two checks of itself, on the first step of every run and whenever the computation changes.
 *
 * `checkAgainstMaskedBackprop`: norms and sums formed by the rules against ordinary back-propagation of one
 * example's loss on the same tape (the same dropout masks and all). `checkPerturbation`: the forward pass
 * replayed with one example replaced; no other example's value may move at any operation, which confirms by
 * experiment what `proveIsolation` concludes from the operations' names.
 */

const CHECKED_EXAMPLES = 4;
/** Relative differences of float32 sums stay well below this; a rule that is wrong does not. */
const TOLERANCE = 2e-3;

export function checkAgainstMaskedBackprop(
  pass: BackwardPass,
  seeds: Seeds,
  gradients: readonly ParameterGradient[],
  ruleNorms: readonly Float64Array[],
  norms: Float64Array,
): void {
  const batch = norms.length;
  const finite = [...norms.keys()].filter((i) => Number.isFinite(norms[i]));
  const count = Math.min(CHECKED_EXAMPLES, finite.length);
  const chosen = Array.from(
    { length: count },
    (_, k) => finite[Math.floor((k * finite.length) / count)] as number,
  );
  if (chosen.length === 0) return;
  tf.tidy(() => {
    const scale = new Float32Array(batch);
    for (const i of chosen) scale[i] = 1 / Math.max(Math.sqrt(norms[i] as number), 1e-12);
    const weights = new Weights(scale);
    const ruleSums = gradients.map((gradient) => gradient.weightedSum(weights));
    const reference = gradients.map((gradient) => new Float64Array(sizeOf(gradient.variable.shape)));
    for (const i of chosen) {
      const one = new Float32Array(batch);
      one[i] = 1;
      tf.tidy(() => {
        const sums = pass.parameterSums(seeds, tf.tensor1d(one), true);
        gradients.forEach((gradient, k) => {
          const values = sums.get(gradient.variable.id)?.dataSync() ?? new Float32Array(0);
          const total = reference[k] as Float64Array;
          let square = 0;
          values.forEach((value, element) => {
            square += value * value;
            total[element] = (total[element] as number) + value * (scale[i] as number);
          });
          const got = ruleNorms[k]?.[i] as number;
          // The floor of the factored norm shows where a gradient is exactly zero.
          const slack = TOLERANCE * Math.max(square, got) + 1e-6 * (norms[i] as number) + 1e-30;
          if (!(Math.abs(got - square) <= slack)) {
            throw disagreement(gradient, `squared norm of example ${i}`, square, got);
          }
        });
      });
    }
    gradients.forEach((gradient, k) => {
      const got = (ruleSums[k] as tf.Tensor).dataSync();
      const expected = reference[k] as Float64Array;
      let largest = 0;
      for (const value of expected) largest = Math.max(largest, Math.abs(value));
      expected.forEach((value, element) => {
        const difference = Math.abs((got[element] as number) - value);
        if (!(difference <= TOLERANCE * largest + 1e-6)) {
          throw disagreement(gradient, `sum at element ${element}`, value, got[element] as number);
        }
      });
    });
  });
}

function disagreement(gradient: ParameterGradient, what: string, expected: number, got: number): DpError {
  return new DpError(
    'DP_SELF_CHECK',
    `Expected the ${what} of parameter '${gradient.variable.name}' to be ${expected} (masked ` +
      `back-propagation), got ${got} from the rule of its operation. The rule is wrong for this model: ` +
      'no step was taken. Please report the layer and its configuration.',
  );
}

export function checkPerturbation(tape: Tape, isolation: Isolation): void {
  const { batch } = isolation;
  if (batch < 2) return;
  tf.tidy(() => {
    const plain = new Map<number, tf.Tensor>();
    const changed = new Map<number, tf.Tensor>();
    for (const [id, leaf] of tape.leaves) {
      const value = leaf.value;
      if (value === undefined) return;
      plain.set(id, value);
      const isData = isolation.taintOf(leaf.tensor).kind === 'rows';
      changed.set(id, isData ? replaceFirstExample(value, batch) : value);
    }
    const last = lastReaders(isolation.calls);
    const made = new Set<number>();
    isolation.calls.forEach((call, at) => {
      const run = (values: ReadonlyMap<number, tf.Tensor>) =>
        replayCall(
          call,
          Object.fromEntries(
            Object.entries(call.inputs).map(([name, input]) => [name, values.get(input.id) as tf.Tensor]),
          ),
        );
      const before = run(plain);
      const after = run(changed);
      call.outputs.forEach((output, k) => {
        const a = before[k] as tf.Tensor;
        const b = after[k] as tf.Tensor;
        plain.set(output.id, a);
        changed.set(output.id, b);
        made.add(output.id);
        if (othersMoved(a, b, isolation, output)) {
          throw new DpError(
            'DP_CROSS_EXAMPLE',
            `Expected each example's loss to depend on that example alone, but replacing one example changed ` +
              `another's values at ${describe(call)}. Remove or replace that operation.`,
          );
        }
      });
      // The step's own tensors are still there: two more of each would be the largest moment of the whole run.
      for (const { id } of [...Object.values(call.inputs), ...call.outputs]) {
        if (!made.has(id) || (last.get(id) ?? -1) > at) continue;
        tf.dispose([plain.get(id) as tf.Tensor, changed.get(id) as tf.Tensor]);
        made.delete(id);
      }
    });
  });
}

/** For each tensor, the place of the last call that reads it. */
function lastReaders(calls: readonly KernelCall[]): Map<number, number> {
  const last = new Map<number, number>();
  calls.forEach((call, at) => {
    for (const input of Object.values(call.inputs)) last.set(input.id, at);
  });
  return last;
}

/** Example 0 takes the values of another that differs; where none does, it is moved instead. */
function replaceFirstExample(value: tf.Tensor, batch: number): tf.Tensor {
  return tf.tidy(() => {
    const flat = tf.reshape(value, [batch, -1]);
    const first = tf.slice(flat, [0, 0], [1, -1]);
    const rest = tf.slice(flat, [1, 0], [batch - 1, -1]);
    const numeric = tf.cast(flat, 'float32');
    const differs = tf.any(tf.notEqual(numeric, tf.slice(numeric, [0, 0], [1, -1])), 1).dataSync();
    const other = differs.indexOf(1);
    const replacement =
      other > 0
        ? tf.slice(flat, [other, 0], [1, -1])
        : value.dtype === 'float32'
          ? tf.add(first, 0.5)
          : first;
    return tf.reshape(tf.concat([replacement, rest], 0), value.shape);
  });
}

function othersMoved(before: tf.Tensor, after: tf.Tensor, isolation: Isolation, output: tf.Tensor): boolean {
  const taint = isolation.taintOf(output);
  if (taint.kind === 'total') return false;
  if (before.dtype === 'complex64') {
    return [tf.real, tf.imag].some((part) => othersMoved(part(before), part(after), isolation, output));
  }
  const others = (tensor: tf.Tensor): tf.Tensor =>
    taint.kind === 'rows'
      ? tf.slice(tf.reshape(tensor, [-1, isolation.batch, taint.layout.inner]), [0, 1, 0], [-1, -1, -1])
      : tensor;
  // As a rule no bit moves, and a comparison takes a quarter of the memory of a difference.
  const same = tf.tidy(() => tf.any(others(tf.notEqual(before, after))).dataSync()[0] === 0);
  if (same) return false;
  return tf.tidy(() => {
    const a = tf.cast(others(before), 'float32');
    const b = tf.cast(others(after), 'float32');
    const moved = tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number;
    const size = tf.max(tf.abs(a)).dataSync()[0] as number;
    return moved > 1e-5 * Math.max(size, 1e-30);
  });
}

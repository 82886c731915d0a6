import type * as tf from '@tensorflow/tfjs-core';
import type { KernelCall, Tape } from '../tape.js';
import { type Isolation, proveIsolation, refuseHiddenEffects, scalesOf } from './isolation.js';
import { equalAlong } from './places.js';
import { PUBLIC, type Taint } from './taint.js';

/**
 * Proofs that serve again while the computation stays the same.
 *
 * A training loop runs the same operations on other numbers at every step, and for a recurrent model there are
 * thousands. A proof depends on names, attributes, wiring and shapes, on where each tensor came from, and on along
 * which axes a constant differs. All of that is compared, call by call, and read anew where it is a matter of
 * values; anything that differs is proved from the beginning.
 */
export class RememberedProof {
  private readonly known: Remembered[] = [];

  prove(tape: Tape): Isolation {
    refuseHiddenEffects(tape);
    for (const remembered of this.known) {
      const ordinals = match(tape, remembered);
      if (ordinals !== undefined) return again(tape, remembered, ordinals);
    }
    const isolation = proveIsolation(tape);
    this.known.unshift(remember(tape, isolation));
    this.known.length = Math.min(this.known.length, MOST_REMEMBERED);
    return isolation;
  }
}

/** A logical batch is split into physical ones of two sizes at most; a curriculum may have a few more. */
const MOST_REMEMBERED = 4;

interface Remembered {
  readonly batch: number;
  readonly returns: Isolation['returns'];
  readonly calls: readonly Structure[];
  /** Taints by ordinal: tensors are numbered as calls first meet them. */
  readonly taints: readonly Taint[];
  /** Places in `calls` of those that lead to the loss, and of those that scale the sum over examples. */
  readonly leading: readonly number[];
  readonly scaling: readonly number[];
  readonly value: number | undefined;
}

/** What a proof reads of one call. */
interface Structure {
  readonly kernelName: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
  readonly inputs: readonly number[];
  readonly leaves: readonly (LeafStructure | undefined)[];
  readonly outputs: readonly (readonly number[])[];
}

interface LeafStructure {
  readonly origin: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly equalAlong: readonly boolean[];
}

function leafStructure(tape: Tape, tensor: tf.Tensor): LeafStructure {
  const leaf = tape.leaves.get(tensor.id);
  return {
    origin: leaf?.origin ?? 'none',
    shape: tensor.shape,
    dtype: tensor.dtype,
    equalAlong: leaf === undefined ? [] : equalAlong(leaf),
  };
}

function remember(tape: Tape, isolation: Isolation): Remembered {
  const ordinals = new Map<number, number>();
  const taints: Taint[] = [];
  const number = (tensor: tf.Tensor): number => {
    ordinals.set(tensor.id, taints.length);
    return taints.push(isolation.taintOf(tensor)) - 1;
  };
  const calls = tape.calls.map((call): Structure => {
    const names = Object.keys(call.inputs);
    const leaves: (LeafStructure | undefined)[] = [];
    const inputs = names.map((name, k) => {
      const tensor = call.inputs[name] as tf.Tensor;
      const known = ordinals.get(tensor.id);
      if (known !== undefined) return known;
      leaves[k] = leafStructure(tape, tensor);
      return number(tensor);
    });
    call.outputs.forEach(number);
    const outputs = call.outputs.map((output) => output.shape);
    return { kernelName: call.kernelName, attrs: copyOf(call.attrs), names, inputs, leaves, outputs };
  });
  const at = new Map(tape.calls.map((call, k) => [call, k]));
  const isTotal = (tensor: tf.Tensor): boolean => isolation.taintOf(tensor).kind === 'total';
  const scaling = isolation.calls.filter((call) => Object.values(call.inputs).some(isTotal));
  const places = (list: readonly KernelCall[]): number[] => list.map((call) => at.get(call) as number);
  return {
    batch: isolation.batch,
    returns: isolation.returns,
    calls,
    taints,
    leading: places(isolation.calls),
    scaling: places(scaling),
    value: ordinals.get(tape.value.id),
  };
}

/** The ordinals of a tape's tensors, or undefined where it is not the remembered computation. */
function match(tape: Tape, remembered: Remembered): Map<number, number> | undefined {
  const { calls } = remembered;
  if (calls.length !== tape.calls.length) return undefined;
  const ordinals = new Map<number, number>();
  let next = 0;
  for (let k = 0; k < calls.length; k++) {
    const before = calls[k] as Structure;
    const now = tape.calls[k] as KernelCall;
    if (before.kernelName !== now.kernelName || before.outputs.length !== now.outputs.length)
      return undefined;
    let input = 0;
    for (const name in now.inputs) {
      if (before.names[input] !== name) return undefined;
      const tensor = now.inputs[name] as tf.Tensor;
      let ordinal = ordinals.get(tensor.id);
      if (ordinal === undefined) {
        const leaf = before.leaves[input];
        if (leaf === undefined || !isEqual(leaf, leafStructure(tape, tensor))) return undefined;
        ordinal = next++;
        ordinals.set(tensor.id, ordinal);
      }
      if (ordinal !== before.inputs[input]) return undefined;
      input++;
    }
    if (input !== before.names.length || !isEqual(before.attrs, now.attrs)) return undefined;
    for (let output = 0; output < now.outputs.length; output++) {
      const tensor = now.outputs[output] as tf.Tensor;
      if (!isEqual(before.outputs[output], tensor.shape)) return undefined;
      ordinals.set(tensor.id, next++);
    }
  }
  return ordinals.get(tape.value.id) === remembered.value && remembered.value !== undefined
    ? ordinals
    : undefined;
}

function again(tape: Tape, remembered: Remembered, ordinals: ReadonlyMap<number, number>): Isolation {
  const { batch, returns, taints, leading, scaling } = remembered;
  const pick = (places: readonly number[]): KernelCall[] => places.map((k) => tape.calls[k] as KernelCall);
  const taintOf = (tensor: tf.Tensor): Taint => {
    const ordinal = ordinals.get(tensor.id);
    return ordinal === undefined ? PUBLIC : (taints[ordinal] as Taint);
  };
  const scales = scalesOf(tape, pick(scaling), taintOf, batch);
  return { batch, returns, taintOf, calls: pick(leading), scales };
}

/** A copy that the caller cannot change behind the memory's back. */
function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copyOf(entry)])) as T;
}

/** Equality of attributes and shapes. What is neither a number, a text, a list nor a plain object equals nothing. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isEqual(a[i], b[i])) return false;
    return true;
  }
  if (Object.getPrototypeOf(a) !== Object.prototype || Object.getPrototypeOf(b) !== Object.prototype)
    return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let count = 0;
  for (const key in left) {
    if (!(key in right) || !isEqual(left[key], right[key])) return false;
    count++;
  }
  for (const _ in right) count--;
  return count === 0;
}

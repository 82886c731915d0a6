import type { KernelCall } from '../tape.js';
import { type BatchAxis, batchAxisOf } from './layout.js';
import { PUBLIC, type Taint } from './taint.js';

/**
 * For each kernel of tfjs: given which example each input element belongs to, which example each output
 * element belongs to. A rule returns the output's taint, or a sentence saying how the kernel mixes examples.
 * A kernel that is not listed is not known, and a computation that uses it is refused.
 */
export interface TaintContext {
  readonly call: KernelCall;
  readonly batch: number;
  /** Whether the function returns one loss an example rather than their total. */
  readonly perExample: boolean;
  taintOf(input: string): Taint;
  /**
   * Whether a public input may hold another value at every place of the batch, which lies along `axis` in the way
   * of `at`; without an axis, along any.
   */
  isVaried(input: string, axis?: number, at?: BatchAxis): boolean;
}
export type TaintResult = Taint | { readonly kind: 'mixed'; readonly how: string };
export type TaintRule = (context: TaintContext) => TaintResult;

export const mixed = (how: string): TaintResult => ({ kind: 'mixed', how });

export const shapeOf = (call: KernelCall, input: string): readonly number[] =>
  call.inputs[input]?.shape ?? [];
export const outputShape = (call: KernelCall): readonly number[] => call.outputs[0]?.shape ?? [];

/** Right-aligned broadcasting: the axis of `outer` that `axis` of `inner` meets. */
export const aligned = (inner: readonly number[], outer: readonly number[], axis: number): number =>
  axis + outer.length - inner.length;

export function listOf(value: unknown): number[] {
  return Array.isArray(value)
    ? (value as number[])
    : value === undefined || value === null
      ? []
      : [value as number];
}
export const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The axes, from 0, that a call reduces over; tfjs reduces over all when none are named. */
export function reducedAxes(call: KernelCall, rank: number): number[] {
  // The kernel Max names its axes differently.
  const listed = listOf(call.attrs.axis ?? call.attrs.reductionIndices);
  return listed.length === 0
    ? Array.from({ length: rank }, (_, axis) => axis)
    : listed.map((axis) => wrap(axis, rank));
}

/** A helper for kernels with one interesting input: finds its batch axis first. */
export function onBatchAxis(
  input: string,
  rule: (at: BatchAxis, shape: readonly number[], context: TaintContext) => TaintResult,
): TaintRule {
  return (context) => {
    for (const name of Object.keys(context.call.inputs)) {
      if (name !== input && context.taintOf(name).kind !== 'public') {
        return mixed(`takes the data-dependent input '${name}' where a parameter or constant is expected`);
      }
    }
    const taint = context.taintOf(input);
    if (taint.kind === 'public') return PUBLIC;
    if (taint.kind === 'total') return mixed('reshapes or reduces a sum over examples non-linearly');
    const shape = shapeOf(context.call, input);
    const at = batchAxisOf(shape, taint.layout, context.batch);
    if (at === undefined) return mixed('finds the batch spread over several axes');
    return rule(at, shape, context);
  };
}

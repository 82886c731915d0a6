import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { KernelCall, Tape } from '../tape.js';
import { taintRuleOf } from './kernel-rules.js';
import { layoutAt, sizeOf, strideOf } from './layout.js';
import { equalAlong, Places } from './places.js';
import { PUBLIC, rows, type Taint } from './taint.js';

/** What is known of every tensor that leads to the loss. */
export interface Isolation {
  /** B, the number of examples in this physical batch. */
  readonly batch: number;
  /** Whether the function returned one loss an example, or their total. */
  readonly returns: 'per-example' | 'total';
  taintOf(tensor: tf.Tensor): Taint;
  /** The calls that lead to the loss, in order. */
  readonly calls: readonly KernelCall[];
  /** The public numbers that scale the sum over examples, in order. */
  readonly scales: readonly number[];
}

/**
 * Proves from the recorded forward pass that no example's data reach another example's loss.
 *
 * Follows every tensor that leads to the loss from the inputs on, through differentiable and other kernels
 * alike, with one rule a kernel (`kernel-rules.ts`). Throws `DP_CROSS_EXAMPLE` naming the kernel that mixes
 * examples, and `DP_UNSUPPORTED_OP` for one that is not known. What leaves the tape, through `dataSync` or a
 * value computed before the function ran, cannot be seen here.
 */
export function proveIsolation(tape: Tape): Isolation {
  const calls = callsLeadingTo(tape.value, tape.calls);
  refuseHiddenEffects(tape);
  const producer = new Map<number, KernelCall>();
  for (const call of calls) for (const output of call.outputs) producer.set(output.id, call);
  const returns = tape.value.rank === 0 ? 'total' : 'per-example';
  const batch = returns === 'total' ? batchFromTotal(tape, producer) : batchFromVector(tape.value);

  const taints = new Map<number, Taint>();
  const places = new Places();
  for (const leaf of tape.leaves.values()) {
    const { tensor, origin } = leaf;
    places.add(tensor, equalAlong(leaf));
    if (origin !== 'captured') taints.set(tensor.id, PUBLIC);
    else if (tensor.rank > 0 && tensor.shape[0] === batch)
      taints.set(tensor.id, rows({ inner: sizeOf(tensor.shape.slice(1)), axis: 0 }));
  }
  const taintOf = (tensor: tf.Tensor): Taint => taints.get(tensor.id) ?? PUBLIC;
  for (const call of calls) {
    for (const [name, tensor] of Object.entries(call.inputs)) {
      if (!taints.has(tensor.id)) throw unknownCapture(call, name, tensor, batch);
    }
    const rule = taintRuleOf(call.kernelName);
    if (rule === undefined) {
      throw new DpError(
        'DP_UNSUPPORTED_OP',
        `Expected kernels that are known to keep examples apart, got ${describe(call)}. ` +
          'Replace it, or compute it outside the loss on public data.',
      );
    }
    let taint = rule({
      call,
      batch,
      perExample: returns === 'per-example',
      taintOf: (name) => taintOf(call.inputs[name] as tf.Tensor),
      isVaried: (name, axis, at) => {
        const input = call.inputs[name] as tf.Tensor;
        const axes = axis === undefined ? [...input.shape.keys()] : [axis];
        return axes.some((each) => places.varies(input, each, at, batch));
      },
    });
    // One example mixes with nobody; only its place in the shapes was lost.
    const alone = batch === 1 && Object.values(call.inputs).every((input) => taintOf(input).kind !== 'total');
    if (taint.kind === 'mixed' && alone && call.kernelName !== 'FusedBatchNorm') {
      taint = rows({ inner: sizeOf(call.outputs[0]?.shape ?? []) });
    }
    if (taint.kind === 'mixed') {
      throw new DpError(
        'DP_CROSS_EXAMPLE',
        `Expected each example's loss to depend on that example alone, but ${describe(call)} ${taint.how}. ` +
          'Clipping one example then does not bound its influence. ' +
          (call.kernelName === 'FusedBatchNorm'
            ? 'Use group or layer normalisation instead of batch normalisation: fixModel(model) gives a copy that does.'
            : 'Remove it, or reduce within the example first.'),
      );
    }
    if (taint.kind === 'public') places.follow(call);
    for (const output of call.outputs) taints.set(output.id, forOutput(taint, output, call));
  }
  checkValue(tape.value, taintOf(tape.value), returns, batch);
  return { batch, returns, taintOf, calls, scales: scalesOf(tape, calls, taintOf, batch) };
}

/**
 * The numbers by which the sum over examples is multiplied or divided. One that is the number of examples in
 * disguise makes every gradient depend on who else is in the batch, so a multiple of B is refused, and so is
 * one that was computed: `tf.losses` reduces like that unless told not to.
 */
export function scalesOf(
  tape: Tape,
  calls: readonly KernelCall[],
  taintOf: (tensor: tf.Tensor) => Taint,
  batch: number,
): number[] {
  const scales: number[] = [];
  for (const call of calls) {
    if (call.kernelName !== 'Multiply' && call.kernelName !== 'RealDiv') continue;
    const inputs = Object.values(call.inputs);
    if (!inputs.some((input) => taintOf(input).kind === 'total')) continue;
    for (const input of inputs) {
      if (taintOf(input).kind !== 'public') continue;
      const scale =
        tape.leaves.has(input.id) && input.rank === 0 ? (input.dataSync()[0] as number) : Number.NaN;
      const counts = [scale / batch, 1 / scale / batch].some(
        (ratio) => ratio > 0.5 && Math.abs(ratio - Math.round(ratio)) < 1e-6 * ratio,
      );
      if (!Number.isFinite(scale) || (batch > 1 && counts)) {
        throw new DpError(
          'DP_CROSS_EXAMPLE',
          `Expected a loss whose scale does not depend on the batch, but ${describe(call)} scales the sum over ` +
            `${batch} examples by ${Number.isFinite(scale) ? `${scale}, a multiple of their number` : 'a computed value'}. ` +
            'Return the per-example losses (tf.Reduction.NONE in tf.losses), or their tf.mean.',
        );
      }
      scales.push(scale);
    }
  }
  return scales;
}

/** A kernel with several outputs puts the batch on the same axis of each, whatever their widths. */
function forOutput(taint: Taint, output: tf.Tensor, call: KernelCall): Taint {
  const first = call.outputs[0] as tf.Tensor;
  if (taint.kind !== 'rows' || output === first || taint.layout.axis === undefined) return taint;
  const { axis, inner } = taint.layout;
  return rows(layoutAt(output.shape, axis, inner / strideOf(first.shape, axis)));
}

/** Refuses what no rule of a kernel sees: assignments, memory from batch to batch, gradients inside the loss. */
export function refuseHiddenEffects(tape: Tape): void {
  refuseSideEffects(tape);
  refuseNestedGradients(tape);
  refuseMemory(tape);
}

function refuseSideEffects(tape: Tape): void {
  if (tape.assigned.length > 0) {
    throw new DpError(
      'DP_CROSS_EXAMPLE',
      `Expected a loss function that leaves all variables as they are, but it assigned to or made ` +
        `'${tape.assigned.join("', '")}'. Batch statistics kept like this (the moving averages of batch ` +
        'normalisation, frozen or not) publish data without noise: remove that layer, or train the copy with group ' +
        'normalisation that fixModel(model) gives.',
    );
  }
}

/**
 * What is kept for the next batch must not hold data. The masks that recurrent layers draw for dropout do not, though
 * they have the shape of the batch; the states of a stateful layer do.
 */
function refuseMemory(tape: Tape): void {
  if (tape.kept.length === 0) return;
  const followed = new Set<number>();
  const ofData = new Set<number>();
  for (const leaf of tape.leaves.values()) {
    followed.add(leaf.tensor.id);
    if (leaf.origin === 'captured') ofData.add(leaf.tensor.id);
  }
  for (const call of tape.calls) {
    const shapeOnly = call.kernelName === 'OnesLike' || call.kernelName === 'ZerosLike';
    const reads = !shapeOnly && Object.values(call.inputs).some((input) => ofData.has(input.id));
    for (const output of call.outputs) {
      followed.add(output.id);
      if (reads) ofData.add(output.id);
    }
  }
  const held = tape.kept.find((tensor) => ofData.has(tensor.id) || !followed.has(tensor.id));
  if (held === undefined) return;
  throw new DpError(
    'DP_CROSS_EXAMPLE',
    `Expected a loss function without memory, but it keeps a tensor of shape [${held.shape}] for the ` +
      'next batch, as stateful recurrent layers do: one example would reach the next. Set stateful to false, as ' +
      'fixModel(model) does in a copy.',
  );
}

function refuseNestedGradients(tape: Tape): void {
  if (!tape.nested) return;
  throw new DpError(
    'DP_UNSUPPORTED_OP',
    'Expected a loss function without gradients of its own, got one that calls tf.grad, tf.grads or ' +
      'tf.variableGrads. A gradient inside the loss sums over the batch. Compute it outside, on public data.',
  );
}

function callsLeadingTo(value: tf.Tensor, calls: readonly KernelCall[]): KernelCall[] {
  const needed = new Set([value.id]);
  const leading: KernelCall[] = [];
  for (let i = calls.length - 1; i >= 0; i--) {
    const call = calls[i] as KernelCall;
    if (!call.outputs.some((output) => needed.has(output.id))) continue;
    leading.push(call);
    for (const input of Object.values(call.inputs)) needed.add(input.id);
  }
  return leading.reverse();
}

function batchFromVector(value: tf.Tensor): number {
  if (value.rank !== 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected per-example losses of shape [batch] or a scalar, got shape [${value.shape}]. Reduce each ` +
        "example's loss over its other axes first, as in tf.mean(losses, 1): the unit of privacy is the example.",
    );
  }
  if (value.shape[0] === 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected at least one example, got an empty batch. An empty Poisson batch is a step all the same: call ' +
        'optimizer.step() without computing a loss.',
    );
  }
  return value.shape[0] as number;
}

/** B is the leading extent of what the total sums over, where captured data have the same leading extent. */
function batchFromTotal(tape: Tape, producer: ReadonlyMap<number, KernelCall>): number {
  const captured = new Set<number>();
  for (const leaf of tape.leaves.values()) {
    if (leaf.origin === 'captured' && leaf.tensor.rank > 0) captured.add(leaf.tensor.shape[0] as number);
  }
  const queue = [tape.value];
  const seen = new Set<number>();
  const candidates = new Set<number>();
  while (queue.length > 0) {
    const tensor = queue.shift() as tf.Tensor;
    const call = producer.get(tensor.id);
    if (call === undefined || seen.has(tensor.id)) continue;
    seen.add(tensor.id);
    for (const input of Object.values(call.inputs)) {
      const reduces = call.kernelName === 'Sum' || call.kernelName === 'Mean';
      if (reduces && input.rank > 0 && dependsOnCaptured(input, tape, producer)) {
        candidates.add(input.shape[0] as number);
      } else queue.push(input);
    }
  }
  const [batch] = [...candidates].filter((extent) => captured.has(extent));
  if (batch === undefined) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected a scalar loss that is a mean or sum over the examples of tensors whose first axis is the batch, ' +
        'but the number of examples cannot be read off it. Return the per-example losses, shape [batch], and slice the ' +
        'batch out of the data before the function runs.',
    );
  }
  return batch;
}

function dependsOnCaptured(
  tensor: tf.Tensor,
  tape: Tape,
  producer: ReadonlyMap<number, KernelCall>,
): boolean {
  const stack = [tensor];
  const seen = new Set<number>();
  while (stack.length > 0) {
    const next = stack.pop() as tf.Tensor;
    if (seen.has(next.id)) continue;
    seen.add(next.id);
    if (tape.leaves.get(next.id)?.origin === 'captured') return true;
    stack.push(...Object.values(producer.get(next.id)?.inputs ?? {}));
  }
  return false;
}

function unknownCapture(call: KernelCall, name: string, tensor: tf.Tensor, batch: number): DpError {
  return new DpError(
    'DP_CROSS_EXAMPLE',
    `Expected the loss to read data with the batch (${batch}) as first axis, or variables, but ${describe(call)} ` +
      `reads a tensor of shape [${tensor.shape}] as '${name}' that was made before the loss function ran. If it ` +
      'is a public constant, make it inside the function or a variable (tf.variable(t, false)); if it holds ' +
      'examples, put the batch first, and slice it out of the data set before the function runs.',
  );
}

function checkValue(value: tf.Tensor, taint: Taint, returns: Isolation['returns'], batch: number): void {
  const good =
    returns === 'total' ? taint.kind === 'total' : taint.kind === 'rows' && taint.layout.inner === 1;
  if (good) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    taint.kind === 'public'
      ? 'Expected a loss that depends on the examples, got one that reads no data.'
      : `Expected ${returns === 'total' ? 'a mean or sum of per-example losses' : 'one loss an example'}, got a ` +
          `value of shape [${value.shape}] with ${batch} examples that is neither.`,
  );
}

/** The kernel's name, with the variables that it reads: these carry the layer's name. */
export function describe(call: KernelCall): string {
  const variables = Object.values(call.inputs)
    .filter((tensor): tensor is tf.Variable => tensor instanceof tf.Variable)
    .map((variable) => `'${variable.name}'`);
  const shapes = Object.values(call.inputs).map((tensor) => `[${tensor.shape}]`);
  return (
    `the operation ${call.kernelName} on ${shapes.join(', ')}` +
    (variables.length > 0 ? ` (with ${variables.join(', ')})` : '')
  );
}

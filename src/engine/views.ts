import * as tf from '@tensorflow/tfjs-core';
import { contiguous, cut, extentOf, moved, type Strided } from './strided.js';
import type { KernelCall, TapeNode } from './tape.js';

/**
 * What one parameter contributes to a tensor that is made of parameters alone: the elements of a box of it, each a
 * copy of one element of the parameter, times a public number.
 *
 * A fused kernel that is sliced gives one part; a concatenation gives one a piece; a sum of parameters gives parts
 * whose boxes coincide. The tensor is the sum of its parts, and zero or public where no part reaches.
 */
export interface Part {
  readonly variable: tf.Variable;
  /** Where the box begins, axis by axis. Its extents are those of `where`. */
  readonly start: readonly number[];
  readonly where: Strided;
  readonly scale?: (gradient: tf.Tensor) => tf.Tensor;
}

/**
 * Follows a tensor that is made of parameters alone back to them. `producers` are given last first. Undefined where
 * more happened than moving, joining, adding and scaling: then the masked fallback serves.
 */
export function partsOf(
  tensor: tf.Tensor,
  producers: readonly TapeNode[],
  isParameter: (tensor: tf.Tensor) => tf.Variable | undefined,
): readonly Part[] | undefined {
  const known = new Map<number, readonly Part[]>();
  const lookUp = (input: tf.Tensor): readonly Part[] | undefined => {
    const variable = isParameter(input);
    if (variable === undefined) return known.get(input.id);
    return [{ variable, start: variable.shape.map(() => 0), where: contiguous(variable.shape) }];
  };
  for (const node of [...producers].reverse()) {
    for (const [output, made] of node.outputs.entries()) {
      const parts = partsOfOutput(node, output, lookUp);
      if (parts === undefined) return undefined;
      known.set(made.id, parts);
    }
  }
  return lookUp(tensor);
}

type LookUp = (input: tf.Tensor) => readonly Part[] | undefined;

function partsOfOutput(node: TapeNode, output: number, lookUp: LookUp): readonly Part[] | undefined {
  const call = node.calls.at(-1);
  const inputs = Object.values(node.inputs);
  if (call === undefined) return undefined;
  const shape = call.outputs[output]?.shape ?? [];
  switch (node.kernelName) {
    case 'Concat':
    case 'Pack':
      return joined(call, inputs, lookUp);
    case 'Add':
    case 'AddN':
    case 'Sub': {
      const sums = inputs.map((input, k) =>
        (lookUp(input) ?? []).map((part) => {
          const broadcast = broadcastTo(part, input.shape, shape);
          return broadcast && (node.kernelName === 'Sub' && k === 1 ? scaled(broadcast, tf.neg) : broadcast);
        }),
      );
      return allDefined(sums.flat());
    }
    case 'Neg':
      return lookUp(inputs[0] as tf.Tensor)?.map((part) => scaled(part, tf.neg));
    case 'Multiply':
    case 'RealDiv': {
      const [a, b] = inputs.map(lookUp);
      const number = node.saved[a === undefined ? 0 : 1];
      const parts = a ?? (node.kernelName === 'Multiply' ? b : undefined);
      if (parts === undefined || (a && b) || number?.size !== 1 || number.rank > shape.length)
        return undefined;
      const by = tf.reshape(number, []);
      const apply = node.kernelName === 'Multiply' ? tf.mul : tf.div;
      const sized = inputs[a === undefined ? 1 : 0]?.shape.length === shape.length;
      return sized ? parts.map((part) => scaled(part, (gradient) => apply(gradient, by))) : undefined;
    }
    case 'BatchMatMul':
    case 'fusedMatMul__op':
    case 'Conv2D':
    case 'fusedConv2d__op':
      return ofZeros(node, call, inputs, lookUp);
    case 'PadV2': {
      const paddings = call.attrs.paddings as [number, number][];
      return lookUp(inputs[0] as tf.Tensor)?.map((part) => ({
        ...part,
        start: part.start.map((at, k) => at + (paddings[k]?.[0] ?? 0)),
      }));
    }
    default: {
      const [input] = inputs.filter((each) => lookUp(each) !== undefined);
      if (input === undefined) return undefined;
      const indices = node.kernelName === 'GatherV2' ? node.saved[1]?.dataSync() : undefined;
      return allDefined(
        (lookUp(input) ?? [])
          .map((part) => movedPart(part, input.shape, call, output, indices))
          .filter((part) => part !== 'outside'),
      );
    }
  }
}

/**
 * A product of a parameter with zeros, as in the first step of a recurrent layer: nothing of the parameter reaches the
 * output, only the bias of a fused operation does.
 */
function ofZeros(
  node: TapeNode,
  call: KernelCall,
  inputs: readonly tf.Tensor[],
  lookUp: LookUp,
): readonly Part[] | undefined {
  const [a, b, bias, ...others] = inputs;
  const { activation } = call.attrs;
  const plain = activation === undefined || activation === null || activation === 'linear';
  if (a === undefined || b === undefined || others.length > 0 || !plain) return undefined;
  const [first, second] = node.kernelName === 'fusedConv2d__op' ? [1, 0] : [0, 1];
  const constant =
    lookUp(a) === undefined ? node.saved[first] : lookUp(b) === undefined ? node.saved[second] : undefined;
  if (constant === undefined || constant.dataSync().some((value) => value !== 0)) return undefined;
  const shape = node.outputs[0]?.shape ?? [];
  return allDefined(
    (bias && lookUp(bias) ? (lookUp(bias) ?? []) : []).map((part) =>
      broadcastTo(part, (bias as tf.Tensor).shape, shape),
    ),
  );
}

function joined(call: KernelCall, inputs: readonly tf.Tensor[], lookUp: LookUp): readonly Part[] {
  const stacks = call.kernelName === 'Pack';
  const rank = call.outputs[0]?.rank ?? 0;
  const named = Number(call.attrs.axis ?? 0);
  const axis = named < 0 ? named + rank : named;
  const parts: Part[] = [];
  let at = 0;
  for (const input of inputs) {
    for (const part of lookUp(input) ?? []) {
      const { start, where } = part;
      const behind = stacks ? axis : axis + 1;
      parts.push({
        ...part,
        start: [...start.slice(0, axis), at + (stacks ? 0 : (start[axis] as number)), ...start.slice(behind)],
        where: stacks
          ? { ...where, axes: [...where.axes.slice(0, axis), [], ...where.axes.slice(axis)] }
          : where,
      });
    }
    at += stacks ? 1 : (input.shape[axis] as number);
  }
  return parts;
}

export function isWhole(part: Part, shape: readonly number[]): boolean {
  return (
    part.where.axes.length === shape.length &&
    shape.every((extent, k) => part.start[k] === 0 && extentOf(part.where.axes[k] ?? []) === extent)
  );
}

function movedPart(
  part: Part,
  from: readonly number[],
  call: KernelCall,
  output: number,
  indices: ArrayLike<number> | undefined,
): Part | 'outside' | undefined {
  if (isWhole(part, from)) {
    const where = moved(part.where, call, { output, ...(indices ? { indices } : {}) });
    return where && { ...part, where, start: where.axes.map(() => 0) };
  }
  const { start, where } = part;
  const shape = call.outputs[output]?.shape ?? [];
  switch (call.kernelName) {
    case 'Identity':
    case 'Cast':
      return part;
    case 'Transpose': {
      const perm = call.attrs.perm as number[];
      return {
        ...part,
        start: perm.map((axis) => start[axis] as number),
        where: { ...where, axes: perm.map((axis) => where.axes[axis] ?? []) },
      };
    }
    case 'Slice':
    case 'SplitV': {
      const begin = from.map((_, k) => beginOf(call, output, k));
      const low = start.map((at, k) => Math.max(at - (begin[k] as number), 0));
      const high = start.map((at, k) =>
        Math.min(at - (begin[k] as number) + extentOf(where.axes[k] ?? []), shape[k] as number),
      );
      if (low.some((at, k) => at >= (high[k] as number))) return 'outside';
      const inside = cut(
        where,
        start.map((at, k) => (low[k] as number) + (begin[k] as number) - at),
        low.map((at, k) => (high[k] as number) - at),
      );
      return inside && { ...part, start: low, where: inside };
    }
    case 'Reshape': {
      // Axes of length one come and go; any other change could tear the box.
      const kept = from.map((_, k) => k).filter((k) => from[k] !== 1);
      const target = shape.filter((extent) => extent !== 1);
      if (kept.length !== target.length || kept.some((k, i) => from[k] !== target[i])) return undefined;
      let next = 0;
      const places = shape.map((extent) => (extent === 1 ? undefined : (kept[next++] as number)));
      return {
        ...part,
        start: places.map((k) => (k === undefined ? 0 : (start[k] as number))),
        where: { ...where, axes: places.map((k) => (k === undefined ? [] : (where.axes[k] ?? []))) },
      };
    }
    default:
      return undefined;
  }
}

function beginOf(call: KernelCall, output: number, axis: number): number {
  if (call.kernelName === 'Slice') return [call.attrs.begin as number[]].flat()[axis] ?? 0;
  const named = Number(call.attrs.axis ?? 0);
  const along = named < 0 ? named + (call.outputs[0]?.rank ?? 0) : named;
  return axis === along
    ? call.outputs.slice(0, output).reduce((sum, part) => sum + (part.shape[axis] as number), 0)
    : 0;
}

function broadcastTo(part: Part, from: readonly number[], to: readonly number[]): Part | undefined {
  if (from.length === to.length && from.every((extent, k) => extent === to[k])) return part;
  if (!isWhole(part, from)) return undefined;
  const axes = to.map((extent, k) => {
    const own = part.where.axes[k - (to.length - from.length)];
    return own !== undefined && extentOf(own) === extent ? own : [{ extent, stride: 0 }];
  });
  return { ...part, start: to.map(() => 0), where: { ...part.where, axes } };
}

function scaled(part: Part, by: (gradient: tf.Tensor) => tf.Tensor): Part {
  const { scale } = part;
  return { ...part, scale: scale === undefined ? by : (gradient) => scale(by(gradient)) };
}

function allDefined(parts: readonly (Part | undefined)[]): readonly Part[] | undefined {
  return parts.every((part) => part !== undefined) ? (parts as readonly Part[]) : undefined;
}

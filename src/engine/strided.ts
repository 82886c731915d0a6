import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall } from './tape.js';

/**
 * How the elements of a tensor lie in the flat array that they were moved from.
 *
 * The element at index (i₁, …) of an axis whose steps are (e₁, s₁), (e₂, s₂), … sits Σ iₖ·sₖ further on; steps are
 * listed from the outermost in. A stride of zero repeats one element (tiling, broadcasting). Reshaping, transposing,
 * slicing, splitting, reversing and tiling all stay inside this description, so a view of a parameter of any size,
 * and along a batch of any size, is a few numbers; no tensor is read.
 */
export interface Strided {
  readonly offset: number;
  readonly axes: readonly (readonly Step[])[];
}
export interface Step {
  readonly extent: number;
  readonly stride: number;
}

export const extentOf = (axis: readonly Step[]): number =>
  axis.reduce((product, { extent }) => product * extent, 1);

export function contiguous(shape: readonly number[]): Strided {
  let stride = 1;
  const axes = [...shape].reverse().map((extent) => {
    const step = { extent, stride };
    stride *= extent;
    return [step];
  });
  return { offset: 0, axes: axes.reverse() };
}

/** The same elements in fewer steps: those of extent one go, and neighbours that continue each other merge. */
export function merged(steps: readonly Step[]): Step[] {
  const result: Step[] = [];
  for (const step of steps) {
    if (step.extent === 1) continue;
    const outer = result.at(-1);
    if (outer !== undefined && outer.stride === step.extent * step.stride) {
      result[result.length - 1] = { extent: outer.extent * step.extent, stride: step.stride };
    } else result.push(step);
  }
  return result;
}

/** The same elements in the same order along axes of other extents, or undefined where a step would be torn apart. */
export function regroup(
  axes: readonly (readonly Step[])[],
  shape: readonly number[],
): readonly (readonly Step[])[] | undefined {
  const queue = merged(axes.flat());
  const result: Step[][] = [];
  for (const extent of shape) {
    const axis: Step[] = [];
    let needed = extent;
    while (needed > 1) {
      const step = queue.shift();
      if (step === undefined) return undefined;
      if (needed % step.extent === 0) {
        axis.push(step);
        needed /= step.extent;
      } else if (step.extent % needed === 0) {
        const rest = step.extent / needed;
        axis.push({ extent: needed, stride: step.stride * rest });
        queue.unshift({ extent: rest, stride: step.stride });
        needed = 1;
      } else return undefined;
    }
    result.push(axis);
  }
  return queue.length === 0 ? result : undefined;
}

/** Entries [start, start + count) of an axis, as the offset that they add and their steps. */
function cutAxis(
  axis: readonly Step[],
  start: number,
  count: number,
): { readonly offset: number; readonly axis: readonly Step[] } | undefined {
  const steps = merged(axis);
  if (start === 0 && count === extentOf(axis)) return { offset: 0, axis };
  const [outer, ...inner] = steps;
  if (outer === undefined) return count === 1 ? { offset: 0, axis: [] } : undefined;
  const block = extentOf(inner);
  const [index, within] = [Math.floor(start / block), start % block];
  if (within + count <= block && inner.length > 0) {
    const cut = cutAxis(inner, within, count);
    return cut && { offset: index * outer.stride + cut.offset, axis: cut.axis };
  }
  if (within !== 0 || count % block !== 0) return undefined;
  return {
    offset: index * outer.stride,
    axis: [{ extent: count / block, stride: outer.stride }, ...inner],
  };
}

/** A box of the tensor, from `start` on, of `shape`. */
export function cut(view: Strided, start: readonly number[], shape: readonly number[]): Strided | undefined {
  let { offset } = view;
  const axes: (readonly Step[])[] = [];
  for (const [k, axis] of view.axes.entries()) {
    const part = cutAxis(axis, start[k] ?? 0, shape[k] as number);
    if (part === undefined) return undefined;
    offset += part.offset;
    axes.push(part.axis);
  }
  return { offset, axes };
}

/** Every `stride`-th entry of an axis, backwards where it is negative. */
function stride(axis: readonly Step[], start: number, by: number, count: number) {
  if (by === 1) return cutAxis(axis, start, count);
  const [step, ...others] = merged(axis);
  if (others.length > 0) return undefined;
  const each = step?.stride ?? 0;
  return { offset: start * each, axis: [{ extent: count, stride: each * by }] };
}

const listOf = (value: unknown): number[] =>
  Array.isArray(value) ? (value as number[]) : value === undefined ? [] : [value as number];

const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/**
 * Where the elements of one output of a kernel lie in what its input was moved from, or undefined for a kernel that
 * does not only move elements, or moves them in a way that has no description here.
 *
 * `indices` are the values of the indices of a gather.
 */
export function moved(
  view: Strided,
  call: KernelCall,
  options: { readonly output: number; readonly indices?: ArrayLike<number> },
): Strided | undefined {
  const output = call.outputs[options.output]?.shape;
  if (output === undefined || output.some((extent) => extent === 0)) return undefined;
  const { attrs } = call;
  const shape = view.axes.map(extentOf);
  const rank = shape.length;
  switch (call.kernelName) {
    case 'Identity':
    case 'Cast':
      return view;
    case 'Reshape':
    case 'ExpandDims': {
      const axes = regroup(view.axes, output);
      return axes && { ...view, axes };
    }
    case 'Transpose': {
      const axes = listOf(attrs.perm).map((axis) => view.axes[axis] as readonly Step[]);
      return { ...view, axes };
    }
    case 'Slice':
      return cut(view, listOf(attrs.begin), output);
    case 'StridedSlice':
      return stridedSlice(view, shape, attrs, output);
    case 'SplitV':
    case 'Unpack': {
      const axis = wrap(listOf(attrs.axis)[0] ?? 0, rank);
      const widths = call.outputs.map((part) =>
        call.kernelName === 'Unpack' ? 1 : (part.shape[axis] as number),
      );
      const start = shape.map((_, k) =>
        k === axis ? widths.slice(0, options.output).reduce((sum, width) => sum + width, 0) : 0,
      );
      const part = cut(
        view,
        start,
        shape.map((extent, k) => (k === axis ? (widths[options.output] as number) : extent)),
      );
      if (part === undefined || call.kernelName === 'SplitV') return part;
      return { ...part, axes: part.axes.filter((_, k) => k !== axis) };
    }
    case 'Tile':
      return {
        ...view,
        axes: view.axes.map((axis, k) => [
          { extent: (attrs.reps as number[])[k] as number, stride: 0 },
          ...axis,
        ]),
      };
    case 'BroadcastTo':
      return {
        ...view,
        axes: output.map((extent, k) => {
          const own = view.axes[k - (output.length - rank)];
          return own !== undefined && extentOf(own) === extent ? own : [{ extent, stride: 0 }];
        }),
      };
    case 'Reverse': {
      const dims = listOf(attrs.dims).map((axis) => wrap(axis, rank));
      let { offset } = view;
      const axes = view.axes.map((axis, k) => {
        if (dims.length > 0 && !dims.includes(k)) return axis;
        for (const step of axis) offset += (step.extent - 1) * step.stride;
        return axis.map((step) => ({ ...step, stride: -step.stride }));
      });
      return { offset, axes };
    }
    case 'GatherV2':
      return options.indices && gathered(view, call, options.indices);
    default:
      return undefined;
  }
}

function stridedSlice(
  view: Strided,
  shape: number[],
  attrs: KernelCall['attrs'],
  output: readonly number[],
): Strided | undefined {
  const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'].map((name) =>
    Number(attrs[name] ?? 0),
  ) as [number, number, number, number, number];
  const { begin, end, strides } = tf.slice_util.sliceInfo(
    shape,
    listOf(attrs.begin),
    listOf(attrs.end),
    listOf(attrs.strides),
    ...masks,
  );
  if (begin.length !== shape.length) return undefined;
  const extents = tf.slice_util.computeOutShape(begin, end, strides);
  let { offset } = view;
  const axes: (readonly Step[])[] = [];
  for (const [k, axis] of view.axes.entries()) {
    const part = stride(axis, begin[k] as number, strides[k] as number, extents[k] as number);
    if (part === undefined) return undefined;
    offset += part.offset;
    axes.push(part.axis);
  }
  const grouped = regroup(axes, output);
  return grouped && { offset, axes: grouped };
}

/** Indices in arithmetic progression, such as the positions of a sequence, are a strided slice. */
function gathered(view: Strided, call: KernelCall, indices: ArrayLike<number>): Strided | undefined {
  const shape = call.inputs.indices?.shape ?? [];
  if (Number(call.attrs.batchDims ?? 0) !== 0 || indices.length === 0) return undefined;
  const axis = wrap(listOf(call.attrs.axis)[0] ?? 0, view.axes.length);
  const by = indices.length > 1 ? (indices[1] as number) - (indices[0] as number) : 1;
  for (let k = 0; k < indices.length; k++) {
    if (indices[k] !== (indices[0] as number) + k * by) return undefined;
  }
  const part = stride(view.axes[axis] ?? [], indices[0] as number, by, indices.length);
  const split = part && regroup([part.axis], shape);
  if (part === undefined || split === undefined) return undefined;
  return {
    offset: view.offset + part.offset,
    axes: [...view.axes.slice(0, axis), ...split, ...view.axes.slice(axis + 1)],
  };
}

/** Where each element lies in the flat array, in order. */
export function indicesOf(offset: number, steps: readonly Step[]): Int32Array {
  let result = Int32Array.of(offset);
  for (const { extent, stride: by } of steps) {
    const longer = new Int32Array(result.length * extent);
    result.forEach((at, i) => {
      for (let k = 0; k < extent; k++) longer[i * extent + k] = at + k * by;
    });
    result = longer;
  }
  return result;
}

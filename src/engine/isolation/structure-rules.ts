import type { KernelCall } from '../tape.js';
import { weighsPlaces } from './elementwise-rules.js';
import { batchAxisOf, layoutAt, type RowLayout, sizeOf } from './layout.js';
import { PUBLIC, rows, TOTAL } from './taint.js';
import {
  aligned,
  listOf,
  mixed,
  onBatchAxis,
  outputShape,
  reducedAxes,
  shapeOf,
  type TaintContext,
  type TaintResult,
  type TaintRule,
  wrap,
} from './taint-rule.js';

/** Rules of kernels that reduce, multiply, slide over, move or cut axes. */

export function reduction(options: { readonly sums: boolean }): TaintRule {
  return (context) => {
    const { call } = context;
    const name = 'x' in call.inputs ? 'x' : (Object.keys(call.inputs)[0] as string);
    if (context.taintOf(name).kind === 'total' && options.sums) return TOTAL;
    return onBatchAxis(name, (at, shape) => {
      const axes = reducedAxes(call, shape.length);
      if (axes.includes(at.axis)) {
        // With one example its axis cannot be told from others of extent one: only a scalar is surely its loss.
        const target = outputShape(call);
        if (context.batch === 1 && (target.length > 0 || context.perExample)) {
          return rows({ inner: sizeOf(target) });
        }
        return options.sums ? TOTAL : mixed('reduces over the batch');
      }
      const keepDims = call.attrs.keepDims === true;
      const gone = keepDims ? 0 : axes.filter((axis) => axis < at.axis).length;
      return rows(layoutAt(outputShape(call), at.axis - gone, at.block));
    })(context);
  };
}

/** Works along one axis (softmax, cumsum) and keeps the shape. */
export function alongAxis(attribute: string, fallback: number): TaintRule {
  return (context) => {
    const name = Object.keys(context.call.inputs)[0] as string;
    return onBatchAxis(name, (at, shape) => {
      const axis = wrap(listOf(context.call.attrs[attribute])[0] ?? fallback, shape.length);
      if (axis === at.axis) return mixed('works along the batch');
      return rows(layoutAt(shape, at.axis, at.block));
    })(context);
  };
}

/** What a fused kernel adds to its output or bends it by, broadcast as any other operand. */
const FUSED_EXTRAS = ['bias', 'preluActivationWeights'];

/** Rows, unless a fused operand holds another value for every place of the batch. */
function withFusedExtras(context: TaintContext, taint: TaintResult): TaintResult {
  if (taint.kind !== 'rows') return taint;
  const target = outputShape(context.call);
  const byPlace = FUSED_EXTRAS.find((name) => weighsPlaces(context, name, taint.layout, target));
  return byPlace === undefined
    ? taint
    : mixed(`meets the batch with '${byPlace}', which holds another value for every place in it`);
}

/** Convolution, pooling, resizing: the batch is the first axis and nothing crosses it. */
export function leadingBatch(input: string): TaintRule {
  const slide = onBatchAxis(input, (at, _shape, { call }) => {
    if (at.axis !== 0) return mixed('finds the batch on an axis that it slides over');
    return rows(layoutAt(outputShape(call), 0, at.block));
  });
  return (context) => {
    const { call, batch, taintOf } = context;
    const taint = slide(context);
    // A recurrent convolution starts from zeros in the shape of the batch. What a parameter makes of them is the
    // same at every place, so it may count as each example's own, and its gradients then are.
    const even =
      taint.kind === 'public' &&
      'filter' in call.inputs &&
      taintOf(input).kind === 'public' &&
      shapeOf(call, input)[0] === batch &&
      !context.isVaried(input, 0);
    return withFusedExtras(context, even ? rows(layoutAt(outputShape(call), 0, 1)) : taint);
  };
}

export const matMul: TaintRule = (context) => {
  const { call, batch, taintOf } = context;
  const target = outputShape(call);
  const side = (name: 'a' | 'b'): TaintResult => {
    const taint = taintOf(name);
    if (taint.kind === 'public') return PUBLIC;
    if (taint.kind === 'total') return mixed('multiplies a sum over examples');
    const shape = shapeOf(call, name);
    const at = batchAxisOf(shape, taint.layout, batch);
    if (at === undefined) return mixed('finds the batch spread over several axes');
    const rank = shape.length;
    const transposed = call.attrs[name === 'a' ? 'transposeA' : 'transposeB'] === true;
    const free = (name === 'a') !== transposed ? rank - 2 : rank - 1;
    if (at.axis < rank - 2) {
      const axis = aligned(shape, target, at.axis);
      return target[axis] === shape[at.axis]
        ? rows(layoutAt(target, axis, at.block))
        : mixed('broadcasts the batch');
    }
    if (at.axis !== free) return mixed('sums over the batch');
    return rows(layoutAt(target, name === 'a' ? target.length - 2 : target.length - 1, at.block));
  };
  const a = side('a');
  const b = side('b');
  if (a.kind === 'mixed') return a;
  if (b.kind === 'mixed') return b;
  if (batch > 1 && a.kind === 'rows' && b.kind === 'rows' && a.layout.inner !== b.layout.inner) {
    return mixed('multiplies every example with every other');
  }
  for (const extra of FUSED_EXTRAS) {
    if (extra in call.inputs && taintOf(extra).kind !== 'public')
      return mixed(`takes a data-dependent ${extra}`);
  }
  const found = a.kind === 'public' ? b : a;
  const other = a.kind === 'public' ? 'a' : b.kind === 'public' ? 'b' : undefined;
  if (found.kind === 'rows' && other !== undefined && batch > 1) {
    const at = batchAxisOf(target, found.layout, batch);
    const shape = shapeOf(call, other);
    const axis = at && at.axis - (target.length - shape.length);
    const stacked = axis !== undefined && axis >= 0 && axis < shape.length - 2 && shape[axis] !== 1;
    if (stacked && context.isVaried(other, axis, at)) {
      return mixed(`multiplies every place of the batch by another matrix of '${other}'`);
    }
  }
  return withFusedExtras(context, found);
};

export const transpose: TaintRule = onBatchAxis('x', (at, _shape, { call }) => {
  const perm = listOf(call.attrs.perm);
  const axis = perm.indexOf(at.axis);
  return rows(layoutAt(outputShape(call), axis, at.block));
});

export function join(stacks: boolean): TaintRule {
  return ({ call, batch, taintOf, isVaried }) => {
    const target = outputShape(call);
    const joined = wrap(listOf(call.attrs.axis)[0] ?? 0, target.length);
    let found: RowLayout | undefined;
    for (const name of Object.keys(call.inputs)) {
      const taint = taintOf(name);
      if (taint.kind === 'public') continue;
      if (taint.kind === 'total') return mixed('joins a sum over examples with other values');
      const shape = shapeOf(call, name);
      const at = batchAxisOf(shape, taint.layout, batch);
      if (at === undefined) return mixed('finds the batch spread over several axes');
      const axis = stacks && at.axis >= joined ? at.axis + 1 : at.axis;
      if (axis === joined) return mixed('joins along the batch');
      const here = layoutAt(target, axis, at.block);
      if (batch > 1 && found !== undefined && found.inner !== here.inner) {
        return mixed('joins tensors whose batches lie along different axes');
      }
      found = here;
    }
    if (found === undefined) return PUBLIC;
    const at = batchAxisOf(target, found, batch);
    const axis = at && (stacks && at.axis > joined ? at.axis - 1 : at.axis);
    const byPlace = Object.keys(call.inputs).some(
      (name) => taintOf(name).kind === 'public' && isVaried(name, axis, at),
    );
    if (byPlace && batch > 1) {
      return mixed('joins the batch with values that differ from place to place');
    }
    return rows(found);
  };
}

/** Cuts, pads, flips: must leave the batch axis whole. `untouched` says whether it does. */
export function cut(
  input: string,
  untouched: (axis: number, call: KernelCall, extent: number) => boolean,
): TaintRule {
  return onBatchAxis(input, (at, shape, { call }) => {
    if (!untouched(at.axis, call, shape[at.axis] as number))
      return mixed('takes part of the batch, or moves it');
    return rows(layoutAt(outputShape(call), at.axis, at.block));
  });
}

export const unpack: TaintRule = onBatchAxis('value', (at, shape, { call }) => {
  const axis = wrap(listOf(call.attrs.axis)[0] ?? 0, shape.length);
  if (axis === at.axis) return mixed('takes the batch apart');
  return rows(layoutAt(outputShape(call), axis < at.axis ? at.axis - 1 : at.axis, at.block));
});

export const gather: TaintRule = (context) => {
  const { call, batch, taintOf } = context;
  const x = taintOf('x');
  const indices = taintOf('indices');
  if (x.kind === 'total' || indices.kind === 'total') return mixed('gathers from a sum over examples');
  const xShape = shapeOf(call, 'x');
  const axis = wrap(listOf(call.attrs.axis)[0] ?? 0, xShape.length);
  const batchDims = (call.attrs.batchDims as number | undefined) ?? 0;
  const behind = sizeOf(xShape.slice(axis + 1));
  if (x.kind === 'public' && indices.kind === 'public') return PUBLIC;
  if (x.kind === 'public' && indices.kind === 'rows') {
    return batchDims === 0
      ? rows({ inner: indices.layout.inner * behind })
      : mixed('gathers with batch dimensions');
  }
  if (x.kind !== 'rows') return PUBLIC;
  const at = batchAxisOf(xShape, x.layout, batch);
  if (at === undefined || at.axis === axis) return mixed('picks examples out of the batch');
  if (indices.kind === 'public') {
    const extra = shapeOf(call, 'indices').length - batchDims - 1;
    const target = outputShape(call);
    if (batchDims > 0) return mixed('gathers with batch dimensions');
    return rows(layoutAt(target, at.axis < axis ? at.axis : at.axis + extra, at.block));
  }
  const pick = batchAxisOf(shapeOf(call, 'indices'), indices.layout, batch);
  if (batchDims < 1 || at.axis !== 0 || pick?.axis !== 0 || at.block !== 1 || pick.block !== 1) {
    return mixed("picks values of every example by every example's indices");
  }
  return rows(layoutAt(outputShape(call), 0, 1));
};

export const oneHot: TaintRule = ({ call, taintOf }) => {
  const taint = taintOf('indices');
  if (taint.kind === 'rows') return rows({ inner: taint.layout.inner * (call.attrs.depth as number) });
  return taint.kind === 'total' ? mixed('encodes a sum over examples') : PUBLIC;
};

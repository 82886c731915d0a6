import { batchAxisOf, layoutAt, type RowLayout, sizeOf } from './layout.js';
import { PUBLIC, rows, TOTAL } from './taint.js';
import { aligned, mixed, outputShape, shapeOf, type TaintContext, type TaintRule } from './taint-rule.js';

/** Rules of kernels that work element by element, with broadcasting. */

/** The taint of one input whose elements are broadcast to `target`. */
function broadcastLayout(
  shape: readonly number[],
  layout: RowLayout,
  target: readonly number[],
  batch: number,
): RowLayout | undefined {
  const at = batchAxisOf(shape, layout, batch);
  if (at === undefined) return sizeOf(shape) === sizeOf(target) ? { inner: layout.inner } : undefined;
  const axis = aligned(shape, target, at.axis);
  if (target[axis] !== shape[at.axis]) return undefined;
  return layoutAt(target, axis, at.block);
}

/** Every rows input, broadcast to the output, must put the same example at the same place. */
export function elementwise(only?: readonly string[]): TaintRule {
  return (context) => {
    const { call, batch, taintOf } = context;
    const target = outputShape(call);
    const names = only ?? Object.keys(call.inputs);
    let found: RowLayout | undefined;
    for (const name of names) {
      if (!(name in call.inputs)) continue;
      const taint = taintOf(name);
      if (taint.kind === 'public') continue;
      if (taint.kind === 'total') return mixed('uses a sum over examples inside a non-linear computation');
      const layout = broadcastLayout(shapeOf(call, name), taint.layout, target, batch);
      if (layout === undefined) return mixed(`broadcasts the batch of input '${name}' along another axis`);
      if (batch > 1 && found !== undefined && found.inner !== layout.inner) {
        return mixed('combines two tensors whose batches lie along different axes');
      }
      found = layout;
    }
    if (found === undefined) return PUBLIC;
    const byPlace = names.find((name) => weighsPlaces(context, name, found, target));
    if (byPlace !== undefined) {
      return mixed(`meets the batch with '${byPlace}', which holds another value for every place in it`);
    }
    return rows(found);
  };
}

/** Whether a public input runs along the batch with values that differ from place to place. */
export function weighsPlaces(
  { call, batch, taintOf, isVaried }: TaintContext,
  name: string,
  layout: RowLayout,
  target: readonly number[],
): boolean {
  if (!(name in call.inputs) || taintOf(name).kind !== 'public' || batch === 1) return false;
  const at = batchAxisOf(target, layout, batch);
  if (at === undefined) return isVaried(name);
  const shape = shapeOf(call, name);
  const axis = at.axis - (target.length - shape.length);
  return axis >= 0 && shape[axis] !== 1 && isVaried(name, axis, at);
}

/** Linear maps let a sum over examples through: the tail between the per-example losses and their total. */
export function linear(scaledBy?: string): TaintRule {
  const general = elementwise();
  return (context) => {
    const names = Object.keys(context.call.inputs);
    const kinds = names.map((name) => context.taintOf(name).kind);
    if (!kinds.includes('total')) return general(context);
    if (kinds.includes('rows')) return mixed("combines a sum over examples with single examples' values");
    if (scaledBy === 'product' && kinds.filter((kind) => kind === 'total').length > 1) {
      return mixed('multiplies two sums over examples');
    }
    if (scaledBy === 'quotient' && context.taintOf('b').kind === 'total') {
      return mixed('divides by a sum over examples: a divisor that depends on the batch');
    }
    return TOTAL;
  };
}

/** Unary, same shape or same elements in the same order. */
export const pointwise: TaintRule = ({ call, taintOf }) => {
  const name = Object.keys(call.inputs)[0];
  if (name === undefined) return PUBLIC;
  const taint = taintOf(name);
  return taint.kind === 'total' ? mixed('applies a non-linear function to a sum over examples') : taint;
};

export const sameOrder: TaintRule = ({ call, taintOf }) => {
  const name = Object.keys(call.inputs)[0];
  return name === undefined ? PUBLIC : taintOf(name);
};

/** The same elements in the same order under another shape: only the axis has to be found again. */
export const reshaped: TaintRule = ({ call, taintOf }) => {
  const taint = taintOf(Object.keys(call.inputs)[0] as string);
  return taint.kind === 'rows' ? rows({ inner: taint.layout.inner }) : taint;
};

export const constant: TaintRule = () => PUBLIC;

export const batchNorm: TaintRule = (context) => {
  if (context.taintOf('mean').kind === 'public' || context.taintOf('variance').kind === 'public') {
    return mixed(
      'normalises with stored batch statistics: batch normalisation mixes examples while it trains, and its ' +
        'moving averages publish data without noise',
    );
  }
  return elementwise()(context);
};

export const select: TaintRule = (context) => {
  const condition = context.call.inputs.condition;
  if (condition?.rank === 1 && (context.call.outputs[0]?.rank ?? 1) > 1) {
    const taint = context.taintOf('condition');
    const rest = elementwise(['t', 'e'])(context);
    if (
      rest.kind === 'rows' &&
      taint.kind === 'public' &&
      context.batch > 1 &&
      context.isVaried('condition', 0)
    ) {
      return mixed("meets the batch with a 'condition' of its own for every place in it");
    }
    if (taint.kind === 'public' || rest.kind === 'mixed') return rest;
    const inner = sizeOf(outputShape(context.call).slice(1));
    if (rest.kind === 'rows' && rest.layout.inner !== inner) return mixed('selects across the batch');
    return rows({ inner, axis: 0 });
  }
  return elementwise()(context);
};

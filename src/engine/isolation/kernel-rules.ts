import type { KernelCall } from '../tape.js';
import { type BatchAxis, batchAxisOf, layoutAt, type RowLayout, sizeOf } from './layout.js';
import { PUBLIC, rows, type Taint, TOTAL } from './taint.js';

/**
 * For each kernel of tfjs: given which example each input element belongs to, which example each output
 * element belongs to. A rule returns the output's taint, or a sentence saying how the kernel mixes examples.
 * A kernel that is not listed is not known, and a computation that uses it is refused.
 */
export interface TaintContext {
  readonly call: KernelCall;
  readonly batch: number;
  taintOf(input: string): Taint;
  /** Whether a public input may hold another value at every place of the batch. */
  isVaried(input: string): boolean;
}
export type TaintResult = Taint | { readonly kind: 'mixed'; readonly how: string };
export type TaintRule = (context: TaintContext) => TaintResult;

const mixed = (how: string): TaintResult => ({ kind: 'mixed', how });

const shapeOf = (call: KernelCall, input: string): readonly number[] => call.inputs[input]?.shape ?? [];
const outputShape = (call: KernelCall): readonly number[] => call.outputs[0]?.shape ?? [];

/** Right-aligned broadcasting: the axis of `outer` that `axis` of `inner` meets. */
const aligned = (inner: readonly number[], outer: readonly number[], axis: number): number =>
  axis + outer.length - inner.length;

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
function elementwise(only?: readonly string[]): TaintRule {
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
function weighsPlaces(
  { call, batch, taintOf, isVaried }: TaintContext,
  name: string,
  layout: RowLayout,
  target: readonly number[],
): boolean {
  if (!(name in call.inputs) || taintOf(name).kind !== 'public' || !isVaried(name) || batch === 1)
    return false;
  const at = batchAxisOf(target, layout, batch);
  if (at === undefined) return true;
  const shape = shapeOf(call, name);
  const axis = at.axis - (target.length - shape.length);
  return axis >= 0 && shape[axis] !== 1;
}

/** Linear maps let a sum over examples through: the tail between the per-example losses and their total. */
function linear(scaledBy?: string): TaintRule {
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
const pointwise: TaintRule = ({ call, taintOf }) => {
  const name = Object.keys(call.inputs)[0];
  if (name === undefined) return PUBLIC;
  const taint = taintOf(name);
  return taint.kind === 'total' ? mixed('applies a non-linear function to a sum over examples') : taint;
};

const sameOrder: TaintRule = ({ call, taintOf }) => {
  const name = Object.keys(call.inputs)[0];
  return name === undefined ? PUBLIC : taintOf(name);
};

/** The same elements in the same order under another shape: only the axis has to be found again. */
const reshaped: TaintRule = ({ call, taintOf }) => {
  const taint = taintOf(Object.keys(call.inputs)[0] as string);
  return taint.kind === 'rows' ? rows({ inner: taint.layout.inner }) : taint;
};

const constant: TaintRule = () => PUBLIC;

function listOf(value: unknown): number[] {
  return Array.isArray(value)
    ? (value as number[])
    : value === undefined || value === null
      ? []
      : [value as number];
}
const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** A helper for kernels with one interesting input: finds its batch axis first. */
function onBatchAxis(
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

function reduction(options: { readonly sums: boolean }): TaintRule {
  return (context) => {
    const { call } = context;
    const name = 'x' in call.inputs ? 'x' : (Object.keys(call.inputs)[0] as string);
    if (context.taintOf(name).kind === 'total' && options.sums) return TOTAL;
    return onBatchAxis(name, (at, shape) => {
      // The kernel Max names its axes differently.
      const listed = listOf(call.attrs.axis ?? call.attrs.reductionIndices).map((axis) =>
        wrap(axis, shape.length),
      );
      // tfjs reduces over all axes when none are named.
      const axes = listed.length === 0 ? shape.map((_, axis) => axis) : listed;
      if (axes.includes(at.axis)) {
        return options.sums ? TOTAL : mixed('reduces over the batch');
      }
      const keepDims = call.attrs.keepDims === true;
      const gone = keepDims ? 0 : axes.filter((axis) => axis < at.axis).length;
      return rows(layoutAt(outputShape(call), at.axis - gone, at.block));
    })(context);
  };
}

/** Works along one axis (softmax, cumsum) and keeps the shape. */
function alongAxis(attribute: string, fallback: number): TaintRule {
  return (context) => {
    const name = Object.keys(context.call.inputs)[0] as string;
    return onBatchAxis(name, (at, shape) => {
      const axis = wrap(listOf(context.call.attrs[attribute])[0] ?? fallback, shape.length);
      if (axis === at.axis) return mixed('works along the batch');
      return rows(layoutAt(shape, at.axis, at.block));
    })(context);
  };
}

/** Convolution, pooling, resizing: the batch is the first axis and nothing crosses it. */
function leadingBatch(input: string): TaintRule {
  return onBatchAxis(input, (at, _shape, { call }) => {
    if (at.axis !== 0) return mixed('finds the batch on an axis that it slides over');
    return rows(layoutAt(outputShape(call), 0, at.block));
  });
}

const matMul: TaintRule = (context) => {
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
  for (const extra of ['bias', 'preluActivationWeights']) {
    if (extra in call.inputs && taintOf(extra).kind !== 'public')
      return mixed(`takes a data-dependent ${extra}`);
  }
  return a.kind === 'public' ? b : a;
};

const transpose: TaintRule = onBatchAxis('x', (at, _shape, { call }) => {
  const perm = listOf(call.attrs.perm);
  const axis = perm.indexOf(at.axis);
  return rows(layoutAt(outputShape(call), axis, at.block));
});

function join(stacks: boolean): TaintRule {
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
    if (
      Object.keys(call.inputs).some((name) => taintOf(name).kind === 'public' && isVaried(name) && batch > 1)
    ) {
      return mixed('joins the batch with values that differ from place to place');
    }
    return rows(found);
  };
}

/** Cuts, pads, flips: must leave the batch axis whole. `untouched` says whether it does. */
function cut(
  input: string,
  untouched: (axis: number, call: KernelCall, extent: number) => boolean,
): TaintRule {
  return onBatchAxis(input, (at, shape, { call }) => {
    if (!untouched(at.axis, call, shape[at.axis] as number))
      return mixed('takes part of the batch, or moves it');
    return rows(layoutAt(outputShape(call), at.axis, at.block));
  });
}

const unpack: TaintRule = onBatchAxis('value', (at, shape, { call }) => {
  const axis = wrap(listOf(call.attrs.axis)[0] ?? 0, shape.length);
  if (axis === at.axis) return mixed('takes the batch apart');
  return rows(layoutAt(outputShape(call), axis < at.axis ? at.axis - 1 : at.axis, at.block));
});

const gather: TaintRule = (context) => {
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

const oneHot: TaintRule = ({ call, taintOf }) => {
  const taint = taintOf('indices');
  if (taint.kind === 'rows') return rows({ inner: taint.layout.inner * (call.attrs.depth as number) });
  return taint.kind === 'total' ? mixed('encodes a sum over examples') : PUBLIC;
};

const batchNorm: TaintRule = (context) => {
  if (context.taintOf('mean').kind === 'public' || context.taintOf('variance').kind === 'public') {
    return mixed(
      'normalises with stored batch statistics: batch normalisation mixes examples while it trains, and its ' +
        'moving averages publish data without noise',
    );
  }
  return elementwise()(context);
};

const select: TaintRule = (context) => {
  const condition = context.call.inputs.condition;
  if (condition?.rank === 1 && (context.call.outputs[0]?.rank ?? 1) > 1) {
    const taint = context.taintOf('condition');
    const rest = elementwise(['t', 'e'])(context);
    if (taint.kind === 'public' || rest.kind === 'mixed') return rest;
    const inner = sizeOf(outputShape(context.call).slice(1));
    if (rest.kind === 'rows' && rest.layout.inner !== inner) return mixed('selects across the batch');
    return rows({ inner, axis: 0 });
  }
  return elementwise()(context);
};

const table = new Map<string, TaintRule>();
const add = (names: string, rule: TaintRule) => {
  for (const name of names.trim().split(/\s+/)) table.set(name, rule);
};

add('Identity Cast Neg', sameOrder);
add('Reshape ExpandDims', reshaped);
add(
  `Abs Acos Acosh Asin Asinh Atan Atanh Ceil ClipByValue Cos Cosh Elu Erf Exp Expm1 Floor IsFinite IsInf IsNan
   LeakyRelu Log Log1p LogicalNot Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Sqrt
   Square Step Tan Tanh`,
  pointwise,
);
// Ones in the shape of the batch can be counted, so they are the examples'.
add('ZerosLike OnesLike', pointwise);
add('Fill Range LinSpace', constant);
add(
  `Atan2 Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mod NotEqual Pow
   Prelu SquaredDifference`,
  elementwise(),
);
add('Add Sub AddN', linear());
add('Multiply', linear('product'));
add('RealDiv', linear('quotient'));
add('Sum Mean', reduction({ sums: true }));
add('Max Min Prod All Any ArgMax ArgMin', reduction({ sums: false }));
add('Softmax', alongAxis('dim', -1));
add('LogSoftmax', alongAxis('axis', -1));
add('Cumsum Cumprod', alongAxis('axis', 0));
add('BatchMatMul _FusedMatMul', matMul);
add(
  `Conv2D FusedConv2D DepthwiseConv2dNative FusedDepthwiseConv2D Conv3D AvgPool AvgPool3D MaxPool MaxPool3D
   Dilation2D LRN`,
  leadingBatch('x'),
);
add('Conv2DBackpropInput', leadingBatch('dy'));
add('ResizeBilinear ResizeNearestNeighbor', leadingBatch('images'));
add('FusedBatchNorm', batchNorm);
add('Transpose', transpose);
add('Concat', join(false));
add('Pack', join(true));
add('Unpack', unpack);
add(
  'SplitV',
  cut('x', (axis, call) => wrap(listOf(call.attrs.axis)[0] ?? 0, call.inputs.x?.rank ?? 0) !== axis),
);
add(
  'Slice StridedSlice',
  cut('x', (axis, call, extent) => {
    const output = call.outputs[0] as { readonly rank: number; readonly shape: readonly number[] };
    const strides = listOf(call.attrs.strides);
    return output.rank === call.inputs.x?.rank && output.shape[axis] === extent && (strides[axis] ?? 1) === 1;
  }),
);
add(
  'PadV2 MirrorPad',
  cut('x', (axis, call) => ((call.attrs.paddings as number[][])[axis] ?? []).every((amount) => amount === 0)),
);
add(
  'Reverse',
  cut(
    'x',
    (axis, call) =>
      !listOf(call.attrs.dims)
        .map((d) => wrap(d, call.inputs.x?.rank ?? 0))
        .includes(axis),
  ),
);
add(
  'Tile',
  cut('x', (axis, call) => (call.attrs.reps as number[])[axis] === 1),
);
add('BroadcastTo', elementwise());
add('GatherV2', gather);
add('OneHot', oneHot);
add('Select', select);

/** The rule of a kernel, or undefined for a kernel that is not known. */
export function taintRuleOf(kernelName: string): TaintRule | undefined {
  return table.get(kernelName);
}

import type * as tf from '@tensorflow/tfjs-core';
import { contiguous, moved, regroup, type Step, type Strided } from '../strided.js';
import type { KernelCall, Leaf } from '../tape.js';
import { type BatchAxis, strideOf } from './layout.js';
import { listOf, reducedAxes, wrap } from './taint-rule.js';

/**
 * Which public tensors hold another value at every place of the batch.
 *
 * A parameter or a constant with a row for each place, or the first B rows of one, would give whoever stands there a
 * weight of its own: when one example leaves, all that stood behind it move to other weights, and the sum of gradients
 * moves by more than one example's share. What was tiled or broadcast along the batch is the same at all places.
 * Followed by strides: an axis whose strides are zero is constant along it; what is not known counts as varying. Random
 * masks are not followed: their distribution is the same at every place.
 */
export class Places {
  private readonly known = new Map<number, Strided>();

  /** A tensor that comes from outside, with the axes along which its values are equal. */
  add(tensor: tf.Tensor, equalAlong: readonly boolean[]): void {
    if (equalAlong.every((equal) => equal)) return;
    const where = contiguous(tensor.shape);
    const axes = where.axes.map((steps, axis) => (equalAlong[axis] === true ? still(steps) : steps));
    this.known.set(tensor.id, { ...where, axes });
  }

  /** Follows a kernel whose inputs are all public. */
  follow(call: KernelCall): void {
    const inputs = Object.values(call.inputs);
    const sources = inputs.filter((input) => this.known.has(input.id));
    const [only] = sources;
    if (only === undefined && (keepsUniform(call) || call.outputs.every((output) => output.size <= 1)))
      return;
    call.outputs.forEach((output, k) => {
      const where =
        only !== undefined && inputs.length === 1
          ? moved(this.known.get(only.id) as Strided, call, { output: k })
          : undefined;
      this.known.set(output.id, where ?? this.byAxes(call, output));
    });
  }

  /** Whether the tensor's values differ along the batch, which lies on `axis` as `at` says. */
  varies(tensor: tf.Tensor, axis: number, at: BatchAxis | undefined, batch: number): boolean {
    const steps = this.known.get(tensor.id)?.axes[axis];
    if (steps === undefined || isConstant(steps)) return false;
    if (at === undefined) return true;
    const along = regroup([steps], [at.outer, batch, at.block])?.[1];
    return along === undefined || !isConstant(along);
  }

  private byAxes(call: KernelCall, output: tf.Tensor): Strided {
    const constant = (name: string, axis: number): boolean => {
      const input = call.inputs[name];
      const steps = input && this.known.get(input.id)?.axes[axis];
      return steps === undefined || isConstant(steps);
    };
    const where = contiguous(output.shape);
    const axes = where.axes.map((steps, axis) =>
      isConstantAlong(call, output, axis, constant) ? still(steps) : steps,
    );
    return { ...where, axes };
  }
}

const still = (steps: readonly Step[]): Step[] => steps.map((step) => ({ ...step, stride: 0 }));

const isConstant = (steps: readonly Step[]): boolean =>
  steps.every(({ extent, stride }) => extent === 1 || stride === 0);

const ELEMENTWISE = new Set(
  `Abs Acos Acosh Add AddN Asin Asinh Atan Atan2 Atanh Ceil ClipByValue Cos Cosh Elu Equal Erf Exp Expm1 Floor FloorDiv
   FusedBatchNorm Greater GreaterEqual IsFinite IsInf IsNan LeakyRelu Less LessEqual Log Log1p LogicalAnd LogicalNot
   LogicalOr Maximum Minimum Mod Multiply Neg NotEqual Pow Prelu RealDiv Reciprocal Relu Relu6 Round Rsqrt Select Selu
   Sigmoid Sign Sin Sinh Softplus Sqrt Square SquaredDifference Step Sub Tan Tanh OnesLike ZerosLike BroadcastTo`.split(
    /\s+/,
  ),
);
/** Kernels, besides those that work element by element, that make equal values of equal values. */
const KEEPS_UNIFORM = new Set(
  `Identity Cast SplitV Reshape ExpandDims Tile Fill Slice StridedSlice Transpose Reverse Unpack GatherV2 Sum Mean Max Min
   BatchMatMul _FusedMatMul`.split(/\s+/),
);

/** Whether a kernel gives one value everywhere where each of its inputs does; without inputs only a filling does. */
const keepsUniform = ({ kernelName, inputs }: KernelCall): boolean =>
  kernelName === 'Fill' ||
  (Object.keys(inputs).length > 0 && (ELEMENTWISE.has(kernelName) || KEEPS_UNIFORM.has(kernelName)));

const REDUCTIONS = new Set(['Sum', 'Mean', 'Max', 'Min', 'Prod', 'All', 'Any']);
const FIRST_AXIS = new Set(
  'Conv2D FusedConv2D DepthwiseConv2dNative FusedDepthwiseConv2D Conv3D AvgPool AvgPool3D MaxPool MaxPool3D'.split(
    ' ',
  ),
);

function isConstantAlong(
  call: KernelCall,
  output: tf.Tensor,
  axis: number,
  constant: (name: string, axis: number) => boolean,
): boolean {
  const { kernelName, inputs, attrs } = call;
  const names = Object.keys(inputs);
  const rank = output.rank;
  if (ELEMENTWISE.has(kernelName)) {
    return names.every((name) => {
      const shape = inputs[name]?.shape ?? [];
      const own = axis - (rank - shape.length);
      return own < 0 || (shape[own] === 1 && output.shape[axis] !== 1) || constant(name, own);
    });
  }
  if (kernelName === 'BatchMatMul' || kernelName === '_FusedMatMul') {
    const own = (name: 'a' | 'b', fromEnd: number) => constant(name, (inputs[name]?.rank ?? 0) - fromEnd);
    const bias = names.every((name) => {
      const at = axis - (rank - (inputs[name]?.rank ?? 0));
      return name === 'a' || name === 'b' || at < 0 || inputs[name]?.shape[at] === 1 || constant(name, at);
    });
    const fromEnd = rank - axis;
    if (fromEnd === 2) return bias && own('a', attrs.transposeA === true ? 1 : 2);
    if (fromEnd === 1) return bias && own('b', attrs.transposeB === true ? 2 : 1);
    return (
      bias && (['a', 'b'] as const).every((name) => (inputs[name]?.rank ?? 0) < fromEnd || own(name, fromEnd))
    );
  }
  if (REDUCTIONS.has(kernelName)) {
    const name = names[0] as string;
    const shape = inputs[name]?.shape ?? [];
    const axes = reducedAxes(call, shape.length);
    const kept = shape.map((_, k) => k).filter((k) => attrs.keepDims === true || !axes.includes(k));
    const own = kept[axis];
    return own === undefined || axes.includes(own) || constant(name, own);
  }
  if (FIRST_AXIS.has(kernelName)) return axis === 0 && constant('x', 0);
  switch (kernelName) {
    case 'Softmax':
    case 'LogSoftmax':
      return constant(names[0] as string, axis);
    case 'Cumsum':
    case 'Cumprod':
      return wrap(listOf(attrs.axis)[0] ?? 0, rank) !== axis && constant('x', axis);
    case 'Concat':
      return wrap(listOf(attrs.axis)[0] ?? 0, rank) !== axis && names.every((name) => constant(name, axis));
    case 'Pack': {
      const at = wrap(listOf(attrs.axis)[0] ?? 0, rank);
      return at !== axis && names.every((name) => constant(name, axis > at ? axis - 1 : axis));
    }
    case 'GatherV2': {
      const at = wrap(listOf(attrs.axis)[0] ?? 0, inputs.x?.rank ?? 0);
      const width = inputs.indices?.rank ?? 0;
      if (axis < at) return constant('x', axis);
      return axis < at + width ? constant('indices', axis - at) : constant('x', axis - width + 1);
    }
    case 'PadV2':
      return (
        (attrs.paddings as number[][])[axis]?.every((amount) => amount === 0) === true && constant('x', axis)
      );
    default:
      return false;
  }
}

/**
 * Along which axes a tensor that no kernel made holds equal values. Parameters differ along all of theirs; what tfjs
 * drew at random does not count, and data are not public.
 */
export function equalAlong({ tensor, origin }: Leaf): readonly boolean[] {
  if (tensor.size <= 1 || origin === 'random' || origin === 'captured') return tensor.shape.map(() => true);
  if (origin === 'variable' || tensor.isDisposed) return tensor.shape.map((extent) => extent === 1);
  const values = tensor.dataSync();
  if (allEqual(values)) return tensor.shape.map(() => true);
  return tensor.shape.map((extent, axis) => {
    const stride = strideOf(tensor.shape, axis);
    for (let i = 0; i < values.length; i++) {
      if (Math.floor(i / stride) % extent > 0 && values[i] !== values[i - stride]) return false;
    }
    return true;
  });
}

function allEqual(values: ArrayLike<unknown>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

import type * as tf from '@tensorflow/tfjs-core';
import { contiguous, moved, regroup, type Step, type Strided } from '../strided.js';
import type { KernelCall } from '../tape.js';
import type { BatchAxis } from './layout.js';
import { listOf, wrap } from './taint-rule.js';

/**
 * Which tensors made of parameters hold another value at every place of the batch.
 *
 * A parameter with a row for each place, or the first B rows of one, would give whoever stands there a weight of its
 * own: when one example leaves, all that stood behind it move to other weights, and the sum of gradients moves by
 * more than one example's share. A parameter that was tiled or broadcast along the batch is the same at all places.
 * Followed by strides: an axis whose strides are zero is constant along it; what is not known counts as varying.
 */
export class ParameterPlaces {
  private readonly known = new Map<number, Strided>();

  add(variable: tf.Tensor): void {
    if (variable.size > 1) this.known.set(variable.id, contiguous(variable.shape));
  }

  /** Follows a kernel whose inputs are all public; `varied` are numbers, not parameters, that differ by place. */
  follow(call: KernelCall, varied: ReadonlySet<number>): void {
    const inputs = Object.values(call.inputs);
    const sources = inputs.filter((input) => this.known.has(input.id));
    const [only] = sources;
    if (only === undefined) return;
    call.outputs.forEach((output, k) => {
      const where =
        inputs.length === 1 ? moved(this.known.get(only.id) as Strided, call, { output: k }) : undefined;
      this.known.set(output.id, where ?? this.byAxes(call, output, varied));
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

  private byAxes(call: KernelCall, output: tf.Tensor, varied: ReadonlySet<number>): Strided {
    const constant = (name: string, axis: number): boolean => {
      const input = call.inputs[name];
      if (input === undefined) return true;
      const steps = this.known.get(input.id)?.axes[axis];
      return steps === undefined ? !varied.has(input.id) : isConstant(steps);
    };
    const where = contiguous(output.shape);
    const axes = where.axes.map((steps, axis) =>
      isConstantAlong(call, output, axis, constant) ? steps.map((step) => ({ ...step, stride: 0 })) : steps,
    );
    return { ...where, axes };
  }
}

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
    const listed = listOf(attrs.axis ?? attrs.reductionIndices).map((each) => wrap(each, shape.length));
    const axes = listed.length === 0 ? shape.map((_, k) => k) : listed;
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

import { einsum } from './einsum-rule.js';
import {
  batchNorm,
  constant,
  elementwise,
  linear,
  pointwise,
  reshaped,
  sameOrder,
  select,
} from './elementwise-rules.js';
import {
  batchToSpace,
  gatherNd,
  histogram,
  onLastAxis,
  publicOnly,
  searchSorted,
  spaceToBatch,
} from './position-rules.js';
import {
  alongAxis,
  cut,
  gather,
  join,
  leadingBatch,
  matMul,
  oneHot,
  reduction,
  transpose,
  unpack,
} from './structure-rules.js';
import { listOf, mixed, type TaintRule, wrap } from './taint-rule.js';

/** The rule of every kernel that is known. One that is missing here is refused wherever it leads to a loss. */
const table = new Map<string, TaintRule>();
const add = (names: string, rule: TaintRule) => {
  for (const name of names.trim().split(/\s+/)) table.set(name, rule);
};

add('Identity Cast Neg', sameOrder);
add('Reshape ExpandDims', reshaped);
add(
  `Abs ComplexAbs Real Imag Acos Acosh Asin Asinh Atan Atanh Ceil ClipByValue Cos Cosh Elu Erf Exp Expm1 Floor IsFinite IsInf IsNan
   LeakyRelu Log Log1p LogicalNot Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Sqrt
   Square Step Tan Tanh`,
  pointwise,
);
// Ones in the shape of the batch can be counted, so they are the examples'.
add('ZerosLike OnesLike', pointwise);
add('Fill Range LinSpace', constant);
add(
  `Atan2 Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mod NotEqual Pow
   Prelu SquaredDifference BitwiseAnd LogicalXor Complex`,
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
add('Einsum', einsum);
add(
  `Conv2D FusedConv2D DepthwiseConv2dNative FusedDepthwiseConv2D Conv3D AvgPool AvgPool3D MaxPool MaxPool3D
   Dilation2D LRN`,
  leadingBatch('x'),
);
add('DepthToSpace', leadingBatch('x'));
add('FlipLeftRight RotateWithOffset', leadingBatch('image'));
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
add('TopK', onLastAxis('x'));
add('FFT IFFT', onLastAxis('input'));
add('GatherNd', gatherNd);
add('DenseBincount', histogram);
add('LowerBound UpperBound SearchSorted', searchSorted);
add('SpaceToBatchND', spaceToBatch);
add('BatchToSpaceND', batchToSpace);
add('MaxPoolWithArgmax', (context) =>
  context.call.attrs.includeBatchInIndex === true
    ? mixed('numbers its positions along the batch')
    : leadingBatch('x')(context),
);
add(
  `Bincount CropAndResize Diag NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 ScatterNd SparseToDense
   TensorScatterUpdate Unique UnsortedSegmentSum`,
  publicOnly,
);

/** The rule of a kernel, or undefined for a kernel that is not known. */
export function taintRuleOf(kernelName: string): TaintRule | undefined {
  return table.get(kernelName);
}

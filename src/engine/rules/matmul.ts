import * as tf from '@tensorflow/tfjs-core';
import { reduceToParameter, shaped, toBatchTime } from '../batch-time.js';
import { batchAxisOf, layoutAt, type RowLayout, sizeOf } from '../isolation/layout.js';
import type { Piece } from '../piece.js';
import { layoutOf, type OpRule, soleGradient, type Use } from './op-rule.js';

/**
 * Matrix products of any rank, plain and fused: Y = op(A) · op(B) (+ bias). The gradient of B is op(A)ᵀ · δ
 * and that of A is δ · op(B)ᵀ: one outer product a row of data, so the pair (rows of data, rows of δ) is all
 * that is kept.
 */

interface Product {
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  readonly saved: { readonly a: tf.Tensor; readonly b: tf.Tensor };
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function productOf(use: Use): Product | undefined {
  const { node } = use;
  const call = node.calls.find((c) => c.kernelName === 'BatchMatMul' || c.kernelName === '_FusedMatMul');
  const a = call?.inputs.a;
  const b = call?.inputs.b;
  const [savedA, savedB] = node.saved;
  if (call === undefined || !a || !b || !savedA || !savedB) return undefined;
  return {
    a,
    b,
    saved: { a: savedA, b: savedB },
    transposeA: call.attrs.transposeA === true,
    transposeB: call.attrs.transposeB === true,
  };
}

/** The last two axes swapped, and where the batch is then. */
function swapped(
  tensor: tf.Tensor,
  layout: RowLayout,
  batch: number,
): { tensor: tf.Tensor; layout: RowLayout } | undefined {
  const at = batchAxisOf(tensor.shape, layout, batch);
  if (at === undefined) return undefined;
  const rank = tensor.rank;
  const perm = tensor.shape.map((_, axis) =>
    axis < rank - 2 ? axis : axis === rank - 2 ? rank - 1 : rank - 2,
  );
  const turned = tf.transpose(tensor, perm);
  return { tensor: turned, layout: layoutAt(turned.shape, perm.indexOf(at.axis), at.block) };
}

/** The rows of `tensor`, taken as of `shape`, as [batch, time, width]. */
function rowsOf(
  tensor: tf.Tensor,
  shape: readonly number[],
  layout: RowLayout,
  swap: boolean,
  batch: number,
): tf.Tensor3D | undefined {
  if (!swap) return toBatchTime(tensor, layout, shape.at(-1) as number, batch);
  const turned = swapped(shaped(tensor, shape as [number]), layout, batch);
  return turned && toBatchTime(turned.tensor, turned.layout, turned.tensor.shape.at(-1) as number, batch);
}

/** Whether a parameter is one matrix, not a stack of them. */
const isMatrix = (tensor: tf.Tensor): boolean => sizeOf(tensor.shape.slice(0, -2)) === 1;

function weightPiece(use: Use, side: 'a' | 'b'): Piece | undefined {
  const product = productOf(use);
  const output = soleGradient(use);
  if (product === undefined || output === undefined || !isMatrix(product[side])) return undefined;
  const { batch } = use;
  const call = use.node.calls.find((c) => c.kernelName === 'BatchMatMul' || c.kernelName === '_FusedMatMul');
  const inner = call?.outputs[0];
  if (inner === undefined) return undefined;
  const deltaLayout = layoutOf(use, inner);
  if (deltaLayout === undefined) return undefined;
  const other = side === 'b' ? 'a' : 'b';
  const layout = layoutOf(use, product[other]);
  if (layout === undefined) return undefined;
  const swapData = side === 'b' ? product.transposeA : !product.transposeB;
  const { gradient } = output;
  const data = rowsOf(product.saved[other], product.saved[other].shape, layout, swapData, batch);
  const delta = rowsOf(gradient, inner.shape, deltaLayout, side === 'a', batch);
  if (data === undefined || delta === undefined || data.shape[1] !== delta.shape[1]) return undefined;
  // dB = Σ data ⊗ δ and dA = Σ δ ⊗ data; a parameter that is stored transposed has the factors swapped.
  const stored = side === 'b' ? product.transposeB : product.transposeA;
  const dataFirst = (side === 'b') !== stored;
  return dataFirst
    ? { kind: 'outer', left: data, right: delta }
    : { kind: 'outer', left: delta, right: data };
}

const names: Readonly<Record<string, 'a' | 'b' | 'bias'>> = { a: 'a', b: 'b', 0: 'a', 1: 'b', 2: 'bias' };

export const matMulRule: OpRule = {
  nodes: ['BatchMatMul', 'fusedMatMul__op'],

  inputGradient(use, input) {
    if (use.node.kernelName === 'BatchMatMul') return undefined;
    const product = productOf(use);
    const gradient = use.outputGradients[0];
    const side = names[input];
    if (product === undefined || !gradient || (side !== 'a' && side !== 'b')) return undefined;
    const { saved, transposeA, transposeB } = product;
    const dy = shaped(gradient, (fusedOutputShape(use) ?? gradient.shape) as [number]);
    if (side === 'a') {
      return transposeA
        ? tf.matMul(saved.b, dy, transposeB, true)
        : tf.matMul(dy, saved.b, false, !transposeB);
    }
    return transposeB ? tf.matMul(dy, saved.a, true, transposeA) : tf.matMul(saved.a, dy, !transposeA, false);
  },

  parameterPiece(use, input) {
    const side = names[input];
    if (side === 'a' || side === 'b') return weightPiece(use, side);
    const output = soleGradient(use);
    const bias = use.node.inputs[input];
    if (output === undefined || bias === undefined) return undefined;
    const gradient = reduceToParameter(output.gradient, output.layout, bias.shape, use.batch);
    return gradient === undefined ? undefined : { kind: 'direct', gradient };
  },
};

function fusedOutputShape(use: Use): number[] | undefined {
  return use.node.calls.find((call) => call.kernelName === '_FusedMatMul')?.outputs[0]?.shape;
}

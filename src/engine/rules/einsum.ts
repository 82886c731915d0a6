import * as tf from '@tensorflow/tfjs-core';
import { equationOf } from '../isolation/einsum-rule.js';
import { batchAxisOf, type RowLayout, sizeOf } from '../isolation/layout.js';
import type { Piece } from '../piece.js';
import { contract, extentsOf, grouped, type Lettered, spreadTo, summedTo } from './contract.js';
import { layoutOf, type OpRule, soleGradient, type Use } from './op-rule.js';

/**
 * Einsum with one or two operands. tfjs has no gradient of it at all, so all parts are given here.
 *
 * For Y = Σ X·W the letters of a parameter W fall into those that it shares with the data X alone (rows of its
 * gradient), those that it shares with Y alone (columns), and those that all three have: a stack of matrices.
 * The letters of X and Y that W lacks count positions within the example: one outer product each.
 */

/** Most elements of a stacked parameter's per-example gradients, which have no factors. */
const STACK_ELEMENTS = 1 << 24;

interface Operands {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly saved: readonly tf.Tensor[];
}

function operandsOf(use: Use): Operands | undefined {
  const call = use.node.calls.find(({ kernelName }) => kernelName === 'Einsum');
  if (call === undefined) return undefined;
  const { inputs, output } = equationOf(call);
  return use.node.saved.length === inputs.length ? { inputs, output, saved: use.node.saved } : undefined;
}

/** The summed gradient of an operand: δ times the other operand, repeated along the letters that only it has. */
function operandGradient(use: Use, input: string): tf.Tensor | undefined {
  const operands = operandsOf(use);
  const dy = use.outputGradients[0];
  const which = Number(input);
  if (operands === undefined || !dy) return undefined;
  const letters = [...(operands.inputs[which] as string)];
  const delta: Lettered = { tensor: dy, letters: [...operands.output] };
  const other = operands.inputs[1 - which];
  const extents = extentsOf({ tensor: operands.saved[which] as tf.Tensor, letters });
  const product =
    other === undefined
      ? summedTo(delta, new Set(letters))
      : contract(delta, { tensor: operands.saved[1 - which] as tf.Tensor, letters: [...other] }, letters);
  return spreadTo(product, letters, extents);
}

/** Splits the axis of the batch, so that it has a letter of its own. */
function apart(from: Lettered, layout: RowLayout, batch: number): Lettered | undefined {
  const at = batchAxisOf(from.tensor.shape, layout, batch);
  if (at === undefined) return undefined;
  const { axis, outer, block } = at;
  const letter = from.letters[axis] as string;
  const { shape } = from.tensor;
  return {
    tensor: tf.reshape(from.tensor, [...shape.slice(0, axis), outer, batch, block, ...shape.slice(axis + 1)]),
    letters: [
      ...from.letters.slice(0, axis),
      `${letter}<`,
      BATCH,
      `${letter}>`,
      ...from.letters.slice(axis + 1),
    ],
  };
}
const BATCH = 'batch';

function parameterPiece(use: Use, input: string): Piece | undefined {
  const operands = operandsOf(use);
  const output = soleGradient(use);
  const which = Number(input);
  const name = String(1 - which);
  const layout = layoutOf(use, use.node.inputs[name]);
  if (operands === undefined || output === undefined || layout === undefined) return undefined;
  const { batch } = use;
  const of = [...(operands.inputs[which] as string)];
  const delta = apart({ tensor: output.gradient, letters: [...operands.output] }, output.layout, batch);
  const data = apart(
    { tensor: operands.saved[1 - which] as tf.Tensor, letters: [...(operands.inputs[1 - which] as string)] },
    layout,
    batch,
  );
  if (delta === undefined || data === undefined) return undefined;
  const parameter = { tensor: operands.saved[which] as tf.Tensor, letters: of };
  // A parameter along the axis of the batch would be another one for every example.
  if (of.some((letter) => !delta.letters.includes(letter) && operands.output.includes(letter)))
    return undefined;
  return pieceOf(summedTo(data, new Set([...of, ...delta.letters])), delta, parameter, batch);
}

function pieceOf(data: Lettered, delta: Lettered, parameter: Lettered, batch: number): Piece | undefined {
  const of = parameter.letters;
  const extents = extentsOf(parameter);
  const extent = (letter: string) => extents.get(letter) as number;
  const stack = of.filter((letter) => data.letters.includes(letter) && delta.letters.includes(letter));
  const rows = of.filter((letter) => data.letters.includes(letter) && !stack.includes(letter));
  if (stack.length > 0) {
    const size = sizeOf(parameter.tensor.shape);
    if (batch * size > STACK_ELEMENTS) return undefined;
    const each = contract(data, delta, [BATCH, ...of]);
    const gradient = spreadTo(each, [BATCH, ...of], new Map([...extents, [BATCH, batch]]));
    return { kind: 'direct', gradient: tf.reshape(gradient, [batch, size]) };
  }
  const columns = of.filter((letter) => !rows.includes(letter));
  const alone = columns.filter((letter) => !delta.letters.includes(letter));
  const time = delta.letters.filter((letter) => letter !== BATCH && !of.includes(letter));
  if (time.some((letter) => !data.letters.includes(letter))) return undefined;
  const left = grouped(data, [[BATCH], time, rows]) as tf.Tensor3D;
  const wide = [BATCH, ...time, ...columns];
  const sizes = new Map([...extentsOf(delta), ...alone.map((letter) => [letter, extent(letter)] as const)]);
  const spread = alone.length === 0 ? delta : { tensor: spreadTo(delta, wide, sizes), letters: wide };
  const right = grouped(spread, [[BATCH], time, columns]) as tf.Tensor3D;
  const matrix = [...rows, ...columns];
  if (matrix.every((letter, k) => letter === of[k])) return { kind: 'outer', left, right };
  if ([...columns, ...rows].every((letter, k) => letter === of[k])) {
    return { kind: 'outer', left: right, right: left };
  }
  const order = { shape: matrix.map(extent), perm: of.map((letter) => matrix.indexOf(letter)) };
  return { kind: 'outer', left, right, order };
}

export const einsumRule: OpRule = {
  nodes: ['Einsum'],
  inputGradient: operandGradient,
  parameterGradient: operandGradient,
  parameterPiece,
};

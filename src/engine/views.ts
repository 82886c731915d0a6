import type * as tf from '@tensorflow/tfjs-core';
import type { Columns } from './piece.js';
import type { TapeNode } from './tape.js';

/**
 * A parameter that an op consumes through a view: reshaped, transposed or split.
 *
 * `order` is 'same' where the viewed elements lie in the parameter's order and 'transposed' where the last two
 * axes were exchanged; `columns` names the block that a split left. Undefined stands for a view that has no
 * description here, and the masked fallback serves.
 */
export interface ParameterView {
  readonly variable: tf.Variable;
  readonly order: 'same' | 'transposed';
  readonly columns?: Columns;
}

/** Follows a parameter-only tensor back to the variable that it views. `producers` are given last first. */
export function viewOf(
  tensor: tf.Tensor,
  producers: readonly TapeNode[],
  isParameter: (tensor: tf.Tensor) => tf.Variable | undefined,
): ParameterView | undefined {
  const steps: { node: TapeNode; output: number }[] = [];
  let current = tensor;
  for (;;) {
    const variable = isParameter(current);
    if (variable !== undefined) return describeView(variable, steps.reverse());
    const node = producers.find((producer) => producer.outputs.some((output) => output.id === current.id));
    const inputs = node === undefined ? [] : Object.values(node.inputs);
    if (node === undefined || inputs.length !== 1) return undefined;
    steps.push({ node, output: node.outputs.findIndex((output) => output.id === current.id) });
    current = inputs[0] as tf.Tensor;
  }
}

function describeView(
  variable: tf.Variable,
  steps: readonly { readonly node: TapeNode; readonly output: number }[],
): ParameterView | undefined {
  let order: ParameterView['order'] = 'same';
  let columns: Columns | undefined;
  for (const { node, output } of steps) {
    const call = node.calls[node.calls.length - 1];
    const input = Object.values(node.inputs)[0] as tf.Tensor;
    switch (node.kernelName) {
      case 'Identity':
      case 'Cast':
        break;
      case 'Reshape': {
        // A block of columns, or a transposed matrix, keeps its meaning only while its last axes stay.
        const target = node.outputs[0] as tf.Tensor;
        const keepsMatrix =
          input.shape[input.rank - 1] === target.shape[target.rank - 1] &&
          input.shape[input.rank - 2] === target.shape[target.rank - 2];
        if ((columns !== undefined || order === 'transposed') && !keepsMatrix) return undefined;
        break;
      }
      case 'Transpose': {
        const perm = call?.attrs.perm as number[] | undefined;
        const rank = input.rank;
        // tfjs-layers permutes dense kernels on sequences, by the identity where they are matrices.
        if (perm?.every((axis, i) => axis === i)) break;
        const swapsLast =
          perm?.every((axis, i) => axis === (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2)) ===
          true;
        const oneMatrix = input.shape.slice(0, -2).every((extent) => extent === 1);
        if (!swapsLast || !oneMatrix || columns !== undefined || rank < 2) return undefined;
        order = order === 'same' ? 'transposed' : 'same';
        break;
      }
      case 'SplitV': {
        const rank = input.rank;
        const axis = call?.attrs.axis as number;
        if ((axis + rank) % rank !== rank - 1 || columns !== undefined || order === 'transposed')
          return undefined;
        const widths = node.outputs.map((part) => part.shape[part.rank - 1] as number);
        columns = {
          start: widths.slice(0, output).reduce((sum, width) => sum + width, 0),
          count: widths[output] as number,
          of: input.shape[rank - 1] as number,
        };
        break;
      }
      default:
        return undefined;
    }
  }
  return { variable, order, ...(columns === undefined ? {} : { columns }) };
}

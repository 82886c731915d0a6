import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';

/** Inputs and targets of a model: tensors with the examples along the first axis. */
export interface TrainingData {
  readonly xs: tf.Tensor | readonly tf.Tensor[];
  readonly ys: tf.Tensor | readonly tf.Tensor[];
}

const ROWS_AT_A_TIME = 4096;

/**
 * The examples of a run, checked once: shapes fit the model, labels are classes, and examples with NaN or
 * infinite values are set aside. These contribute zero to every step, and their count is private.
 */
export class CheckedData {
  readonly datasetSize: number;
  /** Private: computed from the data. */
  readonly nonFiniteExamples: number;
  private readonly xs: readonly tf.Tensor[];
  private readonly ys: readonly tf.Tensor[];
  private readonly unusable: Uint8Array;

  constructor(model: tfl.LayersModel, data: TrainingData) {
    if (typeof data !== 'object' || data === null || !('xs' in data) || !('ys' in data)) {
      throw invalid('{ xs, ys } as the second argument', data === null ? 'null' : typeof data);
    }
    this.xs = tensorsOf('xs', data.xs);
    this.ys = tensorsOf('ys', data.ys);
    if (this.xs.length === 0) throw invalid('at least one tensor in xs', 'none');
    this.datasetSize = this.xs[0]?.shape[0] ?? 0;
    if (this.datasetSize === 0) throw invalid('at least one example', '0 rows in xs');
    for (const [name, list] of [
      ['xs', this.xs],
      ['ys', this.ys],
    ] as const) {
      list.forEach((tensor, k) => {
        if (tensor.shape[0] !== this.datasetSize) {
          throw invalid(`${this.datasetSize} rows in ${name}[${k}], as in xs[0]`, `shape [${tensor.shape}]`);
        }
      });
    }
    fits('inputs', model.inputs, this.xs);
    if (this.ys.length !== model.outputs.length) {
      throw invalid(`${model.outputs.length} tensors in ys, one for each output`, `${this.ys.length}`);
    }
    this.unusable = new Uint8Array(this.datasetSize);
    for (const tensor of [...this.xs, ...this.ys]) markNonFinite(tensor, this.unusable);
    this.nonFiniteExamples = this.unusable.reduce((sum, flag) => sum + flag, 0);
  }

  /** Refuses labels outside the classes of the outputs, for losses whose targets are class numbers. */
  checkClassLabels(model: tfl.LayersModel, usesClassNumbers: readonly boolean[]): void {
    this.ys.forEach((labels, k) => {
      const shape = model.outputs[k]?.shape ?? [];
      const classes = shape[shape.length - 1];
      if (usesClassNumbers[k] !== true || typeof classes !== 'number') return;
      const values = labels.dataSync();
      const perRow = values.length / this.datasetSize;
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number;
        if (this.unusable[Math.floor(i / perRow)] === 1) continue;
        if (!(Number.isInteger(value) && value >= 0 && value < classes)) {
          throw invalid(
            `labels in 0 … ${classes - 1} in ys[${k}]`,
            `${value} in row ${Math.floor(i / perRow)}`,
          );
        }
      }
    });
  }

  /** The usable ones among `indices`. */
  usable(indices: Int32Array): Int32Array {
    return this.nonFiniteExamples === 0 ? indices : indices.filter((index) => this.unusable[index] === 0);
  }

  /** Shapes without the examples' axis. */
  get shapes(): { readonly inputShapes: readonly number[][]; readonly targetShapes: readonly number[][] } {
    const inside = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => tensor.shape.slice(1));
    return { inputShapes: inside(this.xs), targetShapes: inside(this.ys) };
  }

  /** One physical batch, gathered when it is its turn; the caller disposes it. */
  gather(indices: Int32Array): { xs: tf.Tensor[]; ys: tf.Tensor[] } {
    if ([...this.xs, ...this.ys].some((tensor) => tensor.isDisposed)) {
      throw invalid('the data to stay until the run ends', 'tensors that were disposed meanwhile');
    }
    return tf.tidy(() => {
      const rows = tf.tensor1d(indices, 'int32');
      return { xs: this.xs.map((t) => tf.gather(t, rows)), ys: this.ys.map((t) => tf.gather(t, rows)) };
    });
  }
}

function invalid(expected: string, got: string): DpError {
  return new DpError('DP_INVALID_ARGUMENT', `Expected ${expected}, got ${got}.`);
}

function tensorsOf(name: string, value: unknown): readonly tf.Tensor[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  list.forEach((entry, k) => {
    if (!(entry instanceof tf.Tensor)) {
      throw invalid(
        `${name}${list.length > 1 ? `[${k}]` : ''} to be a tf.Tensor`,
        entry === null ? 'null' : typeof entry,
      );
    }
    if (entry.dtype === 'string' || entry.dtype === 'complex64') {
      throw invalid(`${name} of numbers`, `a tensor of dtype ${entry.dtype}`);
    }
    if (entry.isDisposed) throw invalid(`${name} that is not disposed`, 'a disposed tensor');
    if (entry.rank === 0) throw invalid(`${name} with the examples along the first axis`, 'a scalar');
  });
  return list as tf.Tensor[];
}

function fits(what: string, expected: readonly tfl.SymbolicTensor[], tensors: readonly tf.Tensor[]): void {
  if (expected.length !== tensors.length) throw invalid(`${expected.length} ${what}`, `${tensors.length}`);
  expected.forEach((symbol, k) => {
    const tensor = tensors[k] as tf.Tensor;
    const same =
      symbol.shape.length === tensor.rank &&
      symbol.shape.every((extent, axis) => axis === 0 || extent === null || extent === tensor.shape[axis]);
    if (!same)
      throw invalid(`${what}[${k}] of shape [${symbol.shape.map((d) => d ?? '·')}]`, `[${tensor.shape}]`);
  });
}

function markNonFinite(tensor: tf.Tensor, unusable: Uint8Array): void {
  if (tensor.dtype !== 'float32') return;
  const rows = tensor.shape[0] as number;
  const width = tensor.size / rows;
  const rest = new Array<number>(tensor.rank - 1);
  for (let start = 0; start < rows; start += ROWS_AT_A_TIME) {
    const count = Math.min(ROWS_AT_A_TIME, rows - start);
    const part = tf.tidy(() =>
      tf.slice(tensor, [start, ...rest.fill(0)], [count, ...tensor.shape.slice(1)]).dataSync(),
    );
    for (let i = 0; i < part.length; i++) {
      if (!Number.isFinite(part[i])) unusable[start + Math.floor(i / width)] = 1;
    }
  }
}

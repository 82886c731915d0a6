import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';

/** What a model's last layer returns. */
export type ModelOutput = 'logits' | 'probabilities';

export interface ModelScoringOptions {
  readonly model: tfl.LayersModel;
  /** [n, …], one tensor for each input of the model. Not disposed. */
  readonly features: tf.Tensor | readonly tf.Tensor[];
  /** Default: 'probabilities' if the last layer's activation is softmax or sigmoid, else 'logits'. */
  readonly output?: ModelOutput;
  /** Examples a forward pass. Default 256. */
  readonly batchSize?: number;
}

/** [n, classes] in float32, and how they were obtained. */
export interface ModelLogits {
  readonly logits: Float32Array;
  readonly classes: number;
  /** logits: as returned; activation-removed: before the last activation; log-probabilities: after it. */
  readonly source: 'logits' | 'activation-removed' | 'log-probabilities';
  /** What a reader of the scores has to know, if anything. */
  readonly note?: string;
}

/**
 * The model's logits for every example, in inference mode (no dropout), batch by batch.
 *
 * Float32 probabilities round to 0 and 1 and make ties where an attack looks, so logits are taken from before
 * the last activation whenever that is a dense or activation layer. Otherwise log-probabilities stand in for
 * logits (the softmax of log p is p again), and `note` says so. One sigmoid output z becomes the row [0, z].
 *
 * Keeps no tensor.
 *
 * @example
 * const { logits, classes } = await modelLogits({ model, features: xs });
 */
export async function modelLogits({
  model,
  features,
  output,
  batchSize = 256,
}: ModelScoringOptions): Promise<ModelLogits> {
  const inputs = Array.isArray(features) ? [...(features as readonly tf.Tensor[])] : [features as tf.Tensor];
  const n = inputs[0]?.shape[0] ?? 0;
  if (n === 0 || inputs.length !== model.inputs.length || inputs.some((input) => input.shape[0] !== n)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `features: expected ${model.inputs.length} tensor(s) with the same first dimension, at least 1, got ` +
        `shapes ${JSON.stringify(inputs.map((input) => input.shape))}.`,
    );
  }
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new DpError('DP_INVALID_ARGUMENT', `batchSize: expected a positive integer, got ${batchSize}.`);
  }
  if (model.outputs.length !== 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `model: expected one output, a row of class logits, got ${model.outputs.length} outputs.`,
    );
  }
  const activation = lastActivation(model);
  const kind = output ?? (activation === undefined ? 'logits' : 'probabilities');
  const before = kind === 'probabilities' ? beforeActivation(model) : undefined;
  const rows = await forward(before ?? ((batch) => model.predict(batch) as tf.Tensor), inputs, n, batchSize);
  if (activation === 'sigmoid' && rows.classes > 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `model: expected one class per example, got ${rows.classes} independent sigmoid outputs. Audit each output as ` +
        'a model of its own.',
    );
  }
  if (kind === 'logits' || before !== undefined) {
    if (kind === 'logits') refuseProbabilities(rows);
    return {
      ...(rows.classes === 1 ? binaryRows(rows.values) : { logits: rows.values, classes: rows.classes }),
      source: before === undefined ? 'logits' : 'activation-removed',
    };
  }
  return logProbabilities(rows);
}

interface Rows {
  readonly values: Float32Array;
  readonly classes: number;
}

type Forward = (batch: tf.Tensor[]) => tf.Tensor;

async function forward(
  run: Forward,
  inputs: readonly tf.Tensor[],
  n: number,
  batchSize: number,
): Promise<Rows> {
  let values = new Float32Array(0);
  let classes = 0;
  for (let start = 0; start < n; start += batchSize) {
    const size = Math.min(batchSize, n - start);
    const batch = tf.tidy(() => {
      const slices = inputs.map((input) =>
        tf.slice(input, [start, ...input.shape.slice(1).map(() => 0)], [size, ...input.shape.slice(1)]),
      );
      const out = run(slices);
      if (out.rank !== 2 || out.shape[0] !== size) {
        throw new DpError(
          'DP_INVALID_ARGUMENT',
          `model: expected an output of shape [batch, classes], got [${out.shape}] for a batch of ${size}.`,
        );
      }
      classes = out.shape[1]!;
      return tf.cast(out, 'float32');
    });
    const rows = (await batch.data()) as Float32Array;
    batch.dispose();
    if (start === 0) values = new Float32Array(n * classes);
    values.set(rows, start * classes);
  }
  return { values, classes };
}

function lastLayer(model: tfl.LayersModel): tfl.layers.Layer | undefined {
  return model.outputs[0]?.sourceLayer as tfl.layers.Layer | undefined;
}

function lastActivation(model: tfl.LayersModel): 'softmax' | 'sigmoid' | undefined {
  const layer = lastLayer(model);
  if (layer === undefined) return undefined;
  if (layer.getClassName() === 'Softmax') return 'softmax';
  const { activation } = layer.getConfig();
  return activation === 'softmax' || activation === 'sigmoid' ? activation : undefined;
}

/** The model up to its last activation, sharing its weights; undefined where that can't be cut off. */
function beforeActivation(model: tfl.LayersModel): Forward | undefined {
  const layer = lastLayer(model);
  if (layer === undefined || lastActivation(model) === undefined) return undefined;
  const name = layer.getClassName();
  if (name !== 'Dense' && name !== 'Activation' && name !== 'Softmax') return undefined;
  const input = singleInput(layer);
  if (input === undefined || (name === 'Dense' && input.shape.length !== 2)) return undefined;
  const body = tfl.model({ inputs: model.inputs, outputs: input });
  if (name !== 'Dense') return (batch) => body.predict(batch) as tf.Tensor;
  return (batch) => {
    const [kernel, bias] = layer.getWeights();
    const product = tf.matMul(body.predict(batch) as tf.Tensor2D, kernel as tf.Tensor2D);
    return bias === undefined ? product : tf.add(product, bias);
  };
}

function singleInput(layer: tfl.layers.Layer): tfl.SymbolicTensor | undefined {
  try {
    const { input } = layer;
    return Array.isArray(input) ? undefined : input;
  } catch {
    return undefined; // a layer used more than once has no single input
  }
}

/** Probabilities taken for logits would be scored by a softmax of a softmax: caught, not repaired. */
function refuseProbabilities({ values, classes }: Rows): void {
  if (classes > 1 && rowsSumToOne({ values, classes })) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      "output: expected logits, but every row holds probabilities that sum to 1. Pass output: 'probabilities'.",
    );
  }
}

function rowsSumToOne({ values, classes }: Rows): boolean {
  for (let start = 0; start < values.length; start += classes) {
    let sum = 0;
    for (let j = start; j < start + classes; j++) {
      if (!(values[j]! >= 0 && values[j]! <= 1 + 1e-6)) return false;
      sum += values[j]!;
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

/** One output z per row is the log-odds of class 1: the same two-class softmax as the row [0, z]. */
function binaryRows(values: Float32Array): { readonly logits: Float32Array; readonly classes: 2 } {
  const logits = new Float32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) logits[2 * i + 1] = values[i]!;
  return { logits, classes: 2 };
}

const SMALLEST_FLOAT32 = 2 ** -149;

function logProbabilities({ values, classes }: Rows): ModelLogits {
  const width = classes === 1 ? 2 : classes;
  const rows = classes === 1 ? Float32Array.from({ length: 2 * values.length }, pairOf(values)) : values;
  const finite = rows.every((p) => !Number.isFinite(p) || (p >= 0 && p <= 1 + 1e-6));
  if (!finite || (classes > 1 && rows.every(Number.isFinite) && !rowsSumToOne({ values: rows, classes }))) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      "output: expected probabilities in [0, 1] that sum to 1 in every row. Pass output: 'logits' for logits.",
    );
  }
  let zeros = 0;
  const logits = rows.map((p) => {
    if (p !== 0) return Math.log(p);
    zeros++;
    return Math.log(SMALLEST_FLOAT32);
  });
  return {
    logits,
    classes: width,
    source: 'log-probabilities',
    note:
      'Scores come from float32 probabilities: the last activation could not be removed, so confident ' +
      `examples tie and the attacks are weaker than on logits. ${zeros} probabilities of exactly 0 were ` +
      'read as the smallest positive float32.',
  };
}

function pairOf(values: Float32Array): (unused: unknown, index: number) => number {
  return (_, index) => (index % 2 === 1 ? values[index >> 1]! : 1 - values[index >> 1]!);
}

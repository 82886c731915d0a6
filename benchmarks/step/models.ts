/**
 * The models that the step benchmark measures, each with random data of fixed seed and its mean-free loss.
 *
 * benchmarks/peers/ builds the same ones: a change here needs one there. Recurrent layers use the logistic
 * recurrent activation, as PyTorch's do, and start from 'glorotNormal', because tfjs's default initializer needs
 * chained operations that tfjs-core and tfjs-layers alone do not register.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { ModelId } from './targets.js';

/** A model with one batch of data. */
export interface Problem {
  readonly variables: readonly tf.Variable[];
  /** The loss of each example, [batch]. */
  readonly losses: () => tf.Tensor1D;
}

export interface BenchmarkModel {
  readonly id: ModelId;
  readonly label: string;
  /** Which batch sizes a full run measures besides 256. */
  readonly otherBatches: readonly number[];
  /** Convolutional models are held against the native backend on wasm. */
  readonly convolutional?: true;
  readonly make: (batch: number) => Problem;
}

const WORDS = 20_000;
const TOKENS = 100;
const WIDTH = 64;
const HEADS = 4;
const FEATURES = 64;

const { layers } = tfl;

function labels(batch: number, classes: number): tf.Tensor2D {
  const ids = Int32Array.from({ length: batch }, (_, i) => i % classes);
  return tf.oneHot(tf.tensor1d(ids, 'int32'), classes) as tf.Tensor2D;
}

function problem(variables: readonly tf.Variable[], ys: tf.Tensor2D, logits: () => tf.Tensor): Problem {
  const none = tf.Reduction.NONE;
  const losses = () => tf.losses.softmaxCrossEntropy(ys, logits(), undefined, undefined, none) as tf.Tensor1D;
  return { variables, losses };
}

function sequential(stack: tfl.layers.Layer[], xs: tf.Tensor, classes: number): Problem {
  const model = tfl.sequential({ layers: stack });
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  return problem(variables, labels(xs.shape[0] as number, classes), () => model.apply(xs) as tf.Tensor);
}

const pixels = (shape: number[]) => tf.randomUniform(shape, 0, 1, 'float32', 1);

function dense(sizes: readonly number[]) {
  return (batch: number): Problem => {
    const [inputs = 0, ...units] = sizes;
    const stack = units.map((size, i) =>
      layers.dense({
        units: size,
        ...(i === 0 ? { inputShape: [inputs] } : {}),
        ...(i < units.length - 1 ? { activation: 'relu' as const } : {}),
      }),
    );
    return sequential(stack, pixels([batch, inputs]), units.at(-1) as number);
  };
}

/** The network of Opacus's MNIST example. */
function opacusCnn(batch: number): Problem {
  return sequential(
    [
      layers.zeroPadding2d({ padding: 3, inputShape: [28, 28, 1] }),
      layers.conv2d({ filters: 16, kernelSize: 8, strides: 2, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2, strides: 1 }),
      layers.conv2d({ filters: 32, kernelSize: 4, strides: 2, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2, strides: 1 }),
      layers.flatten(),
      layers.dense({ units: 32, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
    pixels([batch, 28, 28, 1]),
    10,
  );
}

function cnn3x3(batch: number): Problem {
  return sequential(
    [
      layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 10 }),
    ],
    pixels([batch, 28, 28, 1]),
    10,
  );
}

function recurrent(kind: 'lstm' | 'gru', steps: number) {
  return (batch: number): Problem => {
    const common = {
      units: 64,
      recurrentActivation: 'sigmoid',
      recurrentInitializer: 'glorotNormal',
      inputShape: [steps, FEATURES],
    } as const;
    const layer =
      kind === 'lstm'
        ? layers.lstm({ ...common, inputShape: [...common.inputShape] })
        : layers.gru({ ...common, inputShape: [...common.inputShape] });
    const xs = tf.randomNormal([batch, steps, FEATURES], 0, 1, 'float32', 1);
    return sequential([layer as tfl.layers.Layer, layers.dense({ units: 2 })], xs, 2);
  };
}

/** Ids as text has them: a few words make up most of it (rank r with probability about 1/r). */
function text(batch: number): tf.Tensor2D {
  const uniform = tf.randomUniform([batch, TOKENS], 0, 1, 'float32', 1).dataSync();
  const ids = Int32Array.from(uniform, (u) => Math.min(WORDS - 1, Math.floor(WORDS ** u) - 1));
  return tf.tensor2d(ids, [batch, TOKENS], 'int32');
}

function embedding(batch: number): Problem {
  return sequential(
    [
      layers.embedding({ inputDim: WORDS, outputDim: WIDTH, inputLength: TOKENS }),
      layers.globalAveragePooling1d({}),
      layers.dense({ units: 2 }),
    ],
    text(batch),
    2,
  );
}

/** The same embedding, one block of multi-head attention made of tfjs operations, the mean over tokens, a dense layer. */
function attention(batch: number): Problem {
  const ids = text(batch);
  const table = layers.embedding({ inputDim: WORDS, outputDim: WIDTH, inputLength: TOKENS });
  const dense = () => layers.dense({ units: WIDTH });
  const [query, key, value, output] = [dense(), dense(), dense(), dense()] as const;
  const head = layers.dense({ units: 2 });
  const split = (tensor: tf.Tensor) =>
    tf.transpose(tf.reshape(tensor, [batch, TOKENS, HEADS, WIDTH / HEADS]), [0, 2, 1, 3]);
  const logits = () => {
    const tokens = table.apply(ids) as tf.Tensor;
    const heads = (layer: tfl.layers.Layer) => split(layer.apply(tokens) as tf.Tensor);
    const scores = tf.mul(tf.matMul(heads(query), heads(key), false, true), 1 / Math.sqrt(WIDTH / HEADS));
    const mixed = tf.transpose(tf.matMul(tf.softmax(scores), heads(value)), [0, 2, 1, 3]);
    const attended = output.apply(tf.reshape(mixed, [batch, TOKENS, WIDTH])) as tf.Tensor;
    return head.apply(tf.mean(attended, 1)) as tf.Tensor;
  };
  tf.tidy(logits); // layers make their weights when they are first applied
  const variables = [table, query, key, value, output, head].flatMap((layer) =>
    layer.trainableWeights.map((weight) => weight.read() as tf.Variable),
  );
  return problem(variables, labels(batch, 2), logits);
}

export const MODELS: readonly BenchmarkModel[] = [
  { id: 'mlp', label: 'MLP 784-256-128-10', otherBatches: [32, 1024], make: dense([784, 256, 128, 10]) },
  {
    id: 'cnn-opacus',
    label: "Opacus's MNIST CNN",
    otherBatches: [32, 1024],
    convolutional: true,
    make: opacusCnn,
  },
  {
    id: 'cnn-3x3',
    label: '3×3 CNN, 32 and 64 filters',
    otherBatches: [32],
    convolutional: true,
    make: cnn3x3,
  },
  { id: 'lstm-50', label: 'LSTM 64 units, 50 steps', otherBatches: [32], make: recurrent('lstm', 50) },
  { id: 'lstm-200', label: 'LSTM 64 units, 200 steps', otherBatches: [], make: recurrent('lstm', 200) },
  { id: 'gru-50', label: 'GRU 64 units, 50 steps', otherBatches: [32], make: recurrent('gru', 50) },
  { id: 'gru-200', label: 'GRU 64 units, 200 steps', otherBatches: [], make: recurrent('gru', 200) },
  { id: 'embedding', label: 'embedding 20,000 × 64, 100 tokens', otherBatches: [32, 1024], make: embedding },
  { id: 'attention', label: 'embedding + 4-head attention', otherBatches: [32], make: attention },
  {
    id: 'dense-10m',
    label: 'dense, 10 million parameters',
    otherBatches: [32, 1024],
    make: dense([784, 2048, 2048, 2048, 10]),
  },
];

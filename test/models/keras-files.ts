/**
 * Models as the TensorFlow.js converter writes them for Keras 2: model.json with a `model_config` in snake_case, and
 * one shard of little-endian float32 weights. Written into a folder, since that is where such models come from.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { normals } from '../engine/seeded-data.js';

type Json = Record<string, unknown>;
type Weights = readonly (readonly [name: string, shape: readonly number[]])[];
type Node = readonly [layer: string, node: number, tensor: number, kwargs: Json];

const initializer = (class_name: string, config: Json = {}) => ({ class_name, config });
const glorot = initializer('GlorotUniform', { seed: null });
const zeros = initializer('Zeros');
const ones = initializer('Ones');
const none = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));
const base = (name: string, more: Json): Json => ({ name, trainable: true, dtype: 'float32', ...more });
const penalties = none(
  'kernel_regularizer',
  'bias_regularizer',
  'activity_regularizer',
  'kernel_constraint',
  'bias_constraint',
);
const scaleAndCenter = {
  epsilon: 0.001,
  center: true,
  scale: true,
  beta_initializer: zeros,
  gamma_initializer: ones,
  ...none('beta_regularizer', 'gamma_regularizer', 'beta_constraint', 'gamma_constraint'),
};

const entry = (class_name: string, config: Json, ...from: readonly string[]): Json => ({
  class_name,
  config,
  name: config.name,
  inbound_nodes: from.length === 0 ? [] : [from.map((name): Node => [name, 0, 0, {}])],
});

const input = (name: string, batch_input_shape: readonly (number | null)[]): Json =>
  entry('InputLayer', { batch_input_shape, dtype: 'float32', sparse: false, ragged: false, name });

const conv = (name: string, filters: number, more: Json = {}): Json =>
  base(name, {
    filters,
    kernel_size: [3, 3],
    strides: [1, 1],
    padding: 'valid',
    data_format: 'channels_last',
    dilation_rate: [1, 1],
    groups: 1,
    activation: 'relu',
    use_bias: true,
    kernel_initializer: glorot,
    bias_initializer: zeros,
    ...penalties,
    ...more,
  });

const dense = (name: string, units: number, activation: string): Json =>
  base(name, {
    units,
    activation,
    use_bias: true,
    kernel_initializer: glorot,
    bias_initializer: zeros,
    ...penalties,
  });

const lstm = (name: string, units: number): Json =>
  base(name, {
    return_sequences: false,
    return_state: false,
    go_backwards: false,
    stateful: false,
    unroll: false,
    time_major: false,
    units,
    activation: 'tanh',
    recurrent_activation: 'sigmoid',
    use_bias: true,
    kernel_initializer: glorot,
    recurrent_initializer: initializer('Orthogonal', { gain: 1, seed: null }),
    bias_initializer: zeros,
    unit_forget_bias: true,
    ...penalties,
    ...none('recurrent_regularizer', 'recurrent_constraint'),
    dropout: 0,
    recurrent_dropout: 0,
    implementation: 2,
  });

interface KerasModel {
  readonly model_config: Json;
  readonly weights: Weights;
}

/** Images and words in, two heads out: Conv2D, LayerNormalization, GroupNormalization, Embedding, LSTM, Dense. */
export const twoInputs: KerasModel = {
  model_config: {
    class_name: 'Functional',
    config: {
      name: 'two_inputs',
      layers: [
        input('image', [null, 6, 6, 1]),
        input('words', [null, 4]),
        entry('Conv2D', conv('conv2d', 4), 'image'),
        entry(
          'GroupNormalization',
          base('group_normalization', { groups: 2, axis: -1, ...scaleAndCenter }),
          'conv2d',
        ),
        entry(
          'GlobalAveragePooling2D',
          base('pool', { data_format: 'channels_last' }),
          'group_normalization',
        ),
        entry(
          'Embedding',
          base('embedding', {
            batch_input_shape: [null, 4],
            input_dim: 9,
            output_dim: 3,
            embeddings_initializer: initializer('RandomUniform', { minval: -0.05, maxval: 0.05, seed: null }),
            ...none('embeddings_regularizer', 'activity_regularizer', 'embeddings_constraint'),
            mask_zero: true,
            input_length: null,
          }),
          'words',
        ),
        entry('LSTM', lstm('lstm', 3), 'embedding'),
        entry('Concatenate', base('concatenate', { axis: -1 }), 'pool', 'lstm'),
        entry(
          'LayerNormalization',
          base('layer_normalization', { axis: [1], ...scaleAndCenter }),
          'concatenate',
        ),
        entry('Dense', dense('label', 3, 'softmax'), 'layer_normalization'),
        entry('Dense', dense('score', 1, 'linear'), 'layer_normalization'),
      ],
      input_layers: [
        ['image', 0, 0],
        ['words', 0, 0],
      ],
      output_layers: [
        ['label', 0, 0],
        ['score', 0, 0],
      ],
    },
  },
  weights: [
    ['conv2d/kernel', [3, 3, 1, 4]],
    ['conv2d/bias', [4]],
    ['group_normalization/gamma', [4]],
    ['group_normalization/beta', [4]],
    ['embedding/embeddings', [9, 3]],
    ['lstm/lstm_cell/kernel', [3, 12]],
    ['lstm/lstm_cell/recurrent_kernel', [3, 12]],
    ['lstm/lstm_cell/bias', [12]],
    ['layer_normalization/gamma', [7]],
    ['layer_normalization/beta', [7]],
    ['label/kernel', [7, 3]],
    ['label/bias', [3]],
    ['score/kernel', [7, 1]],
    ['score/bias', [1]],
  ],
};

/** A Sequential with batch normalisation, whose axis Keras writes as a list. */
export const withBatchNorm: KerasModel = {
  model_config: {
    class_name: 'Sequential',
    config: {
      name: 'with_batch_norm',
      layers: [
        entry('InputLayer', {
          batch_input_shape: [null, 6, 6, 2],
          dtype: 'float32',
          sparse: false,
          ragged: false,
          name: 'in',
        }),
        entry('Conv2D', conv('conv', 4, { activation: 'linear', batch_input_shape: [null, 6, 6, 2] })),
        entry(
          'BatchNormalization',
          base('bn', {
            axis: [3],
            momentum: 0.99,
            ...scaleAndCenter,
            moving_mean_initializer: zeros,
            moving_variance_initializer: ones,
          }),
        ),
        entry('Activation', base('relu', { activation: 'relu' })),
        entry('Flatten', base('flatten', { data_format: 'channels_last' })),
        entry('Dense', dense('out', 2, 'linear')),
      ].map(({ class_name, config }) => ({ class_name, config })),
    },
  },
  weights: [
    ['conv/kernel', [3, 3, 2, 4]],
    ['conv/bias', [4]],
    ['bn/gamma', [4]],
    ['bn/beta', [4]],
    ['bn/moving_mean', [4]],
    ['bn/moving_variance', [4]],
    ['out/kernel', [64, 2]],
    ['out/bias', [2]],
  ],
};

/** Writes model.json and its shard. Weights are seeded normals; variances are made positive. */
export function writeKerasFiles(folder: string, { model_config, weights }: KerasModel): void {
  mkdirSync(folder, { recursive: true });
  const shard = weights.flatMap(([name, shape], k) => {
    const values = Array.from(normals(tf.util.sizeFromShape([...shape]), 60 + k, 0.4));
    return name.endsWith('variance') ? values.map((value) => value * value + 0.5) : values;
  });
  writeFileSync(join(folder, 'group1-shard1of1.bin'), new Uint8Array(Float32Array.from(shard).buffer));
  const json = {
    format: 'layers-model',
    generatedBy: 'keras v2.11.0',
    convertedBy: 'TensorFlow.js Converter v4.2.0',
    modelTopology: { keras_version: '2.11.0', backend: 'tensorflow', model_config },
    weightsManifest: [
      {
        paths: ['group1-shard1of1.bin'],
        weights: weights.map(([name, shape]) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
}

/** Reads them as `file://` handlers do. */
export function fromKerasFiles(folder: string): tf.io.IOHandler {
  return {
    load: () => {
      const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as tf.io.ModelJSON;
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const shards = manifest.flatMap(({ paths }) => paths.map((path) => readFileSync(join(folder, path))));
        const bytes = new Uint8Array(Buffer.concat(shards));
        return [manifest.flatMap((group) => group.weights), bytes.buffer];
      });
    },
  };
}

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import type { WeightAverage } from '../optimizer/index.js';
import { nodeFiles, readJson, sha256, withFile, writeAtomically } from './node-files.js';

/**
 * Weights on disk: a model, and the state of the optimizer that trained it, in one directory that is replaced
 * whole. Every binary's length and SHA-256 are checked before it is used.
 */
const CHECKPOINT_SCHEMA = 'tfjs-privacy/checkpoint/1';

interface Stored {
  readonly specs: tf.io.WeightsManifestEntry[];
  readonly bytes: number;
  readonly sha256: string;
}

/** Writes `model` and, where given, the optimizer's state and the averaged weights, as of `step`. */
export async function saveCheckpoint(
  directory: string,
  options: {
    readonly model: tfl.LayersModel;
    readonly optimizer?: tf.Optimizer;
    readonly average?: WeightAverage;
    readonly step: number;
  },
): Promise<void> {
  const { fs, path } = nodeFiles();
  const { model, optimizer, average, step } = options;
  const artifacts = await artifactsOf(model);
  const temporary = `${directory}.tmp`;
  withFile(temporary, 'write', () => {
    fs.rmSync(temporary, { recursive: true, force: true });
    fs.mkdirSync(temporary, { mode: 0o700 });
  });
  const store = (name: string, data: ArrayBuffer, specs: tf.io.WeightsManifestEntry[]): Stored => {
    const bytes = new Uint8Array(data);
    writeAtomically(path.join(temporary, name), bytes);
    return { specs, bytes: bytes.length, sha256: sha256(bytes) };
  };
  const weights = store('weights.bin', asBuffer(artifacts.weightData), artifacts.weightSpecs ?? []);
  let optimizerState: Stored | undefined;
  if (optimizer !== undefined) {
    const state = await optimizer.getWeights();
    const encoded = await tf.io.encodeWeights(state as { name: string; tensor: tf.Tensor }[], 'optimizer');
    // The iteration count is a tensor made for the occasion.
    state.filter(({ name }) => name === 'iter').forEach(({ tensor }) => void tensor.dispose());
    optimizerState = store('optimizer.bin', encoded.data, encoded.specs);
  }
  let averaged: (Stored & { readonly updates: number }) | undefined;
  if (average !== undefined) {
    const { updates, averages } = average.state();
    const encoded = await tf.io.encodeWeights([...averages]);
    averaged = { ...store('average.bin', encoded.data, encoded.specs), updates };
  }
  writeAtomically(
    path.join(temporary, 'checkpoint.json'),
    JSON.stringify({
      schema: CHECKPOINT_SCHEMA,
      step,
      modelTopology: artifacts.modelTopology,
      weights,
      ...(optimizerState === undefined ? {} : { optimizer: optimizerState }),
      ...(averaged === undefined ? {} : { average: averaged }),
    }),
  );
  const old = `${directory}.old`;
  withFile(directory, 'replace', () => {
    // After a crash half-way the old one may be the only one: it goes when another is in place.
    if (fs.existsSync(directory)) {
      fs.rmSync(old, { recursive: true, force: true });
      fs.renameSync(directory, old);
    }
    fs.renameSync(temporary, directory);
    fs.rmSync(old, { recursive: true, force: true });
  });
}

/** What a checkpoint holds; the caller disposes the tensors. */
export interface Checkpoint {
  readonly step: number;
  readonly modelTopology: object;
  readonly weights: tf.NamedTensorMap;
  /** In the order in which the optimizer gave them. */
  readonly optimizerState?: readonly { readonly name: string; readonly tensor: tf.Tensor }[];
  /** Averaged weights, in the order of the model's. */
  readonly average?: { readonly updates: number; readonly averages: readonly tf.Tensor[] };
}

/** Whether there is a checkpoint; one that a crash left half replaced counts. */
export function hasCheckpoint(directory: string): boolean {
  const { fs } = nodeFiles();
  return fs.existsSync(directory) || fs.existsSync(`${directory}.old`);
}

/** Reads a checkpoint; `DP_CORRUPT` naming the file when anything is missing, cut off or altered. */
export function loadCheckpoint(directory: string): Checkpoint {
  const { fs, path } = nodeFiles();
  const from = fs.existsSync(directory) ? directory : `${directory}.old`;
  const record = readJson(path.join(from, 'checkpoint.json'), CHECKPOINT_SCHEMA);
  const decode = (name: string, stored: Stored): tf.NamedTensorMap => {
    const file = path.join(from, name);
    const data = withFile(file, 'read', () => fs.readFileSync(file));
    if (data.length !== stored.bytes || sha256(data) !== stored.sha256) {
      throw new DpError(
        'DP_CORRUPT',
        `Expected ${stored.bytes} bytes with the recorded SHA-256 in '${file}', got ${data.length} others. The ` +
          'checkpoint was cut off or altered.',
      );
    }
    const copy = new Uint8Array(data).buffer;
    return tf.io.decodeWeights(copy, stored.specs);
  };
  const weights = decode('weights.bin', record.weights as Stored);
  const stored = record.optimizer as Stored | undefined;
  const state = stored === undefined ? undefined : decode('optimizer.bin', stored);
  const averaged = record.average as (Stored & { readonly updates: number }) | undefined;
  const averages = averaged === undefined ? undefined : decode('average.bin', averaged);
  return {
    step: record.step as number,
    modelTopology: record.modelTopology as object,
    weights,
    ...(stored === undefined || state === undefined
      ? {}
      : {
          optimizerState: stored.specs.map(({ name }) => ({ name, tensor: state[name] as tf.Tensor })),
        }),
    ...(averaged === undefined || averages === undefined
      ? {}
      : {
          average: {
            updates: averaged.updates,
            averages: averaged.specs.map(({ name }) => averages[name] as tf.Tensor),
          },
        }),
  };
}

/** Puts a checkpoint's weights, and the optimizer's state, into a model of the same shape. */
export async function restoreCheckpoint(
  checkpoint: Checkpoint,
  model: tfl.LayersModel,
  optimizer?: tf.Optimizer,
): Promise<void> {
  const expected = model.weights.map((weight) => `${weight.originalName} [${weight.shape}]`);
  const got = Object.entries(checkpoint.weights).map(([name, tensor]) => `${name} [${tensor.shape}]`);
  if (
    expected.length !== got.length ||
    model.weights.some((w, i) => !sameShape(w.shape, Object.values(checkpoint.weights)[i]?.shape))
  ) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a model with the checkpoint's weights (${got.join(', ')}), got ${expected.join(', ')}. Resume with the ` +
        'model that the run was started with.',
    );
  }
  model.setWeights(Object.values(checkpoint.weights));
  if (optimizer !== undefined && checkpoint.optimizerState !== undefined) {
    await optimizer.setWeights([...checkpoint.optimizerState]);
  }
}

/** A new model with a checkpoint's topology and weights. */
export async function modelFromCheckpoint(checkpoint: Checkpoint): Promise<tfl.LayersModel> {
  const encoded = await tf.io.encodeWeights(checkpoint.weights);
  return tfl.loadLayersModel({
    load: async () => ({
      modelTopology: checkpoint.modelTopology,
      weightSpecs: encoded.specs,
      weightData: encoded.data,
    }),
  });
}

function sameShape(a: readonly (number | null)[], b: readonly number[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((extent, i) => extent === b[i]);
}

async function artifactsOf(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save({
    save: async (saved: tf.io.ModelArtifacts) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
    },
  });
  return artifacts as tf.io.ModelArtifacts;
}

function asBuffer(data: tf.io.WeightData | undefined): ArrayBuffer {
  if (data === undefined) return new ArrayBuffer(0);
  return data instanceof ArrayBuffer ? data : tf.io.CompositeArrayBuffer.join(data);
}

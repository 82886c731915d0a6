import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { isModel, layersInside } from './layer-tree.js';

type Layer = tfl.layers.Layer;

/** A layer as tfjs-layers writes it down. */
export interface LayerConfig {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Where a layer stands: its own path, and the layer that wraps it. */
export interface LayerPlace {
  /** Names from the model down, joined by '/'. */
  readonly path: string;
  readonly wrapper: Layer | undefined;
}

/** What takes a layer's place in the copy. */
export interface Replacement extends LayerConfig {
  /** Fills the new layer's weights from the old layer's; by name and shape unless given. */
  readonly carry?: (from: Layer, to: Layer) => void;
}

/** Decides what becomes of a layer, which is written down as `written`; undefined copies it. */
export type Rewrite = (layer: Layer, written: LayerConfig, place: LayerPlace) => Replacement | undefined;

type Carry = (from: Layer, to: Layer) => void;

/** A configuration while it is being rewritten. */
interface Entry {
  className: string;
  config: Record<string, unknown>;
}

/**
 * A copy of a model with some layers replaced, every weight copied, every `trainable` flag kept, and nothing shared.
 *
 * The graph is written down and read back as tfjs does when it saves and loads a model: several inputs and outputs,
 * shared layers, models in models and wrappers come along, what `compile` set does not. Throws `DP_INVALID_ARGUMENT`
 * where a layer is not registered for that (`tf.serialization.registerClass`).
 */
export function copyModel(model: tfl.LayersModel, rewrite: Rewrite): tfl.LayersModel {
  const config = plainCopy(model.getConfig()) as Record<string, unknown>;
  const rewriting = new Rewriting(rewrite);
  rewriting.model(model, config, '');
  const copy = readBack(model, config);
  tf.tidy(() => copyInside(model, copy, rewriting.carries));
  return copy;
}

/** Walks a model and its configuration side by side, and puts replacements into the configuration. */
class Rewriting {
  readonly carries = new Map<Layer, Carry>();
  private readonly seen = new Map<Layer, string>();
  private readonly rewrite: Rewrite;

  constructor(rewrite: Rewrite) {
    this.rewrite = rewrite;
  }

  model(model: tfl.LayersModel, config: Record<string, unknown>, prefix: string): void {
    const entries = config.layers as Entry[];
    model.layers.forEach((layer, k) => {
      this.layer(layer, entries[k] as Entry, { path: `${prefix}${layer.name}`, wrapper: undefined });
    });
  }

  private layer(layer: Layer, entry: Entry, place: LayerPlace): void {
    const before = this.seen.get(layer);
    if (before !== undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected layers that belong to one model each, got '${before}' in another as well, as '${place.path}': read ` +
          'back, they would share no weights. Share the model that holds the layer instead.',
      );
    }
    this.seen.set(layer, place.path);
    const replacement = this.rewrite(layer, entry, place);
    if (replacement !== undefined) {
      entry.className = replacement.className;
      entry.config = { ...replacement.config };
      this.carries.set(layer, replacement.carry ?? copyWeights);
      return;
    }
    if (isModel(layer)) {
      this.model(layer, entry.config, `${place.path}/`);
      return;
    }
    // A bidirectional wrapper makes both directions from one configuration: the forward one speaks for both.
    const [inside] = layersInside(layer);
    const written = entry.config.layer as Entry | undefined;
    if (inside === undefined || written === undefined) return;
    this.layer(inside, written, { path: `${place.path}/${inside.name}`, wrapper: layer });
  }
}

function readBack(model: tfl.LayersModel, config: Record<string, unknown>): tfl.LayersModel {
  const kind = model instanceof tfl.Sequential ? tfl.Sequential : tfl.LayersModel;
  const { fromConfig } = kind as unknown as {
    fromConfig(
      cls: unknown,
      config: object,
      customObjects: object | undefined,
      fastWeightInit: boolean,
    ): tfl.LayersModel;
  };
  try {
    // Weights are overwritten: zeros spare the time of their initialisers.
    return fromConfig.call(kind, kind, config, {}, true);
  } catch (cause) {
    if (cause instanceof DpError) throw cause;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a model whose layers can be written down and read back, got: ` +
        `${cause instanceof Error ? cause.message : String(cause)}. Register layers of your own with ` +
        'tf.serialization.registerClass, and give them a getConfig.',
      { cause },
    );
  }
}

function copyInside(from: Layer, to: Layer, carries: ReadonlyMap<Layer, Carry>): void {
  const carry = carries.get(from);
  if (carry !== undefined) {
    carry(from, to);
    return;
  }
  const inside = layersInside(from);
  if (inside.length === 0) {
    if (to.trainable !== from.trainable) to.trainable = from.trainable;
    copyWeights(from, to);
    return;
  }
  const others = layersInside(to);
  for (const [k, layer] of inside.entries()) copyInside(layer, others[k] as Layer, carries);
  // A model's own flag is in no configuration; setting it touches the flags of what it holds, which are set again.
  if (to.trainable !== from.trainable) {
    to.trainable = from.trainable;
    for (const [k, layer] of inside.entries()) copyFlags(layer, others[k] as Layer, carries);
  }
}

function copyFlags(from: Layer, to: Layer, carries: ReadonlyMap<Layer, Carry>): void {
  if (carries.has(from)) return;
  const inside = layersInside(from);
  const others = layersInside(to);
  for (const [k, layer] of inside.entries()) copyFlags(layer, others[k] as Layer, carries);
  if (inside.length > 0) return;
  for (const [source, target] of pairWeights(from, to)) target.trainable = source.trainable;
}

/** Copies values and `trainable` flags of all weights, past constraints, which the values have met already. */
function copyWeights(from: Layer, to: Layer): void {
  for (const [source, target] of pairWeights(from, to)) {
    (target.read() as tf.Variable).assign(tf.clone(source.read()));
    target.trainable = source.trainable;
  }
}

/** Weights of the same name and shape, in a layer and its copy. */
function pairWeights(from: Layer, to: Layer): [tfl.LayerVariable, tfl.LayerVariable][] {
  const ends = (weight: tfl.LayerVariable, whole: boolean) =>
    whole ? weight.originalName : (weight.originalName.split('/').at(-1) as string);
  for (const whole of [true, false]) {
    const left = [...to.weights];
    const pairs = from.weights.flatMap((source) => {
      const k = left.findIndex((target) => ends(target, whole) === ends(source, whole));
      const [target] = k < 0 ? [] : left.splice(k, 1);
      const fits =
        target?.shape.length === source.shape.length && target.shape.every((d, i) => d === source.shape[i]);
      return target !== undefined && fits ? [[source, target] as [tfl.LayerVariable, tfl.LayerVariable]] : [];
    });
    if (pairs.length === from.weights.length && left.length === 0) return pairs;
  }
  const list = (layer: Layer) =>
    layer.weights.map((weight) => `${weight.originalName} [${weight.shape}]`).join(', ') || 'none';
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected the copy of '${from.name}' (${from.getClassName()}) to have the weights ${list(from)}, got ` +
      `${list(to)}. Its getConfig must hold all that shapes its weights.`,
  );
}

/** Configurations share lists with the layers that wrote them: reading one back must not reach the original. */
function plainCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainCopy);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plainCopy(entry)]));
  }
  return value;
}

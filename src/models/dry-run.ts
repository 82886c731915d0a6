import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { isModel, type LayerSite } from './layer-tree.js';

type Layer = tfl.layers.Layer;
type Kwargs = Record<string, unknown>;

/** One call of a layer in a forward pass. */
export interface LayerCall {
  readonly site: LayerSite;
  readonly inputs: readonly tf.Tensor[];
  readonly kwargs: Kwargs;
}

/** What a forward pass on made-up inputs showed. */
export interface DryRun {
  /** The first call of each layer that TensorFlow.js applies, in order. */
  readonly calls: readonly LayerCall[];
  /** The layer that could not be run, and what it threw; undefined where all went well. */
  readonly failure?: { readonly site: LayerSite | undefined; readonly error: unknown };
}

/** Few, and not an extent that models often have: an accidental match of axes would look like mixing. */
const EXAMPLES = 5;
/** Extents tried where the model leaves one open. */
const OPEN_EXTENTS = [6, 16, 33, 64, 128, 224] as const;
const LARGEST_ID = 10;

/**
 * Made-up inputs, one choice after the other where the model leaves extents open: numbers in (0, 1), of which
 * logarithms and roots exist, or ids where the model looks things up.
 */
export function* randomInputs(model: tfl.LayersModel, sites: readonly LayerSite[]): Generator<tf.Tensor[]> {
  const vocabularies = sites.flatMap(({ layer }) => {
    const { inputDim, numTokens } = layer as unknown as { inputDim?: unknown; numTokens?: unknown };
    const size = layer.getClassName() === 'Embedding' || 'rank' in layer ? inputDim : numTokens;
    return typeof size === 'number' ? [size] : [];
  });
  const ids = Math.min(LARGEST_ID, ...vocabularies);
  const isOpen = model.inputs.some(({ shape }) => shape.slice(1).includes(null as unknown as number));
  for (const extent of isOpen ? OPEN_EXTENTS : [0]) {
    yield model.inputs.map(({ shape, dtype }, k) => {
      const full = shape.map((size, axis) => size ?? (axis === 0 ? EXAMPLES : extent));
      const seed = 17 + k;
      return vocabularies.length > 0 || dtype === 'int32'
        ? tf.cast(tf.floor(tf.randomUniform(full, 0, ids, 'float32', seed)), dtype)
        : tf.cast(tf.randomUniform(full, 0.05, 1, 'float32', seed), dtype);
    });
  }
}

/** One number an example: the mean square of all that the layer or model returned for it. */
export function meanSquares(outputs: tf.Tensor | readonly tf.Tensor[]): tf.Tensor {
  const list = outputs instanceof tf.Tensor ? [outputs] : outputs;
  const squares = list.map((output) => {
    const square = tf.square(tf.cast(output, 'float32'));
    return square.rank <= 1 ? square : tf.mean(square, square.shape.map((_, axis) => axis).slice(1));
  });
  return squares.length === 1 ? (squares[0] as tf.Tensor) : tf.addN(squares);
}

/**
 * Runs the model once in training mode and watches its layers. Layers in `skipped` are not run, since they would keep
 * what they see; made-up numbers of the right shape stand for their outputs. Call it inside `tf.tidy`.
 */
export function dryRun(
  model: tfl.LayersModel,
  inputs: readonly tf.Tensor[],
  sites: readonly LayerSite[],
  skipped: ReadonlySet<Layer>,
): DryRun {
  const calls = new Map<Layer, LayerCall>();
  const running: LayerSite[] = [];
  const watched = sites.filter(({ layer, wrapped }) => !wrapped && !isModel(layer));
  for (const site of watched) {
    const { layer } = site;
    const apply = layer.apply.bind(layer);
    const observed = (given: tf.Tensor | tf.Tensor[], kwargs?: Kwargs): unknown => {
      const list = Array.isArray(given) ? given : [given];
      if (!calls.has(layer)) calls.set(layer, { site, inputs: keepAll(list), kwargs: keepMasks(kwargs) });
      if (skipped.has(layer)) return standIn(layer, list);
      running.push(site);
      const output = apply(given, kwargs);
      running.pop();
      return output;
    };
    // An own property hides the method; deleting it brings that back.
    Object.defineProperty(layer, 'apply', { value: observed, configurable: true });
  }
  try {
    model.apply([...inputs], { training: true });
    return { calls: [...calls.values()] };
  } catch (error) {
    return { calls: [...calls.values()], failure: { site: running.at(-1), error } };
  } finally {
    for (const { layer } of watched) delete (layer as Partial<Layer>).apply;
  }
}

interface Cell {
  readonly cell?: Cell;
  readonly cells?: readonly Cell[];
  dropoutMask?: tf.Tensor | tf.Tensor[] | null;
  recurrentDropoutMask?: tf.Tensor | tf.Tensor[] | null;
}

/** Disposes the masks that recurrent cells keep until they run again. */
export function disposeCellMasks(holder: Cell): void {
  for (const cell of [holder.cell, ...(holder.cells ?? [])]) {
    if (cell === undefined) continue;
    for (const mask of ['dropoutMask', 'recurrentDropoutMask'] as const) {
      if (cell[mask] == null) continue;
      tf.dispose(cell[mask]);
      cell[mask] = null;
    }
    disposeCellMasks(cell);
  }
}

/** Disposes what the observed calls kept. */
export function disposeCalls(calls: readonly LayerCall[]): void {
  for (const { inputs, kwargs } of calls) tf.dispose([inputs, Object.values(kwargs)] as tf.TensorContainer);
}

function keepAll(tensors: readonly tf.Tensor[]): tf.Tensor[] {
  return tensors.map((tensor) => tf.keep(tf.clone(tensor)));
}

function keepMasks(kwargs: Kwargs | undefined): Kwargs {
  const mask = kwargs?.mask;
  return { training: true, ...(mask instanceof tf.Tensor ? { mask: tf.keep(tf.clone(mask)) } : {}) };
}

function standIn(layer: Layer, inputs: readonly tf.Tensor[]): tf.Tensor | tf.Tensor[] {
  const shapes = inputs.map(({ shape }) => shape);
  const shape = layer.computeOutputShape(shapes.length === 1 ? (shapes[0] as number[]) : shapes);
  const made = (Array.isArray(shape[0]) ? shape : [shape]).map((each) =>
    tf.randomUniform(each as number[], 0.05, 1, 'float32', 7),
  );
  return made.length === 1 ? (made[0] as tf.Tensor) : made;
}

/** Refuses inputs that do not fit the model's. */
export function requireInputs(model: tfl.LayersModel, inputs: readonly tf.Tensor[]): void {
  const fits =
    inputs.length === model.inputs.length &&
    inputs.every((input, k) => input.rank === model.inputs[k]?.shape.length);
  if (fits) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected ${model.inputs.length} inputs of shapes ${model.inputs.map(({ shape }) => `[${shape}]`).join(', ')}, got ` +
      `${inputs.map(({ shape }) => `[${shape}]`).join(', ') || 'none'}.`,
  );
}

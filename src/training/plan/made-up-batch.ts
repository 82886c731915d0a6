import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';

/** What a tensor of a batch looks like; nothing about its values but which are allowed. */
export interface TensorSpec {
  /** Without the batch. */
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  /** Whole numbers in [0, below), for ids and classes. */
  readonly below?: number;
}

/** A batch of a model: what it reads and what its losses compare with. */
export interface BatchSpec {
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
}

type Shape = readonly (number | null)[];
type Layer = tfl.layers.Layer;

/**
 * The inputs and targets that a model takes, from its own shapes; `given` fills in what a model leaves open.
 *
 * Inputs that reach an embedding are ids within its table. Throws `DP_INVALID_ARGUMENT` where an extent is open.
 */
export function batchSpec(
  model: tfl.LayersModel,
  given: {
    readonly inputShapes?: readonly (readonly number[])[];
    readonly targetShapes?: readonly (readonly number[])[];
    readonly loss?: unknown;
  } = {},
): BatchSpec {
  const tables = tableSizes(model);
  const inputs = model.inputs.map((input, k): TensorSpec => {
    const shape = closed(input.shape.slice(1), given.inputShapes?.[k], `inputs[${k}]`, 'inputShapes');
    const below = tables.get(input.id) ?? (input.dtype === 'int32' ? 2 : undefined);
    return below === undefined ? { shape, dtype: 'float32' } : { shape, dtype: 'int32', below };
  });
  const losses = Array.isArray(given.loss) ? (given.loss as unknown[]) : model.outputs.map(() => given.loss);
  const targets = model.outputs.map((output, k): TensorSpec => {
    const shape = output.shape.slice(1);
    const classes = shape[shape.length - 1];
    if (losses[k] === 'sparseCategoricalCrossentropy' && typeof classes === 'number') {
      const places = closed(
        [...shape.slice(0, -1), 1],
        given.targetShapes?.[k],
        `targets[${k}]`,
        'targetShapes',
      );
      return { shape: places, dtype: 'float32', below: classes };
    }
    return {
      shape: closed(shape, given.targetShapes?.[k], `targets[${k}]`, 'targetShapes'),
      dtype: 'float32',
    };
  });
  return { inputs, targets };
}

/** A batch of random values that no data went into; the caller disposes it. */
export function madeUpBatch(spec: BatchSpec, batch: number): { xs: tf.Tensor[]; ys: tf.Tensor[] } {
  const make = ({ shape, dtype, below }: TensorSpec): tf.Tensor => {
    const full = [batch, ...shape];
    if (below === undefined) return tf.randomUniform(full, 0, 1, dtype);
    return tf.tidy(() => tf.cast(tf.floor(tf.randomUniform(full, 0, below)), dtype));
  };
  return { xs: spec.inputs.map(make), ys: spec.targets.map(make) };
}

function closed(
  shape: Shape,
  given: readonly number[] | undefined,
  what: string,
  option: string,
): readonly number[] {
  const known = given ?? shape;
  const fits =
    given === undefined ||
    (given.length === shape.length &&
      shape.every((extent, axis) => extent === null || extent === given[axis])) ||
    option === 'targetShapes';
  const whole = known.every((extent) => Number.isInteger(extent) && (extent as number) > 0);
  if (fits && whole) return known as readonly number[];
  const open = shape.map((extent) => extent ?? '·').join(', ');
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected the shape of ${what} without the batch, [${open}] with numbers for what is open, got ` +
      `${given === undefined ? 'none' : `[${given.join(', ')}]`}. Pass ${option}: [[…]], one shape each.`,
  );
}

/** For each model input that an embedding reads, the smallest table that does. */
function tableSizes(model: tfl.LayersModel): Map<number, number> {
  const sizes = new Map<number, number>();
  const visit = (
    layers: readonly Layer[],
    toOuter: (symbol: tfl.SymbolicTensor) => readonly number[],
  ): void => {
    for (const layer of layers) {
      const inside = layer as unknown as { layers?: Layer[]; layer?: Layer; inputs?: tfl.SymbolicTensor[] };
      const rows = tableOf(layer) ?? (inside.layer && tableOf(inside.layer));
      const reads = inboundOf(layer);
      if (rows !== undefined) {
        for (const id of reads.flatMap((symbol) => toOuter(symbol)))
          sizes.set(id, Math.min(rows, sizes.get(id) ?? rows));
      }
      if (inside.layers !== undefined && inside.inputs !== undefined) {
        // A model inside: its own inputs are what this one feeds it.
        const own = new Map(inside.inputs.map((input, k) => [input.id, k]));
        visit(inside.layers, (symbol) =>
          sourcesOf(symbol).flatMap((id) => {
            const k = own.get(id);
            if (k === undefined) return [id];
            const outer = nodesOf(layer).map(({ inputTensors }) => inputTensors[k]);
            return outer.flatMap((fed) => (fed === undefined || own.has(fed.id) ? [] : toOuter(fed)));
          }),
        );
      }
    }
  };
  visit(model.layers, (symbol) => sourcesOf(symbol));
  return sizes;
}

function tableOf(layer: Layer): number | undefined {
  if (layer.getClassName() !== 'Embedding') return undefined;
  return (layer as unknown as { readonly inputDim: number }).inputDim;
}

interface InboundNode {
  readonly inputTensors: readonly tfl.SymbolicTensor[];
}

const nodesOf = (layer: Layer): readonly InboundNode[] => layer.inboundNodes as unknown as InboundNode[];

const inboundOf = (layer: Layer): readonly tfl.SymbolicTensor[] =>
  nodesOf(layer).flatMap(({ inputTensors }) => inputTensors);

/** The ids of the model inputs that a symbolic tensor was computed from. */
function sourcesOf(symbol: tfl.SymbolicTensor, seen = new Set<number>()): readonly number[] {
  if (seen.has(symbol.id)) return [];
  seen.add(symbol.id);
  const layer = symbol.sourceLayer as Layer | undefined;
  if (layer === undefined || layer.getClassName() === 'InputLayer') return [symbol.id];
  return inboundOf(layer).flatMap((input) => sourcesOf(input, seen));
}

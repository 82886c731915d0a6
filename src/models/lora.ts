import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { copyModel } from './copy-model.js';
import { setTrainable } from './freeze.js';
import { isModel, layersInside, layersOf } from './layer-tree.js';
import { canAdapt, LowRankAdapter } from './low-rank-adapter.js';

type Layer = tfl.layers.Layer;

/** Options of {@link lora}. Layers go by their paths, as in 'encoder/dense_1'. */
export interface LoraOptions {
  /** Columns of A and rows of B: 4 to 16 are usual. */
  readonly rank: number;
  /** Scale of the correction, divided by the rank; as large as the rank unless given. */
  readonly alpha?: number;
  /** Which dense, embedding and convolutional layers are adapted; all unless given. */
  readonly layers?: (layer: string) => boolean;
  /** Which layers are trained as they are, such as a new head; none unless given. */
  readonly train?: (layer: string) => boolean;
}

/**
 * A copy of a model for fine-tuning in which W x becomes W x + (alpha / rank) · B A x, W is frozen, and only A and B
 * are trained (Hu et al. 2021, 2106.09685; with privacy, Yu et al. 2021, 2110.06500).
 *
 * Fewer trained numbers mean less noise: the noise's norm grows with the root of their count, the gradient's does not.
 * Adapted are Dense (on vectors and sequences), Embedding, Conv1D and Conv2D, also in timeDistributed and in models
 * inside models. All other layers are frozen, except those that `train` names. B is zero at the start: the copy gives
 * what the model gives, up to rounding. Frozen weights get no gradient, no part in the norm and no noise. The copy is not compiled, and
 * the model stays as it is. Save the copy as any model; `mergeLora` makes a plain one of it.
 *
 * Throws `DP_INVALID_ARGUMENT` where no layer can be adapted.
 *
 * @example
 * const tuned = lora(pretrained, { rank: 8, train: (layer) => layer === 'head' });
 * await privateFit(tuned, data, options);
 * await mergeLora(tuned).save('file://tuned');
 */
export function lora(model: tfl.LayersModel, options: LoraOptions): tfl.LayersModel {
  const { rank, alpha = rank, layers = () => true, train = () => false } = options;
  const adapted = new Set<string>();
  const copy = copyModel(model, (layer, written, { path }) => {
    if (!canAdapt(layer) || train(path) || !layers(path)) return undefined;
    adapted.add(path);
    const { name, batchInputShape, dtype } = written.config;
    const shape = batchInputShape === undefined ? {} : { batchInputShape, dtype };
    return {
      className: LowRankAdapter.className,
      config: { name, trainable: true, ...shape, rank, alpha, layer: { ...written } },
      carry: (from, to) => (to as LowRankAdapter).setBase(from),
    };
  });
  if (adapted.size === 0) {
    copy.dispose();
    const possible = layersOf(model).filter(({ layer }) => canAdapt(layer));
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected at least one Dense, Embedding, Conv1D or Conv2D layer to adapt, got none' +
        (possible.length === 0
          ? '.'
          : ` chosen among ${possible.map(({ path }) => `'${path}'`).join(', ')}.`),
    );
  }
  trainOnly(copy, (path) => adapted.has(path) || train(path));
  return copy;
}

/**
 * A copy of a model that `lora` made, with every correction folded into its layer: W + (alpha / rank) · B A. The layers
 * are plain ones of tfjs-layers again, all of them trainable, and the outputs the same up to rounding.
 */
export function mergeLora(model: tfl.LayersModel): tfl.LayersModel {
  let merged = 0;
  const copy = copyModel(model, (layer, written) => {
    if (!(layer instanceof LowRankAdapter)) return undefined;
    merged++;
    const {
      layer: plain,
      name,
      batchInputShape,
      dtype,
    } = written.config as {
      readonly layer: { readonly className: string; readonly config: Record<string, unknown> };
      readonly [key: string]: unknown;
    };
    const shape = batchInputShape === undefined ? {} : { batchInputShape, dtype };
    return {
      className: plain.className,
      config: { ...plain.config, ...shape, name },
      carry: (from, to) => {
        const weights = (from as LowRankAdapter).mergedWeights();
        for (const target of to.weights) {
          const value = weights[target.originalName.split('/').at(-1) as string] as tf.Tensor;
          (target.read() as tf.Variable).assign(value);
        }
      },
    };
  });
  if (merged > 0) {
    trainOnly(copy, () => true);
    return copy;
  }
  copy.dispose();
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    'Expected a model made by lora, got one without low-rank adapters.',
  );
}

/** Trains the layers that `chosen` names, and no others, whatever held them before. */
function trainOnly(model: tfl.LayersModel, chosen: (path: string) => boolean): void {
  const sites = layersOf(model);
  const all: readonly Layer[] = [model, ...sites.map(({ layer }) => layer)];
  for (const layer of all) if (isModel(layer)) layer.trainable = true;
  for (const { layer, path } of sites) {
    if (layersInside(layer).length > 0) continue;
    setTrainable(layer, chosen(path));
  }
}

import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { copyModel, type LayerConfig, type LayerPlace, type Replacement } from './copy-model.js';
import { channelsOf, groupsFor, positionsOf } from './group-choice.js';
import { GroupNormalization } from './group-normalization.js';
import { seedOf } from './structural-problems.js';

type Layer = tfl.layers.Layer;

/** Options of {@link fixModel}. */
export interface FixModelOptions {
  /** How many groups the channels of each layer are divided into; a sound choice for each unless given. */
  readonly groups?: number | ((layer: string, channels: number) => number);
}

/** One change that {@link fixModel} made. */
export interface ModelChange {
  /** Name of the layer, behind those of the models and wrappers that hold it. */
  readonly layer: string;
  readonly from: string;
  readonly to: string;
  readonly carriedOver: string;
  readonly dropped: string;
  /** What the change means for the model's outputs. */
  readonly note: string;
}

/**
 * A copy of a model in which what can be repaired is: batch becomes group normalisation, stateful recurrent layers
 * forget between batches, random layers lose their seeds.
 *
 * Group normalisation takes over γ, β, ε, the axis, the name and whether it is trained; the moving averages are dropped.
 * Each layer gets gcd(32, channels) groups, as in Opacus, but fewer where a group would hold less than 16 values of an
 * example: one value in a group is always normalised to zero, two to ±1 (pytorch/opacus#567). Where even one group
 * would hold fewer than four, the layer becomes the identity. All other weights are copied, and the outputs of layers
 * without a repaired one before them are the same. The model itself is left as it was. What `compile` set is not
 * copied. What cannot be repaired (`validateModel` lists it) is copied as it is.
 *
 * Throws `DP_INVALID_ARGUMENT` where the model cannot be copied or the chosen groups do not divide the channels.
 *
 * @example
 * const { model: fixed, changes } = fixModel(model);
 * for (const { layer, from, to, dropped } of changes) console.log(`${layer}: ${from} to ${to}; dropped: ${dropped}`);
 */
export function fixModel(
  model: tfl.LayersModel,
  options: FixModelOptions = {},
): { readonly model: tfl.LayersModel; readonly changes: readonly ModelChange[] } {
  const changes: ModelChange[] = [];
  const fixed = copyModel(model, (layer, written, place) => {
    if (layer.getClassName() === 'BatchNormalization') {
      return withoutBatchStatistics(layer, written, place, options, changes);
    }
    return withoutMemory(layer, written, place, changes);
  });
  if ((model.optimizer as tf.Optimizer | null | undefined) != null) {
    changes.push({
      layer: model.name,
      from: 'a compiled model',
      to: 'a model that is not compiled',
      carriedOver: 'none',
      dropped: 'optimizer, loss and metrics',
      note: 'Compile the copy, or pass loss and optimizer to privateFit.',
    });
  }
  return { model: fixed, changes };
}

function withoutBatchStatistics(
  layer: Layer,
  written: LayerConfig,
  place: LayerPlace,
  options: FixModelOptions,
  changes: ModelChange[],
): Replacement {
  const { momentum, movingMeanInitializer, movingVarianceInitializer, ...kept } = written.config;
  const axis = Array.isArray(kept.axis) ? (kept.axis[0] as number) : (kept.axis as number);
  const channels = channelsOf(layer);
  const positions = positionsOf(layer, axis, place.wrapper);
  const groups = chosenGroups(options.groups, place.path, channels, positions);
  const change = {
    layer: place.path,
    from: 'BatchNormalization',
    dropped: 'moving mean, moving variance',
  };
  if (groups === undefined) {
    changes.push({
      ...change,
      to: 'the identity',
      carriedOver: 'none',
      dropped: `${change.dropped}, gamma, beta`,
      note:
        `An example has ${positions * channels} values here: normalised by each other, little or nothing is left of ` +
        'them. The next layer can learn what gamma and beta did.',
    });
    const { name, trainable, batchInputShape, dtype } = kept;
    const shape = batchInputShape === undefined ? {} : { batchInputShape, dtype };
    return {
      className: 'Activation',
      config: { name, trainable, ...shape, activation: 'linear' },
      carry: () => {},
    };
  }
  const weights = [kept.scale === false ? '' : 'gamma', kept.center === false ? '' : 'beta'].filter(Boolean);
  const size = channels / groups;
  changes.push({
    ...change,
    to: `GroupNormalization (${groups} ${groups === 1 ? 'group' : 'groups'} of ${size} ${size === 1 ? 'channel' : 'channels'})`,
    carriedOver: [...weights, 'epsilon'].join(', '),
    note:
      'Outputs change: statistics are now those of one example. Fine-tune before you compare' +
      (layer.trainable ? '.' : '; the layer stays frozen, as it was.'),
  });
  return { className: GroupNormalization.className, config: { ...kept, axis, groups }, carry: carryScale };
}

/** γ and β by their names; the moving averages have no place in the new layer. */
function carryScale(from: Layer, to: Layer): void {
  const nameOf = (weight: tfl.LayerVariable) => weight.originalName.split('/').at(-1);
  for (const target of to.weights) {
    const source = from.weights.find((weight) => nameOf(weight) === nameOf(target));
    if (source === undefined) continue;
    (target.read() as tf.Variable).assign(source.read().clone());
    target.trainable = source.trainable;
  }
}

function withoutMemory(
  layer: Layer,
  written: LayerConfig,
  { path, wrapper }: LayerPlace,
  changes: ModelChange[],
): Replacement | undefined {
  const config = { ...written.config };
  const seed = seedOf(layer);
  // Both directions of a bidirectional wrapper are changed at once, and go by its name.
  const name = wrapper?.getClassName() === 'Bidirectional' ? path.slice(0, path.lastIndexOf('/')) : path;
  const change = { layer: name, from: layer.getClassName(), carriedOver: 'all weights' };
  if (seed !== undefined && 'seed' in config) {
    delete config.seed;
    changes.push({
      ...change,
      from: `${change.from} with seed ${seed}`,
      to: `${change.from} without a seed`,
      dropped: 'the seed',
      note: 'Random in every step now; predictions are the same.',
    });
  }
  if (config.stateful === true) {
    config.stateful = false;
    changes.push({
      ...change,
      from: `${change.from} with memory (stateful)`,
      to: `${change.from} without memory`,
      dropped: 'the state between batches',
      note: 'Each batch starts from zero states: predictions on sequences that were cut into batches change.',
    });
  }
  const changed =
    config.stateful !== written.config.stateful || 'seed' in config !== 'seed' in written.config;
  return changed ? { className: written.className, config } : undefined;
}

function chosenGroups(
  choice: FixModelOptions['groups'],
  layer: string,
  channels: number,
  positions: number,
): number | undefined {
  if (choice === undefined) return groupsFor(channels, positions);
  const groups = typeof choice === 'function' ? choice(layer, channels) : choice;
  if (
    Number.isInteger(groups) &&
    groups >= 1 &&
    channels % groups === 0 &&
    (positions * channels) / groups > 1
  ) {
    return groups;
  }
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a number of groups that divides the ${channels} channels of '${layer}' and leaves more than one value to a ` +
      `group (there are ${positions} positions), got ${String(groups)}. Leave groups out for ` +
      `${groupsFor(channels, positions) ?? 'the identity'}, or pass a function of the layer.`,
  );
}

import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { layersInside, layersOf } from './layer-tree.js';

/**
 * Stops training of every layer that `chosen` names, and returns their names.
 *
 * It does what `layer.trainable = false` leaves out in TensorFlow.js 4.22: that flag does not reach the weights of
 * recurrent cells, nor those in models inside models, so that a model that was compiled before goes on training them.
 * Here every weight is marked, and a private optimizer leaves marked weights out: no gradient, no part in the norm, no
 * noise. Call it before the first step, or make a new optimizer after it.
 *
 * `chosen` gets the path of each layer that holds weights itself ('encoder/lstm'). Throws `DP_INVALID_ARGUMENT` where
 * it chooses none.
 *
 * @example
 * freeze(model, (layer) => !layer.startsWith('head'));
 */
export function freeze(model: tfl.LayersModel, chosen: (layer: string) => boolean): readonly string[] {
  return setChosen(model, chosen, false);
}

/** The reverse of {@link freeze}. Compile the model again: what `compile` saw frozen, `fit` leaves out. */
export function unfreeze(model: tfl.LayersModel, chosen: (layer: string) => boolean): readonly string[] {
  return setChosen(model, chosen, true);
}

function setChosen(
  model: tfl.LayersModel,
  chosen: (layer: string) => boolean,
  trainable: boolean,
): readonly string[] {
  const holders = layersOf(model).filter(
    ({ layer }) => layersInside(layer).length === 0 && layer.weights.length > 0,
  );
  const found = holders.filter(({ path }) => chosen(path));
  if (found.length === 0) {
    const names = holders.map(({ path }) => `'${path}'`).join(', ');
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected at least one layer with weights, got none of ${names || 'no layers'}.`,
    );
  }
  for (const { layer } of found) setTrainable(layer, trainable);
  return found.map(({ path }) => path);
}

/** Sets the flag of a layer that holds weights itself, and the marks of its weights, those of recurrent cells too. */
export function setTrainable(layer: tfl.layers.Layer, trainable: boolean): void {
  layer.trainable = trainable;
  const { cell, cells } = layer as unknown as {
    readonly cell?: tfl.layers.Layer;
    readonly cells?: readonly tfl.layers.Layer[];
  };
  for (const inside of [...(cell === undefined ? [] : [cell]), ...(cells ?? [])])
    setTrainable(inside, trainable);
}

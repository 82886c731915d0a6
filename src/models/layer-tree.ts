import * as tfl from '@tensorflow/tfjs-layers';

type Layer = tfl.layers.Layer;

/** A layer and the way to it: the names of the models and wrappers that hold it, and its own. */
export interface LayerSite {
  readonly layer: Layer;
  /** Names joined by '/', as in 'encoder/lstm'; a name alone for a layer of the model itself. */
  readonly path: string;
  /** Whether a wrapper (timeDistributed, bidirectional) holds it: tfjs calls such a layer without `apply`. */
  readonly wrapped: boolean;
}

/** What holds other layers in tfjs-layers, by the fields that hold them. */
interface Holder {
  readonly layers?: readonly Layer[];
  readonly forwardLayer?: Layer;
  readonly backwardLayer?: Layer;
  readonly layer?: Layer;
}

/**
 * Layers directly inside another; the inside of a bidirectional wrapper is its two directions. Recurrent cells do not
 * count: their layer has their weights.
 */
export function layersInside(layer: Layer): readonly Layer[] {
  const holder = layer as unknown as Holder;
  if (isModel(layer)) return layer.layers;
  if (holder.forwardLayer !== undefined && holder.backwardLayer !== undefined) {
    return [holder.forwardLayer, holder.backwardLayer];
  }
  return holder.layer instanceof tfl.layers.Layer ? [holder.layer] : [];
}

/** Every layer of a model, models inside models and wrapped layers too, each once, holders before what they hold. */
export function layersOf(model: tfl.LayersModel): readonly LayerSite[] {
  const seen = new Set<Layer>();
  const sites: LayerSite[] = [];
  const visit = (layer: Layer, path: string, wrapped: boolean): void => {
    if (seen.has(layer)) return;
    seen.add(layer);
    sites.push({ layer, path, wrapped });
    const wraps = !isModel(layer);
    for (const inside of layersInside(layer)) visit(inside, `${path}/${inside.name}`, wrapped || wraps);
  };
  for (const layer of model.layers) visit(layer, layer.name, false);
  return sites;
}

export function isModel(layer: Layer): layer is tfl.LayersModel {
  return layer instanceof tfl.LayersModel;
}

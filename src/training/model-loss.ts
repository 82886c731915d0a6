import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { readsOnlyVariables } from '../engine/index.js';

/** A loss of one output: targets and predictions [batch, …] to per-example values [batch] or [batch, …]. */
export type LossFunction = (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Tensor;

interface CompiledModel {
  readonly lossFunctions?: readonly LossFunction[];
  /** A Sequential keeps what was compiled in a model inside. */
  readonly model?: CompiledModel;
  calculateLosses?(): tf.Scalar[];
}

/**
 * Per-example losses of a compiled layers model, as `model.fit` forms them: the outputs' losses added, each
 * averaged within the example, and the regularisers' penalties apart.
 */
export class ModelLoss {
  private readonly model: tfl.LayersModel;
  private readonly lossFunctions: readonly LossFunction[];

  constructor(model: tfl.LayersModel) {
    const compiled = model as unknown as CompiledModel;
    const lossFunctions = compiled.lossFunctions ?? compiled.model?.lossFunctions;
    if (lossFunctions === undefined || lossFunctions.length !== model.outputs.length) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected a model with a loss for each output, got none: pass loss.',
      );
    }
    this.model = model;
    this.lossFunctions = lossFunctions;
  }

  /** The losses of one physical batch, [batch]. */
  of(xs: readonly tf.Tensor[], ys: readonly tf.Tensor[]): tf.Tensor1D {
    const inputs = xs.length === 1 ? (xs[0] as tf.Tensor) : [...xs];
    const result = this.model.apply(inputs, { training: true }) as tf.Tensor | tf.Tensor[];
    const outputs = Array.isArray(result) ? result : [result];
    const perOutput = this.lossFunctions.map((loss, k) =>
      withinExample(loss(ys[k] as tf.Tensor, outputs[k] as tf.Tensor)),
    );
    return perOutput.length === 1 ? (perOutput[0] as tf.Tensor1D) : tf.addN(perOutput);
  }

  /** The regularisers' penalty as a function of the weights alone; undefined where there are none. */
  penalty(): (() => tf.Scalar) | undefined {
    const compiled = this.model as unknown as CompiledModel;
    const penalties = () => compiled.calculateLosses?.() ?? [];
    const count = tf.tidy(() => penalties().length);
    if (count === 0) return undefined;
    const penalty = () => tf.addN<tf.Scalar>(penalties());
    if (!readsOnlyVariables(penalty)) {
      throw new DpError(
        'DP_CROSS_EXAMPLE',
        'Expected penalties that read weights alone, since they are not clipped, got one that reads another tensor. If ' +
          'that is a public constant, make it a variable (tf.variable(t, false)); what depends on examples belongs into ' +
          'the per-example loss. validateModel names the layer.',
      );
    }
    return penalty;
  }
}

function withinExample(loss: tf.Tensor): tf.Tensor1D {
  if (loss.rank === 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected a loss with one value an example, got a scalar: use tf.Reduction.NONE, or a loss of tf.metrics.',
    );
  }
  return loss.rank === 1
    ? (loss as tf.Tensor1D)
    : tf.mean(tf.reshape(loss, [loss.shape[0] as number, -1]), 1);
}

/** Refuses layers that cannot be private, by name, before anything is computed. */
export function refuseUnprivateLayers(model: { readonly layers: readonly tfl.layers.Layer[] }): void {
  for (const layer of model.layers) {
    const kind = layer.getClassName();
    // Models inside models, and the layers inside wrappers such as timeDistributed and bidirectional.
    const inside = layer as unknown as { layers?: tfl.layers.Layer[]; layer?: tfl.layers.Layer };
    if (inside.layers !== undefined) refuseUnprivateLayers({ layers: inside.layers });
    if (inside.layer !== undefined) refuseUnprivateLayers({ layers: [inside.layer] });
    if (kind === 'BatchNormalization') {
      throw new DpError(
        'DP_CROSS_EXAMPLE',
        `Expected layers that keep examples apart, got '${layer.name}' (BatchNormalization). Frozen or not, its ` +
          'statistics mix examples. Train the copy with group normalisation that fixModel(model) gives.',
      );
    }
    if (typeof (layer as unknown as { seed?: unknown }).seed === 'number') {
      throw new DpError(
        'DP_CROSS_EXAMPLE',
        `Expected layers that treat every place in the batch alike, got '${layer.name}' (${kind}) with a seed: its mask ` +
          'is the same for a place at every step, so that who leaves decides who gets which. Leave the seed out, as ' +
          'fixModel(model) does in a copy.',
      );
    }
    if ((layer as unknown as { stateful?: boolean }).stateful === true) {
      throw new DpError(
        'DP_CROSS_EXAMPLE',
        `Expected layers without memory between batches, got '${layer.name}' (${kind}) with stateful: true. Set it ` +
          'false, as fixModel(model) does in a copy.',
      );
    }
  }
}

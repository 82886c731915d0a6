import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';

type Layer = tfl.layers.Layer;
type LayerArgs = NonNullable<ConstructorParameters<typeof tfl.layers.Layer>[0]>;
type Config = Readonly<Record<string, unknown>>;
type Kwargs = Parameters<Layer['call']>[1];

/** Options of {@link LowRankAdapter}, as `getConfig` writes them. */
export interface LowRankAdapterArgs extends LayerArgs {
  readonly rank: number;
  readonly alpha: number;
  /** The layer that is adapted, as tfjs-layers writes it down. */
  readonly layer: { readonly className: string; readonly config: Config };
}

/** The three linear layers of an adapter: W, A and B. */
interface Parts {
  readonly base: Layer;
  readonly down: Layer;
  readonly up: Layer;
}

type Make = (config: Config) => Layer;
const dense = tfl.layers.dense as unknown as Make;
const embedding = tfl.layers.embedding as unknown as Make;
const conv1d = tfl.layers.conv1d as unknown as Make;
const conv2d = tfl.layers.conv2d as unknown as Make;

/** A starts uniform in ±1/√(its inputs), B at zero (Hu et al. 2021, 2106.09685, §4.1). */
const started = () =>
  tfl.initializers.varianceScaling({ scale: 1 / 3, mode: 'fanIn', distribution: 'uniform' });

function convolution(make: Make): (base: Config, a: Config, b: Config, rank: number) => Parts {
  return (base, a, b, rank) => {
    const { filters, kernelSize, strides, padding, dilationRate, dataFormat } = base;
    const shape = { kernelSize, strides, padding, dilationRate, dataFormat };
    return {
      base: make(base),
      down: make({ ...a, ...shape, filters: rank, useBias: false, kernelInitializer: started() }),
      up: make({ ...b, filters, kernelSize: 1, dataFormat, useBias: false, kernelInitializer: 'zeros' }),
    };
  };
}

const PARTS: Readonly<Record<string, (base: Config, a: Config, b: Config, rank: number) => Parts>> = {
  Dense: (base, a, b, rank) => ({
    base: dense(base),
    down: dense({ ...a, units: rank, useBias: false, kernelInitializer: started() }),
    up: dense({ ...b, units: base.units, useBias: false, kernelInitializer: 'zeros' }),
  }),
  Embedding: (base, a, b, rank) => ({
    base: embedding(base),
    down: embedding({ ...a, inputDim: base.inputDim, outputDim: rank, inputLength: base.inputLength }),
    up: dense({ ...b, units: base.outputDim, useBias: false, kernelInitializer: 'zeros' }),
  }),
  Conv1D: convolution(conv1d),
  Conv2D: convolution(conv2d),
};

/** Whether a layer can be adapted: its only matrix meets its input, and a bias and an activation follow. */
export function canAdapt(layer: Layer): boolean {
  return layer.getClassName() in PARTS;
}

/**
 * y = activation(W x + b + (alpha / rank) · B A x): a layer with its own weights W and b frozen, and a correction of
 * low rank that is trained (Hu et al. 2021, 2106.09685).
 *
 * B is zero at the start, so that the layer gives what it gave. For convolutions A has the layer's kernel size,
 * strides and padding, and B is 1 × 1; for embeddings A is looked up. Made by `lora`, folded back by `mergeLora`.
 */
export class LowRankAdapter extends tfl.layers.Layer {
  static readonly className = 'LowRankAdapter';

  readonly rank: number;
  readonly alpha: number;
  private readonly adapted: LowRankAdapterArgs['layer'];
  private readonly parts: Parts;
  private readonly activation: Layer;

  constructor(args: LowRankAdapterArgs) {
    super(args);
    const { rank, alpha, layer } = args;
    if (!Number.isInteger(rank) || rank < 1) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected rank to be a whole number from 1, got ${String(rank)}.`,
      );
    }
    if (!(alpha > 0) || !Number.isFinite(alpha)) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected alpha to be a finite number above 0, got ${String(alpha)}.`,
      );
    }
    const make = PARTS[layer?.className];
    if (make === undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected a layer of ${Object.keys(PARTS).join(', ')} to adapt, got ${String(layer?.className)}.`,
      );
    }
    this.rank = rank;
    this.alpha = alpha;
    this.adapted = layer;
    const { batchInputShape, activation, ...own } = layer.config;
    const linear = layer.className === 'Embedding' ? {} : { activation: 'linear' };
    this.parts = make(
      { ...own, ...linear, name: 'base', trainable: false },
      { name: 'lora_a' },
      { name: 'lora_b' },
      rank,
    );
    this.activation = (tfl.layers.activation as unknown as Make)({
      activation: activation ?? 'linear',
      name: `${this.name}_activation`,
    });
    this.supportsMasking = this.parts.base.supportsMasking;
    this.parts.down.trainable = this.trainable;
    this.parts.up.trainable = this.trainable;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tfl.Shape;
    // Applied to a symbol, each part names its weights after itself: a file must tell them apart.
    const input = tfl.input({ batchShape: shape, name: `${this.name}_input` });
    this.parts.base.apply(input);
    this.parts.up.apply(this.parts.down.apply(input));
    for (const weight of this.parts.base.weights) weight.trainable = false;
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor {
    return tf.tidy(() => {
      const { base, down, up } = this.parts;
      const correction = up.call(down.call(inputs, kwargs), kwargs) as tf.Tensor;
      const sum = tf.add(base.call(inputs, kwargs) as tf.Tensor, tf.mul(correction, this.alpha / this.rank));
      return this.activation.call(sum, kwargs) as tf.Tensor;
    });
  }

  /** W + (alpha / rank) · A B by the name of W, and what else the adapted layer has. The caller disposes them. */
  mergedWeights(): Record<string, tf.Tensor> {
    const matrix = (layer: Layer) => {
      const value = (layer.weights[0] as tfl.LayerVariable).read();
      return tf.reshape(value, [-1, value.shape.at(-1) as number]);
    };
    return tf.tidy(() => {
      const { base, down, up } = this.parts;
      const correction = tf.mul(tf.matMul(matrix(down), matrix(up)), this.alpha / this.rank);
      return Object.fromEntries(
        base.weights.map((weight, k) => {
          const value = weight.read();
          const name = weight.originalName.split('/').at(-1) as string;
          return [name, k === 0 ? tf.add(value, tf.reshape(correction, value.shape)) : tf.clone(value)];
        }),
      );
    });
  }

  /** Gives the adapted layer's weights their values, past its constraints. */
  setBase(from: Layer): void {
    this.parts.base.weights.forEach((weight) => {
      const name = weight.originalName.split('/').at(-1);
      const source = from.weights.find(({ originalName }) => originalName.split('/').at(-1) === name);
      if (source !== undefined) (weight.read() as tf.Variable).assign(tf.clone(source.read()));
    });
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  override set trainable(trainable: boolean) {
    super.trainable = trainable;
    this.parts.down.trainable = trainable;
    this.parts.up.trainable = trainable;
  }

  override get trainableWeights(): tfl.LayerVariable[] {
    return this.trainable ? [...this.parts.down.trainableWeights, ...this.parts.up.trainableWeights] : [];
  }

  override get nonTrainableWeights(): tfl.LayerVariable[] {
    const { base, down, up } = this.parts;
    return [...(this.trainable ? [] : [...down.weights, ...up.weights]), ...base.weights];
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape | tfl.Shape[] {
    return this.parts.base.computeOutputShape(inputShape);
  }

  override computeMask(
    inputs: tf.Tensor | tf.Tensor[],
    mask?: tf.Tensor | tf.Tensor[],
  ): tf.Tensor | tf.Tensor[] {
    return this.parts.base.computeMask(inputs, mask);
  }

  /** A must start away from zero, also in a model whose other weights are about to be loaded. */
  override setFastWeightInitDuringBuild(fast: boolean): void {
    this.parts.base.setFastWeightInitDuringBuild(fast);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { rank, alpha, adapted } = this;
    return { ...super.getConfig(), rank, alpha, layer: adapted as unknown as tf.serialization.ConfigDict };
  }
}

tf.serialization.registerClass(LowRankAdapter);

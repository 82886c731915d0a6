import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { NoiseAwareOptimizer } from './noise-aware.js';
import type { NamedTensor } from './noised-gradients.js';
import { refuseUnknownKeys } from './option-keys.js';

/** Options of {@link dpAdamBC}. */
export interface DpAdamBCOptions {
  /** η ≥ 0; 0.001 unless given. */
  readonly learningRate?: number;
  /** β₁ in [0, 1); 0.9 unless given. */
  readonly beta1?: number;
  /** β₂ in [0, 1); 0.999 unless given. */
  readonly beta2?: number;
  /** γ′ > 0, the least value of the corrected second moment, in units of a squared gradient; 5e-8 unless given. */
  readonly stability?: number;
}

interface Moments {
  readonly name: string;
  readonly first: tf.Variable;
  readonly second: tf.Variable;
}

/** The name of the noise's own second moment among the saved weights. */
const NOISE = 'DpAdamBC/noise_variance';

/**
 * Adam with the noise taken out of its second moment (Tang, Shpilevskiy & Lécuyer 2023, 2312.14334):
 * w ← w − η·m̂/√max(v̂ − φ̂, γ′), where m̂ and v̂ are Adam's bias-corrected moments of the noisy gradients and φ̂ is the
 * noise's variance (σC/B)², averaged over the steps as v̂ is, so that it holds under schedules as well.
 *
 * Why: E v̂ = E ĝ² + (σC/B)². Under strong noise Adam's denominator is nearly constant, and Adam nearly momentum
 * SGD; without that bias it is the sign-like update that Adam is meant to be. v̂ − φ̂ is unbiased for the second moment
 * of the clipped gradients; where the noise of v̂ makes it smaller than γ′, γ′ stands in.
 *
 * Only inside `dpOptimizer`, which tells it the noise before each update: it refuses to guess. It sees noised gradients
 * and public numbers alone, and so costs no privacy.
 *
 * @example
 * const optimizer = dpOptimizer(dpAdamBC({ learningRate: 1e-3 }), { l2NormClip: 1, noiseMultiplier: 1.1, expectedBatchSize: 256 });
 */
export class DpAdamBC extends tf.Optimizer implements NoiseAwareOptimizer {
  static readonly className = 'DpAdamBC';

  private learningRate: number;
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly stability: number;
  private moments: Moments[] = [];
  /** Moving average of the noise's variance, as of the second moment: not bias-corrected. */
  private noiseVariance = 0;
  private savedVariance: tf.Variable | undefined;
  private standardDeviation: number | undefined;

  constructor(options: DpAdamBCOptions = {}) {
    super();
    if (typeof options !== 'object' || options === null) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected options of dpAdamBC as an object, got ${typeof options}.`,
      );
    }
    refuseUnknownKeys('dpAdamBC', options, {
      learningRate: true,
      beta1: true,
      beta2: true,
      stability: true,
    } satisfies Record<keyof DpAdamBCOptions, true>);
    const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, stability = 5e-8 } = options;
    this.learningRate = requireNumber('learningRate', '≥ 0', learningRate, (value) => value >= 0);
    this.beta1 = requireNumber('beta1', 'in [0, 1)', beta1, (value) => value >= 0 && value < 1);
    this.beta2 = requireNumber('beta2', 'in [0, 1)', beta2, (value) => value >= 0 && value < 1);
    this.stability = requireNumber('stability', '> 0', stability, (value) => value > 0);
  }

  setLearningRate(learningRate: number): void {
    this.learningRate = requireNumber('learningRate', '≥ 0', learningRate, (value) => value >= 0);
  }

  setNoiseStandardDeviation(standardDeviation: number): void {
    this.standardDeviation = requireNumber(
      'the standard deviation of the noise',
      '≥ 0',
      standardDeviation,
      (value) => value >= 0,
    );
  }

  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[]): void {
    const named: readonly NamedTensor[] = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    const sd = this.standardDeviation;
    if (sd === undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected dpAdamBC inside dpOptimizer, which tells it the noise, got gradients without. Write ' +
          'dpOptimizer(dpAdamBC(…), …), or use tf.train.adam.',
      );
    }
    // Told anew before each update: an old figure must not stand in for one that nobody gave.
    this.standardDeviation = undefined;
    const steps = this.iterations + 1;
    const [unbias1, unbias2] = [1 - this.beta1 ** steps, 1 - this.beta2 ** steps];
    this.noiseVariance = this.beta2 * this.noiseVariance + (1 - this.beta2) * sd * sd;
    const variance = this.noiseVariance / unbias2;
    named.forEach(({ name, tensor }, i) => {
      const value = tf.engine().registeredVariables[name] as tf.Variable;
      this.moments[i] ??= momentsOf(name, value.shape);
      const { first, second } = this.moments[i] as Moments;
      tf.tidy(() => {
        first.assign(tf.add(tf.mul(first, this.beta1), tf.mul(tensor, 1 - this.beta1)));
        second.assign(tf.add(tf.mul(second, this.beta2), tf.mul(tf.square(tensor), 1 - this.beta2)));
        const corrected = tf.maximum(tf.sub(tf.div(second, unbias2), variance), this.stability);
        const update = tf.div(tf.mul(first, this.learningRate / unbias1), tf.sqrt(corrected));
        value.assign(tf.sub(value, update));
      });
    });
    this.incrementIterations();
  }

  /** Iterations, first moments, second moments, then the noise's. */
  override async getWeights(): Promise<NamedTensor[]> {
    this.savedVariance?.dispose();
    this.savedVariance = tf.tidy(() => tf.variable(tf.scalar(this.noiseVariance), false));
    return [
      (await this.saveIterations()) as NamedTensor,
      ...this.moments.map(({ name, first }) => ({ name: `${name}/m`, tensor: first })),
      ...this.moments.map(({ name, second }) => ({ name: `${name}/v`, tensor: second })),
      { name: NOISE, tensor: this.savedVariance },
    ];
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const rest = (await this.extractIterations(weights)) as NamedTensor[];
    const noise = rest.find(({ name }) => name === NOISE);
    const moments = rest.filter(({ name }) => name !== NOISE);
    if (noise === undefined || moments.length % 2 !== 0) {
      throw new DpError('DP_CORRUPT', 'Expected the saved state of dpAdamBC, got that of another optimizer.');
    }
    const half = moments.length / 2;
    const copy = ({ tensor }: NamedTensor) => tf.tidy(() => tf.variable(tf.clone(tensor), false));
    this.disposeMoments();
    this.moments = moments.slice(0, half).map((first, i) => ({
      name: first.name.replace(/\/m$/, ''),
      first: copy(first),
      second: copy(moments[half + i] as NamedTensor),
    }));
    this.noiseVariance = (await noise.tensor.data())[0] as number;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { learningRate, beta1, beta2, stability } = this;
    return { learningRate, beta1, beta2, stability };
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    _cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new DpAdamBC(config as DpAdamBCOptions) as unknown as T;
  }

  override dispose(): void {
    this.disposeMoments();
    this.savedVariance?.dispose();
  }

  private disposeMoments(): void {
    tf.dispose(this.moments.flatMap(({ first, second }) => [first, second]));
    this.moments = [];
  }
}

tf.serialization.registerClass(DpAdamBC);

/** Adam without the noise's share of its second moment; see {@link DpAdamBC}. */
export function dpAdamBC(options: DpAdamBCOptions = {}): DpAdamBC {
  return new DpAdamBC(options);
}

function momentsOf(name: string, shape: number[]): Moments {
  return tf.tidy(() => ({
    name,
    first: tf.variable(tf.zeros(shape), false),
    second: tf.variable(tf.zeros(shape), false),
  }));
}

function requireNumber(
  name: string,
  range: string,
  value: unknown,
  holds: (value: number) => boolean,
): number {
  if (typeof value === 'number' && Number.isFinite(value) && holds(value)) return value;
  throw new DpError('DP_INVALID_ARGUMENT', `Expected ${name} finite and ${range}, got ${String(value)}.`);
}

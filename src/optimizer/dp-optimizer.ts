import * as tf from '@tensorflow/tfjs-core';
import {
  type AccountantChoice,
  DpError,
  type DpEvent,
  type EpsilonBound,
  epsilonOf,
  type NeighboringRelation,
  parseEvent,
} from 'privacy-accounting';
import { type ClippedSum, PerExampleEngine } from '../engine/index.js';
import { type GaussianSource, gaussianSource, secureRandomWords, seededRandomWords } from '../noise/index.js';
import type { BatchSampler } from '../sampling/index.js';
import { type DpOptimizerOptions, requireOptions } from './dp-optimizer-options.js';
import { GradientAccumulator } from './gradient-accumulator.js';
import { type InnerOptimizer, innerConfig, restoreInner } from './inner-optimizer.js';
import { type NamedTensor, NoisedGradientSet, type NoisedGradients } from './noised-gradients.js';
import { SamplerBook } from './sampler-book.js';
import { PassBook, type StepBook } from './step-book.js';

/** Counts computed from data without noise. Never publish them. */
export interface PrivateCounts {
  readonly nonFiniteExamples: number;
  readonly clippedExamples: number;
  readonly examples: number;
}

const INSTANCES = new WeakSet<object>();

/**
 * DP-SGD around any tfjs optimizer: gᵗ = (Σᵢ min(1, C/‖gᵢ‖) gᵢ + N(0, σ²C² I)) / expectedBatchSize, then the
 * inner optimizer's own update (Abadi et al. 2016, 1607.00133, Alg. 1).
 *
 * It is a `tf.Optimizer`: `model.compile({optimizer})` and `model.fit`, or `minimize` in a loop of one's own.
 * Guarantee: each step is a Gaussian mechanism of noise multiplier σ on a sum of sensitivity C (zeroing an
 * example) or 2C (replacing one). It sees neither the data's size nor the sampling, so `privacySpent` counts
 * every step as a participation of every record.
 *
 * @example
 * const optimizer = dpOptimizer(tf.train.adam(1e-3), { l2NormClip: 1, noiseMultiplier: 1.1, expectedBatchSize: 256 });
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' });
 */
export class DpOptimizer extends tf.Optimizer {
  static readonly className = 'DpOptimizer';

  /** tf.Optimizer recognises instances by their methods; without this, every optimizer would be a DpOptimizer. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && INSTANCES.has(value);
  }

  readonly l2NormClip: number;
  readonly noiseMultiplier: number;
  readonly expectedBatchSize: number;
  /** False when the noise is seeded: then nothing that this optimizer trains is private. */
  readonly secure: boolean;
  /** The optimizer that applies the noisy gradients. */
  readonly inner: tf.Optimizer;

  private readonly seed: string | number | undefined;
  private readonly noise: GaussianSource;
  private readonly engine = new PerExampleEngine();
  private readonly accumulator = new GradientAccumulator();
  private readonly issued = new NoisedGradientSet();
  private book: StepBook;
  private counts = { nonFiniteExamples: 0, clippedExamples: 0, examples: 0 };
  private order: readonly string[] | undefined;
  private expectsPenalty = false;

  constructor(inner: tf.Optimizer, options: DpOptimizerOptions, spent?: DpEvent) {
    super();
    INSTANCES.add(this);
    requireOptimizer(inner);
    requireOptions(options);
    this.inner = inner;
    this.l2NormClip = options.l2NormClip;
    this.noiseMultiplier = options.noiseMultiplier;
    this.expectedBatchSize = options.expectedBatchSize;
    this.seed = options.seed;
    const words = options.seed === undefined ? secureRandomWords() : seededRandomWords(options.seed);
    this.noise = gaussianSource(words);
    this.secure = this.noise.secure;
    this.book = new PassBook(spent);
  }

  /** Everything booked so far, for any accountant. */
  get event(): DpEvent {
    return this.book.event;
  }

  /** Whether any step was booked, here or in what this optimizer was restored from. */
  get hasBooked(): boolean {
    const { event } = this.book;
    return event.type !== 'noOp' && !(event.type === 'composed' && event.events.length === 0);
  }

  /** Random words drawn for noise since this optimizer was made. */
  get noiseWordsConsumed(): number {
    return this.noise.wordsConsumed;
  }

  /** Counts over all steps. Private: computed from the data without noise. */
  get privateCounts(): PrivateCounts {
    return { ...this.counts };
  }

  /**
   * Books every step from now on as the sampler's event, added to nothing before: for a loop of one's own whose
   * batches are those that `sampler.next()` drew, each taken whole, once, and in turn.
   *
   * @example
   * const sampler = poissonSampler({ datasetSize: 60000, expectedBatchSize: 256 });
   * const optimizer = dpOptimizer(tf.train.sgd(0.1), { l2NormClip: 1, noiseMultiplier: 1.1, expectedBatchSize: 256 });
   * optimizer.bookWith(sampler);
   * optimizer.privacySpent({ delta: 1e-5, relation: 'add-or-remove-one' });
   */
  bookWith(sampler: BatchSampler): void {
    if (sampler.expectedBatchSize !== this.expectedBatchSize) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected a sampler of expected batch size ${this.expectedBatchSize}, got ${sampler.expectedBatchSize}.`,
      );
    }
    if (((sampler.state() as { epochsBegun?: number }).epochsBegun ?? 0) > 0) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected a sampler that has drawn nothing yet, got one in use: its event counts from the first batch.',
      );
    }
    if (this.hasBooked) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected an optimizer that has taken no step yet, got one with steps booked. Name the sampler first.',
      );
    }
    this.book = new SamplerBook(sampler);
  }

  /** Books steps elsewhere from now on: for trainers that know the sampler. What was booked is the caller's to keep. */
  useBook(book: StepBook): StepBook {
    const before = this.book;
    this.book = book;
    return before;
  }

  /**
   * An upper bound on ε at `delta` for all steps so far: every step counted as a participation of every record,
   * unless a sampler was named with `bookWith`.
   *
   * Sound under 'replace-special' (the default) and 'replace-one'. Under 'add-or-remove-one' it throws
   * `DP_UNSUPPORTED_EVENT`: taking a record out may move the others between batches.
   */
  privacySpent(options: {
    readonly delta: number;
    readonly relation?: NeighboringRelation;
    readonly accountant?: AccountantChoice;
  }): EpsilonBound {
    return epsilonOf(this.event, { relation: 'replace-special', ...options });
  }

  /**
   * Clips and adds one physical batch; the weights stay as they are until `step`. `f` returns per-example losses
   * [batch] or their mean. Returns the batch's loss, which is not private; the caller disposes it.
   */
  accumulate(f: () => tf.Tensor, varList?: tf.Variable[]): tf.Scalar {
    const variables = this.variables(varList);
    const batch = this.engine.clippedSum(f, variables, {
      l2NormClip: this.l2NormClip,
      scale: 1 / this.expectedBatchSize,
      expectedBatchSize: this.expectedBatchSize,
    });
    this.count(batch);
    this.accumulator.add(variables, batch);
    this.expectsPenalty ||= this.accumulator.hasPenalties;
    return batch.value;
  }

  /**
   * Ends a logical batch: books it, adds noise once, divides by the expected batch size, updates the weights.
   * With nothing accumulated (an empty Poisson batch) it is a step all the same (rule 2). `penalty` is what the
   * loss adds that reads no data, such as regularisers: it belongs to every step, so that a step does not show
   * whether its batch was empty. A loss that brought its penalty along needs one here for its empty batches.
   */
  step(varList?: tf.Variable[], penalty?: () => tf.Scalar): void {
    const variables = this.variables(varList);
    if (penalty !== undefined) this.addPenalty(penalty, variables);
    else if (this.expectsPenalty && this.accumulator.examples === 0) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected the penalty of the regularisers for an empty batch, got none: without it the step would show that ' +
          'the batch was empty. Pass it: optimizer.step(variables, () => penalty).',
      );
    }
    const gradients = this.release(variables);
    this.applyGradients(gradients.inOrder());
    gradients.dispose();
  }

  override minimize(f: () => tf.Tensor, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
    const value = this.accumulate(f, varList);
    try {
      this.step(varList);
    } catch (error) {
      value.dispose();
      this.discard();
      throw error;
    }
    if (returnCost) return value;
    value.dispose();
    return null;
  }

  /** Noisy gradients of one batch, already booked; they may be applied once, by this optimizer. */
  override computeGradients(
    f: () => tf.Tensor,
    varList?: tf.Variable[],
  ): { value: tf.Scalar; grads: tf.NamedTensorMap } {
    const variables = this.variables(varList);
    const value = this.accumulate(f, variables);
    const gradients = this.release(variables);
    return { value, grads: gradients.byName() };
  }

  /** Throws `DP_UNNOISED_GRADIENT` on gradients that this optimizer did not noise, or that it applied before. */
  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[]): void {
    const named = this.issued.redeem(gradients);
    const order = this.order ?? named.map(({ name }) => name);
    const byName = new Map(named.map((gradient) => [gradient.name, gradient]));
    if (order.length !== byName.size || order.some((name) => !byName.has(name))) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected gradients of the ${order.length} variables of the first step, got ${byName.size} others. The inner ` +
          "optimizer's state belongs to those: make a new optimizer when the trained variables change.",
      );
    }
    this.order = order;
    this.inner.applyGradients(order.map((name) => byName.get(name) as NamedTensor));
    this.incrementIterations();
  }

  /** Books, then noises. A batch whose step fails is dropped: it must not be merged with the next. */
  private release(variables: readonly tf.Variable[]): NoisedGradients {
    try {
      return this.bookAndNoise(variables);
    } finally {
      this.accumulator.dispose();
    }
  }

  private bookAndNoise(variables: readonly tf.Variable[]): NoisedGradients {
    this.book.book({
      noiseMultiplier: this.noiseMultiplier,
      examples: this.accumulator.examples,
      secure: this.secure,
    });
    const gradients = this.accumulator.release(variables, {
      noise: this.noise,
      // The sums were divided by the expected batch size when they were formed, and so is the noise.
      standardDeviation:
        this.noiseMultiplier === 0 ? 0 : (this.noiseMultiplier * this.l2NormClip) / this.expectedBatchSize,
    });
    return this.issued.issue(gradients);
  }

  private addPenalty(penalty: () => tf.Scalar, variables: tf.Variable[]): void {
    const { value, grads } = tf.variableGrads(penalty, variables);
    value.dispose();
    const byId = new Map<number, tf.Tensor>();
    for (const variable of variables) {
      const gradient = grads[variable.name];
      if (gradient !== undefined && gradient !== null) byId.set(variable.id, gradient);
    }
    this.accumulator.setPenalties(byId);
  }

  /** Forgets what was accumulated, as after an error in the middle of a logical batch. */
  discard(): void {
    this.accumulator.dispose();
  }

  private variables(varList: readonly tf.Variable[] | undefined): tf.Variable[] {
    const all = varList ?? Object.values(tf.engine().registeredVariables);
    // A variable named twice would be clipped once and moved twice.
    const trainable = [...new Set(all)].filter((variable) => variable.trainable);
    if (trainable.length === 0) {
      throw new DpError('DP_INVALID_ARGUMENT', `Expected trainable variables, got none among ${all.length}.`);
    }
    return trainable;
  }

  private count(batch: ClippedSum): void {
    this.counts.examples += batch.examples;
    this.counts.clippedExamples += batch.privateValues.clippedExamples;
    this.counts.nonFiniteExamples += batch.privateValues.nonFiniteExamples;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      inner: innerConfig(this.inner),
      l2NormClip: Number.isFinite(this.l2NormClip) ? this.l2NormClip : 'inf',
      noiseMultiplier: this.noiseMultiplier,
      expectedBatchSize: this.expectedBatchSize,
      ...(this.seed === undefined ? {} : { seed: this.seed }),
      // Text, because tfjs rewrites the keys of nested configurations when it loads them.
      spent: JSON.stringify(this.event),
    };
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    _cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    const { spent } = config;
    if (typeof spent !== 'string') {
      throw new DpError(
        'DP_CORRUPT',
        'Expected the record of the privacy spent beside the saved optimizer, got none. Weights without it are ' +
          'not resumed: their ε is unknown.',
      );
    }
    const options: DpOptimizerOptions = {
      l2NormClip: config.l2NormClip === 'inf' ? Number.POSITIVE_INFINITY : (config.l2NormClip as number),
      noiseMultiplier: config.noiseMultiplier as number,
      expectedBatchSize: config.expectedBatchSize as number,
      ...(config.seed === undefined || config.seed === null ? {} : { seed: config.seed as string | number }),
    };
    const inner = restoreInner(config.inner as unknown as InnerOptimizer);
    return new DpOptimizer(inner, options, parseEvent(JSON.parse(spent))) as unknown as T;
  }

  override getWeights(): Promise<NamedTensor[]> {
    return this.inner.getWeights() as Promise<NamedTensor[]>;
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    await this.inner.setWeights(weights);
    this.iterations_ = this.inner.iterations;
  }

  override dispose(): void {
    this.accumulator.dispose();
    this.inner.dispose();
  }
}

tf.serialization.registerClass(DpOptimizer);

/**
 * Makes any tfjs optimizer differentially private; see {@link DpOptimizer}.
 *
 * Throws `DP_INVALID_ARGUMENT` when `inner` is not an optimizer or an option is out of range.
 */
export function dpOptimizer(inner: tf.Optimizer, options: DpOptimizerOptions): DpOptimizer {
  return new DpOptimizer(inner, options);
}

function requireOptimizer(inner: unknown): void {
  const candidate = inner as Partial<tf.Optimizer> | null | undefined;
  if (typeof candidate?.applyGradients !== 'function' || typeof candidate.getConfig !== 'function') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a tf.Optimizer such as tf.train.adam(1e-3), got ${inner === null ? 'null' : typeof inner}` +
        `${typeof inner === 'string' ? ` '${inner}'` : ''}.`,
    );
  }
  if (inner instanceof DpOptimizer) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected an optimizer that is not private yet, got a DpOptimizer.',
    );
  }
}

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
import { requireLiveBackend } from '../backend/backend-health.js';
import { PerExampleEngine } from '../engine/index.js';
import { seededRandomWords } from '../noise/index.js';
import type { BatchSampler } from '../sampling/index.js';
import { type Clipping, sensitivityOf } from './clipping/index.js';
import { type DpOptimizerOptions, type SettledOptions, settleOptions } from './dp-optimizer-options.js';
import { type InnerOptimizer, innerConfig, requireOptimizer, restoreInner } from './inner-optimizer.js';
import { LogicalStep } from './logical-step.js';
import { isNoiseAware } from './noise-aware.js';
import { NoiseMaker } from './noise-kind.js';
import { type NamedTensor, NoisedGradientSet, type NoisedGradients } from './noised-gradients.js';
import { type PrivateCounts, withBatch } from './private-counts.js';
import { SamplerBook } from './sampler-book.js';
import { loadOptions, saveOptions } from './saved-options.js';
import { requireLearningRate, scheduleAt, setLearningRate } from './schedules/index.js';
import { PassBook, type StepBook } from './step-book.js';
import type { StepPlan } from './step-planner.js';
import { requireSameVariables, stateOf, trainedVariables } from './trained-variables.js';

const INSTANCES = new WeakSet<object>();

/** The name of adaptive clipping's bounds among an optimizer's saved weights. */
const BOUNDS = 'DpOptimizer/l2NormClip';

/**
 * DP-SGD around any tfjs optimizer: gᵗ = (Σᵢ min(1, C/‖gᵢ‖) gᵢ + N(0, σ²C² I)) / expectedBatchSize, then the
 * inner optimizer's own update (Abadi et al. 2016, 1607.00133, Alg. 1). σ, C and the learning rate may follow
 * schedules over the steps, and `clipping` may bound gradients otherwise.
 *
 * It is a `tf.Optimizer`: `model.compile({optimizer})` and `model.fit`, or `minimize` in a loop of one's own.
 * Guarantee: each step is a Gaussian mechanism of its noise multiplier σ on a sum of sensitivity C (zeroing an
 * example) or 2C (replacing one), C = √ΣC² where groups are clipped apart. It sees neither the data's size nor the
 * sampling, so `privacySpent` counts every step as a participation of every record.
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

  readonly expectedBatchSize: number;
  /** How gradients are bounded. */
  readonly clipping: Clipping;
  /** False when the noise is seeded: then nothing that this optimizer trains is private. */
  readonly secure: boolean;
  /** The optimizer that applies the noisy gradients. */
  readonly inner: tf.Optimizer;

  private readonly options: SettledOptions;
  private readonly noise: NoiseMaker;
  private readonly engine = new PerExampleEngine();
  private readonly current: LogicalStep;
  private readonly issued = new NoisedGradientSet();
  private book: StepBook;
  private counts: PrivateCounts = { nonFiniteExamples: 0, clippedExamples: 0, examples: 0 };
  private order: readonly string[] | undefined;
  private expectsPenalty = false;
  /** Logical steps booked, those before a restore included: where schedules stand. */
  private booked = 0;
  private released: StepPlan | undefined;
  private savedBounds: tf.Variable | undefined;

  constructor(
    inner: tf.Optimizer,
    options: DpOptimizerOptions,
    before: { readonly spent?: DpEvent; readonly steps?: number } = {},
  ) {
    super();
    INSTANCES.add(this);
    requireOptimizer(inner);
    if (inner instanceof DpOptimizer) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected an optimizer that is not private yet, got a DpOptimizer.',
      );
    }
    this.options = settleOptions(options);
    if (this.options.learningRate !== undefined) requireLearningRate(inner);
    this.inner = inner;
    this.expectedBatchSize = this.options.expectedBatchSize;
    this.clipping = this.options.clipping;
    this.noise = new NoiseMaker(options.seed === undefined ? undefined : seededRandomWords(options.seed));
    this.secure = this.noise.secure;
    this.current = new LogicalStep(this.options, this.noise);
    this.book = new PassBook(before.spent);
    this.booked = before.steps ?? 0;
  }

  /** Logical steps booked so far, those before a restore included. Schedules are read at this number. */
  get steps(): number {
    return this.booked;
  }

  /** σ of the next step. */
  get noiseMultiplier(): number {
    return scheduleAt(this.options.noiseMultiplier, this.booked);
  }

  /** C of the next step: over all parameters together, √ΣC² where adaptive clipping moves several. Public. */
  get l2NormClip(): number {
    const bounds = this.clippingBounds;
    if (bounds !== undefined) return Math.hypot(...bounds);
    return sensitivityOf(this.clipping, scheduleAt(this.options.l2NormClip, this.booked));
  }

  /** The C of each group as adaptive clipping has moved them, from noised counts alone: public. */
  get clippingBounds(): readonly number[] | undefined {
    return this.current.bounds?.current;
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
    if (book.steps !== undefined) this.booked = book.steps;
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
    const { clip } = this.current.planFor(this.booked, variables);
    const batch = this.engine.clippedSum(f, variables, {
      ...clip,
      scale: 1 / this.expectedBatchSize,
      expectedBatchSize: this.expectedBatchSize,
    });
    this.counts = withBatch(this.counts, batch);
    this.current.add(variables, batch);
    this.expectsPenalty ||= this.current.hasPenalties;
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
    else if (this.expectsPenalty && this.current.examples === 0) {
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
    requireSameVariables(order, [...byName.keys()]);
    this.order = order;
    const plan = this.released;
    if (this.options.learningRate !== undefined) {
      setLearningRate(this.inner, scheduleAt(this.options.learningRate, plan?.step ?? 0));
    }
    if (isNoiseAware(this.inner) && plan !== undefined) {
      this.inner.setNoiseStandardDeviation(this.current.standardDeviation(plan));
    }
    this.inner.applyGradients(order.map((name) => byName.get(name) as NamedTensor));
    requireLiveBackend(); // Weights on a lost device would read as zeros.
    this.incrementIterations();
  }

  /** Books, then noises. A batch whose step fails is dropped: it must not be merged with the next. */
  private release(variables: readonly tf.Variable[]): NoisedGradients {
    try {
      return this.bookAndNoise(this.current.planFor(this.booked, variables));
    } finally {
      this.discard();
    }
  }

  private bookAndNoise(plan: StepPlan): NoisedGradients {
    const { noiseMultiplier, clip } = plan;
    this.book.book({
      noiseMultiplier,
      sensitivity: clip.l2NormClip,
      examples: this.current.examples,
      secure: this.secure,
      grid: plan.grid,
    });
    this.booked = plan.step + 1;
    this.released = plan;
    return this.issued.issue(this.current.noised(plan));
  }

  private addPenalty(penalty: () => tf.Scalar, variables: tf.Variable[]): void {
    const { value, grads } = tf.variableGrads(penalty, variables);
    value.dispose();
    const byId = new Map<number, tf.Tensor>();
    for (const variable of variables) {
      const gradient = grads[variable.name];
      if (gradient !== undefined && gradient !== null) byId.set(variable.id, gradient);
    }
    this.current.setPenalties(byId);
  }

  /** Forgets what was accumulated, as after an error in the middle of a logical batch. */
  discard(): void {
    this.current.discard();
  }

  private variables(varList: readonly tf.Variable[] | undefined): tf.Variable[] {
    const own = varList === undefined ? stateOf(this.inner) : new Set<tf.Variable>();
    const variables = trainedVariables(varList, own);
    requireSameVariables(
      this.order,
      variables.map(({ name }) => name),
    );
    return variables;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      inner: innerConfig(this.inner),
      ...saveOptions(this.options),
      steps: this.booked,
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
    const inner = restoreInner(config.inner as unknown as InnerOptimizer);
    const steps = typeof config.steps === 'number' ? config.steps : 0;
    const before = { spent: parseEvent(JSON.parse(spent)), steps };
    return new DpOptimizer(inner, loadOptions(config), before) as unknown as T;
  }

  /** The inner optimizer's state and, last, the bounds of adaptive clipping. */
  override async getWeights(): Promise<NamedTensor[]> {
    const weights = (await this.inner.getWeights()) as NamedTensor[];
    const bounds = this.clippingBounds;
    if (bounds === undefined) return weights;
    this.savedBounds?.dispose();
    // A variable of this optimizer's own: whoever asks for weights does not dispose them.
    this.savedBounds = tf.tidy(() => tf.variable(tf.tensor1d([...bounds]), false));
    return [...weights, { name: BOUNDS, tensor: this.savedBounds }];
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    await this.inner.setWeights(weights.filter(({ name }) => name !== BOUNDS));
    const bounds = weights.find(({ name }) => name === BOUNDS);
    if (bounds !== undefined) this.current.bounds?.restore([...(await bounds.tensor.data())]);
    this.iterations_ = this.inner.iterations;
  }

  override dispose(): void {
    this.discard();
    this.savedBounds?.dispose();
    this.noise.close();
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

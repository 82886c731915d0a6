import type * as tf from '@tensorflow/tfjs-core';
import type { ClippedSum } from '../engine/index.js';
import type { SettledOptions } from './dp-optimizer-options.js';
import { GradientAccumulator } from './gradient-accumulator.js';
import type { NoiseMaker } from './noise-kind.js';
import type { NamedTensor } from './noised-gradients.js';
import { CentredCounts, type StepPlan, StepPlanner } from './step-planner.js';
import { requireOneList } from './trained-variables.js';

/**
 * The step under way: its plan, settled with its first examples and the same until it is taken, what was summed and
 * counted of its physical batches, and the noise that ends it. It books nothing: whoever calls {@link noised} has.
 */
export class LogicalStep {
  private readonly planner: StepPlanner;
  private readonly noise: NoiseMaker;
  private readonly expectedBatchSize: number;
  private readonly accumulator = new GradientAccumulator();
  private readonly counts = new CentredCounts();
  private plan: StepPlan | undefined;

  constructor(options: SettledOptions, noise: NoiseMaker) {
    this.planner = new StepPlanner(options);
    this.noise = noise;
    this.expectedBatchSize = options.expectedBatchSize;
  }

  /** State of adaptive clipping; undefined for every other strategy. */
  get bounds(): StepPlanner['bounds'] {
    return this.planner.bounds;
  }

  /** Examples added since the last step. */
  get examples(): number {
    return this.accumulator.examples;
  }

  get hasPenalties(): boolean {
    return this.accumulator.hasPenalties;
  }

  /** The plan of logical step `step`; throws `DP_INVALID_ARGUMENT` when the variables are not those of its first batch. */
  planFor(step: number, variables: readonly tf.Variable[]): StepPlan {
    if (this.plan === undefined || this.accumulator.examples === 0) {
      this.plan = this.planner.plan(step, variables);
    }
    requireOneList(this.plan.variables, variables);
    return this.plan;
  }

  /** Takes over the tensors of a physical batch, except its value. */
  add(variables: readonly tf.Variable[], batch: ClippedSum): void {
    this.accumulator.add(variables, batch);
    if (this.bounds !== undefined) this.counts.add(batch);
  }

  setPenalties(gradients: ReadonlyMap<number, tf.Tensor>): void {
    this.accumulator.setPenalties(gradients);
  }

  /** Of the noise in each coordinate. The sums were divided by the expected batch size when formed, and so is it. */
  standardDeviation({ noise, clip }: StepPlan): number {
    return noise.gradients === 0 ? 0 : (noise.gradients * clip.l2NormClip) / this.expectedBatchSize;
  }

  /** The noisy gradients of a step that is booked; C moves with it. */
  noised(plan: StepPlan): NamedTensor[] {
    this.adapt(plan);
    return this.accumulator.release(plan.variables, {
      noise: this.noise.of(plan.grid, sizeOf(plan.variables)),
      standardDeviation: this.standardDeviation(plan),
    });
  }

  /** Forgets what was accumulated. */
  discard(): void {
    this.accumulator.dispose();
    this.counts.take(0);
    this.plan = undefined;
  }

  /** Moves C by fresh noised counts, after an empty batch as well. */
  private adapt({ clip, noise }: StepPlan): void {
    if (this.bounds === undefined) return;
    const noisy = new Float32Array(clip.groups.length);
    this.noise.gaussian.fill(noisy, noise.counts);
    const counts = this.counts.take(noisy.length).map((count, g) => count + (noisy[g] as number));
    this.bounds.update(
      clip.groups.map((group) => group.l2NormClip),
      counts,
    );
  }
}

const sizeOf = (variables: readonly tf.Variable[]): number =>
  variables.reduce((total, variable) => total + variable.size, 0);

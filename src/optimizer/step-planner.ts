import type * as tf from '@tensorflow/tfjs-core';
import type { ClippedSum } from '../engine/index.js';
import {
  AdaptiveBounds,
  type ClipPlan,
  type NoiseSplit,
  planClipping,
  splitNoise,
} from './clipping/index.js';
import type { SettledOptions } from './dp-optimizer-options.js';
import { type Grid, gridOf } from './noise-kind.js';
import { scheduleAt } from './schedules/index.js';

/** One logical step, settled before any of its examples is looked at. */
export interface StepPlan {
  /** 0, 1, 2, … */
  readonly step: number;
  /** σ of the step as it is booked. */
  readonly noiseMultiplier: number;
  readonly clip: ClipPlan;
  readonly noise: NoiseSplit;
  /** Of discrete noise. */
  readonly grid: Grid | undefined;
  readonly variables: readonly tf.Variable[];
}

/**
 * Settles σ, C and the groups of every step, from its number, the strategy and the bounds that adaptive clipping
 * released. All of it is public.
 */
export class StepPlanner {
  private readonly options: SettledOptions;
  /** State of adaptive clipping; undefined for every other strategy. */
  readonly bounds: AdaptiveBounds | undefined;

  constructor(options: SettledOptions) {
    this.options = options;
    const { clipping, expectedBatchSize } = options;
    this.bounds = clipping.kind === 'adaptive' ? new AdaptiveBounds(clipping, expectedBatchSize) : undefined;
  }

  /** Throws `DP_INVALID_ARGUMENT` where the strategy does not fit the variables. */
  plan(step: number, variables: readonly tf.Variable[]): StepPlan {
    const { clipping, expectedBatchSize } = this.options;
    const noiseMultiplier = scheduleAt(this.options.noiseMultiplier, step);
    const bounds = this.bounds?.current;
    const clip = planClipping(clipping, variables, {
      l2NormClip: scheduleAt(this.options.l2NormClip, step),
      ...(bounds === undefined ? {} : { bounds }),
    });
    const groups = clip.groups.length;
    const noise =
      clipping.kind === 'adaptive'
        ? splitNoise({ clipping, noiseMultiplier, expectedBatchSize, groups })
        : { gradients: noiseMultiplier, counts: 0 };
    const dimension = variables.reduce((sum, variable) => sum + variable.size, 0);
    const { l2NormClip } = clip;
    const grid = gridOf(this.options.noise, { dimension, l2NormClip, noiseMultiplier, expectedBatchSize });
    return { step, noiseMultiplier, clip, noise, grid, variables };
  }
}

/**
 * Σ(bᵢ − ½) for each group over the examples of a logical batch: what adaptive clipping counts. An example that
 * contributes nothing to the sum counts as nothing here, so that zeroing one moves each count by ½ at most.
 */
export class CentredCounts {
  private counts: Float64Array | undefined;

  add(batch: ClippedSum): void {
    const { withinClip, nonFiniteExamples } = batch.privateValues;
    const contributing = batch.examples - nonFiniteExamples;
    this.counts ??= new Float64Array(withinClip.length);
    for (let g = 0; g < withinClip.length; g++) {
      this.counts[g] = (this.counts[g] as number) + (withinClip[g] as number) - contributing / 2;
    }
  }

  /** The counts, zero for an empty batch, and an empty record. */
  take(groups: number): Float64Array {
    const counts = this.counts ?? new Float64Array(groups);
    this.counts = undefined;
    return counts;
  }
}

import { DpError } from 'privacy-accounting';
import type { AdaptiveClipping } from './clipping.js';

/** How the noise of one step is divided between the gradients and the counts of unclipped examples. */
export interface NoiseSplit {
  /** σ_Δ, over the sensitivity of the clipped sum. */
  readonly gradients: number;
  /** σ_b, the standard deviation of the noise on each centred count; 0 where nothing is counted. */
  readonly counts: number;
}

/** Outside of these the bound says that gradients vanish or explode, not where their quantile is. */
const RANGE = { min: 1e-10, max: 1e10 };

/**
 * σ_Δ = (σ⁻² − k(2σ_b)⁻²)^(−½) for k counts: a sum of sensitivity C with noise σ_ΔC, and k centred counts of
 * sensitivity ½ each with noise σ_b, lose as much as one Gaussian mechanism of noise multiplier σ (Andrew et al. 2021,
 * Thm. 1). Without noise (σ = 0) there is none on the counts either.
 *
 * Throws `DP_INVALID_ARGUMENT` where σ_b ≤ √k·σ/2: the counts alone would pass σ.
 */
export function splitNoise(options: {
  readonly clipping: AdaptiveClipping;
  readonly noiseMultiplier: number;
  readonly expectedBatchSize: number;
  readonly groups: number;
}): NoiseSplit {
  const { clipping, noiseMultiplier, expectedBatchSize, groups } = options;
  if (noiseMultiplier === 0) return { gradients: 0, counts: 0 };
  const counts = clipping.countNoiseMultiplier ?? expectedBatchSize / 20;
  const left = noiseMultiplier ** -2 - groups / (2 * counts) ** 2;
  if (!(left > 0)) {
    const least = (Math.sqrt(groups) * noiseMultiplier) / 2;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected adaptive clipping with countNoiseMultiplier above √k·σ/2 = ${least} for ${groups} count` +
        `${groups === 1 ? '' : 's'} and noise multiplier ${noiseMultiplier}, got ${counts}` +
        `${clipping.countNoiseMultiplier === null ? ' (expectedBatchSize / 20)' : ''}: the counts alone would spend ` +
        'more than the step may.',
    );
  }
  return { gradients: left ** -0.5, counts };
}

/**
 * The C_g of adaptive clipping, from step to step. Public: they are computed from noised counts alone.
 */
export class AdaptiveBounds {
  private readonly clipping: AdaptiveClipping;
  private readonly expectedBatchSize: number;
  private values: readonly number[] | undefined;

  constructor(clipping: AdaptiveClipping, expectedBatchSize: number) {
    this.clipping = clipping;
    this.expectedBatchSize = expectedBatchSize;
  }

  /** C_g, group by group; undefined before the first step. */
  get current(): readonly number[] | undefined {
    return this.values;
  }

  /** Goes on from these; throws `DP_CORRUPT` unless they are positive. */
  restore(values: readonly number[]): void {
    if (!values.every((value) => value > 0 && Number.isFinite(value))) {
      throw new DpError(
        'DP_CORRUPT',
        `Expected clipping bounds > 0 in what was saved, got ${values.join(', ')}.`,
      );
    }
    this.values = [...values];
  }

  /**
   * C_g ← C_g·exp(−η_C(b̃_g − γ)) from noised centred counts Σ(bᵢ − ½) + N(0, σ_b²), those of an empty batch included.
   */
  update(bounds: readonly number[], noisyCounts: ArrayLike<number>): void {
    const { learningRate, targetQuantile } = this.clipping;
    const next = bounds.map((bound, g) => {
      const share = 0.5 + (noisyCounts[g] as number) / this.expectedBatchSize;
      return bound * Math.exp(-learningRate * (share - targetQuantile));
    });
    const outside = next.find((value) => !(value >= RANGE.min && value <= RANGE.max));
    if (outside !== undefined) {
      throw new DpError(
        'DP_NUMERICAL',
        `Expected the adapted clipping norm in [${RANGE.min}, ${RANGE.max}], got ${outside}: gradients vanish or grow ` +
          'without bound, or the counts are mostly noise. Lower the learning rate of the clipping, or raise ' +
          'expectedBatchSize.',
      );
    }
    this.values = next;
  }
}

import { DpError } from 'privacy-accounting/errors';
import type { GaussianSource } from './gaussian-source.js';

/**
 * How a sum of clipped contributions becomes a release: what an optimizer holds, whatever the noise.
 *
 * The two kinds differ in what they may do to the sum. Gaussian noise is independent of it, so whoever holds the sum
 * on a device may add a filled array there ({@link GaussianMechanism.source}). Discrete noise belongs to a grid that
 * the sum must be rounded to first, so the sum has to come here.
 */
export interface NoiseMechanism {
  readonly kind: 'gaussian' | 'discrete-gaussian';
  /** Whether the words behind the noise are cryptographic. If false, the release is **not private**. */
  readonly secure: boolean;
  /** How many random words were turned into noise so far. */
  readonly wordsConsumed: number;
  /**
   * Overwrites `out` with the release of `sum`.
   *
   * @param sum the sum, or part of it; undefined stands for zeros (the sum of an empty batch). `out` itself is allowed.
   * @param standardDeviation of the noise, in the units of the sum. 0 adds none: nothing is private then.
   */
  release(sum: Float32Array | undefined, out: Float32Array, standardDeviation: number): void;
}

/** {@link NoiseMechanism} of real-valued Gaussian noise. */
export interface GaussianMechanism extends NoiseMechanism {
  readonly kind: 'gaussian';
  /** The noise by itself. */
  readonly source: GaussianSource;
}

/**
 * sum + N(0, sd²), added in float32. Its event is `gaussian`.
 *
 * @example
 * const mechanism = gaussianMechanism(gaussianSource(secureRandomWords()));
 * mechanism.release(sum, sum, noiseMultiplier * l2NormClip);
 */
export function gaussianMechanism(source: GaussianSource): GaussianMechanism {
  return {
    kind: 'gaussian',
    secure: source.secure,
    source,
    get wordsConsumed() {
      return source.wordsConsumed;
    },
    release(sum, out, standardDeviation) {
      requireSameLength(sum, out);
      if (sum === undefined) {
        source.fill(out, standardDeviation);
        return;
      }
      const noise = new Float32Array(out.length);
      source.fill(noise, standardDeviation);
      for (let i = 0; i < out.length; i++) out[i] = sum[i]! + noise[i]!;
      noise.fill(0);
    },
  };
}

/** Refuses a sum that is not as long as what it is released into. */
export function requireSameLength(sum: Float32Array | undefined, out: Float32Array): void {
  if (!(out instanceof Float32Array) || (sum !== undefined && !(sum instanceof Float32Array))) {
    throw new DpError('DP_INVALID_ARGUMENT', 'Expected sum and out to be Float32Arrays, got something else.');
  }
  if (sum !== undefined && sum.length !== out.length) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a sum as long as out (${out.length}), got ${sum.length} numbers.`,
    );
  }
}

import { DpError } from 'privacy-accounting';
import { refuseUnknownKeys } from './option-keys.js';

/** What a DP-SGD step needs; every field is public knowledge. */
export interface DpOptimizerOptions {
  /** C > 0: each example's gradient over all parameters is scaled down to at most this L2 norm. */
  readonly l2NormClip: number;
  /** σ ≥ 0: the noise on the *sum* of clipped gradients is N(0, (σC)²) in every coordinate. 0 is not private. */
  readonly noiseMultiplier: number;
  /** Public divisor of the noisy sum, whatever size a batch really has. */
  readonly expectedBatchSize: number;
  /** A fixed seed makes the noise predictable: for tests, never private, and everything downstream says so. */
  readonly seed?: string | number;
}

/** Throws `DP_INVALID_ARGUMENT` naming the first option that is unknown or out of range. */
export function requireOptions(options: DpOptimizerOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected { l2NormClip, noiseMultiplier, expectedBatchSize }, got ${typeof options}.`,
    );
  }
  refuseUnknownKeys('dpOptimizer', options, {
    l2NormClip: true,
    noiseMultiplier: true,
    expectedBatchSize: true,
    seed: true,
  } satisfies Record<keyof DpOptimizerOptions, true>);
  const { l2NormClip, noiseMultiplier, expectedBatchSize } = options;
  const wrong = (name: string, range: string, value: unknown) =>
    new DpError('DP_INVALID_ARGUMENT', `Expected ${name} ${range}, got ${String(value)}.`);
  if (typeof l2NormClip !== 'number' || !(l2NormClip > 0)) throw wrong('l2NormClip', '> 0', l2NormClip);
  if (
    typeof noiseMultiplier !== 'number' ||
    !(noiseMultiplier >= 0 && noiseMultiplier < Number.POSITIVE_INFINITY)
  ) {
    throw wrong('noiseMultiplier', 'in [0, ∞)', noiseMultiplier);
  }
  if (
    typeof expectedBatchSize !== 'number' ||
    !(expectedBatchSize > 0 && Number.isFinite(expectedBatchSize))
  ) {
    throw wrong('expectedBatchSize', 'a finite number > 0', expectedBatchSize);
  }
  if (noiseMultiplier > 0 && !Number.isFinite(l2NormClip)) {
    throw wrong('l2NormClip', 'finite when there is noise', l2NormClip);
  }
}

import { DpError, type VectorDiscreteGaussianEvent, vectorDiscreteGaussian } from 'privacy-accounting';
import { type DiscreteGaussianSource, MAX_GRID_SIGMA, MIN_GRID_SIGMA } from './discrete-gaussian-source.js';
import { type NoiseMechanism, requireSameLength } from './noise-mechanism.js';

/** {@link NoiseMechanism} of discrete Gaussian noise on a grid. */
export interface DiscreteGaussianMechanism extends NoiseMechanism {
  readonly kind: 'discrete-gaussian';
  /** γ, the step of the grid, in the units of the sum: a power of two. */
  readonly granularity: number;
  /** What one release of all `dimension` coordinates of a sum does to the data, for any accountant. */
  event(release: {
    /** All coordinates that are released together: the number of trained weights. */
    readonly dimension: number;
    /** The L2 norm to which one record's contribution is clipped, in the units of the sum. */
    readonly l2NormClip: number;
    /** Of the noise, in the units of the sum: the very number that `release` is given. */
    readonly standardDeviation: number;
  }): VectorDiscreteGaussianEvent;
}

/** γ from 2⁻¹⁰⁰ … */
export const MIN_GRANULARITY = 2 ** -100;
/** … to 2⁶⁰: no release overflows float32. */
export const MAX_GRANULARITY = 2 ** 60;

/** Integers up to here, and their products with a power of two, are exact in float64. */
const LARGEST_INTEGER = 2 ** 53;

const CHUNK = 8192;

/**
 * A grid so fine that rounding adds at most 0.1 % to the sensitivity: the largest power of two γ with γ√d ≤ C/1000, or
 * the smallest that the sampler allows (sd·2⁻²⁵, rounded up to a power of two), whichever is larger.
 *
 * @example
 * defaultGranularity({ dimension: 235_146, l2NormClip: 1, standardDeviation: 1.1 }); // 2⁻¹⁹
 */
export function defaultGranularity(release: {
  readonly dimension: number;
  readonly l2NormClip: number;
  readonly standardDeviation: number;
}): number {
  const { dimension, l2NormClip, standardDeviation } = release;
  const fine = 2 ** Math.floor(Math.log2(l2NormClip / 1000 / Math.sqrt(dimension)));
  const granularity = Math.max(fine, 2 ** Math.ceil(Math.log2(standardDeviation / MAX_GRID_SIGMA)));
  requireGranularity(granularity);
  return granularity;
}

/**
 * γ·(round(sum/γ) + k), k ~ N_ℤ(0, (sd/γ)²) in each coordinate: the discrete Gaussian mechanism (Canonne, Kamath &
 * Steinke 2020, arXiv:2004.00010) on the grid γℤ. Its event is `vectorDiscreteGaussian`.
 *
 * Guarantee: everything up to the integer round(sum/γ) + k is exact: sum/γ is (γ is a power of two), rounding is, k's
 * distribution is, and integers add exactly in float64. What is stored is a function of that integer alone, the float32
 * nearest to γ times it, hence post-processing: no low bit of it tells more (the attack of Mironov, CCS 2012, on
 * real-valued noise). Beyond 2²⁴ steps of the grid float32 rounds; that loses precision, never privacy.
 *
 * Sensitivity: rounding moves each coordinate by at most γ/2, so neighbours' sums, C apart, are at most C + γ√d apart on
 * the grid (2C + γ√d when one record is exchanged for another). With γ = sd·2⁻¹⁶ and d = 235,146, C = sd that is 0.7 %.
 *
 * Errors, never a wrong release: `DP_NUMERICAL` for a sum that is not finite, or of 2⁵³ steps of the grid or more;
 * `DP_INVALID_ARGUMENT` for a sd/γ outside [1/4, 2²⁵]. `out` is then partly written: drop it.
 *
 * @param granularity γ, a power of two from 2⁻¹⁰⁰ to 2⁶⁰. Public, and chosen without looking at the data.
 *
 * @example
 * const mechanism = discreteGaussianMechanism(discreteGaussianSource(secureRandomWords()), 2 ** -20);
 * mechanism.release(sum, sum, 1.1);
 * mechanism.event({ dimension: sum.length, l2NormClip: 1, standardDeviation: 1.1 });
 */
export function discreteGaussianMechanism(
  source: DiscreteGaussianSource,
  granularity: number,
): DiscreteGaussianMechanism {
  requireGranularity(granularity);
  const noise = new Float64Array(CHUNK);
  const releaseChunk = (sum: Float32Array | undefined, out: Float32Array, start: number, sigma: number) => {
    const chunk = noise.subarray(0, Math.min(CHUNK, out.length - start));
    source.fill(chunk, sigma);
    for (let i = 0; i < chunk.length; i++) {
      const steps = sum === undefined ? 0 : Math.round(sum[start + i]! / granularity);
      const total = steps + chunk[i]!;
      // NaN fails every comparison, and so does a total that might have been rounded.
      if (!(Math.abs(steps) < LARGEST_INTEGER && Math.abs(total) < LARGEST_INTEGER)) {
        throw offTheGrid(sum![start + i]!, granularity);
      }
      out[start + i] = total * granularity;
    }
  };
  return {
    kind: 'discrete-gaussian',
    secure: source.secure,
    granularity,
    get wordsConsumed() {
      return source.wordsConsumed;
    },
    event: (release) => vectorDiscreteGaussian({ granularity, ...release }),
    release(sum, out, standardDeviation) {
      requireSameLength(sum, out);
      const sigma = gridSigma(standardDeviation, granularity);
      try {
        for (let start = 0; start < out.length; start += CHUNK) releaseChunk(sum, out, start, sigma);
      } finally {
        noise.fill(0);
      }
    },
  };
}

/** The division is exact: γ is a power of two, and neither overflow nor underflow passes the check. */
function gridSigma(standardDeviation: number, granularity: number): number {
  const sigma = standardDeviation / granularity;
  if (sigma === 0 && standardDeviation === 0) return 0;
  if (sigma >= MIN_GRID_SIGMA && sigma <= MAX_GRID_SIGMA) return sigma;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a standard deviation of 0, or of 1/4 to 2^25 steps of the grid, got ${standardDeviation} on a grid of ` +
      `${granularity}. Choose a granularity from 2^-10 to 2^-20 of the noise's standard deviation.`,
  );
}

function requireGranularity(granularity: number): void {
  const inRange = granularity >= MIN_GRANULARITY && granularity <= MAX_GRANULARITY;
  if (!inRange || 2 ** Math.round(Math.log2(granularity)) !== granularity) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected granularity to be a power of two from 2^-100 to 2^60, got ${granularity}. ` +
        'On another grid the division would round, and the noise would not be exactly discrete.',
    );
  }
}

function offTheGrid(value: number, granularity: number): DpError {
  return new DpError(
    'DP_NUMERICAL',
    `Expected a finite sum below 2^53 steps of the grid (${granularity}), got ${Number.isFinite(value) ? 'a larger one' : 'one that is not finite'}. ` +
      'Nothing may be released of it: drop the step. Clip to a smaller norm, or choose a coarser granularity.',
  );
}

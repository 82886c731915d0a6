import { encloseExpOfMinus } from './exp-of-minus.js';

/** The question v < width·2^doublings·exp(−k²/2σ²)/bound, and what is known of v. */
export interface AcceptanceQuestion {
  /** The first 53 bits of v, as an integer. */
  readonly drawn: number;
  /** Draws the next 32 bits of v. */
  readonly next: () => number;
  /** An integer. */
  readonly k: number;
  /** A double of at least 2⁻³: its multiple of 2⁵⁵ is an integer. */
  readonly sigma: number;
  readonly width: number;
  readonly doublings: number;
  /** A multiple of 2⁻³². */
  readonly bound: number;
}

/**
 * Decides v < t, t = width·2^doublings·exp(−k²/2σ²)/bound, for a uniform real number v, exactly: v and an enclosure
 * of t, both in integers, are refined until they part. They agree for b bits more with probability 2⁻ᵇ, so
 * this ends, with the next word as a rule; it is needed once in 2⁴² close calls.
 */
export function acceptsExactly(question: AcceptanceQuestion): boolean {
  const { k, sigma, width, doublings, bound } = question;
  const scaledSigma = BigInt(sigma * 2 ** 55);
  const numerator = (BigInt(k) * BigInt(k)) << 109n;
  const denominator = scaledSigma * scaledSigma;
  const scaledBound = BigInt(bound * 2 ** 32);
  const weight = BigInt(width) << BigInt(doublings);
  let v = BigInt(question.drawn);
  for (let bits = 53; ; bits += 32, v = (v << 32n) | BigInt(question.next())) {
    const { lower, upper, scale } = encloseExpOfMinus({
      numerator,
      denominator,
      bits: bits + 64 + doublings,
    });
    const left = scaledBound << BigInt(scale);
    const shift = BigInt(bits + 32);
    if ((v + 1n) * left <= (weight * lower) << shift) return true;
    if (v * left >= (weight * upper) << shift) return false;
  }
}

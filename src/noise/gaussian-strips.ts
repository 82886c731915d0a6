import { expOfMinus } from './exp-of-minus.js';

/**
 * The proposal of the discrete Gaussian's rejection sampler: the integers k ≥ 0, cut into strips under
 * ρ(k) = exp(−k²/2σ²).
 *
 * A strip is chosen with probability 1/{@link count}. Strip j < {@link tail} is the integers
 * first[j] … first[j] + width[j] − 1, each as likely. The last one, the tail, is an endless row of blocks of
 * width[tail] integers from first[tail] on: block m has probability 2⁻ᵐ⁻¹, its integers are equally likely.
 * Strip j of weight wⱼ (its width; in block m of the tail width·2ᵐ⁺¹) is thus proposed with probability
 * 1/(count·wⱼ) an integer, and k accepted with probability wⱼ·ρ(k)/{@link bound}.
 */
export interface GaussianStrips {
  readonly sigma: number;
  /** How many strips: at most 256. */
  readonly count: number;
  /** The least 2ⁿ − 1 ≥ count − 1: random bits under this mask choose a strip; those from `count` on are rejected. */
  readonly mask: number;
  /** Which strip is the tail: the last. */
  readonly tail: number;
  readonly first: Float64Array;
  /** Below 2²⁴, so that the product with {@link PLACE_BITS} bits is exact. 0 for strips that are none. */
  readonly width: Float64Array;
  /** 2²⁹ mod width: how many draws would favour some integers of the strip. */
  readonly unfair: Float64Array;
  /** A uniform v of which ⌊2²³v⌋ is less than this is below the acceptance probability of the whole strip. */
  readonly safeBelow: Float64Array;
  /** A multiple of 2⁻³² that no wⱼ·ρ(k) exceeds. */
  readonly bound: number;
}

/** As many strips as 8 bits choose from. */
export const STRIP_SLOTS = 256;

/** Bits that place an integer within its strip. */
export const PLACE_BITS = 29;

/** Bits of the acceptance's uniform that come with the choice of the strip. */
export const FIRST_BITS = 23;

/** Covers {@link expOfMinus}'s error, that of its argument up to x = 64 (193·2⁻⁵³), and four roundings. */
export const RELATIVE_MARGIN = 2 ** -43;

/** Above ln 2 = 0.693147… by more than any rounding. */
const ABOVE_LN2 = 0.6932;

/**
 * Strips for a σ, a double in [¼, 2²⁵]. Strips of nearly equal area propose best, but what makes the sampler exact
 * is only that widths are integers, that blocks of the tail halve (ρ falls by a half or more from one to the next:
 * first·width/σ² ≥ ln 2), and that `bound` is above each wⱼ·ρ(first[j]), ρ being decreasing.
 */
export function gaussianStrips(sigma: number): GaussianStrips {
  // √(π/2)·σ/256 would be an area without waste; a width is at least 1, and there ρ is at most 1.
  let area = Math.max(1, 0.0049 * sigma);
  for (;;) {
    const strips = cut(sigma, area);
    if (strips !== undefined) return strips;
    area *= 1.01;
  }
}

function cut(sigma: number, area: number): GaussianStrips | undefined {
  const variance = sigma * sigma;
  const density = (k: number) => expOfMinus((k * k) / (2 * variance));
  const first = new Float64Array(STRIP_SLOTS);
  const width = new Float64Array(STRIP_SLOTS);
  let count = 0;
  for (let next = 0; ; count++) {
    if (count === STRIP_SLOTS) return undefined;
    first[count] = next;
    const block = Math.ceil((ABOVE_LN2 * variance) / next);
    if (2 * block * density(next) <= area) {
      width[count] = block;
      break;
    }
    width[count] = Math.max(1, Math.floor(area / density(next)));
    next += width[count]!;
  }
  const tail = count;
  let largest = 0;
  for (let j = 0; j <= tail; j++) {
    largest = Math.max(largest, (j === tail ? 2 : 1) * width[j]! * density(first[j]!));
  }
  const bound = Math.ceil(largest * (1 + RELATIVE_MARGIN) * 2 ** 32) * 2 ** -32;
  const safeBelow = width.map((w, j) => {
    if (j >= tail) return 0;
    const least = (w * density(first[j]! + w - 1)) / bound;
    return Math.floor(least * (1 - RELATIVE_MARGIN) * 2 ** FIRST_BITS);
  });
  const unfair = width.map((w) => (w === 0 ? 0 : 2 ** PLACE_BITS % w));
  const mask = tail === 0 ? 0 : 2 ** (32 - Math.clz32(tail)) - 1;
  return { sigma, count: count + 1, mask, tail, first, width, unfair, safeBelow, bound };
}

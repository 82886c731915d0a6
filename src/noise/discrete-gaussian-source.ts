import { DpError } from 'privacy-accounting/errors';
import { acceptsExactly } from './exact-acceptance.js';
import { expOfMinus, LARGEST_EXP_ARGUMENT } from './exp-of-minus.js';
import {
  FIRST_BITS,
  type GaussianStrips,
  gaussianStrips,
  PLACE_BITS,
  RELATIVE_MARGIN,
  STRIP_SLOTS,
} from './gaussian-strips.js';
import type { RandomWords } from './random-words.js';
import { WordReader } from './word-reader.js';

/** Independent discrete Gaussian noise, made of {@link RandomWords}. */
export interface DiscreteGaussianSource {
  /** Whether the words are cryptographic. If false, what this noise is added to is **not private**. */
  readonly secure: boolean;
  /** How many words were turned into samples so far: at least two a sample. */
  readonly wordsConsumed: number;
  /**
   * Overwrites every entry of `out` with a fresh, independent integer k, P(k) ∝ exp(−k²/2σ²) *exactly*.
   *
   * @param sigma σ in steps of the grid, a double taken at its exact value: 0, or from {@link MIN_GRID_SIGMA} to
   *   {@link MAX_GRID_SIGMA}. 0 writes zeros and takes no words.
   * @throws DpError `DP_INVALID_ARGUMENT` for any other σ, or an `out` that is not a Float64Array; nothing is
   *   written then.
   */
  fill(out: Float64Array, sigma: number): void;
}

/** The smallest σ, in steps of the grid, of a {@link DiscreteGaussianSource}. */
export const MIN_GRID_SIGMA = 0.25;

/** 2²⁵: the largest σ, in steps of the grid. Finer grids gain nothing. */
export const MAX_GRID_SIGMA = 2 ** 25;

/**
 * A source of the discrete Gaussian N_ℤ(0, σ²) (Canonne, Kamath & Steinke 2020, arXiv:2004.00010, Def. 1): integers k
 * with P(k) = exp(−k²/2σ²) / Σⱼ exp(−j²/2σ²), without any error: no floating-point rounding decides anything.
 *
 * Method: rejection from strips of integers (Ahrens, "A one-table method for sampling from continuous and discrete
 * distributions", Computing 54, 1995). A word chooses sign and strip, another an integer k ≥ 0 of the strip, both
 * without bias (see {@link GaussianStrips}); k is accepted if v < t, where v is a uniform real number and t =
 * w·exp(−k²/2σ²)/bound; −0 is rejected, as 0 would else count twice.
 *
 * Proof of exactness: k is proposed with probability 1/(2·count·w), both integers or powers of two, and accepted
 * with probability t ≤ 1: the product is exp(−k²/2σ²) times a constant. v is never rounded, it is only drawn as far as
 * needed (Karney, arXiv:1303.6257): 23 bits settle 98 % of the samples, as t exceeds a precomputed bound in the whole
 * strip; 53 bits settle all but one in 2⁴² of the others against t in doubles, whose error is proven below 2⁻⁴³; else
 * v and an integer enclosure of t are refined together until they part, which they do: t is irrational unless k = 0.
 * `Math.exp` plays no part.
 *
 * Not covered: the running time depends on the samples, as that of all rejection does. Don't let an observer time
 * single calls.
 *
 * Cost: about 10 ns a sample in Node, including secure words, and 0.5 ms when σ changes. Each word is used once and
 * overwritten in the source's own memory before `fill` returns.
 *
 * @example
 * const noise = new Float64Array(1000);
 * discreteGaussianSource(secureRandomWords()).fill(noise, 1024.5);
 */
export function discreteGaussianSource(words: RandomWords): DiscreteGaussianSource {
  return new StripSource(words);
}

const BLOCK_WORDS = 16_384;
const SPARE_BLOCK_WORDS = 1024;

const SIGN_BIT = STRIP_SLOTS;
const FIRST_SHIFT = 32 - FIRST_BITS;
const PLACE_SHIFT = 32 - PLACE_BITS;
const PLACES = 2 ** PLACE_BITS;
const PLACE_UNIT = 2 ** -PLACE_BITS;

/** Places in the current block whose points need a closer look; meaningless between calls. */
const unresolved = new Int32Array(BLOCK_WORDS / 2);

/** The strips of the last σ. Copied to constants of this module, which V8 folds into the hot loop. */
let current: GaussianStrips | undefined;
const first = new Float64Array(STRIP_SLOTS);
const width = new Float64Array(STRIP_SLOTS);
const unfair = new Float64Array(STRIP_SLOTS);
const safeBelow = new Float64Array(STRIP_SLOTS);

function stripsFor(sigma: number): GaussianStrips {
  if (current?.sigma === sigma) return current;
  current = gaussianStrips(sigma);
  first.set(current.first);
  width.set(current.width);
  unfair.set(current.unfair);
  safeBelow.set(current.safeBelow);
  return current;
}

class StripSource implements DiscreteGaussianSource {
  readonly secure: boolean;
  readonly #words: RandomWords;
  readonly #block = new Uint32Array(BLOCK_WORDS);
  #next = BLOCK_WORDS;
  #blockWordsUsed = 0;
  readonly #spare: WordReader;

  constructor(words: RandomWords) {
    this.secure = words.secure;
    this.#words = words;
    this.#spare = new WordReader(words, SPARE_BLOCK_WORDS);
  }

  get wordsConsumed(): number {
    return this.#blockWordsUsed + this.#spare.wordsRead;
  }

  fill(out: Float64Array, sigma: number): void {
    refuseBadArguments(out, sigma);
    if (sigma === 0) {
      out.fill(0);
      return;
    }
    const strips = stripsFor(sigma);
    for (let start = 0; start < out.length; ) {
      if (this.#next === BLOCK_WORDS) {
        this.#words.fill(this.#block);
        this.#next = 0;
      }
      const end = Math.min(out.length, start + (BLOCK_WORDS - this.#next) / 2);
      this.#fillFromBlock(out, start, end, strips);
      start = end;
    }
  }

  #fillFromBlock(out: Float64Array, start: number, end: number, strips: GaussianStrips): void {
    const block = this.#block;
    const from = this.#next;
    const used = 2 * (end - start);
    // Spent before they are read: should drawing spare words throw half-way, a retry gets other words.
    this.#next += used;
    this.#blockWordsUsed += used;
    const count = placePoints(block, from, out, start, end, strips.mask);
    for (let j = 0; j < count; j++) {
      const i = unresolved[j]!;
      const at = from + 2 * (i - start);
      out[i] = this.#resolve(block[at]!, block[at + 1]!, strips);
    }
    block.fill(0, from, from + used);
  }

  /** Decides about one proposal with all care; if it is rejected, makes proposals until one is accepted. */
  #resolve(choice: number, place: number, strips: GaussianStrips): number {
    const spare = this.#spare;
    for (;;) {
      const strip = choice & strips.mask;
      if (strip < strips.count) {
        const block = strip === strips.tail ? this.#tailBlock() : 0;
        const k = first[strip]! + block * width[strip]! + this.#offset(place, strip);
        const negative = (choice & SIGN_BIT) !== 0;
        const excluded = negative && k === 0;
        if (!excluded && this.#accepts(choice >>> FIRST_SHIFT, k, strip, block, strips))
          return negative ? -k : k;
      }
      choice = spare.next();
      place = spare.next();
    }
  }

  /** Uniform on 0 … width − 1: the upper part of place·width, without the draws that favour some (Lemire 2019). */
  #offset(place: number, strip: number): number {
    for (;;) {
      const scaled = (place >>> PLACE_SHIFT) * width[strip]!;
      const offset = Math.floor(scaled * PLACE_UNIT);
      if (scaled - offset * PLACES >= unfair[strip]!) return offset;
      place = this.#spare.next();
    }
  }

  /** m with probability 2⁻ᵐ⁻¹: how many coins come up false before one is true. */
  #tailBlock(): number {
    for (let zeros = 0; ; zeros += 32) {
      const word = this.#spare.next();
      if (word !== 0) return zeros + Math.clz32(word);
    }
  }

  /** Whether v < weight·exp(−k²/2σ²)/bound, v being a uniform real number whose first 23 bits are `firstBits`. */
  #accepts(firstBits: number, k: number, strip: number, block: number, strips: GaussianStrips): boolean {
    if (firstBits < safeBelow[strip]!) return true;
    const { sigma, bound, tail } = strips;
    const doublings = strip === tail ? block + 1 : 0;
    const drawn = firstBits * 2 ** 30 + (this.#spare.next() >>> 2);
    const x = (k * k) / (2 * sigma * sigma);
    // Beyond 64 this is an upper bound of the chance: good enough to reject.
    const chance = (width[strip]! * 2 ** doublings * expOfMinus(Math.min(x, LARGEST_EXP_ARGUMENT))) / bound;
    if (drawn * 2 ** -53 >= chance * (1 + RELATIVE_MARGIN)) return false;
    if (x <= LARGEST_EXP_ARGUMENT && (drawn + 1) * 2 ** -53 <= chance * (1 - RELATIVE_MARGIN)) return true;
    return acceptsExactly({
      drawn,
      sigma,
      k,
      bound,
      width: width[strip]!,
      doublings,
      next: () => this.#spare.next(),
    });
  }
}

/**
 * The hot loop: takes two words of `block` for each entry of `out` from `start` to `end`, and writes the integer they
 * propose if it is surely accepted. Returns how many are not; their places are in `unresolved`.
 */
function placePoints(
  block: Uint32Array,
  from: number,
  out: Float64Array,
  start: number,
  end: number,
  mask: number,
): number {
  let count = 0;
  let next = from;
  for (let i = start; i < end; i++) {
    const choice = block[next]!;
    const place = block[next + 1]! >>> PLACE_SHIFT;
    next += 2;
    const strip = choice & mask;
    const scaled = place * width[strip]!;
    const offset = Math.floor(scaled * PLACE_UNIT);
    const k = first[strip]! + offset;
    if (choice >>> FIRST_SHIFT < safeBelow[strip]! && scaled - offset * PLACES >= unfair[strip]! && k > 0) {
      out[i] = (choice & SIGN_BIT) === 0 ? k : -k;
    } else unresolved[count++] = i;
  }
  return count;
}

function refuseBadArguments(out: Float64Array, sigma: number): void {
  if (!(out instanceof Float64Array)) {
    throw new DpError('DP_INVALID_ARGUMENT', 'Expected out to be a Float64Array, got something else.');
  }
  const inRange = typeof sigma === 'number' && sigma >= MIN_GRID_SIGMA && sigma <= MAX_GRID_SIGMA;
  if (sigma !== 0 && !inRange) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected sigma, in steps of the grid, to be 0 or in [1/4, 2^25], got ${sigma}. ` +
        'It is the standard deviation of the noise divided by the granularity: choose another granularity.',
    );
  }
}

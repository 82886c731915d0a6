import { DpError } from 'privacy-accounting/errors';
import { plainPoints } from './plain-points.js';
import type { RandomWords } from './random-words.js';
import { vectorPoints } from './vector-points.js';
import { WordReader } from './word-reader.js';
import { BLOCK_WORDS, HALF_STEP, LAYER_BITS, LOW_WORD_UNIT, SAFE_BELOW, UNITS } from './ziggurat-points.js';
import { HEIGHTS, LAYERS, TAIL_START } from './ziggurat-tables.js';

/** Independent Gaussian noise, made of {@link RandomWords}. */
export interface GaussianSource {
  /** Whether the words are cryptographic. If false, what this noise is added to is **not private**. */
  readonly secure: boolean;
  /** How many words were turned into samples so far: at least two a sample. */
  readonly wordsConsumed: number;
  /**
   * Overwrites every entry of `out` with a fresh, independent sample of N(0, sd²), rounded once to float32.
   *
   * @param standardDeviation sd, in the units of `out`: 0, or from {@link MIN_STANDARD_DEVIATION} to
   *   {@link MAX_STANDARD_DEVIATION}. 0 writes exact zeros and takes no words.
   * @throws DpError `DP_INVALID_ARGUMENT` for any other sd (negative, NaN and infinite included) or an `out` that
   *   is not a Float32Array; nothing is written then.
   */
  fill(out: Float32Array, standardDeviation: number): void;
}

/** 2⁻¹⁰⁰: below it float32 noise would sink into the subnormal numbers and lose its resolution. */
export const MIN_STANDARD_DEVIATION = 2 ** -100;

/** 2¹²⁰: above it a sample could overflow float32. No sample exceeds 14 sd. */
export const MAX_STANDARD_DEVIATION = 2 ** 120;

/**
 * A source of independent N(0, sd²) samples: the ziggurat of 256 layers with an exact tail.
 *
 * Method: Marsaglia & Tsang (2000) with Doornik's correction ("An Improved Ziggurat Method to Generate Normal
 * Random Samples", 2005): layer, sign and magnitude are taken from disjoint bits, else samples correlate. Of two
 * words, 8 bits choose the layer, 1 the sign, 55 the magnitude. One sample in 67 needs the layer's edge or
 * the tail (Marsaglia 1964, exact) and further words, from a block of its own.
 *
 * Resolution: the sign-symmetric magnitude is (k + ½)·xᵢ·2⁻⁵⁵ with xᵢ ≤ 3.92, at most 2⁻⁵³ sd apart, before float64
 * and then float32 round it. A sample of magnitude 2⁻²⁸ sd or more is therefore what rounding a real-valued
 * Gaussian to float32 gives, with every bit random; only below (probability 3e-9) is the grid coarser than
 * float32's own. 32 bits a sample would be a fifth faster, with a grid of 2⁻²¹ sd: coarser than float32 almost
 * everywhere. Samples beyond 13.8 sd (probability 2e-43) do not occur.
 *
 * Guarantee: the Gaussian mechanism of the real numbers, up to that rounding. Like any floating-point noise it
 * doesn't defeat an attacker who inspects the low bits of a noised value (Mironov, "On significance of the least
 * significant bits for differential privacy", CCS 2012), and its running time depends on the samples.
 *
 * Cost: 3.2 ns a sample in Node, including 1.2 for secure words; 5.1 where a page's policy forbids WebAssembly, with the
 * same samples. `fill` allocates no buffers. Each word is used once; words and samples are overwritten in the source's
 * own memory, 128 KiB, before `fill` returns or throws.
 *
 * @example
 * const source = gaussianSource(secureRandomWords());
 * const noise = new Float32Array(235_146);
 * source.fill(noise, noiseMultiplier * l2NormClip);
 */
export function gaussianSource(words: RandomWords): GaussianSource {
  return new ZigguratSource(words);
}

/** A sample in 67 takes two or more words from here. */
const EDGE_BLOCK_WORDS = 1024;

class ZigguratSource implements GaussianSource {
  readonly secure: boolean;
  readonly #words: RandomWords;
  readonly #points = vectorPoints() ?? plainPoints();
  #next = BLOCK_WORDS;
  #blockWordsUsed = 0;
  readonly #edgeWords: WordReader;

  constructor(words: RandomWords) {
    this.secure = words.secure;
    this.#words = words;
    this.#edgeWords = new WordReader(words, EDGE_BLOCK_WORDS);
  }

  get wordsConsumed(): number {
    return this.#blockWordsUsed + this.#edgeWords.wordsRead;
  }

  fill(out: Float32Array, standardDeviation: number): void {
    refuseBadArguments(out, standardDeviation);
    if (standardDeviation === 0) {
      out.fill(0);
      return;
    }
    const points = this.#points;
    // Where the words of this call begin that stand in the block: a new block overwrites those of the one before.
    let first = this.#next;
    try {
      for (let start = 0; start < out.length; ) {
        if (this.#next === BLOCK_WORDS) {
          first = 0;
          this.#words.fill(points.words);
          this.#next = 0;
        }
        const end = Math.min(out.length, start + (BLOCK_WORDS - this.#next) / 2);
        this.#fillFromBlock(out, start, end, standardDeviation);
        start = end;
      }
    } finally {
      points.wipe(first, this.#next);
    }
  }

  #fillFromBlock(out: Float32Array, start: number, end: number, standardDeviation: number): void {
    const points = this.#points;
    const first = this.#next;
    const used = 2 * (end - start);
    // Spent before they are read: should drawing edge words throw half-way, a retry gets other words.
    this.#next += used;
    this.#blockWordsUsed += used;
    const count = points.place(first, out, start, end, standardDeviation);
    for (let k = 0; k < count; k++) {
      const i = points.unresolved[k]!;
      const high = points.signedWords[first + 2 * i]!;
      const low = points.signedWords[first + 2 * i + 1]!;
      out[start + i] = standardDeviation * this.#resolve(high, low);
    }
  }

  /** Decides about a point that is not safely under the curve; if it lies above, draws points until one lies below. */
  #resolve(high: number, low: number): number {
    const words = this.#edgeWords;
    for (;;) {
      const layer = high & (LAYERS - 1);
      const fraction = (high >> LAYER_BITS) + (low * LOW_WORD_UNIT + HALF_STEP);
      const x = fraction * UNITS[layer]!;
      if (Math.abs(fraction) < SAFE_BELOW[layer]!) return x;
      if (layer === 0) return x < 0 ? -this.#tail() : this.#tail();
      const bottom = HEIGHTS[layer]!;
      const height = bottom + words.nextOpenUnit() * (HEIGHTS[layer + 1]! - bottom);
      if (height < Math.exp(-0.5 * x * x)) return x;
      high = words.next() | 0;
      low = words.next() | 0;
    }
  }

  /** N(0, 1) conditioned on exceeding R (Marsaglia, "Generating a variable from the tail of the normal", 1964). */
  #tail(): number {
    for (;;) {
      const excess = -Math.log(this.#edgeWords.nextOpenUnit()) / TAIL_START;
      const exponential = -Math.log(this.#edgeWords.nextOpenUnit());
      if (2 * exponential > excess * excess) return TAIL_START + excess;
    }
  }
}

function refuseBadArguments(out: Float32Array, standardDeviation: number): void {
  if (!(out instanceof Float32Array)) {
    throw new DpError('DP_INVALID_ARGUMENT', 'Expected out to be a Float32Array, got something else.');
  }
  const inRange =
    typeof standardDeviation === 'number' &&
    standardDeviation >= MIN_STANDARD_DEVIATION &&
    standardDeviation <= MAX_STANDARD_DEVIATION;
  if (standardDeviation !== 0 && !inRange) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected standardDeviation to be 0 or in [2^-100, 2^120], got ${standardDeviation}. ` +
        'It is noiseMultiplier · l2NormClip, of which both must be finite and not negative.',
    );
  }
}

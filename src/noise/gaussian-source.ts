import { DpError } from 'privacy-accounting';
import type { RandomWords } from './random-words.js';
import { WordReader } from './word-reader.js';
import { EDGES, HEIGHTS, LAYERS, TAIL_START } from './ziggurat-tables.js';

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
 * Cost: 6 ns a sample in Node, including secure words; `fill` allocates nothing. Each word is used once and
 * overwritten in the source's own memory before `fill` returns.
 *
 * @example
 * const source = gaussianSource(secureRandomWords());
 * const noise = new Float32Array(235_146);
 * source.fill(noise, noiseMultiplier * l2NormClip);
 */
export function gaussianSource(words: RandomWords): GaussianSource {
  return new ZigguratSource(words);
}

/** 64 KiB: as much as Web Crypto gives in one call; larger blocks are no faster. */
const BLOCK_WORDS = 16_384;
/** A sample in 67 takes two or more words from here. */
const EDGE_BLOCK_WORDS = 1024;

const LOW_WORD_UNIT = 2 ** -32;
/**
 * Maps the signed low word to the midpoints of (0, 1), each exact. Complementing all bits but the layer then
 * exactly negates the sample: there is no bias of sign.
 */
const HALF_STEP = 0.5 + 2 ** -33;

/** A magnitude is drawn as a fraction of xᵢ, in units of 2⁻²³: xᵢ·2⁻²³ for i = 0 … 255. */
const UNITS = EDGES.slice(0, LAYERS).map((x) => x * 2 ** -23);

/**
 * xᵢ₊₁ in units of layer i: a magnitude below it lies under the curve whatever its height within the layer, so
 * neither height nor exponential is needed. 0 for the topmost layer.
 */
const SAFE_BELOW = Float64Array.from({ length: LAYERS }, (_, i) => (EDGES[i + 1]! / EDGES[i]!) * 2 ** 23);

const LAYER_MASK = LAYERS - 1;

/**
 * The places in the current block whose points need a closer look; meaningless between calls. What the hot
 * loop reads is a constant of this very module, not imported and not a field: V8 folds those, a fifth of the time.
 */
const unresolved = new Int32Array(BLOCK_WORDS / 2);

/** UNITS times the standard deviation of the last fill: one multiplication less a sample. */
const scaledUnits = new Float64Array(LAYERS);
let scale = 0;

function scaleUnitsTo(standardDeviation: number): void {
  if (scale === standardDeviation) return;
  for (let i = 0; i < LAYERS; i++) scaledUnits[i] = UNITS[i]! * standardDeviation;
  scale = standardDeviation;
}

class ZigguratSource implements GaussianSource {
  readonly secure: boolean;
  readonly #words: RandomWords;
  readonly #block = new Uint32Array(BLOCK_WORDS);
  /** The same memory, read as signed words: V8 converts those faster. */
  readonly #signedBlock = new Int32Array(this.#block.buffer);
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
    scaleUnitsTo(standardDeviation);
    for (let start = 0; start < out.length; ) {
      if (this.#next === BLOCK_WORDS) {
        this.#words.fill(this.#block);
        this.#next = 0;
      }
      const end = Math.min(out.length, start + (BLOCK_WORDS - this.#next) / 2);
      this.#fillFromBlock(out, start, end, standardDeviation);
      start = end;
    }
  }

  #fillFromBlock(out: Float32Array, start: number, end: number, standardDeviation: number): void {
    const block = this.#signedBlock;
    const first = this.#next;
    const used = 2 * (end - start);
    // Spent before they are read: should drawing edge words throw half-way, a retry gets other words.
    this.#next += used;
    this.#blockWordsUsed += used;
    const count = placePoints(block, first, out, start, end);
    for (let k = 0; k < count; k++) {
      const i = unresolved[k]!;
      const at = first + 2 * (i - start);
      out[i] = standardDeviation * this.#resolve(block[at]!, block[at + 1]!);
    }
    block.fill(0, first, first + used);
  }

  /** Decides about a point that is not safely under the curve; if it lies above, draws points until one lies below. */
  #resolve(high: number, low: number): number {
    const words = this.#edgeWords;
    for (;;) {
      const layer = high & LAYER_MASK;
      const fraction = (high >> 8) + (low * LOW_WORD_UNIT + HALF_STEP);
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

/**
 * The hot loop: takes two words of `block` for each entry of `out` from `start` to `end`, places a point in a
 * random layer, and writes it if it is safely under the curve. Returns how many are not; their places are in
 * `unresolved`. A plain function over arrays: V8 needs a third less time for it than for a method that resolves
 * each point in place.
 */
function placePoints(
  block: Int32Array,
  first: number,
  out: Float32Array,
  start: number,
  end: number,
): number {
  let count = 0;
  let next = first;
  for (let i = start; i < end; i++) {
    const high = block[next]!;
    const low = block[next + 1]!;
    next += 2;
    const layer = high & LAYER_MASK;
    const fraction = (high >> 8) + (low * LOW_WORD_UNIT + HALF_STEP);
    if (Math.abs(fraction) < SAFE_BELOW[layer]!) out[i] = fraction * scaledUnits[layer]!;
    else unresolved[count++] = i;
  }
  return count;
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

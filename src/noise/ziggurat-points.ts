import { EDGES, LAYERS } from './ziggurat-tables.js';

/** 64 KiB: as much as Web Crypto gives in one call; larger blocks are no faster. */
export const BLOCK_WORDS = 16_384;

/** A point takes two words: the high one chooses the layer with its lowest bits, the other bits are a fraction of it. */
export const BLOCK_POINTS = BLOCK_WORDS / 2;

export const LAYER_BITS = 8;

export const LOW_WORD_UNIT = 2 ** -32;
/**
 * Maps the signed low word to the midpoints of (0, 1), each exact. Complementing all bits but the layer then
 * exactly negates the sample: there is no bias of sign.
 */
export const HALF_STEP = 0.5 + 2 ** -33;

/** A magnitude is drawn as a fraction of xᵢ, in units of 2⁻²³: xᵢ·2⁻²³ for i = 0 … 255. */
export const UNITS = EDGES.slice(0, LAYERS).map((x) => x * 2 ** -23);

/**
 * xᵢ₊₁ in units of layer i: a magnitude below it lies under the curve whatever its height within the layer, so
 * neither height nor exponential is needed. 0 for the topmost layer.
 */
export const SAFE_BELOW = Float64Array.from(
  { length: LAYERS },
  (_, i) => (EDGES[i + 1]! / EDGES[i]!) * 2 ** 23,
);

/** A block of random words, and the points of the ziggurat that they place. */
export interface ZigguratPoints {
  /** To be filled with {@link BLOCK_WORDS} fresh words. */
  readonly words: Uint32Array;
  /** The same memory, read as signed words: V8 converts those faster. */
  readonly signedWords: Int32Array;
  /** Which points of the last call of `place` are not safely under the curve, counted from its first. */
  readonly unresolved: ArrayLike<number>;
  /**
   * Takes two words, from `first` on, for each entry of `out` from `start` to `end`, places a point in a random layer,
   * and writes it if it is safely under the curve. Returns how many are not.
   */
  place(first: number, out: Float32Array, start: number, end: number, standardDeviation: number): number;
  /** Zeroes words, and whatever `place` has left in memory since it was last called. */
  wipe(first: number, end: number): void;
}

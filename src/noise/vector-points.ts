import {
  ROWS_AT,
  SAMPLES_AT,
  SCALE_AT,
  TURN,
  UNRESOLVED_AT,
  type ZigguratExports,
  zigguratModule,
} from './ziggurat-module.js';
import { BLOCK_POINTS, BLOCK_WORDS, SAFE_BELOW, UNITS, type ZigguratPoints } from './ziggurat-points.js';
import { LAYERS } from './ziggurat-tables.js';

/**
 * The points of {@link plainPoints}, bit for bit, placed by {@link zigguratModule}: 0.9 ns each in Node instead of 3.0.
 * Undefined where WebAssembly with vectors isn't to be had (an old browser, or a page whose policy forbids it).
 *
 * Each has a memory of its own, 128 KiB: its words are drawn straight into it.
 */
export function vectorPoints(): ZigguratPoints | undefined {
  try {
    compiled ??= zigguratModule();
    return new VectorPoints(new WebAssembly.Instance(compiled).exports as unknown as ZigguratExports);
  } catch {
    return undefined;
  }
}

let compiled: WebAssembly.Module | undefined;

class VectorPoints implements ZigguratPoints {
  readonly words: Uint32Array;
  readonly signedWords: Int32Array;
  readonly unresolved: Uint16Array;
  readonly #samples: Float32Array;
  /** A row for each layer, then what they are scaled to. */
  readonly #rows: Float64Array;
  /** The most samples, and places in `unresolved`, that a call wrote since the last wipe. */
  #written = 0;
  #found = 0;
  readonly #place: ZigguratExports['place'];

  constructor({ memory: { buffer }, place }: ZigguratExports) {
    this.words = new Uint32Array(buffer, 0, BLOCK_WORDS);
    this.signedWords = new Int32Array(buffer, 0, BLOCK_WORDS);
    this.#samples = new Float32Array(buffer, SAMPLES_AT, BLOCK_POINTS);
    this.unresolved = new Uint16Array(buffer, UNRESOLVED_AT, BLOCK_POINTS + TURN);
    this.#rows = new Float64Array(buffer, ROWS_AT, (SCALE_AT - ROWS_AT) / 8 + 1);
    this.#place = place;
  }

  place(first: number, out: Float32Array, start: number, end: number, standardDeviation: number): number {
    this.#scaleTo(standardDeviation);
    const points = end - start;
    let count = this.#place(4 * first, Math.ceil(points / TURN));
    this.#written = Math.max(this.#written, points + TURN - 1);
    // A turn with unresolved points writes four places, and counts some.
    this.#found = Math.max(this.#found, count + TURN);
    const samples = this.#samples;
    out.set(points === BLOCK_POINTS ? samples : samples.subarray(0, points), start);
    // The last turn's points beyond the last one are of words that are not yet due, or no words at all.
    while (count > 0 && this.unresolved[count - 1]! >= points) count--;
    return count;
  }

  wipe(first: number, end: number): void {
    this.words.fill(0, first, end);
    this.#samples.fill(0, 0, this.#written);
    this.unresolved.fill(0, 0, this.#found);
    this.#written = 0;
    this.#found = 0;
  }

  /**
   * What the rows are scaled to stands in their own memory: should a generator of words write all over the buffer of
   * `words` instead of only to them, the rows are made anew.
   */
  #scaleTo(standardDeviation: number): void {
    const rows = this.#rows;
    if (rows[2 * LAYERS] === standardDeviation) return;
    for (let i = 0; i < LAYERS; i++) {
      rows[2 * i] = UNITS[i]! * standardDeviation;
      rows[2 * i + 1] = SAFE_BELOW[i]!;
    }
    rows[2 * LAYERS] = standardDeviation;
  }
}

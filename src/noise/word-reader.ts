import type { RandomWords } from './random-words.js';

/**
 * Reads a {@link RandomWords} one word at a time without a call per word: fetches `blockLength` words at once,
 * zeroes each as it is read. What is fetched but unread is dropped with the reader, never given to anyone.
 */
export class WordReader {
  readonly #words: RandomWords;
  readonly #block: Uint32Array;
  #next: number;
  #read = 0;

  constructor(words: RandomWords, blockLength: number) {
    this.#words = words;
    this.#block = new Uint32Array(blockLength);
    this.#next = blockLength;
  }

  /** How many words were read. */
  get wordsRead(): number {
    return this.#read;
  }

  /** A word, uniform on the integers of [0, 2³²). */
  next(): number {
    const block = this.#block;
    if (this.#next === block.length) {
      this.#words.fill(block);
      this.#next = 0;
    }
    const word = block[this.#next]!;
    block[this.#next++] = 0;
    this.#read++;
    return word;
  }

  /**
   * Reads on as long as words exceed `ceiling`, at most `limit` of them, and returns how many it read. The same as
   * calling `next` so often, at a sixth of the time.
   */
  skipAbove(ceiling: number, limit: number): number {
    const block = this.#block;
    let skipped = 0;
    while (skipped < limit) {
      if (this.#next === block.length) {
        this.#words.fill(block);
        this.#next = 0;
      }
      const first = this.#next;
      const end = Math.min(block.length, first + limit - skipped);
      let next = first;
      while (next < end && block[next]! > ceiling) next++;
      block.fill(0, first, next);
      this.#next = next;
      skipped += next - first;
      if (next < end) break;
    }
    this.#read += skipped;
    return skipped;
  }

  /** A double, uniform on the 2⁵² midpoints (k + ½)·2⁻⁵²: never 0, never 1, each exact. Takes two words. */
  nextOpenUnit(): number {
    const high = this.next() >>> 6;
    const low = this.next() >>> 6;
    return (high * 2 ** 26 + low + 0.5) * 2 ** -52;
  }
}

/**
 * A stream of independent, uniform 32-bit words: the one source of randomness of the toolkit.
 *
 * Everything random (Gaussian noise, coins, permutations) is made of these words, so whether a run is private
 * is decided here, by {@link RandomWords.secure}. Anyone can implement the interface, e.g. over a hardware
 * generator; an implementation keeps three promises:
 *
 * - each word is uniform on [0, 2³²), independent of every other, and handed out at most once, ever:
 *   neither to two calls, nor to two workers, nor again after a crash or a resume;
 * - `secure` is true only if someone who knows the code, the data and all earlier words can't predict the
 *   next one;
 * - `fill` fills the whole array or throws; it never leaves an old value in place.
 */
export interface RandomWords {
  /** Whether the words are cryptographically unpredictable. If false, nothing built on them is private. */
  readonly secure: boolean;
  /** How many words were handed out so far. */
  readonly wordsConsumed: number;
  /** Overwrites all of `out` with fresh words. It may be a part of a larger buffer, of which the rest must stay. */
  fill(out: Uint32Array): void;
}

/** Overwrites an array with fresh random words. */
export type WordGenerator = (out: Uint32Array) => void;

/** Small requests are served from a pool of so many words: one system call costs as much as 2,000 words. */
const POOL_LENGTH = 4096;

/**
 * Makes a {@link RandomWords} of a generator that is costly to call: small requests are served from a pool,
 * large ones directly. A word is zeroed in the pool as it is handed out, so that it can be read neither twice
 * nor later from a heap snapshot.
 */
export function pooledWords(generate: WordGenerator, secure: boolean): RandomWords {
  return new PooledWords(generate, secure);
}

class PooledWords implements RandomWords {
  readonly secure: boolean;
  readonly #generate: WordGenerator;
  readonly #pool = new Uint32Array(POOL_LENGTH);
  #next = POOL_LENGTH;
  #consumed = 0;

  constructor(generate: WordGenerator, secure: boolean) {
    this.#generate = generate;
    this.secure = secure;
  }

  get wordsConsumed(): number {
    return this.#consumed;
  }

  fill(out: Uint32Array): void {
    if (out.length >= POOL_LENGTH) this.#generate(out);
    else this.#fillFromPool(out);
    this.#consumed += out.length;
  }

  #fillFromPool(out: Uint32Array): void {
    const pool = this.#pool;
    for (let i = 0; i < out.length; i++) {
      if (this.#next === POOL_LENGTH) {
        this.#generate(pool);
        this.#next = 0;
      }
      out[i] = pool[this.#next]!;
      pool[this.#next++] = 0;
    }
  }
}

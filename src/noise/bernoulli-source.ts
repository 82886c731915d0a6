import { DpError } from 'privacy-accounting/errors';
import type { RandomWords } from './random-words.js';
import { WordReader } from './word-reader.js';

/** Independent coins that all come up true with the same probability. */
export interface BernoulliSource {
  /** Whether the words behind the coins are cryptographic. */
  readonly secure: boolean;
  /** P(true): exactly this double. */
  readonly probability: number;
  /** Tosses the next coin. */
  next(): boolean;
  /**
   * Tosses until a coin comes up true, or `limit` coins did not: the number of coins that did not. The same coins as
   * those of `next`, an order of magnitude faster where q is small.
   */
  falsesBeforeTrue(limit: number): number;
}

/** As many words as make a call of the platform's generator cheap. */
const BLOCK_WORDS = 4096;

/**
 * Independent coins with P(true) = q *exactly*, for every double q in [0, 1].
 *
 * A coin compares the binary expansion of q, 32 bits at a time, with that of a uniform real number U, and is true
 * if U < q. The first word decides but for one case in 2³², so one word a coin is expected; q's expansion is
 * finite, so the comparison ends. No rounding takes place: an accountant that is given q is given the very
 * probability that was used. q = 0 and q = 1 take no words.
 *
 * @throws DpError `DP_INVALID_ARGUMENT` if q is not in [0, 1].
 *
 * @example
 * const coin = bernoulliSource(secureRandomWords(), 1024 / 60_000);
 * const takesPart = coin.next();
 */
export function bernoulliSource(words: RandomWords, probability: number): BernoulliSource {
  if (!(probability >= 0 && probability <= 1)) {
    throw new DpError('DP_INVALID_ARGUMENT', `Expected probability to be in [0, 1], got ${probability}.`);
  }
  return new ExactBernoulli(words, probability);
}

class ExactBernoulli implements BernoulliSource {
  readonly secure: boolean;
  readonly probability: number;
  readonly #reader: WordReader;
  /** q = (#digit + #rest) / 2³². */
  readonly #digit: number;
  readonly #rest: number;

  constructor(words: RandomWords, probability: number) {
    this.secure = words.secure;
    this.probability = probability;
    this.#reader = new WordReader(words, BLOCK_WORDS);
    this.#digit = Math.floor(probability * 2 ** 32);
    this.#rest = probability * 2 ** 32 - this.#digit;
  }

  next(): boolean {
    if (this.probability === 0 || this.probability === 1) return this.probability === 1;
    const word = this.#reader.next();
    return word === this.#digit ? this.#decideByLaterWords() : word < this.#digit;
  }

  falsesBeforeTrue(limit: number): number {
    if (this.probability === 0 || this.probability === 1) return this.probability === 0 ? limit : 0;
    for (let falses = 0; ; falses++) {
      falses += this.#reader.skipAbove(this.#digit, limit - falses);
      if (falses >= limit) return limit;
      // The word that comes next is not above q's: it decides for true, or a later one does.
      if (this.next()) return falses;
    }
  }

  /** The expansions agree so far. Scaling by 2³² and subtracting the whole part are exact in float64. */
  #decideByLaterWords(): boolean {
    for (let rest = this.#rest; rest > 0; ) {
      const scaled = rest * 2 ** 32;
      const digit = Math.floor(scaled);
      const word = this.#reader.next();
      if (word !== digit) return word < digit;
      rest = scaled - digit;
    }
    return false;
  }
}

import { DpError } from 'privacy-accounting/errors';
import type { RandomWords } from './random-words.js';

const WORD_VALUES = 2 ** 32;

/** One word, reused so that a draw allocates nothing. It is zeroed before control leaves `uniformInt`. */
const scratch = new Uint32Array(1);

/**
 * An integer uniform on {0, …, bound − 1}, without bias: each value comes from exactly ⌊2³²/bound⌋ words.
 *
 * The product word·bound is split at 2³²: the upper half is the result, unless the lower half falls among the
 * 2³² mod bound lowest, which would favour some results; then a fresh word is drawn (Lemire, "Fast Random Integer
 * Generation in an Interval", ACM TOMACS 29(1), 2019, Algorithm 5). At most two words are expected.
 *
 * @param bound an integer from 1 to 2³².
 * @throws DpError `DP_INVALID_ARGUMENT` for any other bound.
 *
 * @example
 * const die = 1 + uniformInt(secureRandomWords(), 6);
 */
export function uniformInt(words: RandomWords, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > WORD_VALUES) {
    throw new DpError('DP_INVALID_ARGUMENT', `Expected bound to be an integer in [1, 2^32], got ${bound}.`);
  }
  for (;;) {
    words.fill(scratch);
    const word = scratch[0]!;
    scratch[0] = 0;
    const lower = Math.imul(word, bound) >>> 0;
    // lower ≥ bound already excludes the biased values: the division below is rarely needed.
    if (lower >= bound || lower >= WORD_VALUES % bound) {
      // The double product errs by at most 2¹¹, a 2⁻²¹st of one step: rounding gives the exact upper half.
      return Math.round((word * bound - lower) / WORD_VALUES);
    }
  }
}

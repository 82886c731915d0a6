import { DpError } from 'privacy-accounting';
import { type RandomWords, uniformInt } from '../noise/index.js';

/**
 * One fair coin per canary: 1 puts it into the training data, 0 leaves it out. [count] of 0 and 1.
 *
 * Each bit is one fresh 32-bit word's lowest bit. The audit's statement holds over these coins, so they have to
 * come from `secureRandomWords()`; seeded words are for tests.
 *
 * @example
 * const member = flipCoins({ count: 400, words: secureRandomWords() });
 */
export function flipCoins({
  count,
  words,
}: {
  readonly count: number;
  readonly words: RandomWords;
}): Uint8Array {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new DpError('DP_INVALID_ARGUMENT', `count: expected an integer of at least 1, got ${count}.`);
  }
  const drawn = new Uint32Array(count);
  words.fill(drawn);
  return Uint8Array.from(drawn, (word) => word & 1);
}

/**
 * A uniformly random WRONG label for each example: any class but its own, each with chance 1/(classes − 1).
 * `labels` is [n] of integers in 0…classes − 1; so is the result.
 *
 * A mislabelled example can only be learnt by heart, which makes it the cheapest worst case for a membership
 * attack (Aerni, Zhang & Tramèr 2024).
 *
 * @example
 * mislabel({ labels: [3, 1, 4], classes: 10, words: secureRandomWords() });
 */
export function mislabel({
  labels,
  classes,
  words,
}: {
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  readonly words: RandomWords;
}): Int32Array {
  if (!Number.isInteger(classes) || classes < 2) {
    throw new DpError('DP_INVALID_ARGUMENT', `classes: expected an integer of at least 2, got ${classes}.`);
  }
  return Int32Array.from(labels, (label, i) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `labels[${i}]: expected an integer class in 0…${classes - 1}, got ${label}.`,
      );
    }
    const other = uniformInt(words, classes - 1);
    return other < label ? other : other + 1;
  });
}

/** Canaries ready to be mixed into training data. */
export interface CoinFlipCanaries {
  /** [n]: the wrong label to train and to audit with, whether the canary is in or out. */
  readonly labels: Int32Array;
  /** [n] of 0 and 1: 1 belongs into the training data. Secret until the audit is over. */
  readonly member: Uint8Array;
  /** Whether coins and labels came from cryptographic randomness. */
  readonly secure: boolean;
}

/**
 * Mislabelled examples, each of which joins the training data by a fair coin of its own: {@link mislabel} and
 * {@link flipCoins} in one call. Those left out serve as non-members that differ from the members in nothing
 * but the coin.
 *
 * @example
 * const canaries = coinFlipCanaries({ labels: pool.labels, classes: 10, words: secureRandomWords() });
 */
export function coinFlipCanaries({
  labels,
  classes,
  words,
}: {
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  readonly words: RandomWords;
}): CoinFlipCanaries {
  return {
    labels: mislabel({ labels, classes, words }),
    member: flipCoins({ count: labels.length, words }),
    secure: words.secure,
  };
}

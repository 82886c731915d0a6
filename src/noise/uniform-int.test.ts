import { describe, expect, it } from 'vitest';
import type { RandomWords } from './random-words.js';
import { seededRandomWords } from './seeded-words.js';
import { uniformInt } from './uniform-int.js';

const WORD_VALUES = 2 ** 32;

/** Hands out the given words, then throws: a rejected word shows as a request for more. */
function scripted(...script: number[]): RandomWords {
  let next = 0;
  return {
    secure: false,
    get wordsConsumed() {
      return next;
    },
    fill(out) {
      for (let i = 0; i < out.length; i++) {
        if (next === script.length) throw new Error('rejected');
        out[i] = script[next++]!;
      }
    },
  };
}

function resultOf(word: number, bound: number): number | 'rejected' {
  try {
    return uniformInt(scripted(word), bound);
  } catch {
    return 'rejected';
  }
}

describe('uniformInt', () => {
  it.each([2 ** 32 - 1, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 31 - 1, 123_456_789, 60_000_000])(
    'gives each value below %d to exactly ⌊2³²/bound⌋ words',
    (bound) => {
      const expected = Math.floor(WORD_VALUES / bound);
      const values = [0, 1, 2, bound - 1, bound - 2, Math.floor(bound / 2), Math.floor(bound / 3)];
      for (let k = 0; k < 50; k++) values.push(uniformInt(seededRandomWords(k), bound));
      for (const value of values) {
        // The words whose product with the bound has this upper half: an interval, searched with a margin.
        const from = Math.max(0, Math.floor((value / bound) * WORD_VALUES) - 3);
        let accepted = 0;
        for (let word = from; word < Math.min(WORD_VALUES, from + expected + 8); word++) {
          if (resultOf(word, bound) === value) accepted++;
        }
        expect(accepted, `value ${value}`).toBe(expected);
      }
    },
  );

  it('agrees with exact integer arithmetic', () => {
    const words = new Uint32Array(3000);
    seededRandomWords('exact').fill(words);
    for (let i = 0; i < words.length; i += 3) {
      const bound = 1 + (words[i]! >>> (words[i + 1]! % 32));
      const product = BigInt(words[i + 2]!) * BigInt(bound);
      const biased = product % (1n << 32n) < (1n << 32n) % BigInt(bound);
      expect(resultOf(words[i + 2]!, bound)).toBe(biased ? 'rejected' : Number(product >> 32n));
    }
  });

  it('draws again after a rejection', () => {
    const bound = 3 * 2 ** 30;
    expect(resultOf(0, bound)).toBe('rejected');
    const words = scripted(0, 0, WORD_VALUES - 1);
    expect(uniformInt(words, bound)).toBe(bound - 1);
    expect(words.wordsConsumed).toBe(3);
  });

  it('knows the extremes: one value, and all 2³²', () => {
    expect(resultOf(0, 1)).toBe(0);
    expect(resultOf(WORD_VALUES - 1, 1)).toBe(0);
    for (const word of [0, 1, 2 ** 31, WORD_VALUES - 1]) expect(resultOf(word, WORD_VALUES)).toBe(word);
  });

  it('is uniform over 6 values', () => {
    const words = seededRandomWords('die');
    const rolls = 120_000;
    const counts = new Float64Array(6);
    for (let i = 0; i < rolls; i++) counts[uniformInt(words, 6)]!++;
    // Hoeffding and 6 values: 6 · 2 exp(−2 · 3.5²) = 2.7e-10 that a count is further off by chance.
    for (const count of counts) expect(Math.abs(count - rolls / 6)).toBeLessThan(3.5 * Math.sqrt(rolls));
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32 + 1, Number.POSITIVE_INFINITY])(
    'refuses the bound %d',
    (bound) => {
      expect(() => uniformInt(scripted(1), bound)).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
      );
    },
  );
});

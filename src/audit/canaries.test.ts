import { describe, expect, it } from 'vitest';
import { secureRandomWords, seededRandomWords } from '../noise/index.js';
import { coinFlipCanaries, flipCoins, mislabel } from './canaries.js';

describe('flipCoins', () => {
  it('is fair and independent from flip to flip', () => {
    const coins = flipCoins({ count: 40_000, words: seededRandomWords('coins') });
    const heads = coins.reduce((sum, bit) => sum + bit, 0);
    const repeats = coins.filter((bit, i) => i > 0 && bit === coins[i - 1]).length;
    // Seven standard deviations of √(40,000)/2 = 100: P[fail] < 1e-11 each.
    expect(Math.abs(heads - 20_000)).toBeLessThan(700);
    expect(Math.abs(repeats - 20_000)).toBeLessThan(700);
  });

  it('spends one word a coin', () => {
    const words = secureRandomWords();
    flipCoins({ count: 400, words });
    expect(words.wordsConsumed).toBe(400);
  });

  it.each([0, -1, 2.5])('refuses a count of %s', (count) => {
    expect(() => flipCoins({ count, words: seededRandomWords(1) })).toThrow(/count/);
  });
});

describe('mislabel', () => {
  it('is never right, and every wrong class is equally likely', () => {
    const labels = Array.from({ length: 20_000 }, (_, i) => i % 2);
    const wrong = mislabel({ labels, classes: 5, words: seededRandomWords('labels') });
    const counts = new Map<string, number>();
    for (const [i, label] of labels.entries()) {
      expect(wrong[i]).not.toBe(label);
      counts.set(`${label}${wrong[i]}`, (counts.get(`${label}${wrong[i]}`) ?? 0) + 1);
    }
    expect(counts.size).toBe(8);
    // Binomial(10,000, ¼) has a standard deviation of 43; seven of them.
    for (const count of counts.values()) expect(Math.abs(count - 2500)).toBeLessThan(304);
  });

  it('with two classes swaps them', () => {
    expect([...mislabel({ labels: [0, 1, 1], classes: 2, words: seededRandomWords(0) })]).toEqual([1, 0, 0]);
  });

  it.each([
    [{ labels: [3], classes: 3 }, /labels\[0\].*0…2/],
    [{ labels: [0], classes: 1 }, /classes/],
  ])('refuses %o', (options, message) => {
    expect(() => mislabel({ ...options, words: seededRandomWords(0) })).toThrow(message);
  });
});

describe('coinFlipCanaries', () => {
  it('says whether its coins can be predicted', () => {
    const labels = [0, 1, 2];
    expect(coinFlipCanaries({ labels, classes: 3, words: secureRandomWords() }).secure).toBe(true);
    const canaries = coinFlipCanaries({ labels, classes: 3, words: seededRandomWords(7) });
    expect(canaries.secure).toBe(false);
    expect(canaries.member).toHaveLength(3);
    expect([...canaries.labels].every((label, i) => label !== labels[i])).toBe(true);
  });
});

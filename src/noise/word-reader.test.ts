import { describe, expect, it } from 'vitest';
import type { RandomWords } from './random-words.js';
import { WordReader } from './word-reader.js';

/** Hands out 1, 2, 3, … and keeps sight of the arrays it filled. */
function counting() {
  let last = 0;
  const blocks = new Set<Uint32Array>();
  const words: RandomWords = {
    secure: false,
    wordsConsumed: 0,
    fill(out) {
      blocks.add(out);
      for (let i = 0; i < out.length; i++) out[i] = ++last;
    },
  };
  return { words, held: () => [...blocks].flatMap((block) => [...block]) };
}

describe('WordReader', () => {
  it('gives every word once, in order, and counts them', () => {
    const reader = new WordReader(counting().words, 8);
    for (let word = 1; word <= 30; word++) {
      expect(reader.next()).toBe(word);
      expect(reader.wordsRead).toBe(word);
    }
  });

  it('holds no word that was read', () => {
    const { words, held } = counting();
    const reader = new WordReader(words, 8);
    for (let k = 0; k < 3; k++) reader.next();
    expect(held()).toEqual([0, 0, 0, 4, 5, 6, 7, 8]);
    expect(reader.skipAbove(0, 2)).toBe(2);
    expect(held()).toEqual([0, 0, 0, 0, 0, 6, 7, 8]);
  });

  it.each([0, 1, 5, 8, 9, 16, 21])('skips no more than %d words, across blocks as well', (limit) => {
    const reader = new WordReader(counting().words, 8);
    reader.next();
    expect(reader.skipAbove(0, limit)).toBe(limit);
    expect(reader.wordsRead).toBe(1 + limit);
    expect(reader.next()).toBe(2 + limit);
  });

  it('stops before the first word that is not above the ceiling, and leaves it to be read', () => {
    const script = [9, 8, 9, 3, 9];
    const words: RandomWords = { secure: false, wordsConsumed: 0, fill: (out) => out.set(script) };
    const reader = new WordReader(words, 5);
    expect(reader.skipAbove(3, 100)).toBe(3);
    expect(reader.next()).toBe(3);
    expect(reader.skipAbove(8, 1)).toBe(1);
  });

  it('makes open unit doubles of 52 bits: never 0, never 1', () => {
    const constant = (word: number): RandomWords => ({
      secure: false,
      wordsConsumed: 0,
      fill: (out) => void out.fill(word),
    });
    expect(new WordReader(constant(0), 4).nextOpenUnit()).toBe(2 ** -53);
    expect(new WordReader(constant(0xffffffff), 4).nextOpenUnit()).toBe(1 - 2 ** -53);
    expect(new WordReader(constant(0x80000000), 4).nextOpenUnit()).toBe(0.5 + 2 ** -27 + 2 ** -53);
  });
});

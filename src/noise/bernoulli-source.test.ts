import { describe, expect, it } from 'vitest';
import { bernoulliSource } from './bernoulli-source.js';
import type { RandomWords } from './random-words.js';
import { secureRandomWords } from './secure-words.js';
import { seededRandomWords } from './seeded-words.js';

/** A stream that starts with the given words and goes on with zeros. */
function scripted(...script: number[]): RandomWords {
  return {
    secure: false,
    wordsConsumed: 0,
    fill(out) {
      out.fill(0);
      out.set(script);
    },
  };
}

/** q·2¹²⁸⁰ as an exact integer, for every q that this test makes. */
const BITS = 1280n;
function exactScaled(q: number): bigint {
  let shift = 0;
  let mantissa = q;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    shift++;
  }
  return BigInt(mantissa) << (BITS - BigInt(shift));
}

describe('bernoulliSource', () => {
  it('is true exactly if the words, as a binary fraction, are below q', () => {
    const random = new Uint32Array(8);
    const source = seededRandomWords('coins');
    for (let k = 0; k < 300; k++) {
      source.fill(random);
      const q = (random[0]! / 2 ** 32) * 2 ** -(random[1]! % 90);
      const scaled = exactScaled(q);
      // Start from q's own expansion, so that the comparison goes on to a later word, then disturb one.
      const words = [0, 1, 2, 3, 4].map((i) =>
        Number((scaled >> (BITS - 32n * BigInt(i + 1))) & 0xffffffffn),
      );
      const place = random[2]! % 5;
      words[place] = (words[place]! + (random[3]! % 3) - 1) >>> 0;
      const uniform = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n) << (BITS - 160n);
      expect(bernoulliSource(scripted(...words), q).next(), `q = ${q}`).toBe(uniform < scaled);
    }
  });

  it('is exact for a q that one word, or two, can not express', () => {
    const q = 2 ** -70;
    expect(bernoulliSource(scripted(0, 0, 2 ** 26 - 1), q).next()).toBe(true);
    expect(bernoulliSource(scripted(0, 0, 2 ** 26), q).next()).toBe(false);
    expect(bernoulliSource(scripted(0, 1, 0), q).next()).toBe(false);
    expect(bernoulliSource(scripted(1, 0, 0), q).next()).toBe(false);
    expect(bernoulliSource(scripted(), Number.MIN_VALUE).next()).toBe(true);
  });

  it('never takes part at q = 0 and always at q = 1, without words', () => {
    const words = seededRandomWords(1);
    const never = bernoulliSource(words, 0);
    const always = bernoulliSource(words, 1);
    for (let i = 0; i < 100; i++) {
      expect(never.next()).toBe(false);
      expect(always.next()).toBe(true);
    }
    expect(words.wordsConsumed).toBe(0);
  });

  it.each([1e-4, 1024 / 60_000, 0.5, 0.999])('is true with frequency %d', (q) => {
    const coin = bernoulliSource(seededRandomWords(`q ${q}`), q);
    const tosses = 500_000;
    let heads = 0;
    for (let i = 0; i < tosses; i++) if (coin.next()) heads++;
    // Bernstein's inequality: further off by chance with probability ≤ 1e-9.
    const t = Math.log(2e9);
    const limit = Math.sqrt(2 * tosses * q * (1 - q) * t) + (2 / 3) * t;
    expect(Math.abs(heads - tosses * q)).toBeLessThan(limit);
  });

  it.each([0, 1e-6, 2 ** -32, 0.02, 0.5, 0.97, 1])(
    'gives the same coins in runs as one by one, q = %d',
    (q) => {
      const single = bernoulliSource(seededRandomWords('runs'), q);
      const runs = bernoulliSource(seededRandomWords('runs'), q);
      const limits = [1, 5, 4095, 4096, 4097, 0, 20_000];
      for (let k = 0; k < 60; k++) {
        const limit = limits[k % limits.length]!;
        const falses = runs.falsesBeforeTrue(limit);
        expect(falses).toBeLessThanOrEqual(limit);
        let falsesOneByOne = 0;
        while (falsesOneByOne < falses && !single.next()) falsesOneByOne++;
        expect(falsesOneByOne).toBe(falses);
        if (falses < limit) expect(single.next()).toBe(true);
      }
    },
  );

  it('decides ties in runs by later words as well', () => {
    const q = 2 ** -40;
    expect(bernoulliSource(scripted(5, 7, 0, 2 ** 24 - 1, 9), q).falsesBeforeTrue(10)).toBe(2);
    expect(bernoulliSource(scripted(5, 7, 0, 2 ** 24, 9, 0, 0), q).falsesBeforeTrue(10)).toBe(4);
  });

  it('passes on whether its words are secure, and its very q', () => {
    const q = 1 / 3;
    expect(bernoulliSource(secureRandomWords(), q)).toMatchObject({ secure: true, probability: q });
    expect(bernoulliSource(seededRandomWords(1), q).secure).toBe(false);
  });

  it.each([-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY])('refuses q = %d', (q) => {
    expect(() => bernoulliSource(seededRandomWords(1), q)).toThrow(
      expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { pooledWords } from './random-words.js';

/** Hands out 1, 2, 3, …: every word differs, so a word that is used twice shows. */
function countingGenerator() {
  let last = 0;
  const requests: Uint32Array[] = [];
  const generate = (out: Uint32Array) => {
    requests.push(out);
    for (let i = 0; i < out.length; i++) out[i] = ++last;
  };
  return { generate, requests };
}

const SIZES = [1, 2, 1000, 4095, 4096, 4097, 0, 3, 20_000, 5000, 1, 1];

describe('pooledWords', () => {
  it('hands out each word once, whatever the sizes of the requests', () => {
    const words = pooledWords(countingGenerator().generate, true);
    const all: number[] = [];
    for (const size of SIZES) {
      const out = new Uint32Array(size);
      words.fill(out);
      all.push(...out);
    }
    expect(all).not.toContain(0);
    expect(new Set(all).size).toBe(all.length);
  });

  it('counts the words it handed out, not those it holds', () => {
    const words = pooledWords(countingGenerator().generate, true);
    let total = 0;
    for (const size of SIZES) {
      words.fill(new Uint32Array(size));
      total += size;
      expect(words.wordsConsumed).toBe(total);
    }
  });

  it('zeroes a word in its pool as soon as it is handed out', () => {
    const { generate, requests } = countingGenerator();
    const words = pooledWords(generate, true);
    words.fill(new Uint32Array(10));
    const pool = requests[0]!;
    expect(pool.length).toBeGreaterThan(10);
    expect([...pool.subarray(0, 10)]).toEqual(Array(10).fill(0));
    expect(pool.subarray(10)).not.toContain(0);
  });

  it('passes on whether the generator is secure', () => {
    expect(pooledWords(() => {}, true).secure).toBe(true);
    expect(pooledWords(() => {}, false).secure).toBe(false);
  });

  it('does not count or repeat words after the generator failed', () => {
    const { generate } = countingGenerator();
    let broken = true;
    const words = pooledWords((out) => {
      if (broken) throw new Error('no entropy');
      generate(out);
    }, true);
    expect(() => words.fill(new Uint32Array(3))).toThrow('no entropy');
    expect(words.wordsConsumed).toBe(0);
    broken = false;
    const out = new Uint32Array(3);
    words.fill(out);
    expect([...out]).toEqual([1, 2, 3]);
  });
});

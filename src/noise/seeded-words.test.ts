import { describe, expect, it } from 'vitest';
import { seededRandomWords } from './seeded-words.js';

function firstWords(seed: string | number, count = 32): number[] {
  const out = new Uint32Array(count);
  seededRandomWords(seed).fill(out);
  return [...out];
}

describe('seededRandomWords', () => {
  it('repeats with the seed, differs between seeds, and says that it is not secure', () => {
    expect(seededRandomWords(7).secure).toBe(false);
    expect(firstWords(7)).toEqual(firstWords(7));
    expect(firstWords(7)).toEqual(firstWords('7'));
    expect(firstWords(7)).not.toEqual(firstWords(8));
  });

  it('takes 0 for a seed like any other', () => {
    expect(firstWords(0)).toEqual(firstWords(0));
    expect(firstWords(0)).not.toEqual(firstWords(1));
  });

  it('moves on at every call', () => {
    const words = seededRandomWords('a stream');
    const first = new Uint32Array(16);
    const second = new Uint32Array(16);
    words.fill(first);
    words.fill(second);
    expect(first).not.toEqual(second);
    expect([...first, ...second]).toEqual(firstWords('a stream', 32));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '', undefined, null, {}])('refuses %s as a seed', (seed) => {
    expect(() => seededRandomWords(seed as string)).toThrow(
      expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
    );
  });
});

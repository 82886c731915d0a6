import { describe, expect, it } from 'vitest';
import { RecentlyUsed } from './recently-used.js';

describe('RecentlyUsed', () => {
  it('makes a value once, and lets go of the one that was not asked for the longest', () => {
    const made: string[] = [];
    const kept = new RecentlyUsed<string, string>(2);
    const ask = (key: string) =>
      kept.get(key, () => {
        made.push(key);
        return key.toUpperCase();
      });
    expect(['a', 'b', 'a', 'c', 'a', 'b'].map(ask)).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
  });

  it('keeps nothing of what failed', () => {
    const kept = new RecentlyUsed<number, number>(1);
    expect(() =>
      kept.get(1, () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(kept.get(1, () => 7)).toBe(7);
  });
});

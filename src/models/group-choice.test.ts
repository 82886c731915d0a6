import { describe, expect, it } from 'vitest';
import { groupsFor } from './group-choice.js';

describe('the number of groups', () => {
  it.each([
    // channels, positions, groups
    [64, 100, 32],
    [48, 100, 16],
    [6, 100, 2],
    [7, 100, 1],
    [64, 1, 4],
    [32, 1, 2],
    [16, 1, 1],
    [8, 1, 1],
    [4, 1, 1],
    [3, 1, undefined],
    [1, 1, undefined],
    [1, 100, 1],
    [2, 1, undefined],
    [2, 2, 1],
  ])('for %i channels at %i positions is %s', (channels, positions, groups) => {
    expect(groupsFor(channels, positions)).toBe(groups);
  });

  it('divides the channels, is at most 32, and leaves 16 values to a group or is 1', () => {
    for (let channels = 1; channels <= 130; channels++) {
      for (const positions of [1, 2, 3, 9, 49, 1000]) {
        const groups = groupsFor(channels, positions);
        if (groups === undefined) expect(channels * positions).toBeLessThan(4);
        else {
          expect(channels % groups).toBe(0);
          expect(groups).toBeLessThanOrEqual(32);
          expect(groups === 1 || (channels / groups) * positions >= 16).toBe(true);
        }
      }
    }
  });
});

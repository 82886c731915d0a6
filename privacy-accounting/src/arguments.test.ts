import { describe, expect, it } from 'vitest';
import { describeValue, didYouMean, requireDelta } from './arguments.js';

describe('describeValue', () => {
  it.each([
    [null, 'null'],
    [undefined, 'undefined'],
    [Number.NaN, 'NaN'],
    [3n, '3n (a bigint)'],
    ['1.1', 'the string "1.1"'],
    [[1, 2], 'an array of 2'],
    [{}, 'an empty object'],
    [{ a: 1, b: 2 }, 'an object with a, b'],
    [() => 0, 'a function'],
  ])('%s', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });

  it('shortens long strings', () => {
    expect(describeValue('x'.repeat(1000)).length).toBeLessThan(70);
  });
});

describe('didYouMean', () => {
  const names = ['gaussian', 'selfComposed', 'poissonSampled'];
  it.each([
    ['Gaussian', 'gaussian'],
    ['gausian', 'gaussian'],
    ['poisonSampled', 'poissonSampled'],
    ['self-composed', 'selfComposed'],
    ['gauss', 'gaussian'],
    ['poisson', 'poissonSampled'],
    ['laplace', undefined],
    ['s', undefined],
    ['', undefined],
  ])('%s → %s', (word, guess) => {
    expect(didYouMean(word, names)).toBe(guess);
  });
});

it('states what δ must be, what came and what to do', () => {
  expect(() => requireDelta(1)).toThrow(/delta must be .* between 0 and 1, got 1\. .*number of examples/);
});

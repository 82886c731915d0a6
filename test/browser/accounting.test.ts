/** The accounting package in a page, alone: no tensors, no Node. */
import {
  calibrateNoiseMultiplier,
  epsilonOf,
  gaussian,
  poissonSampled,
  selfComposed,
} from 'privacy-accounting';
import { expect, it } from 'vitest';

it('answers without loading tfjs', () => {
  expect(typeof process).toBe('undefined');
  const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
  expect(loaded.some((name) => name.includes('privacy-accounting'))).toBe(true);
  expect(loaded.filter((name) => /@?tensorflow/.test(name))).toEqual([]);
});

it('gives the numbers that it gives in Node', () => {
  const step = (noiseMultiplier: number) =>
    poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier }) });
  const makeEvent = (noiseMultiplier: number) => selfComposed({ count: 1000, event: step(noiseMultiplier) });
  const target = { delta: 1e-5, relation: 'add-or-remove-one' } as const;
  // As in the example of calibrateNoiseMultiplier, which Node runs.
  const { noiseMultiplier } = calibrateNoiseMultiplier({ makeEvent, targetEpsilon: 1, ...target });
  expect(noiseMultiplier).toBeCloseTo(1.4146, 3);
  const { epsilon } = epsilonOf(makeEvent(noiseMultiplier), target);
  expect(epsilon).toBeLessThanOrEqual(1);
  expect(epsilon).toBeGreaterThan(0.999);
});

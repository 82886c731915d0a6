import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent, shuffled, vectorDiscreteGaussian } from './index.js';
import { discreteNoiseMultiplier } from './vector-discrete-gaussian.js';

const fields = { granularity: 2 ** -16, dimension: 235_146, standardDeviation: 1.1, l2NormClip: 1 };
const event = vectorDiscreteGaussian(fields);

describe('a vectorDiscreteGaussian event', () => {
  it('is plain data with the grid, the dimension, the noise and both norms', () => {
    expect(event).toEqual({ type: 'vectorDiscreteGaussian', ...fields, l2Sensitivity: event.l2Sensitivity });
    expect(Object.isFrozen(event)).toBe(true);
    const copy = parseEvent(JSON.parse(JSON.stringify(event)));
    expect(copy).toEqual(event);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(event));
  });

  it('has the rounding in its sensitivity: C + γ√d, never less', () => {
    const demanded = 1 + 2 ** -16 * Math.sqrt(235_146);
    expect(event.l2Sensitivity).toBeGreaterThanOrEqual(demanded);
    expect(event.l2Sensitivity).toBeLessThan(demanded * (1 + 1e-14));
    // What plain arithmetic gives is accepted, more too; what forgets the rounding is not.
    for (const l2Sensitivity of [demanded, 2]) {
      expect(vectorDiscreteGaussian({ ...fields, l2Sensitivity }).l2Sensitivity).toBe(l2Sensitivity);
    }
    for (const l2Sensitivity of [1, demanded * (1 - 1e-9), 0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => vectorDiscreteGaussian({ ...fields, l2Sensitivity })).toThrow(
        /l2Sensitivity must be a finite number of at least l2NormClip \+ granularity \* sqrt\(dimension\) = 1\.0073/,
      );
    }
  });

  it.each([
    ['granularity', 0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined],
    ['dimension', 0, -1, 1.5, 2 ** 53, '1', undefined],
    ['standardDeviation', -1, Number.NaN, Number.POSITIVE_INFINITY, undefined],
    ['l2NormClip', 0, -1, Number.NaN, Number.POSITIVE_INFINITY, undefined],
  ])('refuses a bad %s, and names its path', (name, ...bad) => {
    for (const value of bad) {
      const json = { type: 'shuffled', event: { type: 'vectorDiscreteGaussian', ...fields, [name]: value } };
      expect(() => parseEvent(json)).toThrow(
        expect.objectContaining({
          code: 'DP_INVALID_ARGUMENT',
          message: expect.stringMatching(new RegExp(`^event\\.event\\.${name} must be`)),
        }),
      );
    }
  });

  it('refuses fields that it would ignore', () => {
    const more = { ...fields, noiseMultiplier: 3 };
    expect(() => vectorDiscreteGaussian(more)).toThrow(/noiseMultiplier is not a field/);
  });

  it('gives each relation the right multiple of its noise, rounded down', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-9, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (granularity, dimension, l2NormClip) => {
          const one = vectorDiscreteGaussian({ granularity, dimension, l2NormClip, standardDeviation: 1 });
          const rounding = granularity * Math.sqrt(dimension);
          for (const [relation, clips] of [
            ['add-or-remove-one', 1],
            ['replace-special', 1],
            ['replace-one', 2],
          ] as const) {
            const multiplier = discreteNoiseMultiplier(one, relation) * (clips * l2NormClip + rounding);
            expect(multiplier).toBeLessThanOrEqual(1);
            expect(multiplier).toBeGreaterThan(1 - 1e-14);
          }
        },
      ),
      { seed: 5 },
    );
  });

  it('may be what a pass or a sample releases', () => {
    expect(shuffled({ event }).event).toBe(event);
  });
});

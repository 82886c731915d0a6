import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveNoiseMultiplier, sumNoiseMultiplier } from './adaptive-clipping.js';
import { gaussianRdp } from './gaussian-rdp.js';

const positive = fc.double({ min: 0.01, max: 100, noNaN: true });

describe('adaptive clipping', () => {
  it('is the closed form of Andrew et al. 2021', () => {
    const got = sumNoiseMultiplier({ effectiveNoiseMultiplier: 0.8, countStddev: 5 });
    expect(got / 0.802572353905128).toBeCloseTo(1, 13);
    expect(got).toBeGreaterThan((0.8 ** -2 - 10 ** -2) ** -0.5);
  });

  it('spends as much as the effective noise multiplier says: the divergences add up to its', () => {
    fc.assert(
      fc.property(positive, positive, (sigma, factor) => {
        const countStddev = (sigma / 2) * (1 + factor);
        const sum = sumNoiseMultiplier({ effectiveNoiseMultiplier: sigma, countStddev });
        expect(sum).toBeGreaterThan(sigma);
        const spent =
          gaussianRdp({ noiseMultiplier: sum, order: 3 }) +
          gaussianRdp({ noiseMultiplier: 2 * countStddev, order: 3 });
        expect(spent / gaussianRdp({ noiseMultiplier: sigma, order: 3 })).toBeCloseTo(1, 10);
        const back = effectiveNoiseMultiplier({ sumNoiseMultiplier: sum, countStddev });
        expect(back / sigma).toBeCloseTo(1, 10);
      }),
      { seed: 140 },
    );
  });

  it('refuses a count that alone costs more than the whole', () => {
    expect(() => sumNoiseMultiplier({ effectiveNoiseMultiplier: 1, countStddev: 0.5 })).toThrow(
      /countStddev must be more than effectiveNoiseMultiplier \/ 2 = 0\.5, got 0\.5/,
    );
    expect(effectiveNoiseMultiplier({ sumNoiseMultiplier: 0, countStddev: 3 })).toBe(0);
    expect(effectiveNoiseMultiplier({ sumNoiseMultiplier: 1e300, countStddev: 1e-300 })).toBeGreaterThan(0);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cltPoissonMu, cltUniformMu } from './clt.js';
import { gaussianEpsilon } from './index.js';

/** E over N(0, 1) by the trapezoidal rule, which is exact to rounding for entire functions. */
function expectation(f: (x: number) => number): number {
  let sum = 0;
  for (let x = -12; x <= 12; x += 1 / 64) sum += (f(x) * Math.exp((-x * x) / 2)) / 64;
  return sum / Math.sqrt(2 * Math.PI);
}

const anySigma = fc.double({ min: 0.5, max: 20, noNaN: true });

describe('the central limit of sampled Gaussians', () => {
  it('has the μ and ε of Opacus 1.6.0', () => {
    const poisson = cltPoissonMu({ samplingProbability: 0.01, noiseMultiplier: 1.3, steps: 10_000 });
    expect(poisson).toBeCloseTo(0.898380027788893, 12);
    expect(gaussianEpsilon({ mu: poisson, delta: 1e-5 })).toBeCloseTo(3.86816670012771, 9);
    const uniform = cltUniformMu({ samplingProbability: 0.05, noiseMultiplier: 2, steps: 1000 });
    expect(uniform).toBeCloseTo(0.9922478497593802, 12);
    expect(gaussianEpsilon({ mu: uniform, delta: 1e-6 })).toBeCloseTo(4.843477293012627, 9);
  });

  it('has μ² = T·q²·χ², χ² the divergence of the unsampled pair', () => {
    fc.assert(
      fc.property(anySigma, (sigma) => {
        const shift = 1 / sigma;
        const chiSquared = expectation((x) => Math.expm1(shift * x - (shift * shift) / 2) ** 2);
        const mu = cltPoissonMu({ samplingProbability: 0.03, noiseMultiplier: sigma, steps: 500 });
        expect(mu ** 2 / (500 * 0.03 ** 2 * chiSquared)).toBeCloseTo(1, 10);
      }),
      { seed: 41, numRuns: 50 },
    );
  });

  it('without replacement is √2 of the positive part of the same, at any noise', () => {
    // μ² = 2T·q²·E[((P/Q − 1)⁺)²] + …: Dong, Roth & Su 2022, § 5, by quadrature of the likelihood ratio above 1.
    for (const sigma of [0.7, 2, 50, 1e4]) {
      const mu = cltUniformMu({ samplingProbability: 0.1, noiseMultiplier: sigma, steps: 100 });
      const shift = 1 / sigma;
      let positive = 0;
      const step = 1 / 4096;
      // E_Q[((e^L − 1)⁺)²], mid-points from the kink at x = shift/2 on.
      for (let x = shift / 2 + step / 2; x < 12; x += step) {
        positive += Math.expm1(shift * x - shift ** 2 / 2) ** 2 * Math.exp((-x * x) / 2) * step;
      }
      positive /= Math.sqrt(2 * Math.PI);
      expect(mu ** 2 / (2 * 100 * 0.1 ** 2 * positive)).toBeCloseTo(1, 4);
    }
  });

  it.each([
    [{ samplingProbability: 0, noiseMultiplier: 1, steps: 1 }, /samplingProbability/],
    [{ samplingProbability: 0.1, noiseMultiplier: 0, steps: 1 }, /noiseMultiplier/],
    [{ samplingProbability: 0.1, noiseMultiplier: 1, steps: 0.5 }, /steps/],
  ])('refuses %j', (run, message) => {
    expect(() => cltPoissonMu(run)).toThrow(message);
    expect(() => cltUniformMu(run)).toThrow(message);
  });
});

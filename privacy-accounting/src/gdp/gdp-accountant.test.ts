import fc from 'fast-check';
import { all, create } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { composed, gaussian, noOp, poissonSampled, selfComposed, shuffled } from '../events/index.js';
import { GdpAccountant } from './index.js';

const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });

describe('GdpAccountant', () => {
  it('adds squares: μ² = Σ count·(Δ/σ)², rounded up by less than 1e-13', () => {
    const math = create(all!, { number: 'BigNumber', precision: 50 });
    const parts = fc.array(
      fc.tuple(fc.double({ min: 0.01, max: 1e4, noNaN: true }), fc.integer({ min: 1, max: 1_000_000 })),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(parts, fc.constantFrom(1, 2), (releases, sensitivity) => {
        const relation = sensitivity === 2 ? 'replace-one' : 'replace-special';
        const accountant = new GdpAccountant({ relation });
        let squares = math.bignumber(0);
        for (const [sigma, count] of releases) {
          accountant.compose(noise(sigma), count);
          squares = squares.plus(math.bignumber(sensitivity).div(sigma).pow(2).times(count));
        }
        const excess = math.bignumber(accountant.mu).div(squares.sqrt()).minus(1).toNumber();
        expect(excess).toBeGreaterThanOrEqual(0);
        expect(excess).toBeLessThan(1e-13);
      }),
      { seed: 50 },
    );
  });

  it('has the closed-form answer of dp_accounting’s PLD accountant under replace-one', () => {
    // σ = 10, 100 steps, δ = 1e-6, sensitivity 2C: closed form 10.997151214220652. With sensitivity C: 5.0.
    const accountant = new GdpAccountant({ relation: 'replace-one' }).compose(noise(10), 100);
    expect(accountant.getEpsilon(1e-6).epsilon).toBeCloseTo(10.997151214220652, 8);
    expect(accountant.mu).toBeCloseTo(2, 14);
  });

  it('refuses a sample and says why, but takes one of everything', () => {
    const accountant = new GdpAccountant({ relation: 'replace-special' });
    const event = composed([noOp(), poissonSampled({ samplingProbability: 0.5, event: noise(1) })]);
    expect(accountant.unsupportedReason(event)).toMatch(
      /^event\.events\[1\]: a Poisson-sampled Gaussian is not Gaussian-DP/,
    );
    expect(accountant.compose(poissonSampled({ samplingProbability: 1, event: noise(2) })).mu).toBeCloseTo(
      0.5,
      14,
    );
  });

  it('takes an epoch of shuffled batches as one participation of every example', () => {
    const epochs = selfComposed({ count: 9, event: shuffled({ event: noise(3) }) });
    expect(new GdpAccountant({ relation: 'replace-special' }).compose(epochs).mu).toBeCloseTo(1, 14);
    expect(new GdpAccountant({ relation: 'replace-one' }).compose(epochs).mu).toBeCloseTo(2, 14);
  });

  it('neither underflows nor overflows', () => {
    const mu = (sigma: number, count: number) =>
      new GdpAccountant({ relation: 'replace-special' }).compose(noise(sigma), count).mu;
    expect(mu(1e200, 4) / 2e-200).toBeCloseTo(1, 13);
    expect(mu(1e-200, 4) / 2e200).toBeCloseTo(1, 13);
    expect(mu(Number.MIN_VALUE, 1)).toBe(Number.POSITIVE_INFINITY);
    // μ is a number, μ²/2 is not: then it says why.
    const bound = new GdpAccountant({ relation: 'replace-special' }).compose(noise(1e-160)).getEpsilon(1e-5);
    expect(bound).toMatchObject({
      epsilon: Number.POSITIVE_INFINITY,
      warning: expect.stringMatching(/too little noise/),
    });
  });
});

import { describe, expect, it } from 'vitest';
import { gaussian, laplace, nonPrivate, poissonSampled, sampledWithoutReplacement } from '../events/index.js';
import { CltAccountant } from './clt-accountant.js';
import { GdpAccountant } from './gdp-accountant.js';

const relation = 'add-or-remove-one';
const step = (samplingProbability: number, noiseMultiplier: number) =>
  poissonSampled({ samplingProbability, event: gaussian({ noiseMultiplier }) });

describe('CltAccountant', () => {
  it('states what Opacus 1.6.0 does, labelled as an approximation', () => {
    const accountant = new CltAccountant({ relation }).compose(step(0.004, 1), 10_000);
    expect(accountant.mu).toBeCloseTo(0.5243329977728345, 12);
    const estimate = accountant.getEpsilon(1e-5);
    expect(estimate.epsilon).toBeCloseTo(2.1018067046978457, 9);
    expect(estimate.direction).toBe('approximation');
    expect(estimate.warning).toMatch(/not a bound/);
    expect(accountant.getDelta(2).direction).toBe('approximation');
  });

  it('is far below the truth where sampling is rare and noise small: the reason for the label', () => {
    // The true ε of this run is 8.63.
    const { epsilon } = new CltAccountant({ relation }).compose(step(1e-3, 0.4), 1000).getEpsilon(1e-6);
    expect(epsilon).toBeLessThan(3.4);
  });

  it('is exact for unsampled Gaussians, and adds μ² of different releases', () => {
    const event = gaussian({ noiseMultiplier: 5 });
    const exact = new GdpAccountant({ relation }).compose(event, 3).mu;
    expect(new CltAccountant({ relation }).compose(event, 3).mu).toBeCloseTo(exact, 12);
    const both = new CltAccountant({ relation }).compose(event, 3).compose(step(0.01, 1), 100).mu;
    const one = new CltAccountant({ relation }).compose(step(0.01, 1), 100).mu;
    expect(both).toBeCloseTo(Math.hypot(exact, one), 12);
  });

  it('reads samples of fixed size, and refuses the rest', () => {
    const fixed = sampledWithoutReplacement({
      datasetSize: 1000,
      sampleSize: 50,
      event: gaussian({ noiseMultiplier: 4 }),
    });
    // σ = 4C is 2 relative to 2C.
    const accountant = new CltAccountant({ relation: 'replace-one' }).compose(fixed, 1000);
    expect(accountant.mu).toBeCloseTo(0.9922478497593802, 10);
    expect(accountant.unsupportedReason(step(0.1, 1))).toMatch(/pld/);
    expect(accountant.unsupportedReason(laplace({ parameter: 1 }))).toMatch(/laplace/);
    expect(new CltAccountant({ relation }).compose(nonPrivate()).getEpsilon(1e-5).epsilon).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});

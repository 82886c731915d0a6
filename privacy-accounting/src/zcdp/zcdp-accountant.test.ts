import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composed,
  discreteGaussian,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  laplace,
  nonPrivate,
  poissonSampled,
  randomAllocation,
  selfComposed,
  vectorDiscreteGaussian,
  zCDP,
} from '../events/index.js';
import { gaussianDelta } from '../gdp/index.js';
import { RdpAccountant } from '../rdp/index.js';
import { ZcdpAccountant, zcdpToDelta, zcdpToEpsilon } from './index.js';

const accountant = () => new ZcdpAccountant({ relation: 'replace-special' });
const rhos = fc.double({ min: -8, max: 4, noNaN: true }).map((e) => 10 ** e);

describe('zcdpToEpsilon', () => {
  it('is a bound on the Gaussian, whose δ(ε) is known, and within a few per cent of it', () => {
    fc.assert(
      fc.property(rhos, fc.integer({ min: 1, max: 15 }), (rho, digits) => {
        const delta = 10 ** -digits;
        const { epsilon } = zcdpToEpsilon({ rho, delta });
        expect(gaussianDelta({ mu: Math.sqrt(2 * rho), epsilon })).toBeLessThanOrEqual(delta);
        const looser = rho + 2 * Math.sqrt(rho * Math.log(1 / delta));
        expect(epsilon).toBeLessThanOrEqual(looser);
      }),
      { seed: 301 },
    );
  });

  it('finds the best of many orders', () => {
    for (const [rho, xi, delta] of [
      [1, 0, 1e-6],
      [1e-4, 0.01, 1e-9],
      [300, 2, 1e-3],
    ] as const) {
      let best = Number.POSITIVE_INFINITY;
      for (let t = -12; t < 12; t += 1e-3) {
        const a = Math.exp(t);
        const shrink = Math.log(a / (1 + a));
        best = Math.min(best, xi + rho * (1 + a) + shrink - Math.log(delta * (1 + a)) / a);
      }
      const { epsilon } = zcdpToEpsilon({ rho, xi, delta });
      expect(epsilon).toBeLessThanOrEqual(best * (1 + 1e-12));
      expect(epsilon / best).toBeGreaterThan(1 - 1e-5);
    }
  });

  it('inverts zcdpToDelta, and grows with ρ, ξ and 1/δ', () => {
    fc.assert(
      fc.property(rhos, fc.integer({ min: 2, max: 15 }), (rho, digits) => {
        const delta = 10 ** -digits;
        const { epsilon } = zcdpToEpsilon({ rho, delta });
        if (epsilon > 0 && epsilon < 1e4) {
          expect(zcdpToDelta({ rho, epsilon }).delta / delta).toBeCloseTo(1, 6);
        }
        expect(zcdpToEpsilon({ rho: rho * 1.01, delta }).epsilon).toBeGreaterThanOrEqual(epsilon);
        expect(zcdpToEpsilon({ rho, xi: 0.1, delta }).epsilon).toBeGreaterThanOrEqual(epsilon);
        expect(zcdpToEpsilon({ rho, delta: delta / 1.1 }).epsilon).toBeGreaterThanOrEqual(epsilon);
      }),
      { seed: 302 },
    );
  });

  it('knows the ends', () => {
    expect(zcdpToEpsilon({ rho: 0, delta: 1e-9 }).epsilon).toBe(0);
    expect(zcdpToDelta({ rho: 0, epsilon: 0 }).delta).toBe(0);
    expect(zcdpToEpsilon({ rho: 1e-30, delta: 1e-9 }).epsilon).toBe(0);
    expect(zcdpToEpsilon({ rho: 1e12, delta: 1e-15 }).epsilon).toBeGreaterThan(1e12);
    expect(() => zcdpToEpsilon({ rho: -1, delta: 0.1 })).toThrow(/rho must be a finite number, 0 or larger/);
    expect(() => zcdpToEpsilon({ rho: 1, delta: 1 })).toThrow(/delta must be/);
    expect(() => zcdpToDelta({ rho: 1, xi: Number.NaN, epsilon: 1 })).toThrow(/xi must be/);
    // JSON writes ∞ as null: that is not 0.
    expect(() => zcdpToEpsilon({ rho: 1, xi: null as never, delta: 1e-5 })).toThrow(/xi must be/);
  });
});

describe('ZcdpAccountant', () => {
  it('adds up ρ', () => {
    const run = accountant()
      .compose(gaussian({ noiseMultiplier: 10 }), 100)
      .compose(discreteGaussian({ sigma: 20, sensitivity: 2 }), 50)
      .compose(zCDP({ rho: 0.125, xi: 0.5, relation: 'replace-special' }), 2)
      .compose(exponentialMechanism({ epsilon: 1, relation: 'replace-special' }));
    expect(run.rho).toBeCloseTo(0.5 + 0.25 + 0.25 + 0.125, 12);
    expect(run.rho).toBeGreaterThanOrEqual(1.125);
    expect(run.xi).toBeCloseTo(1, 12);
    expect(run.getEpsilon(1e-6)).toMatchObject({ accountant: 'zcdp', direction: 'upper', delta: 1e-6 });
  });

  it('is no looser than dp_accounting 0.6.0 for ρ = 1: 7.766237903487095', () => {
    const run = accountant().compose(zCDP({ rho: 1, xi: 0, relation: 'replace-special' }));
    expect(run.getEpsilon(1e-6).epsilon).toBeLessThanOrEqual(7.766237903487095);
    expect(run.getEpsilon(1e-6).epsilon).toBeGreaterThan(7.7662);
  });

  it('agrees with the rdp accountant on Gaussians, discrete ones on vectors too', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 200, noNaN: true }),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 2, max: 12 }),
        (sigma, count, digits) => {
          const grid = vectorDiscreteGaussian({
            granularity: 2 ** -12,
            dimension: 5000,
            standardDeviation: sigma,
            l2NormClip: 1,
          });
          const event = selfComposed({
            count,
            event: composed([gaussian({ noiseMultiplier: sigma }), grid]),
          });
          const rdp = new RdpAccountant({ relation: 'replace-one' }).compose(event).getEpsilon(10 ** -digits);
          const { epsilon } = new ZcdpAccountant({ relation: 'replace-one' })
            .compose(event)
            .getEpsilon(10 ** -digits);
          expect(epsilon).toBeLessThanOrEqual(rdp.epsilon * (1 + 1e-9) + 1e-12);
          if (rdp.warning === undefined) expect(epsilon).toBeGreaterThan(rdp.epsilon * (1 - 1e-4) - 1e-9);
        },
      ),
      { seed: 303, numRuns: 60 },
    );
  });

  it('never undercuts the rdp accountant by more than rounding: it knows less', () => {
    const parts = [
      laplace({ parameter: 2 }),
      randomAllocation({ steps: 10, selected: 3, event: gaussian({ noiseMultiplier: 5 }) }),
      epsilonDelta({ epsilon: 0.3, delta: 1e-8, relation: 'add-or-remove-one' }),
      poissonSampled({ samplingProbability: 0.1, event: laplace({ parameter: 1 }) }),
    ];
    for (const event of [...parts, composed(parts)]) {
      const relation = 'add-or-remove-one';
      const rdp = new RdpAccountant({ relation }).compose(event, 5).getEpsilon(1e-6).epsilon;
      const zcdp = new ZcdpAccountant({ relation }).compose(event, 5).getEpsilon(1e-6).epsilon;
      expect(zcdp).toBeGreaterThanOrEqual(rdp * (1 - 1e-4));
    }
  });

  it('keeps the δ of its mechanisms apart', () => {
    const run = accountant().compose(
      epsilonDelta({ epsilon: 0.1, delta: 1e-7, relation: 'replace-special' }),
      20,
    );
    expect(run.getEpsilon(1.9e-6)).toMatchObject({ epsilon: Number.POSITIVE_INFINITY });
    expect(run.getEpsilon(1.9e-6).warning).toMatch(
      /own δ's add up to 0\.00000199999.*|own δ's add up to 1\.99999.*e-6/,
    );
    expect(run.getEpsilon(3e-6).epsilon).toBeLessThan(3);
    expect(run.getDelta(50).delta).toBeGreaterThanOrEqual(1.99999e-6);
    expect(run.getDelta(50).delta).toBeLessThan(2.1e-6);
  });

  it('refuses sampled Gaussians, and says ∞ of what is not private', () => {
    const sampled = poissonSampled({ samplingProbability: 0.1, event: gaussian({ noiseMultiplier: 1 }) });
    expect(accountant().unsupportedReason(sampled)).toMatch(
      /^event: a Poisson-sampled Gaussian is not known to be zCDP .* Use the rdp or pld accountant\.$/,
    );
    const bound = accountant()
      .compose(nonPrivate({ reason: 'seeded noise' }))
      .getEpsilon(1e-6);
    expect(bound).toMatchObject({ epsilon: Number.POSITIVE_INFINITY, warning: 'Not private: seeded noise.' });
    expect(accountant().getEpsilon(1e-6).epsilon).toBe(0);
    expect(accountant().getDelta(0).delta).toBe(0);
  });
});

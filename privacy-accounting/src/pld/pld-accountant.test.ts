import { describe, expect, it } from 'vitest';
import { gaussian, poissonSampled } from '../events/index.js';
import { gaussianEpsilon } from '../gdp/index.js';
import { CertifiedPldAccountant, PldAccountant } from './pld-accountant.js';

const relation = 'add-or-remove-one';
const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });

describe('PldAccountant', () => {
  it('is an upper bound, and tight', () => {
    const bound = new PldAccountant({ relation }).compose(step, 10_000).getEpsilon(1e-5);
    expect(bound.epsilon).toBeGreaterThan(5.192583);
    expect(bound.epsilon).toBeLessThan(5.1927);
    expect(bound).toMatchObject({ accountant: 'pld', direction: 'upper', relation, delta: 1e-5 });
  });

  it('takes an interval, and inverts ε(δ) by δ(ε)', () => {
    const accountant = new PldAccountant({ relation, valueDiscretizationInterval: 1e-4 }).compose(
      step,
      10_000,
    );
    const { epsilon } = accountant.getEpsilon(1e-5);
    expect(epsilon).toBeLessThan(5.19264);
    expect(accountant.getDelta(epsilon).delta / 1e-5).toBeCloseTo(1, 2);
  });

  it('merges unsampled Gaussians into one, under every relation', () => {
    for (const [name, clips] of [
      ['add-or-remove-one', 1],
      ['replace-one', 2],
      ['replace-special', 1],
    ] as const) {
      const accountant = new PldAccountant({ relation: name }).compose(
        gaussian({ noiseMultiplier: 20 }),
        100,
      );
      const truth = gaussianEpsilon({ mu: (clips * 10) / 20, delta: 1e-10 });
      const { epsilon } = accountant.getEpsilon(1e-10);
      expect(epsilon).toBeGreaterThanOrEqual(truth * (1 - 1e-12));
      expect(epsilon / truth).toBeLessThan(1.0002);
    }
  });

  it('does not depend on the order or grouping of compositions', () => {
    const other = gaussian({ noiseMultiplier: 9 });
    const a = new PldAccountant({ relation }).compose(step, 70).compose(other).compose(step, 30);
    const b = new PldAccountant({ relation }).compose(other).compose(step, 100);
    expect(a.getEpsilon(1e-6).epsilon).toBe(b.getEpsilon(1e-6).epsilon);
  });

  it('bounds Poisson sampling under replace-one', () => {
    const sampled = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1 }) });
    const { epsilon } = new PldAccountant({ relation: 'replace-one' })
      .compose(sampled, 1000)
      .getEpsilon(1e-5);
    expect(epsilon).toBeGreaterThan(2.84344);
    expect(epsilon).toBeLessThan(2.8436);
  });

  it('is 0 for nothing and ∞ without noise', () => {
    expect(new PldAccountant({ relation }).getEpsilon(1e-5).epsilon).toBe(0);
    expect(new PldAccountant({ relation }).getDelta(1).delta).toBe(0);
    const bare = new PldAccountant({ relation }).compose(gaussian({ noiseMultiplier: 0 }));
    expect(bare.getEpsilon(1e-5).epsilon).toBe(Number.POSITIVE_INFINITY);
    expect(bare.getDelta(1).delta).toBe(1);
  });

  it('answers after every one of a hundred steps', () => {
    const accountant = new PldAccountant({ relation });
    let last = 0;
    for (let i = 0; i < 100; i++) {
      const { epsilon } = accountant.compose(step).getEpsilon(1e-5);
      expect(epsilon).toBeGreaterThan(last * (1 - 1e-4));
      last = epsilon;
    }
  });

  it('refuses a bad interval', () => {
    expect(() => new PldAccountant({ relation, valueDiscretizationInterval: 0 })).toThrow(/above 0/);
  });
});

describe('CertifiedPldAccountant', () => {
  it('encloses ε and δ', () => {
    const accountant = new CertifiedPldAccountant({ relation }).compose(step, 10_000);
    const { lower, upper } = accountant.getEpsilonInterval(1e-5);
    expect(lower.epsilon).toBeLessThan(5.192584);
    expect(upper.epsilon).toBeGreaterThan(5.192583);
    expect(upper.epsilon - lower.epsilon).toBeLessThan(1e-3);
    expect([lower.direction, upper.direction]).toEqual(['lower', 'upper']);
    const deltas = accountant.getDeltaInterval(5.192583446);
    expect(deltas.lower.delta).toBeLessThan(1e-5 * (1 + 1e-5));
    expect(deltas.upper.delta).toBeGreaterThan(1e-5 * (1 - 1e-5));
  });
});

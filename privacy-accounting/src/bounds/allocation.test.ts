import { describe, expect, it } from 'vitest';
import { gaussianDelta, gaussianEpsilon } from '../gdp/index.js';
import { normalCdf } from '../gdp/normal-law.js';
import { randomAllocationPair } from '../pld/random-allocation-pair.js';
import { AllocationLaw, randomAllocationDelta, randomAllocationEpsilon } from './random-allocation.js';
import { shuffleDeltaFloor } from './shuffle-lower-bound.js';

/** Both divergences for T = 2: the inner expectation over Z₂ in closed form (a call on a log-normal), Z₁ by trapezoid. */
function twoSteps(sigma: number, epsilon: number): { readonly removed: number; readonly added: number } {
  const s = 1 / sigma;
  // E[(W − k)⁺] of W = e^{sZ − s²/2}.
  const call = (k: number) =>
    k <= 0 ? 1 - k : normalCdf(s / 2 - Math.log(k) / s) - k * normalCdf(-s / 2 - Math.log(k) / s);
  const put = (k: number) => (k <= 0 ? 0 : call(k) - 1 + k);
  let removed = 0;
  let added = 0;
  const step = 1 / 512;
  for (let z = -14; z <= 14; z += step) {
    const density = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * step;
    const w = Math.exp(s * z - (s * s) / 2);
    removed += density * 0.5 * call(2 * Math.exp(epsilon) - w);
    added += density * Math.exp(epsilon) * 0.5 * put(2 * Math.exp(-epsilon) - w);
  }
  return { removed, added };
}

describe('random allocation', () => {
  it('is above the quadrature of two steps, in both directions, and hardly', () => {
    for (const sigma of [0.8, 1, 2, 5]) {
      const law = new AllocationLaw(sigma, 2, 1.5);
      for (const epsilon of [0, 0.1, 0.4, 0.9, 1.4]) {
        const { removed, added } = twoSteps(sigma, epsilon);
        for (const [got, truth] of [
          [law.removed(epsilon), removed],
          [law.added(epsilon), added],
        ] as const) {
          expect(got, `σ ${sigma}, ε ${epsilon}`).toBeGreaterThanOrEqual(truth * (1 - 1e-9) - 1e-15);
          expect(got, `σ ${sigma}, ε ${epsilon}`).toBeLessThan(truth * 1.001 + 2e-8);
        }
      }
    }
  });

  it('of one step is the Gaussian', () => {
    const law = new AllocationLaw(1.5, 1, 2);
    for (const epsilon of [0, 0.5, 1.5]) {
      const truth = gaussianDelta({ mu: 1 / 1.5, epsilon });
      for (const got of [law.removed(epsilon), law.added(epsilon)]) {
        expect(got).toBeGreaterThanOrEqual(truth * (1 - 1e-9));
        expect(got).toBeLessThan(truth * 1.001 + 2e-8);
      }
    }
  });

  it('is no looser than opake-accounting 0.16.1 and random-allocation 1.0.5', () => {
    const epsilon = (noiseMultiplier: number, steps: number, delta: number) =>
      randomAllocationEpsilon({ noiseMultiplier, steps }, { delta });
    expect(epsilon(1, 1000, 1e-5)).toBeLessThan(0.1427438158085162);
    expect(epsilon(1, 1000, 1e-6)).toBeLessThan(0.17560651279227743);
    expect(epsilon(0.7, 100, 1e-5)).toBeLessThan(2.840988121437886);
  });

  it('is what 100,000 draws of Q say', () => {
    // δ_added(ε) = E_Q[(1 − e^ε·Y)⁺]; a linear congruential generator and Box–Muller, so that every run is the same.
    let state = 12345;
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const [sigma, steps, epsilon, draws] = [1, 20, 0.5, 100_000];
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < draws; i++) {
      let y = 0;
      for (let t = 0; t < steps; t++) y += Math.exp(normal() / sigma - 0.5 / sigma ** 2) / steps;
      const value = Math.max(0, 1 - Math.exp(epsilon) * y);
      sum += value;
      squares += value * value;
    }
    const mean = sum / draws;
    const deviation = Math.sqrt((squares / draws - mean * mean) / draws);
    // Seven standard deviations: by chance less than 1e-9.
    expect(Math.abs(new AllocationLaw(sigma, steps, 1).added(epsilon) - mean)).toBeLessThan(7 * deviation);
  });

  it('is never above the Gaussian, falls with steps and noise, and inverts', () => {
    const at = (noiseMultiplier: number, steps: number) =>
      randomAllocationEpsilon({ noiseMultiplier, steps }, { delta: 1e-5 });
    expect(at(1, 4)).toBeLessThan(gaussianEpsilon({ mu: 1, delta: 1e-5 }));
    expect(at(1, 40)).toBeLessThan(at(1, 4));
    expect(at(1.2, 40)).toBeLessThan(at(1, 40));
    const round = { noiseMultiplier: 1.2, steps: 40 };
    const epsilon = at(1.2, 40);
    expect(randomAllocationDelta(round, { epsilon: epsilon * 1.001 })).toBeLessThanOrEqual(1e-5 * 1.001);
    expect(randomAllocationDelta(round, { epsilon: epsilon * 0.99 })).toBeGreaterThan(1e-5);
    // Too little noise, too small a δ: the answer without amplification, not a wrong one.
    expect(at(0.1, 100)).toBeCloseTo(gaussianEpsilon({ mu: 10, delta: 1e-5 }), 12);
    expect(randomAllocationDelta(round, { epsilon: 30 })).toBeGreaterThan(0);
  });
});

describe('the pair of a random allocation', () => {
  it('is above the quadrature of two steps, in both directions, and hardly', () => {
    for (const noiseMultiplier of [0.8, 2]) {
      const { atoms, singular } = randomAllocationPair({ noiseMultiplier, steps: 2 });
      for (const epsilon of [0, 0.1, 0.4, 0.9, 1.4]) {
        const truth = twoSteps(noiseMultiplier, epsilon);
        const removed = atoms.reduce(
          (sum, { p, q }) => sum + Math.max(0, p - Math.exp(epsilon) * q),
          singular.p,
        );
        const added = atoms.reduce(
          (sum, { p, q }) => sum + Math.max(0, q - Math.exp(epsilon) * p),
          singular.q,
        );
        expect(removed).toBeGreaterThanOrEqual(truth.removed);
        expect(removed).toBeLessThan(truth.removed * 1.002 + 1e-6);
        expect(added).toBeGreaterThanOrEqual(truth.added);
        expect(added).toBeLessThan(truth.added * 1.002 + 1e-6);
      }
    }
  });

  it('consists of two laws, whose losses are what their masses say', () => {
    const { atoms, singular } = randomAllocationPair({ noiseMultiplier: 1, steps: 1000 });
    expect(atoms.reduce((sum, { p }) => sum + p, singular.p)).toBeCloseTo(1, 10);
    expect(atoms.reduce((sum, { q }) => sum + q, singular.q)).toBeCloseTo(1, 10);
    for (const { loss, p, q } of atoms) expect(Math.log(p / q)).toBeCloseTo(loss, 12);
  });
});

describe('the floor under shuffled batches', () => {
  it('is that of random-allocation 1.0.5, and above what Poisson samples would have', () => {
    const floor = shuffleDeltaFloor(
      { noiseMultiplier: 0.5, stepsPerEpoch: 1000, epochs: 1, relation: 'replace-special' },
      { epsilon: 2 },
    );
    expect(floor.delta).toBeGreaterThan(0.2486431822788132 * 0.9999);
    expect(floor.delta).toBeLessThan(0.2486431822788132 * 1.001);
    expect(floor.direction).toBe('lower');
  });

  it('is below what shuffled passes cost at most: E Gaussians, or one of twice the sensitivity each', () => {
    for (const noiseMultiplier of [0.4, 0.8, 2, 6]) {
      for (const stepsPerEpoch of [1, 10, 500]) {
        for (const epochs of [1, 3, 20]) {
          for (const epsilon of [0, 0.5, 2, 6]) {
            for (const [relation, sensitivity] of [
              ['replace-special', 1],
              ['replace-one', 2],
            ] as const) {
              const { delta } = shuffleDeltaFloor(
                { noiseMultiplier, stepsPerEpoch, epochs, relation },
                { epsilon },
              );
              const mu = (Math.sqrt(epochs) * sensitivity) / noiseMultiplier;
              expect(delta).toBeLessThanOrEqual(gaussianDelta({ mu, epsilon }) * (1 + 1e-9));
            }
          }
        }
      }
    }
  });

  it('of one batch is the Gaussian’s total variation, which one threshold attains', () => {
    const run = { noiseMultiplier: 2, stepsPerEpoch: 1, epochs: 1, relation: 'replace-special' } as const;
    const truth = gaussianDelta({ mu: 0.5, epsilon: 0 });
    expect(shuffleDeltaFloor(run, { epsilon: 0 }).delta).toBeCloseTo(truth, 7);
    expect(shuffleDeltaFloor(run, { epsilon: 0 }).delta).toBeLessThanOrEqual(truth);
  });

  it('grows with epochs, falls with ε, and refuses what it is not about', () => {
    const at = (epochs: number, epsilon: number) =>
      shuffleDeltaFloor(
        { noiseMultiplier: 0.6, stepsPerEpoch: 200, epochs, relation: 'replace-special' },
        { epsilon },
      ).delta;
    expect(at(10, 1)).toBeGreaterThan(at(1, 1));
    expect(at(10, 1)).toBeGreaterThan(at(10, 4));
    expect(at(0, 1)).toBe(0);
    expect(() =>
      shuffleDeltaFloor(
        { noiseMultiplier: 1, stepsPerEpoch: 10, epochs: 1, relation: 'add-or-remove-one' },
        { epsilon: 1 },
      ),
    ).toThrow(/replace-special or replace-one/);
  });
});

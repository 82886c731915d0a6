import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composed,
  epsilonDelta,
  gaussian,
  laplace,
  nonPrivate,
  poissonSampled,
  selfComposed,
  shuffled,
  zCDP,
} from '../events/index.js';
import { gaussianEpsilon } from '../gdp/index.js';
import { RdpAccountant } from '../rdp/index.js';
import { PrivacyFilter, type PrivacyFilterOptions, PrivacyOdometer } from './index.js';

const relation = 'add-or-remove-one';
const step = (noiseMultiplier: number, samplingProbability = 0.01) =>
  poissonSampled({ samplingProbability, event: gaussian({ noiseMultiplier }) });
const budget = { epsilon: 3, delta: 1e-5 };

const anyEvent = fc.oneof(
  fc.double({ min: 0.7, max: 8, noNaN: true }).map((sigma) => step(sigma, 0.02)),
  fc.double({ min: 3, max: 30, noNaN: true }).map((noiseMultiplier) => gaussian({ noiseMultiplier })),
  fc.double({ min: 3, max: 50, noNaN: true }).map((parameter) => laplace({ parameter })),
  fc.double({ min: 1e-4, max: 0.05, noNaN: true }).map((rho) => zCDP({ rho, relation })),
);
const anySequence = fc.array(fc.tuple(anyEvent, fc.integer({ min: 1, max: 400 })), {
  minLength: 1,
  maxLength: 12,
});

describe('PrivacyFilter', () => {
  it('never lets pass more than its budget, as the accountant of fixed parameters sees it', () => {
    fc.assert(
      fc.property(anySequence, fc.constantFrom(undefined, step(1)), (sequence, plan) => {
        const filter = new PrivacyFilter({ budget, relation, ...(plan === undefined ? {} : { plan }) });
        for (const [event, count] of sequence) {
          if (filter.admits(event, count)) filter.spend(event, count);
          else expect(() => filter.spend(event, count)).toThrow(/would exceed the budget/);
        }
        // A filter promises more than the accountant, for the same releases; so it can't have let pass more.
        const accountant = new RdpAccountant({ relation }).compose(filter.spent);
        expect(accountant.getEpsilon(budget.delta).epsilon).toBeLessThanOrEqual(budget.epsilon * (1 + 1e-6));
      }),
      { seed: 51, numRuns: 60 },
    );
  });

  it('reaches nearly as far as fixed parameters would, when it has a plan', () => {
    for (const event of [step(1), step(2, 0.05), gaussian({ noiseMultiplier: 20 })]) {
      const most = new PrivacyFilter({ budget, relation, plan: event }).remaining(event);
      const epsilonOf = (count: number) =>
        new RdpAccountant({ relation }).compose(event, count).getEpsilon(budget.delta).epsilon;
      expect(epsilonOf(most)).toBeLessThanOrEqual(budget.epsilon);
      expect(epsilonOf(Math.ceil(most * 1.06))).toBeGreaterThan(budget.epsilon);
    }
  });

  it('for Gaussians loses nothing with gdp, and nothing against zCDP with zcdp', () => {
    const event = gaussian({ noiseMultiplier: 20 });
    const most = new PrivacyFilter({ budget, relation, accountant: 'gdp' }).remaining(event);
    expect(gaussianEpsilon({ mu: Math.sqrt(most) / 20, delta: 1e-5 })).toBeLessThanOrEqual(3);
    expect(gaussianEpsilon({ mu: Math.sqrt(most + 1) / 20, delta: 1e-5 })).toBeGreaterThan(3);
    const zcdp = new PrivacyFilter({ budget, relation, accountant: 'zcdp' }).remaining(event);
    const rdp = new PrivacyFilter({ budget, relation }).remaining(event);
    expect(zcdp).toBeLessThan(most);
    expect(rdp).toBeLessThanOrEqual(zcdp);
    expect(rdp).toBeGreaterThan(0.9 * zcdp);
  });

  it('depends on what was spent, not on its order', () => {
    const events = [step(1), gaussian({ noiseMultiplier: 9 }), laplace({ parameter: 20 }), step(1)];
    const one = new PrivacyFilter({ budget, relation });
    const other = new PrivacyFilter({ budget, relation });
    for (const event of events) one.spend(event);
    for (const event of [...events].reverse()) other.spend(event);
    expect(one.remaining(step(0.8))).toBe(other.remaining(step(0.8)));
    const together = new PrivacyFilter({ budget, relation }).spend(composed(events));
    expect(together.remaining(step(0.8))).toBe(one.remaining(step(0.8)));
  });

  it('records nothing that it refuses, and says how much would fit', () => {
    const filter = new PrivacyFilter({ budget, relation }).spend(step(1), 500);
    const before = JSON.stringify(filter);
    const rest = filter.remaining(step(1));
    expect(() => filter.spend(step(1), rest + 1)).toThrow(`${rest} more of it would fit`);
    expect(() => filter.spend(nonPrivate())).toThrow(/exceed the budget/);
    expect(() => filter.spend(shuffled({ event: gaussian({ noiseMultiplier: 4 }) }))).toThrow(/shuffled/);
    expect(filter.admits(shuffled({ event: gaussian({ noiseMultiplier: 4 }) }))).toBe(false);
    expect(JSON.stringify(filter)).toBe(before);
    filter.spend(step(1), rest);
    expect(filter.remaining(step(1))).toBe(0);
  });

  it('is resumed from JSON where it was', () => {
    for (const accountant of ['rdp', 'zcdp', 'gdp'] as const) {
      const event = gaussian({ noiseMultiplier: 12 });
      const filter = new PrivacyFilter({ budget, relation, accountant }).spend(event, 20);
      const again = PrivacyFilter.fromJSON(JSON.parse(JSON.stringify(filter)));
      expect(JSON.stringify(again)).toBe(JSON.stringify(filter));
      expect(again.remaining(event)).toBe(filter.remaining(event));
    }
  });

  it('does not resume what was altered', () => {
    const filter = new PrivacyFilter({ budget, relation }).spend(step(1), 500);
    const state = JSON.parse(JSON.stringify(filter));
    expect(() => PrivacyFilter.fromJSON({ ...state, budget: { epsilon: 0.5, delta: 1e-5 } })).toThrow(
      /more than its budget/,
    );
    const orders = [
      { order: 5, weight: 0.7 },
      { order: 9, weight: 0.7 },
    ];
    expect(() => PrivacyFilter.fromJSON({ ...state, orders })).toThrow(/sum to at most 1/);
    expect(() => PrivacyFilter.fromJSON({ ...state, schema: 'other' })).toThrow(/schema/);
    expect(() => PrivacyFilter.fromJSON({ ...state, spent: { type: 'gaussian' } })).toThrow(
      /noiseMultiplier/,
    );
  });

  it('keeps a part of δ for mechanisms that have their own', () => {
    const event = epsilonDelta({ epsilon: 0.01, delta: 1e-7, relation });
    expect(new PrivacyFilter({ budget, relation }).admits(event)).toBe(false);
    for (const accountant of ['rdp', 'zcdp'] as const) {
      const filter = new PrivacyFilter({ budget, relation, accountant, reservedDelta: 1e-6 });
      expect(filter.remaining(event)).toBe(9);
    }
  });

  it('for users counts all of a user’s examples', () => {
    const event = gaussian({ noiseMultiplier: 40 });
    const options: PrivacyFilterOptions = { budget, relation, accountant: 'gdp' };
    const examples = new PrivacyFilter(options).remaining(event);
    const users = new PrivacyFilter({ ...options, contributions: 4 }).remaining(event);
    expect(Math.abs(users - examples / 16)).toBeLessThanOrEqual(1);
  });

  it.each([
    [{ budget: { epsilon: -1, delta: 1e-5 }, relation }, /budget.epsilon/],
    [{ budget: { epsilon: 1, delta: 0 }, relation }, /budget.delta/],
    [{ budget, relation: 'other' }, /relation/],
    [{ budget, relation, accountant: 'pld' }, /No other accountant has a theorem/],
    [{ budget, relation, reservedDelta: 1 }, /reservedDelta/],
    [{ budget: { epsilon: 1e-9, delta: 1e-5 }, relation }, /Raise ε or δ/],
  ])('refuses %j', (options, message) => {
    expect(() => new PrivacyFilter(options as PrivacyFilterOptions)).toThrow(message);
  });
});

describe('PrivacyOdometer', () => {
  it('is above the accountant of fixed parameters, and grows', () => {
    fc.assert(
      fc.property(anySequence, (sequence) => {
        const odometer = new PrivacyOdometer({ delta: 1e-5, relation });
        const accountant = new RdpAccountant({ relation });
        let before = 0;
        for (const [event, count] of sequence) {
          const { epsilon } = odometer.spend(event, count).getEpsilon();
          expect(epsilon).toBeGreaterThanOrEqual(before);
          before = epsilon;
          accountant.compose(event, count);
          expect(epsilon).toBeGreaterThanOrEqual(accountant.getEpsilon(1e-5).epsilon * (1 - 1e-9));
        }
      }),
      { seed: 52, numRuns: 60 },
    );
  });

  it('is exceeded by the privacy loss at any time of a random walk no more often than δ', () => {
    // Gaussians: the loss of each is N(μ²/2, μ²) under P. The worst one could do is to stop where it is highest.
    const delta = 0.05;
    const event = gaussian({ noiseMultiplier: 4 });
    const limits = Array.from(
      { length: 300 },
      (_, t) => new PrivacyOdometer({ delta, relation }).spend(event, t + 1).getEpsilon().epsilon,
    );
    let state = 99;
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const walks = 4000;
    let exceeded = 0;
    for (let walk = 0; walk < walks; walk++) {
      let loss = 0;
      exceeded += limits.some((limit) => {
        loss += 1 / 32 + normal() / 4;
        return loss > limit;
      })
        ? 1
        : 0;
    }
    // The bound says at most δ·walks = 200 on average; it is not tight, and the walks are always the same.
    expect(exceeded).toBeLessThan(delta * walks);
    expect(exceeded).toBeGreaterThan(0);
  });

  it('is tighter around its plan, and within a third of fixed parameters there', () => {
    const plan = selfComposed({ count: 1000, event: step(1) });
    const planned = new PrivacyOdometer({ delta: 1e-5, relation, plan }).spend(plan).getEpsilon().epsilon;
    const even = new PrivacyOdometer({ delta: 1e-5, relation }).spend(plan).getEpsilon().epsilon;
    const fixed = new RdpAccountant({ relation }).compose(plan).getEpsilon(1e-5).epsilon;
    expect(planned).toBeLessThan(even);
    expect(planned).toBeGreaterThan(fixed);
    expect(planned).toBeLessThan(fixed * 1.33);
  });

  it('starts at 0, is resumed from JSON, and refuses what has no ε', () => {
    const odometer = new PrivacyOdometer({ delta: 1e-5, relation });
    expect(odometer.getEpsilon().epsilon).toBe(0);
    odometer.spend(step(1), 100).spend(laplace({ parameter: 9 }));
    const again = PrivacyOdometer.fromJSON(JSON.parse(JSON.stringify(odometer)));
    expect(again.getEpsilon()).toEqual(odometer.getEpsilon());
    expect(() => odometer.spend(nonPrivate())).toThrow(/has no ε/);
    expect(() => odometer.spend(epsilonDelta({ epsilon: 1, delta: 1e-9, relation }))).toThrow(
      /reservedDelta/,
    );
    expect(again.getEpsilon()).toEqual(odometer.getEpsilon());
  });
});

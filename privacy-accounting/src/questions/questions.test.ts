import { describe, expect, it } from 'vitest';
import { deltaOf, epsilonOf } from '../epsilon-of.js';
import { DpError } from '../errors.js';
import {
  composed,
  gaussian,
  laplace,
  nonPrivate,
  noOp,
  poissonSampled,
  repeatAndSelect,
  selfComposed,
  shuffled,
} from '../events/index.js';
import {
  ACCOUNTANT_NAMES,
  compareAccountants,
  deltaCurve,
  epsilonCurve,
  epsilonOverSteps,
  remaining,
  tuningCost,
} from './index.js';

const relation = 'add-or-remove-one' as const;
const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });
const training = selfComposed({ count: 1000, event: step });

describe('compareAccountants', () => {
  const rows = compareAccountants(training, { delta: 1e-5, relation });
  const row = (name: string) => rows.find(({ accountant }) => accountant === name)!;

  it('has a row for each: a bound or a reason, a direction, and one sentence', () => {
    expect(rows.map(({ accountant }) => accountant)).toEqual(ACCOUNTANT_NAMES);
    for (const { bound, reason, trust, direction, accountant } of rows) {
      expect((bound === undefined) !== (reason === undefined)).toBe(true);
      expect(trust).toMatch(/^[A-Z].*\.$/);
      expect(direction).toBe(accountant === 'clt' ? 'approximation' : 'upper');
      if (bound !== undefined) expect(bound).toMatchObject({ accountant, direction, relation });
    }
    expect(row('gdp').reason).toMatch(/not Gaussian-DP/);
  });

  it('marks the tightest upper bound, never an approximation', () => {
    expect(row('clt').bound!.epsilon).toBeLessThan(row('pld').bound!.epsilon);
    expect(row('clt').tightest).toBe(false);
    const best = epsilonOf(training, { delta: 1e-5, relation }).epsilon;
    const tightest = rows.filter((r) => r.tightest);
    expect(tightest.length).toBeGreaterThan(0);
    for (const { bound } of tightest) expect(Math.abs(bound!.epsilon / best - 1)).toBeLessThan(1e-4);
    expect(row('certified-pld').lower!.epsilon).toBeLessThanOrEqual(best);
    expect(row('certified-pld').lower!.direction).toBe('lower');
  });

  it('takes a choice of accountants, and events that nobody bounds', () => {
    const some = compareAccountants(shuffled({ event: gaussian({ noiseMultiplier: 1 }) }), {
      delta: 1e-5,
      relation,
      accountants: ['rdp', 'gdp'],
    });
    expect(some.map(({ accountant }) => accountant)).toEqual(['gdp', 'rdp']);
    const unknown = () =>
      compareAccountants(training, { delta: 1e-5, relation, accountants: ['prv' as never] });
    expect(unknown).toThrow(/accountants must be names among gdp/);
    for (const { reason, tightest } of some) {
      expect(reason).toMatch(/moves the others between batches/);
      expect(tightest).toBe(false);
    }
  });
});

describe('curves', () => {
  it('are the single answers, in the order asked for', () => {
    const event = selfComposed({ count: 10, event: gaussian({ noiseMultiplier: 4 }) });
    const deltas = [1e-4, 1e-8, 1e-6];
    const curve = epsilonCurve(event, deltas, { relation });
    expect(curve.deltas).toEqual(deltas);
    expect(curve.epsilons).toEqual(deltas.map((delta) => epsilonOf(event, { delta, relation }).epsilon));
    expect(curve.accountants).toEqual(['gdp', 'gdp', 'gdp']);
    const back = deltaCurve(event, [0, 1, 3], { relation });
    expect(back.deltas).toEqual([0, 1, 3].map((epsilon) => deltaOf(event, { epsilon, relation }).delta));
    expect(back.epsilons).toEqual([0, 1, 3]);
    expect(JSON.parse(JSON.stringify(back)).relation).toBe(relation);
  });

  it('fall in δ and ε and rise in steps, by any accountant', () => {
    const deltas = [1e-3, 1e-5, 1e-7, 1e-9];
    const byLoss = epsilonCurve(training, deltas, { relation });
    for (let i = 1; i < deltas.length; i++)
      expect(byLoss.epsilons[i]).toBeGreaterThan(byLoss.epsilons[i - 1]!);
    const steps = epsilonOverSteps(step, [0, 1, 10, 100, 1000], { delta: 1e-5, relation, accountant: 'rdp' });
    expect(steps.steps).toEqual([0, 1, 10, 100, 1000]);
    expect(steps.epsilons[0]).toBe(0);
    expect(steps.epsilons[4]).toBe(epsilonOf(training, { delta: 1e-5, relation, accountant: 'rdp' }).epsilon);
    for (let i = 1; i < 5; i++) expect(steps.epsilons[i]).toBeGreaterThan(steps.epsilons[i - 1]!);
  });

  it('refuse what is wrong by its place', () => {
    expect(() => epsilonCurve(training, [1e-5, 2], { relation })).toThrow(/deltas\[1\] must be/);
    expect(() => deltaCurve(training, [-1], { relation })).toThrow(/epsilons\[0\] must be/);
    expect(() => epsilonOverSteps(step, [1.5], { relation, delta: 1e-5 })).toThrow(/steps\[0\] must be/);
    expect(() => epsilonCurve(training, 1e-5 as never, { relation })).toThrow(/deltas must be a list/);
  });
});

describe('remaining', () => {
  const budget = { epsilon: 3, delta: 1e-5 };

  it('is the largest number: one more is over the budget', () => {
    for (const accountant of ['rdp', 'best'] as const) {
      const { count, bound, oneMore, spent, withinBudget } = remaining({
        spent: training,
        next: step,
        budget,
        relation,
        accountant,
      });
      const after = (n: number) =>
        epsilonOf(selfComposed({ count: 1000 + n, event: step }), { delta: 1e-5, relation, accountant })
          .epsilon;
      expect(withinBudget).toBe(true);
      expect(bound.epsilon).toBeCloseTo(after(count), 12);
      expect(bound.epsilon).toBeLessThanOrEqual(3);
      expect(oneMore).toBeGreaterThan(3);
      expect(spent.epsilon).toBe(after(0));
      // What is left after some steps is that many less.
      const later = remaining({
        spent: selfComposed({ count: 1100, event: step }),
        next: step,
        budget,
        relation,
        accountant,
      });
      expect(later.count).toBe(count - 100);
    }
  });

  it('is exact for Gaussians: n < μ²σ² − spent', () => {
    const next = gaussian({ noiseMultiplier: 40 });
    const { count } = remaining({ next, budget, relation });
    const epsilon = (n: number) =>
      epsilonOf(selfComposed({ count: n, event: next }), { delta: 1e-5, relation }).epsilon;
    expect(epsilon(count)).toBeLessThanOrEqual(3);
    expect(epsilon(count + 1)).toBeGreaterThan(3);
  });

  it('is 0 when nothing more fits, or too much was spent, and says which', () => {
    const next = gaussian({ noiseMultiplier: 0.5 });
    const full = remaining({ spent: noOp(), next, budget, relation });
    expect(full).toMatchObject({ count: 0, withinBudget: true });
    expect(full.bound.epsilon).toBe(0);
    expect(full.oneMore).toBeGreaterThan(3);
    const over = remaining({ spent: composed([next, next]), next, budget, relation });
    expect(over).toMatchObject({ count: 0, withinBudget: false });
    expect(over.bound.epsilon).toBeGreaterThan(3);
    const seeded = remaining({ spent: nonPrivate(), next, budget, relation });
    expect(seeded).toMatchObject({ count: 0, withinBudget: false });
  });

  it('is infinite when they cost nothing', () => {
    expect(remaining({ spent: gaussian({ noiseMultiplier: 5 }), next: noOp(), budget, relation }).count).toBe(
      Number.POSITIVE_INFINITY,
    );
    const huge = remaining({ next: gaussian({ noiseMultiplier: 1e9 }), budget, relation });
    expect(huge.count).toBe(2 ** 40);
    expect(huge.oneMore).toBeUndefined();
  });

  it('counts epochs, and refuses what no accountant bounds', () => {
    const epoch = selfComposed({ count: 100, event: step });
    const epochs = remaining({ next: epoch, budget, relation, accountant: 'rdp' }).count;
    const steps = remaining({ next: step, budget, relation, accountant: 'rdp' }).count;
    expect(epochs).toBe(Math.floor(steps / 100));
    const pass = shuffled({ event: gaussian({ noiseMultiplier: 1 }) });
    expect(() => remaining({ next: pass, budget, relation })).toThrow(/moves the others between batches/);
    expect(() => remaining({ next: step, budget, relation, accountant: 'clt' })).toThrow(
      /clt only approximates/,
    );
    expect(() => remaining({ next: step, budget: 3 as never, relation })).toThrow(/budget must be/);
    expect(() => remaining({ next: step, budget: { epsilon: 0, delta: 1e-5 }, relation })).toThrow(
      /epsilon must be/,
    );
  });
});

describe('tuningCost', () => {
  it('of a fixed number of runs is their composition', () => {
    const cost = tuningCost(training, { runs: { kind: 'fixed', count: 5 }, delta: 1e-5, relation });
    expect(cost.event).toEqual(selfComposed({ count: 5, event: training }));
    expect(cost.bound).toEqual(
      epsilonOf(selfComposed({ count: 5000, event: step }), { delta: 1e-5, relation }),
    );
    expect(cost.oneRun.epsilon).toBeLessThan(cost.bound.epsilon);
    expect(cost.statement).toMatch(/^All 5 runs together have ε ≤ .* One run alone has ε ≤ /);
  });

  it('of a random number of runs is not more than dp_accounting’s', () => {
    const options = { delta: 1e-6, relation } as const;
    const cost = tuningCost(gaussian({ noiseMultiplier: 5 }), {
      runs: { kind: 'negativeBinomial', mean: 10, shape: 0 },
      ...options,
    });
    expect(cost.event).toEqual(
      repeatAndSelect({ mean: 10, shape: 0, event: gaussian({ noiseMultiplier: 5 }) }),
    );
    expect(cost.bound.epsilon).toBeLessThanOrEqual(1.5132523611735296 * (1 + 1e-4));
    expect(cost.bound.epsilon).toBeGreaterThan(cost.oneRun.epsilon);
    expect(cost.statement).toMatch(
      /best of a random number of runs \(10 on average\).*drawn from its distribution beforehand/,
    );
    for (const [q, sigma, count, mean, shape, delta, peer] of [
      [0.01, 1, 1000, 20, 1, 1e-5, 4.480723095746075],
      [0.004, 1.3, 10_000, 5, 0.5, 1e-6, 2.8456632883822417],
    ] as const) {
      const event = poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier: sigma }) });
      const runs = { kind: 'negativeBinomial', mean, shape } as const;
      const { bound } = tuningCost(selfComposed({ count, event }), { runs, delta, relation });
      expect(bound.epsilon).toBeLessThanOrEqual(peer * (1 + 1e-4));
      expect(bound.accountant).toBe('rdp');
    }
    // Fewer runs on average, less cost; and 10 runs for certain cost more than one.
    const fewer = tuningCost(gaussian({ noiseMultiplier: 5 }), {
      runs: { kind: 'negativeBinomial', mean: 3, shape: 0 },
      ...options,
    });
    expect(fewer.bound.epsilon).toBeLessThan(cost.bound.epsilon);
    const poisson = tuningCost(gaussian({ noiseMultiplier: 5 }), {
      runs: { kind: 'poisson', mean: 10 },
      ...options,
    });
    expect(poisson.bound.epsilon).toBeGreaterThan(poisson.oneRun.epsilon);
  });

  it('states no figure that is not there, and refuses other counts', () => {
    const cost = tuningCost(nonPrivate(), { runs: { kind: 'fixed', count: 3 }, delta: 1e-5, relation });
    expect(cost.statement).toMatch(/have no finite ε/);
    const wrong = (runs: unknown) => () =>
      tuningCost(laplace({ parameter: 1 }), { runs, delta: 1e-5, relation } as never);
    expect(wrong({ kind: 'grid', count: 3 })).toThrow(/runs.kind must be fixed, poisson or negativeBinomial/);
    expect(wrong({ kind: 'fixed', count: 1.5 })).toThrow(/runs.count must be/);
    expect(wrong({ kind: 'poisson', mean: -1 })).toThrow(DpError);
    expect(wrong(undefined)).toThrow(/runs must be/);
    const byClt = { runs: { kind: 'fixed', count: 3 }, delta: 1e-5, relation, accountant: 'clt' } as const;
    expect(() => tuningCost(training, byClt)).toThrow(/clt only approximates/);
    expect(() => epsilonOverSteps(step, [], { delta: 1e-5, relation: 'none' as never })).toThrow(
      /relation must be/,
    );
  });
});

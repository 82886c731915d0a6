import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composed,
  gaussian,
  nonPrivate,
  noOp,
  poissonSampled,
  selfComposed,
  shuffled,
} from '../events/index.js';
import { GdpAccountant } from '../gdp/index.js';
import { epsilonAtOrder } from './conversion.js';
import { DEFAULT_ORDERS, RdpAccountant } from './index.js';
import { FINE_ORDER_COUNT, fineOrder } from './orders.js';

const step = (q: number, sigma: number) =>
  poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier: sigma }) });

const accountant = (q: number, sigma: number, steps: number, orders?: readonly number[]) =>
  new RdpAccountant({ relation: 'add-or-remove-one', ...(orders === undefined ? {} : { orders }) }).compose(
    step(q, sigma),
    steps,
  );

/** q, σ, T, δ over the range that must be answered. */
const parameters = fc.tuple(
  fc.double({ min: -5, max: -0.001, noNaN: true }).map((e) => 10 ** e),
  fc.double({ min: Math.log(0.3), max: Math.log(1000), noNaN: true }).map(Math.exp),
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.integer({ min: 3, max: 15 }).map((digits) => 10 ** -digits),
);

describe('RdpAccountant', () => {
  it('answers the usual question', () => {
    const bound = accountant(0.01, 1.1, 10_000).getEpsilon(1e-5);
    // dp_accounting 0.6.0 with its default orders: 5.63201 at 4.7; the optimum over all orders is a little lower.
    expect(bound).toMatchObject({
      delta: 1e-5,
      relation: 'add-or-remove-one',
      unit: 'example',
      accountant: 'rdp',
      direction: 'upper',
    });
    expect(bound.epsilon).toBeGreaterThan(5.6317);
    expect(bound.epsilon).toBeLessThan(5.63201);
    expect(bound.order).toBeCloseTo(4.671, 2);
    expect(bound.warning).toBeUndefined();
    expect(Object.isFrozen(bound)).toBe(true);
  });

  it('finds the best order, and never one worse than the default grid', () => {
    fc.assert(
      fc.property(parameters, ([q, sigma, steps, delta]) => {
        const best = accountant(q, sigma, steps).getEpsilon(delta).epsilon;
        expect(best).toBeLessThanOrEqual(
          accountant(q, sigma, steps, DEFAULT_ORDERS).getEpsilon(delta).epsilon,
        );
      }),
      { seed: 9, numRuns: 100 },
    );
  });

  it('searches a single valley: bisection finds the smallest over every fine order', () => {
    const sigma = 4;
    const all = Array.from({ length: FINE_ORDER_COUNT }, (_, i) => fineOrder(i));
    expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
    for (const delta of [0.3, 1e-3, 1e-15]) {
      const everywhere = all.reduce(
        (best, order) => Math.min(best, epsilonAtOrder(order, (7 * order) / 2 / sigma / sigma, delta)),
        Number.POSITIVE_INFINITY,
      );
      expect(accountant(1, sigma, 7).getEpsilon(delta).epsilon).toBeLessThanOrEqual(everywhere);
    }
  });

  it('is sound and close to the exact answer without sampling', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 3, max: 15 }),
        (sigma, steps, digits) => {
          const event = gaussian({ noiseMultiplier: sigma });
          for (const relation of ['add-or-remove-one', 'replace-one', 'replace-special'] as const) {
            const exact = new GdpAccountant({ relation })
              .compose(event, steps)
              .getEpsilon(10 ** -digits).epsilon;
            const rdp = new RdpAccountant({ relation })
              .compose(event, steps)
              .getEpsilon(10 ** -digits).epsilon;
            expect(rdp).toBeGreaterThanOrEqual(exact);
            expect(rdp).toBeLessThan(1.4 * exact + 0.01);
          }
        },
      ),
      { seed: 10 },
    );
  });

  it('uses exactly the orders that it is given, and warns at their ends', () => {
    expect(accountant(0.01, 1.1, 10_000, [3, 4.7, 8]).getEpsilon(1e-5)).toMatchObject({ order: 4.7 });
    expect(accountant(0.01, 1.1, 10_000, [3, 4.7, 8]).getEpsilon(1e-5).warning).toBeUndefined();
    expect(accountant(0.01, 1.1, 10_000, [8, 6]).getEpsilon(1e-5).warning).toMatch(/smallest of those given/);
    expect(accountant(0.01, 1.1, 10_000, [2, 3]).getEpsilon(1e-5).warning).toMatch(/largest of those given/);
    expect(accountant(1e-4, 1000, 1).getEpsilon(1e-15).warning).toMatch(/largest that is searched \(16384\)/);
    expect(accountant(1, 0.05, 1e7).getEpsilon(1e-3).warning).toMatch(/smallest that is searched \(1\.01\)/);
  });

  it.each([[[]], [[1]], [[2, Number.NaN]], [['2']], [3], [[Number.POSITIVE_INFINITY]]])(
    'refuses orders %j',
    (orders) => {
      const options = { relation: 'replace-one', orders } as unknown as ConstructorParameters<
        typeof RdpAccountant
      >[0];
      expect(() => new RdpAccountant(options)).toThrow(/orders.* must be/);
    },
  );

  it('adds divergences, each (q, σ) on its own', () => {
    const parts = composed([step(0.01, 1), selfComposed({ count: 2, event: step(0.3, 4) })]);
    const both = new RdpAccountant({ relation: 'replace-special' }).compose(parts, 5);
    for (const order of [1.3, 2, 7.7, 40]) {
      const sum = accountant(0.01, 1, 5).getRdp(order) + accountant(0.3, 4, 10).getRdp(order);
      expect(both.getRdp(order)).toBeCloseTo(sum, 14);
    }
  });

  it('has no bound for Poisson sampling under replace-one, and says so', () => {
    const rdp = new RdpAccountant({ relation: 'replace-one' });
    const reason = rdp.unsupportedReason(composed([noOp(), selfComposed({ count: 3, event: step(0.5, 1) })]));
    expect(reason).toMatch(/^event\.events\[1\]\.event: no Rényi divergence is known .* replace-one/);
    expect(rdp.supports(step(1, 1))).toBe(true);
  });

  it('bounds shuffled passes without amplification: 2C under replace-one', () => {
    const epochs = selfComposed({ count: 10, event: shuffled({ event: gaussian({ noiseMultiplier: 4 }) }) });
    const epsilon = (relation: 'replace-one' | 'replace-special', event = epochs) =>
      new RdpAccountant({ relation }).compose(event).getEpsilon(1e-5).epsilon;
    expect(epsilon('replace-special')).toBe(
      epsilon('replace-special', selfComposed({ count: 10, event: gaussian({ noiseMultiplier: 4 }) })),
    );
    expect(epsilon('replace-one')).toBe(
      epsilon('replace-special', selfComposed({ count: 10, event: gaussian({ noiseMultiplier: 2 }) })),
    );
  });

  it('does not confuse what it remembers: close parameters have different ε', () => {
    const epsilon = (q: number, sigma: number) => accountant(q, sigma, 1000).getEpsilon(1e-6).epsilon;
    expect(epsilon(1e-4, 0.8)).toBeLessThan(epsilon(1e-4 * (1 + 1e-9), 0.8));
    expect(epsilon(1e-4, 0.8)).toBeGreaterThan(epsilon(1e-4, 0.8 * (1 + 1e-9)));
    const before = epsilon(0.02, 0.9);
    for (let i = 0; i < 300; i++) epsilon(0.02, 1 + i / 1000);
    expect(epsilon(0.02, 0.9)).toBe(before);
  });

  it('says ∞, and why, of what is not private', () => {
    const bound = new RdpAccountant({ relation: 'replace-special' })
      .compose(step(0.01, 1), 10)
      .compose(nonPrivate({ reason: 'seeded noise' }))
      .getEpsilon(1e-5);
    expect(bound.epsilon).toBe(Number.POSITIVE_INFINITY);
    expect(bound.warning).toBe('Not private: seeded noise.');
    expect(accountant(0.5, 1e-200, 1).getEpsilon(1e-5).warning).toBe('No order gives a finite bound.');
  });

  it('reads a run of a million separate steps as one entry', () => {
    const run = new RdpAccountant({ relation: 'add-or-remove-one' });
    for (let i = 0; i < 2000; i++) run.compose(step(0.01, 1.1), 5);
    expect(run.event).toEqual(selfComposed({ count: 10_000, event: step(0.01, 1.1) }));
    expect(run.getEpsilon(1e-5)).toEqual(accountant(0.01, 1.1, 10_000).getEpsilon(1e-5));
  });
});

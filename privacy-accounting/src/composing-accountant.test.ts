import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeltaBound, EpsilonBound } from './bound.js';
import { type AccountantOptions, ComposingAccountant } from './composing-accountant.js';
import {
  composed,
  type DpEvent,
  discreteLaplace,
  gaussian,
  laplace,
  nonPrivate,
  parseEvent,
  poissonSampled,
  repeatAndSelect,
  selfComposed,
  shuffled,
  unsupported,
} from './events/index.js';
import type { Mechanism, MechanismCount } from './events/mechanisms/mechanism.js';

/** Writes down what it was given. It bounds everything but discrete Laplace noise. */
class Recorder extends ComposingAccountant {
  readonly name = 'pure';
  protected refusal(mechanism: Mechanism): string | undefined {
    return mechanism.kind === 'discreteLaplace'
      ? 'no bound is known for discrete noise. Use Laplace.'
      : undefined;
  }
  get seen(): readonly MechanismCount[] {
    return this.mechanisms;
  }
  getEpsilon(delta: number): EpsilonBound {
    return this.notPrivate === undefined
      ? this.bound(1, delta)
      : this.bound(Number.POSITIVE_INFINITY, delta, { direction: 'lower', warning: this.notPrivate });
  }
  getDelta(epsilon: number): DeltaBound {
    return this.bound(epsilon, 0.5, { order: 3 });
  }
}

const relation = 'add-or-remove-one';
const make = (options: Partial<AccountantOptions> = {}) => new Recorder({ relation, ...options });
const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });
const sampled = (event: DpEvent) => poissonSampled({ samplingProbability: 0.5, event });

const EVENTS: readonly DpEvent[] = [
  noise(2),
  laplace({ parameter: 2 }),
  sampled(noise(2)),
  sampled(composed([noise(2), laplace({ parameter: 1 })])),
  selfComposed({ count: 7, event: noise(2) }),
  repeatAndSelect({ mean: 3, shape: 1, event: composed([noise(2), noise(3)]) }),
  composed([noise(3), laplace({ parameter: 2 }), noise(2)]),
];

describe('ComposingAccountant', () => {
  it('adds up mechanisms, the same for every order and grouping', () => {
    const expected = EVENTS.reduce((accountant, event) => accountant.compose(event, 3), make()).seen;
    expect(expected.map(({ mechanism, count }) => [mechanism.kind, count])).toEqual([
      ['gaussian', 3],
      ['gaussian', 27],
      ['gaussian', 3],
      ['laplace', 6],
      ['poissonSampled', 3],
      ['repeatAndSelect', 3],
    ]);
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...EVENTS], { minLength: EVENTS.length }),
        fc.nat(EVENTS.length),
        (order, cut) => {
          const grouped = make()
            .compose(composed(order.slice(0, cut)), 2)
            .compose(selfComposed({ count: 3, event: composed(order.slice(cut)) }))
            .compose(composed(order.slice(0, cut)));
          expect(grouped.seen).toEqual(expected);
          expect(make().compose(parseEvent(JSON.parse(JSON.stringify(grouped.event)))).seen).toEqual(
            expected,
          );
        },
      ),
      { seed: 8 },
    );
  });

  it('gives the same array until more is composed', () => {
    const accountant = make().compose(noise(1));
    const { seen } = accountant;
    expect(accountant.seen).toBe(seen);
    expect(accountant.compose(noise(1)).seen).not.toBe(seen);
  });

  it('puts the path before a refusal, and is as it was', () => {
    const accountant = make().compose(noise(1));
    const bad = composed([
      noise(1),
      selfComposed({ count: 2, event: discreteLaplace({ parameter: 1, sensitivity: 1 }) }),
    ]);
    const reason = 'event.events[1].event: no bound is known for discrete noise. Use Laplace.';
    expect(accountant.unsupportedReason(bad)).toBe(reason);
    expect(accountant.supports(bad)).toBe(false);
    expect(() => accountant.compose(bad)).toThrow(
      expect.objectContaining({ code: 'DP_UNSUPPORTED_EVENT', message: reason }),
    );
    expect(accountant.supports(unsupported({ reason: 'x' }))).toBe(false);
    expect(accountant.supports(shuffled({ event: noise(1) }))).toBe(false);
    expect(accountant.seen).toEqual(make().compose(noise(1)).seen);
    expect(accountant.event).toEqual(noise(1));
  });

  it('remembers that something was not private, unless it never happened', () => {
    const accountant = make().compose(nonPrivate({ reason: 'seeded noise' }), 0);
    expect(accountant.getEpsilon(0.1).epsilon).toBe(1);
    accountant.compose(noise(1)).compose(nonPrivate({ reason: 'seeded noise' }));
    expect(accountant.getEpsilon(0.1)).toEqual({
      epsilon: Number.POSITIVE_INFINITY,
      delta: 0.1,
      relation,
      unit: 'example',
      accountant: 'pure',
      direction: 'lower',
      warning: 'seeded noise',
    });
  });

  it('bounds users, when it is told how much each contributed', () => {
    const accountant = make({ contributions: 4 })
      .compose(noise(8), 3)
      .compose(sampled(noise(2)));
    expect(accountant.seen).toMatchObject([
      { mechanism: { kind: 'gaussian', noiseMultiplier: 2 }, count: 3 },
      { mechanism: { kind: 'mixtureOfGaussians', sensitivities: [0, 1, 2, 3, 4] }, count: 1 },
    ]);
    expect(accountant.event).toEqual(
      composed([selfComposed({ count: 3, event: noise(8) }), sampled(noise(2))]),
    );
    expect(accountant.getDelta(1)).toMatchObject({ unit: 'user', contributions: 4, order: 3 });
    expect(accountant.unsupportedReason(sampled(laplace({ parameter: 1 })))).toMatch(
      /^event: no bound is known for a group of 4/,
    );
    expect(make({ contributions: 1 }).compose(noise(8)).seen).toEqual(make().compose(noise(8)).seen);
    expect(make({ contributions: 1 }).getDelta(1)).toMatchObject({ unit: 'user', contributions: 1 });
    expect('contributions' in make().getDelta(1)).toBe(false);
  });

  it.each([0, -1, 1.5, Number.NaN, '3', null])('refuses contributions of %s', (contributions) => {
    expect(() => make({ contributions: contributions as number })).toThrow(
      /^contributions must be a whole number/,
    );
  });

  it('refuses to be made without a relation', () => {
    expect(() => new Recorder(undefined as never)).toThrow(/^options must be/);
    expect(() => new Recorder({} as never)).toThrow(/^relation must be one of/);
  });

  it('refuses more repetitions than can be counted, and is as it was', () => {
    const accountant = make().compose(laplace({ parameter: 1 }), 2 ** 52);
    const before = accountant.seen;
    expect(() => accountant.compose(composed([noise(1), laplace({ parameter: 1 })]), 2 ** 52)).toThrow(
      /total count/,
    );
    expect(accountant.seen).toEqual(before);
  });
});

import fc from 'fast-check';
import {
  composed,
  DpError,
  type DpEvent,
  gaussian,
  NEIGHBORING_RELATIONS,
  type NeighboringRelation,
  nonPrivate,
  noOp,
  type PrivacyAccountant,
  parseEvent,
  poissonSampled,
  selfComposed,
  shuffled,
  vectorDiscreteGaussian,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';

/** A new, empty accountant for a relation. */
export type MakeAccountant = (relation: NeighboringRelation) => PrivacyAccountant;

const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });
const sample = (samplingProbability: number, event: DpEvent) =>
  poissonSampled({ samplingProbability, event });
const grid = (standardDeviation: number) =>
  vectorDiscreteGaussian({ granularity: 2 ** -12, dimension: 5000, standardDeviation, l2NormClip: 1 });

/** One of each kind, nested too. An accountant may refuse any of them, but must say so. */
const SAMPLES: readonly DpEvent[] = [
  noOp(),
  noise(1.5),
  grid(1.5),
  sample(0.02, noise(1.1)),
  sample(0.02, grid(1.1)),
  shuffled({ event: composed([grid(4), noise(4)]) }),
  sample(0.02, composed([grid(4), noise(4)])),
  sample(1, noise(3)),
  shuffled({ event: noise(4) }),
  composed([]),
  composed([noise(2), noise(5), noise(2)]),
  selfComposed({ count: 20, event: sample(0.1, noise(3)) }),
  selfComposed({ count: 3, event: composed([shuffled({ event: noise(6) }), noise(9)]) }),
  sample(0.3, composed([noise(2), selfComposed({ count: 2, event: noise(7) })])),
  shuffled({ event: shuffled({ event: noise(4) }) }),
  nonPrivate({ reason: 'seeded noise' }),
  noise(0),
  grid(0),
];

/**
 * What every accountant keeps to, whatever it can bound. Written against the interface alone, so that a new
 * accountant is held to it by one line.
 */
export function describeAccountant(name: string, make: MakeAccountant): void {
  describe.each(NEIGHBORING_RELATIONS)(`${name} keeps the accountant contract under %s`, (relation) => {
    const supported = SAMPLES.filter((event) => make(relation).supports(event));
    const refused = SAMPLES.filter((event) => !make(relation).supports(event));
    const isPrivate = (event: DpEvent) =>
      make(relation).compose(event).getEpsilon(0.1).epsilon < Number.POSITIVE_INFINITY;
    const epsilon = (events: readonly DpEvent[], delta = 1e-6) =>
      events.reduce((accountant, event) => accountant.compose(event), make(relation)).getEpsilon(delta)
        .epsilon;

    it('supports an event exactly when it has no reason not to', () => {
      expect(supported.length).toBeGreaterThan(4);
      for (const event of SAMPLES) {
        const reason = make(relation).unsupportedReason(event);
        expect(make(relation).supports(event)).toBe(reason === undefined);
        if (reason !== undefined) expect(reason).toMatch(/^event.*: .*\.$/);
      }
    });

    it('throws DP_UNSUPPORTED_EVENT on what it refuses, and is as it was before', () => {
      for (const event of refused) {
        const accountant = make(relation).compose(noise(3), 2);
        const before = [accountant.getEpsilon(1e-6), JSON.stringify(accountant.event)];
        const attempt = () => accountant.compose(composed([noise(1), event]));
        expect(attempt).toThrow(DpError);
        expect(attempt).toThrow(expect.objectContaining({ code: 'DP_UNSUPPORTED_EVENT' }));
        expect([accountant.getEpsilon(1e-6), JSON.stringify(accountant.event)]).toEqual(before);
      }
    });

    it('labels its bounds', () => {
      const accountant = make(relation).compose(noise(2));
      const labels = { relation, unit: 'example', accountant: accountant.name, direction: 'upper' };
      expect(accountant.getEpsilon(1e-5)).toMatchObject({ ...labels, delta: 1e-5 });
      expect(accountant.getDelta(1.5)).toMatchObject({ ...labels, epsilon: 1.5 });
    });

    it('starts at ε = 0 and δ = 0, and stays there for nothing', () => {
      for (const accountant of [make(relation), make(relation).compose(noOp(), 7).compose(noise(1), 0)]) {
        expect(accountant.getEpsilon(1e-15).epsilon).toBe(0);
        expect(accountant.getDelta(0).delta).toBe(0);
      }
    });

    it('is the same to the bit for every order and grouping', () => {
      const events = supported.filter(isPrivate);
      const expected = epsilon(events);
      fc.assert(
        fc.property(
          fc.shuffledSubarray(events, { minLength: events.length }),
          fc.nat(events.length),
          (order, cut) => {
            expect(epsilon(order)).toBe(expected);
            expect(epsilon([composed(order)])).toBe(expected);
            expect(epsilon([composed(order.slice(0, cut)), composed(order.slice(cut))])).toBe(expected);
            expect(epsilon([composed([composed(order.slice(0, cut)), ...order.slice(cut)])])).toBe(expected);
          },
        ),
        { seed: 30, numRuns: 20 },
      );
    });

    it('counts the same by compose, selfComposed and repetition', () => {
      for (const event of supported.filter(isPrivate)) {
        const expected = make(relation).compose(event, 6).getEpsilon(1e-6).epsilon;
        expect(epsilon([selfComposed({ count: 6, event })])).toBe(expected);
        expect(epsilon([selfComposed({ count: 2, event: selfComposed({ count: 3, event }) })])).toBe(
          expected,
        );
        expect(epsilon(Array.from({ length: 6 }, () => event))).toBe(expected);
      }
    });

    it('can be rebuilt from the event that it states, also through JSON', () => {
      const accountant = make(relation);
      for (const event of supported) accountant.compose(event, 2);
      const rebuilt = make(relation).compose(parseEvent(JSON.parse(JSON.stringify(accountant.event))));
      expect(rebuilt.getEpsilon(1e-6)).toEqual(accountant.getEpsilon(1e-6));
      const kept = make(relation).compose(supported[1]!, 3);
      expect(make(relation).compose(kept.event).getEpsilon(1e-6)).toEqual(kept.getEpsilon(1e-6));
    });

    it('never states less for more: releases, δ, ε', () => {
      const events = supported.filter(isPrivate);
      fc.assert(
        fc.property(
          fc.subarray(events, { minLength: 1 }),
          fc.integer({ min: 1, max: 100_000 }),
          fc.integer({ min: 1, max: 15 }),
          (some, count, digits) => {
            const accountant = make(relation);
            for (const event of some) accountant.compose(event, count);
            const delta = 10 ** -digits;
            const { epsilon: here } = accountant.getEpsilon(delta);
            expect(accountant.getEpsilon(delta / 2).epsilon).toBeGreaterThanOrEqual(here);
            const atHere = accountant.getDelta(here / 2).delta;
            expect(accountant.getDelta(here / 3).delta).toBeGreaterThanOrEqual(atHere);
            accountant.compose(some[0]!);
            expect(accountant.getEpsilon(delta).epsilon).toBeGreaterThanOrEqual(here);
            expect(accountant.getDelta(here / 2).delta).toBeGreaterThanOrEqual(atHere);
          },
        ),
        { seed: 31, numRuns: 40 },
      );
    });

    it('has an ε and a δ that agree', () => {
      for (const event of supported.filter(isPrivate)) {
        const accountant = make(relation).compose(event, 5);
        const { epsilon: bound } = accountant.getEpsilon(1e-6);
        if (bound > 0) expect(accountant.getDelta(bound).delta / 1e-6).toBeCloseTo(1, 6);
      }
    });

    it('says ∞, δ = 1 and why, of what is not private', () => {
      for (const event of [nonPrivate({ reason: 'seeded noise' }), noise(0), grid(0)]) {
        const accountant = make(relation).compose(noise(5)).compose(event);
        expect(accountant.getEpsilon(0.5).epsilon).toBe(Number.POSITIVE_INFINITY);
        expect(accountant.getEpsilon(0.5).warning).toMatch(
          /^Not private: (seeded noise|a sum was released without)/,
        );
        expect(accountant.getDelta(100).delta).toBe(1);
        expect(JSON.parse(JSON.stringify(accountant.getEpsilon(0.5))).epsilon).toBe('inf');
      }
    });

    it('never states less under replace-one than under replace-special', () => {
      for (const event of supported) {
        const special = make('replace-special');
        if (special.supports(event) && relation === 'replace-one') {
          expect(epsilon([event])).toBeGreaterThanOrEqual(special.compose(event).getEpsilon(1e-6).epsilon);
        }
      }
    });

    it.each([0, 1, -1, 2, Number.NaN, '1e-5', undefined])('refuses δ = %s', (delta) => {
      expect(() => make(relation).getEpsilon(delta as number)).toThrow(/delta must be/);
    });

    it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '1'])('refuses ε = %s', (value) => {
      expect(() => make(relation).getDelta(value as number)).toThrow(/epsilon must be/);
    });

    it.each([-1, 1.5, Number.NaN, 2 ** 53, '2'])('refuses a count of %s', (count) => {
      const accountant = make(relation);
      expect(() => accountant.compose(noise(1), count as number)).toThrow(/count must be a whole number/);
      expect(accountant.getEpsilon(1e-5).epsilon).toBe(0);
    });

    it('refuses an event that is none', () => {
      expect(() => make(relation).compose({ type: 'gauss' } as never)).toThrow(/Did you mean "gaussian"/);
      expect(() => make('add-or-remove' as never)).toThrow(/Did you mean "add-or-remove-one"/);
    });

    it('refuses more repetitions than can be counted', () => {
      const accountant = make(relation).compose(noise(1e9), 2 ** 52);
      expect(() => accountant.compose(noise(1e9), 2 ** 52)).toThrow(/total count/);
    });
  });
}

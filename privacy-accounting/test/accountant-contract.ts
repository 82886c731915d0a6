import fc from 'fast-check';
import {
  composed,
  cyclicPoisson,
  DpError,
  type DpEvent,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  laplace,
  mixtureOfGaussians,
  NEIGHBORING_RELATIONS,
  type NeighboringRelation,
  nonPrivate,
  noOp,
  type PrivacyAccountant,
  parseEvent,
  poissonSampled,
  randomizedResponse,
  repeatAndSelect,
  reportNoisyMax,
  sampledWithoutReplacement,
  selfComposed,
  shuffled,
  singleEpochTreeAggregation,
  truncatedPoissonSampled,
  unsupported,
  vectorDiscreteGaussian,
  zCDP,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';

/** A new, empty accountant for a relation. */
export type MakeAccountant = (relation: NeighboringRelation) => PrivacyAccountant;

/** How an accountant is held to the contract, where its numerics have limits that it documents. */
export interface ContractOptions {
  /** By how much, relatively, more loss may be stated as less, and ε and δ may disagree. Default: not at all, 1e-6. */
  readonly slack?: number;
  /** Up to which ε, and from which δ on, that holds. Default: everywhere. */
  readonly upToEpsilon?: number;
  readonly fromDelta?: number;
  /** Property runs, for accountants that take long. Default 20. */
  readonly runs?: number;
}

const noise = (noiseMultiplier: number) => gaussian({ noiseMultiplier });
const sample = (samplingProbability: number, event: DpEvent) =>
  poissonSampled({ samplingProbability, event });
const grid = (standardDeviation: number) =>
  vectorDiscreteGaussian({ granularity: 2 ** -12, dimension: 5000, standardDeviation, l2NormClip: 1 });

/** One of each kind, nested too. An accountant may refuse any of them, but must say so. */
const samples = (relation: NeighboringRelation): readonly DpEvent[] => [
  noOp(),
  noise(1.5),
  laplace({ parameter: 3 }),
  discreteLaplace({ parameter: 0.2, sensitivity: 3 }),
  grid(1.5),
  sample(0.02, noise(1.1)),
  sample(0.02, grid(1.1)),
  sample(0.1, laplace({ parameter: 2 })),
  sample(0.1, composed([laplace({ parameter: 2 }), noise(3)])),
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
  discreteGaussian({ sigma: 4, sensitivity: 1 }),
  mixtureOfGaussians({ noiseMultiplier: 2, sensitivities: [0, 1, 2], probabilities: [0.9, 0.09, 0.01] }),
  randomizedResponse({ noiseParameter: 0.7, buckets: 4 }),
  exponentialMechanism({ epsilon: 0.3, relation }),
  reportNoisyMax({ noise: 'laplace', parameter: 8, monotone: false }),
  reportNoisyMax({ noise: 'gumbel', parameter: 8, monotone: true }),
  epsilonDelta({ epsilon: 0.2, delta: 1e-9, relation }),
  epsilonDelta({ epsilon: 0.2, delta: 0, relation: 'add-or-remove-one' }),
  epsilonDelta({ epsilon: 0.2, delta: 0, relation: 'replace-one' }),
  zCDP({ rho: 0.01, relation }),
  singleEpochTreeAggregation({ noiseMultiplier: 8, stepCounts: [100] }),
  cyclicPoisson({ samplingProbability: 0.1, noiseMultiplier: 3, iterations: 50, bands: 5 }),
  sampledWithoutReplacement({ datasetSize: 1000, sampleSize: 20, event: noise(2) }),
  truncatedPoissonSampled({
    samplingProbability: 0.02,
    maxBatchSize: 40,
    datasetSize: 1000,
    event: noise(2),
  }),
  repeatAndSelect({ mean: 3, shape: 1, event: noise(9) }),
  unsupported({ reason: 'an event of another version' }),
  nonPrivate({ reason: 'seeded noise' }),
  noise(0),
  grid(0),
  laplace({ parameter: 0 }),
];

/** Events of a small cost, of which every accountant bounds one. */
const SMALL: readonly DpEvent[] = [
  noise(5),
  laplace({ parameter: 10 }),
  randomizedResponse({ noiseParameter: 0.95, buckets: 2 }),
];

/**
 * What every accountant keeps to, whatever it can bound. Written against the interface alone, so that a new
 * accountant is held to it by one line.
 */
export function describeAccountant(name: string, make: MakeAccountant, options: ContractOptions = {}): void {
  const { slack = 0, upToEpsilon = Number.MAX_VALUE, fromDelta = 0, runs = 20 } = options;
  describe.each(NEIGHBORING_RELATIONS)(`${name} keeps the accountant contract under %s`, (relation) => {
    const events = samples(relation);
    const supported = events.filter((event) => make(relation).supports(event));
    const refused = events.filter((event) => !make(relation).supports(event));
    const small = SMALL.find((event) => make(relation).supports(event))!;
    const isPrivate = (event: DpEvent) =>
      make(relation).compose(event).getEpsilon(0.1).epsilon < Number.POSITIVE_INFINITY;
    const priv = supported.filter(isPrivate);
    const epsilon = (events: readonly DpEvent[], delta = 1e-6) =>
      events.reduce((accountant, event) => accountant.compose(event), make(relation)).getEpsilon(delta)
        .epsilon;

    it('supports an event exactly when it has no reason not to', () => {
      expect(supported.length).toBeGreaterThan(4);
      for (const event of events) {
        const reason = make(relation).unsupportedReason(event);
        expect(make(relation).supports(event)).toBe(reason === undefined);
        if (reason !== undefined) expect(reason).toMatch(/^event.*: .*\.$/);
      }
    });

    it('throws DP_UNSUPPORTED_EVENT on what it refuses, and is as it was before', () => {
      for (const event of refused) {
        const accountant = make(relation).compose(small, 2);
        const before = [accountant.getEpsilon(1e-6), JSON.stringify(accountant.event)];
        const attempt = () => accountant.compose(composed([small, event]));
        expect(attempt).toThrow(DpError);
        expect(attempt).toThrow(expect.objectContaining({ code: 'DP_UNSUPPORTED_EVENT' }));
        expect([accountant.getEpsilon(1e-6), JSON.stringify(accountant.event)]).toEqual(before);
      }
    });

    it('labels its bounds', () => {
      const accountant = make(relation).compose(small);
      const labels = { relation, unit: 'example', accountant: accountant.name, direction: 'upper' };
      expect(accountant.getEpsilon(1e-5)).toMatchObject({ ...labels, delta: 1e-5 });
      expect(accountant.getDelta(1.5)).toMatchObject({ ...labels, epsilon: 1.5 });
    });

    it('starts at ε = 0 and δ = 0, and stays there for nothing', () => {
      for (const accountant of [make(relation), make(relation).compose(noOp(), 7).compose(small, 0)]) {
        expect(accountant.getEpsilon(1e-15).epsilon).toBe(0);
        expect(accountant.getDelta(0).delta).toBe(0);
      }
    });

    it('is the same to the bit for every order and grouping', () => {
      const expected = epsilon(priv);
      fc.assert(
        fc.property(
          fc.shuffledSubarray(priv, { minLength: priv.length }),
          fc.nat(priv.length),
          (order, cut) => {
            expect(epsilon(order)).toBe(expected);
            expect(epsilon([composed(order)])).toBe(expected);
            expect(epsilon([composed(order.slice(0, cut)), composed(order.slice(cut))])).toBe(expected);
            expect(epsilon([composed([composed(order.slice(0, cut)), ...order.slice(cut)])])).toBe(expected);
          },
        ),
        { seed: 30, numRuns: runs },
      );
    });

    it('counts the same by compose, selfComposed and repetition', () => {
      for (const event of priv) {
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
      const most = 1 + slack;
      fc.assert(
        fc.property(
          fc.subarray(priv, { minLength: 1 }),
          fc.integer({ min: 1, max: upToEpsilon < Number.MAX_VALUE ? 300 : 100_000 }),
          fc.integer({ min: 1, max: 15 }),
          (some, count, digits) => {
            const accountant = make(relation);
            for (const event of some) accountant.compose(event, count);
            const delta = 10 ** -digits;
            const { epsilon: here } = accountant.getEpsilon(delta);
            if (here > upToEpsilon) return;
            // An error of ε moves ln δ by as much, times the slope of ln δ: taken to be below 100 (1 + ε) / ε.
            const loose = Math.exp(100 * slack * (1 + here));
            expect(accountant.getEpsilon(delta / 2).epsilon * most).toBeGreaterThanOrEqual(here);
            const atHere = accountant.getDelta(here / 2).delta;
            const atLess = Math.max(fromDelta, accountant.getDelta(here / 3).delta);
            expect(atLess * loose).toBeGreaterThanOrEqual(atHere);
            accountant.compose(some[0]!);
            expect(accountant.getEpsilon(delta).epsilon * most).toBeGreaterThanOrEqual(here);
            const withMore = Math.max(fromDelta, accountant.getDelta(here / 2).delta);
            expect(withMore * loose).toBeGreaterThanOrEqual(atHere);
          },
        ),
        { seed: 31, numRuns: 2 * runs },
      );
    });

    it('has an ε and a δ that agree', () => {
      for (const event of priv) {
        const accountant = make(relation).compose(event, 5);
        const { epsilon: bound } = accountant.getEpsilon(1e-6);
        // Never more; less only where a bound jumps, as that of a pure mechanism does.
        if (bound > 0)
          expect(accountant.getDelta(bound).delta).toBeLessThanOrEqual(1e-6 * (1 + 1e-6 + 100 * slack));
      }
    });

    it('says ∞, δ = 1 and why, of what is not private', () => {
      for (const event of supported.filter((each) => !isPrivate(each))) {
        const accountant = make(relation).compose(small).compose(event);
        expect(accountant.getEpsilon(0.5).epsilon).toBe(Number.POSITIVE_INFINITY);
        expect(accountant.getEpsilon(0.5).warning).toMatch(/^Not private: ./);
        expect(accountant.getDelta(100).delta).toBe(1);
        expect(JSON.parse(JSON.stringify(accountant.getEpsilon(0.5))).epsilon).toBe('inf');
      }
    });

    it('never states less under replace-one than under replace-special', () => {
      for (const event of supported) {
        const special = make('replace-special');
        if (special.supports(event) && relation === 'replace-one') {
          expect(epsilon([event]) * (1 + slack)).toBeGreaterThanOrEqual(
            special.compose(event).getEpsilon(1e-6).epsilon,
          );
        }
      }
    });

    it('refuses δ = 0, or states what holds without any', () => {
      const accountant = make(relation).compose(small);
      const atLeast = accountant.getEpsilon(1e-15).epsilon;
      try {
        expect(accountant.getEpsilon(0).epsilon).toBeGreaterThanOrEqual(atLeast);
      } catch (error) {
        expect(error).toMatchObject({ code: 'DP_INVALID_ARGUMENT' });
      }
    });

    it.each([1, -1, 2, Number.NaN, '1e-5', undefined])('refuses δ = %s', (delta) => {
      expect(() => make(relation).getEpsilon(delta as number)).toThrow(/delta must be/);
    });

    it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '1'])('refuses ε = %s', (value) => {
      expect(() => make(relation).getDelta(value as number)).toThrow(/epsilon must be/);
    });

    it.each([-1, 1.5, Number.NaN, 2 ** 53, '2'])('refuses a count of %s', (count) => {
      const accountant = make(relation);
      expect(() => accountant.compose(small, count as number)).toThrow(/count must be a whole number/);
      expect(accountant.getEpsilon(1e-5).epsilon).toBe(0);
    });

    it('refuses an event that is none', () => {
      expect(() => make(relation).compose({ type: 'gauss' } as never)).toThrow(/Did you mean "gaussian"/);
      expect(() => make('add-or-remove' as never)).toThrow(/Did you mean "add-or-remove-one"/);
    });

    it('refuses more repetitions than can be counted', () => {
      const accountant = make(relation).compose(small, 2 ** 52);
      expect(() => accountant.compose(small, 2 ** 52)).toThrow(/total count/);
    });
  });
}

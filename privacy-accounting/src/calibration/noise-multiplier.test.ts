import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epsilonOf } from '../epsilon-of.js';
import {
  composed,
  type DpEvent,
  gaussian,
  nonPrivate,
  poissonSampled,
  selfComposed,
  shuffled,
} from '../events/index.js';
import { gaussianMu } from '../gdp/index.js';
import type { AccountantChoice } from '../questions/index.js';
import type { NeighboringRelation } from '../relation.js';
import { calibrateNoiseMultiplier } from './noise-multiplier.js';

const dpSgd = (q: number, steps: number) => (noiseMultiplier: number) =>
  selfComposed({
    count: steps,
    event: poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier }) }),
  });

const calibrate = (
  makeEvent: (sigma: number) => DpEvent,
  targetEpsilon: number,
  relation: NeighboringRelation = 'add-or-remove-one',
  accountant: AccountantChoice = 'rdp',
) => calibrateNoiseMultiplier({ makeEvent, targetEpsilon, delta: 1e-5, relation, accountant });

describe('calibrateNoiseMultiplier', () => {
  it('needs no more noise than dp_accounting 0.6.0', () => {
    const { noiseMultiplier, bound } = calibrate(dpSgd(0.01, 1000), 1);
    expect(noiseMultiplier).toBeLessThan(1.5131222);
    expect(noiseMultiplier).toBeGreaterThan(1.5125);
    expect(bound).toMatchObject({ accountant: 'rdp', relation: 'add-or-remove-one', delta: 1e-5 });
  });

  it('attains the target, and a millionth less noise does not', () => {
    const parameters = fc.tuple(
      fc.double({ min: 1e-4, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.double({ min: Math.log(0.1), max: Math.log(50), noNaN: true }).map(Math.exp),
    );
    fc.assert(
      fc.property(parameters, ([q, steps, target]) => {
        const makeEvent = dpSgd(q, steps);
        const { noiseMultiplier, bound } = calibrate(makeEvent, target);
        const epsilon = (sigma: number) =>
          epsilonOf(makeEvent(sigma), { delta: 1e-5, relation: 'add-or-remove-one', accountant: 'rdp' })
            .epsilon;
        expect(bound.epsilon).toBe(epsilon(noiseMultiplier));
        expect(bound.epsilon).toBeLessThanOrEqual(target);
        expect(epsilon(noiseMultiplier * (1 - 1e-6))).toBeGreaterThan(target);
      }),
      { seed: 20, numRuns: 40 },
    );
  });

  it('needs less noise by the whole privacy loss: dp_accounting’s and the truth, which it is not below', () => {
    // Truth: tilted FFT, Richardson-extrapolated, ± 2e-6.
    const cases = [
      [0.01, 1000, 1, 1e-5, 1.41461941, 1.4146308985593448],
      [0.001, 10_000, 1, 1e-6, 0.78761775, 0.7876455255333474],
    ] as const;
    for (const [q, steps, targetEpsilon, delta, truth, peer] of cases) {
      const { noiseMultiplier, bound } = calibrateNoiseMultiplier({
        makeEvent: dpSgd(q, steps),
        targetEpsilon,
        delta,
        relation: 'add-or-remove-one',
      });
      expect(bound.accountant).toBe('pld');
      expect(bound.epsilon).toBeLessThanOrEqual(targetEpsilon);
      expect(noiseMultiplier).toBeGreaterThan(truth - 2e-6);
      expect(noiseMultiplier).toBeLessThan(peer * (1 + 1e-4));
    }
  });

  it('is exact without sampling: shuffled epochs need twice the noise under replace-one', () => {
    const epochs = (noiseMultiplier: number) =>
      selfComposed({ count: 10, event: shuffled({ event: gaussian({ noiseMultiplier }) }) });
    const exact = Math.sqrt(10) / gaussianMu({ epsilon: 3, delta: 1e-5 });
    expect(calibrate(epochs, 3, 'replace-special', 'best').noiseMultiplier / exact).toBeCloseTo(1, 8);
    expect(calibrate(epochs, 3, 'replace-one', 'best').noiseMultiplier / exact).toBeCloseTo(2, 8);
  });

  it('finds noise for a target in the hundreds and for one in the hundredths', () => {
    for (const target of [1e6, 500, 0.01]) {
      const { noiseMultiplier, bound } = calibrate(dpSgd(0.01, 100), target);
      expect(bound.epsilon).toBeLessThanOrEqual(target);
      expect(bound.epsilon).toBeGreaterThan(0);
      expect(noiseMultiplier).toBeGreaterThan(0);
    }
  });

  it('works on one part of an event', () => {
    const fixed = gaussian({ noiseMultiplier: 5 });
    const { bound } = calibrate(
      (sigma) => composed([fixed, gaussian({ noiseMultiplier: sigma })]),
      2,
      'add-or-remove-one',
      'best',
    );
    expect(bound.epsilon / 2).toBeCloseTo(1, 7);
  });

  it('says so when no noise is enough, and what ε stays', () => {
    const fixed = gaussian({ noiseMultiplier: 1 });
    const makeEvent = (sigma: number) => composed([fixed, gaussian({ noiseMultiplier: sigma })]);
    expect(() => calibrate(makeEvent, 2, 'add-or-remove-one', 'best')).toThrow(
      /targetEpsilon 2 can't be reached with any noise: ε is still 4\.377/,
    );
    expect(() => calibrate(() => nonPrivate({ reason: 'seeded noise' }), 2)).toThrow(/ε is still Infinity/);
  });

  it('says so when any noise is enough, rather than return next to none', () => {
    const makeEvent = () => gaussian({ noiseMultiplier: 100 });
    expect(() => calibrate(makeEvent, 2)).toThrow(
      /met by any noise: ε is 0\.0\d+ even .*makeEvent uses its argument/,
    );
  });

  it('passes on why an event can not be bounded', () => {
    const makeEvent = (noiseMultiplier: number) => shuffled({ event: gaussian({ noiseMultiplier }) });
    expect(() => calibrate(makeEvent, 2)).toThrow(/moves the others between batches/);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '3'])('refuses a target of %s', (target) => {
    expect(() => calibrate(dpSgd(0.1, 1), target as number)).toThrow(
      /targetEpsilon must be a finite number above 0/,
    );
  });

  it('refuses what is not a function', () => {
    expect(() => calibrate(gaussian({ noiseMultiplier: 1 }) as never, 1)).toThrow(
      /makeEvent must be a function/,
    );
  });
});

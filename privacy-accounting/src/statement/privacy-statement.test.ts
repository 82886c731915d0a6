import { describe, expect, it } from 'vitest';
import { deltaCurveOf, posteriorCeiling } from '../bounds/index.js';
import { epsilonOf } from '../epsilon-of.js';
import {
  composed,
  type DpEvent,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  laplace,
  nonPrivate,
  poissonSampled,
  randomizedResponse,
  repeatAndSelect,
  selfComposed,
  shuffled,
  zCDP,
} from '../events/index.js';
import { GdpAccountant, gaussianDelta } from '../gdp/index.js';
import type { AccountantChoice } from '../questions/index.js';
import type { NeighboringRelation } from '../relation.js';
import { formatCount, formatNumber } from './describe-event.js';
import { privacyStatement } from './privacy-statement.js';

const training = selfComposed({
  count: 14_063,
  event: poissonSampled({ samplingProbability: 0.00427, event: gaussian({ noiseMultiplier: 1.1 }) }),
});
const epochs = selfComposed({ count: 10, event: shuffled({ event: gaussian({ noiseMultiplier: 4 }) }) });

const state = (
  event: DpEvent,
  relation: NeighboringRelation,
  delta = 1e-5,
  accountant: AccountantChoice = 'best',
) => privacyStatement(epsilonOf(event, { delta, relation, accountant }), { event });

describe('privacyStatement', () => {
  it('states ε, δ, relation, unit, accountant, direction and assumptions', () => {
    const text = state(training, 'add-or-remove-one', 1e-5, 'rdp');
    for (const part of [
      /ε ≤ 2\.599 and δ = 1e-5 for each example/,
      /under add-or-remove-one \(data sets that differ in the presence of one example\)/,
      /upper bound, by the rdp accountant at Rényi order 8\.1\d+/,
      /14,063 × a sum with Gaussian noise of multiplier 1\.1 on a Poisson sample of probability 0\.00427/,
      /contribution was clipped/,
      /noise was fresh, secret/,
      /independently with the stated probability/,
      /nothing else that was computed from the same examples was released/,
    ]) {
      expect(text).toMatch(part);
    }
    expect(text).not.toMatch(/odds|likely|NaN|undefined|null/);
    expect(state(epochs, 'replace-one')).toMatch(/exactly one batch of each pass/);
    expect(state(epochs, 'replace-one')).not.toMatch(/independently with the stated probability/);
  });

  it('limits a test by a figure that no test exceeds', () => {
    // Of all mechanisms with this (ε, δ) the statement must hold for the worst. Check it against two of them: the
    // Gaussian itself, and the one that publishes with probability δ and else answers by randomised response.
    for (const sigma of [0.5, 1, 2, 4, 10, 50]) {
      for (const delta of [1e-8, 1e-3, 0.02]) {
        const text = state(gaussian({ noiseMultiplier: sigma }), 'replace-special', delta);
        const match = /right with probability at most ([\d.]+) %/.exec(text);
        const limit = match === null ? 1 : Number(match[1]) / 100;
        const { epsilon } = epsilonOf(gaussian({ noiseMultiplier: sigma }), {
          delta,
          relation: 'replace-special',
        });
        // TPR − e^ε′·FPR ≤ δ(ε′) for every ε′ characterises the Gaussian's own trade-off curve.
        let gaussianPower = 1;
        for (let e = 0; e < 60; e += 0.01) {
          gaussianPower = Math.min(
            gaussianPower,
            0.01 * Math.exp(e) + gaussianDelta({ mu: 1 / sigma, epsilon: e }),
          );
        }
        expect(limit).toBeGreaterThanOrEqual(gaussianPower * (1 - 1e-4));
        const response = Math.exp(epsilon) / (1 + Math.exp(epsilon));
        const falsePositives = (1 - delta) * (1 - response);
        const worst = (rate: number) => Math.min(1, delta + (1 - delta) * response * rate);
        const power = falsePositives >= 0.01 ? worst(0.01 / falsePositives) : worst(1);
        expect(limit).toBeGreaterThanOrEqual(power * (1 - 1e-12));
      }
    }
  });

  it('does not dress up an ε that limits nothing', () => {
    expect(state(gaussian({ noiseMultiplier: 0.5 }), 'replace-one')).toMatch(
      /this bound alone does not limit how often it is right/,
    );
  });

  it('rounds ε and δ up', () => {
    const bound = epsilonOf(epochs, { delta: 1e-5, relation: 'replace-special' });
    for (const epsilon of [0, 1e-12, 0.99999, 1, 2.0001, 9.9996, 3.3414094692, 123456.7, 0.1 + 0.2]) {
      const stated = Number(/ε ≤ (\S+) and/.exec(privacyStatement({ ...bound, epsilon }))![1]);
      expect(stated).toBeGreaterThanOrEqual(epsilon);
      expect(stated).toBeLessThanOrEqual(epsilon * 1.001);
      if (epsilon === 0 || epsilon >= 1) continue;
      const delta = Number(/δ = (\S+) for/.exec(privacyStatement({ ...bound, delta: epsilon }))![1]);
      expect(delta).toBe(stated);
    }
  });

  it('says that seeded noise is not private', () => {
    const event = composed([training, nonPrivate({ reason: 'seeded noise' })]);
    expect(state(event, 'add-or-remove-one')).toBe(
      'Not private: seeded noise. No finite ε holds (ε = ∞ at δ = 1e-5, add-or-remove-one): the result may reveal ' +
        'everything about an example.',
    );
  });

  it('passes a refusal on, and does not let it read as privacy', () => {
    let refusal: unknown;
    try {
      epsilonOf(epochs, { delta: 1e-5, relation: 'add-or-remove-one' });
    } catch (error) {
      refusal = error;
    }
    const text = privacyStatement(refusal as Error);
    expect(text).toMatch(
      /^No privacy guarantee can be stated: .*moves the others.*treat the result as not private\.$/,
    );
    expect(() => privacyStatement({} as never)).toThrow(/result must be a bound or a refusal/);
    expect(() => privacyStatement(3 as never)).toThrow(/result must be a bound/);
  });

  it('says when δ is too large for the data', () => {
    const bound = epsilonOf(epochs, { delta: 1e-3, relation: 'replace-one' });
    expect(privacyStatement(bound, { datasetSize: 60_000 })).toMatch(/δ = 0\.001 is not below 1\/60,000/);
    expect(privacyStatement(bound, { datasetSize: 999 })).not.toMatch(/not below/);
  });

  it('repeats a warning', () => {
    const event = poissonSampled({ samplingProbability: 1e-4, event: gaussian({ noiseMultiplier: 1000 }) });
    expect(state(event, 'add-or-remove-one', 1e-15, 'rdp')).toMatch(
      /Note: The best Rényi order is the largest/,
    );
  });

  it('says how sure someone can become, with its exception, and never more than is true', () => {
    // σ = 4, one release: the posterior of a Gaussian with prior p is σ(logit p + L), L ~ N(μ²/2, μ²).
    const event = gaussian({ noiseMultiplier: 4 });
    const accountant = new GdpAccountant({ relation: 'replace-special' }).compose(event);
    const bound = accountant.getEpsilon(1e-5);
    const sure = (options: object) => {
      const text = privacyStatement(bound, options);
      const match =
        /was (\S+) % sure that a given example was used, not blanked out, can become at most (\S+) % sure, except with probability (\S+)\./.exec(
          text,
        );
      expect(match).not.toBeNull();
      return match!.slice(1).map(Number);
    };
    const [before, after, exception] = sure({});
    expect([before, exception]).toEqual([1, 1e-4]);
    // P[L > ℓ] = 1e-4 at ℓ = μ²/2 + 3.719 μ.
    const exact = 0.25 ** 2 / 2 + 3.719016 * 0.25;
    expect(after! / 100).toBeGreaterThan(1 / (1 + 99 * Math.exp(-exact)));
    const [, tighter] = sure({ curve: deltaCurveOf(accountant), exception: 1e-4 });
    expect(tighter).toBeLessThanOrEqual(after!);
    expect(tighter! / 100).toBeGreaterThan(1 / (1 + 99 * Math.exp(-exact)));
    const ceiling = posteriorCeiling(deltaCurveOf(accountant), { prior: 0.3, exception: 0.01 }).posterior;
    const [prior, posterior] = sure({ curve: deltaCurveOf(accountant), exception: 0.01, prior: 0.3 });
    expect(prior).toBe(30);
    expect(posterior! / 100).toBeGreaterThanOrEqual(ceiling);
    expect(posterior! / 100).toBeLessThan(ceiling + 0.0011);
    expect(state(gaussian({ noiseMultiplier: 0.2 }), 'replace-one')).toMatch(/may become quite sure/);
    expect(() => privacyStatement(bound, { exception: 1e-6 })).toThrow(/exception must be above 0\.00001/);
    expect(() => privacyStatement(bound, { prior: 1 })).toThrow(/prior must be/);
    const other = deltaCurveOf(new GdpAccountant({ relation: 'replace-one' }).compose(event));
    expect(() => privacyStatement(bound, { curve: other })).toThrow(
      /curve must be a curve under replace-special/,
    );
  });

  it('needs no exception without δ', () => {
    const bound = epsilonOf(laplace({ parameter: 1 }), {
      delta: 0,
      relation: 'add-or-remove-one',
      accountant: 'pure',
    });
    // Odds 1 : 99 times e.
    expect(privacyStatement(bound)).toMatch(
      /was 1 % sure that a given example was used, can become at most 2\.7 % sure\./,
    );
  });

  it('speaks of users where users are the unit', () => {
    for (const relation of ['add-or-remove-one', 'replace-one', 'replace-special'] as const) {
      const bound = epsilonOf(gaussian({ noiseMultiplier: 40 }), {
        delta: 1e-5,
        relation,
        contributions: 10,
      });
      const text = privacyStatement(bound);
      expect(text).toMatch(/for each user \(with at most 10 examples\), under .* of one user/);
      expect(text).toMatch(/knows the examples of every other user/);
      expect(text).not.toMatch(/one example|every other example/);
    }
    const none = epsilonOf(nonPrivate(), { delta: 1e-5, relation: 'replace-one', contributions: 2 });
    expect(privacyStatement(none)).toMatch(/everything about a user/);
  });

  it('says that approximations and lower bounds guarantee nothing', () => {
    const text = state(training, 'add-or-remove-one', 1e-5, 'clt');
    expect(text).toMatch(/^ε ≈ 2\.\d+ at δ = 1e-5 .*an approximation, and no guarantee/);
    expect(text).not.toMatch(/Differentially private|In plain words|% sure/);
    const upper = epsilonOf(epochs, { delta: 1e-5, relation: 'replace-one' });
    expect(privacyStatement({ ...upper, direction: 'lower' })).toMatch(/^ε ≥ .* guarantees no privacy/);
  });

  it('states every kind of event without a gap', () => {
    const events: DpEvent[] = [
      laplace({ parameter: 2 }),
      discreteGaussian({ sigma: 3, sensitivity: 1 }),
      discreteLaplace({ parameter: 0.5, sensitivity: 1 }),
      randomizedResponse({ noiseParameter: 0.5, buckets: 4 }),
      exponentialMechanism({ epsilon: 0.5, relation: 'replace-one' }),
      epsilonDelta({ epsilon: 0.5, delta: 1e-7, relation: 'replace-one' }),
      zCDP({ rho: 0.05, relation: 'replace-one' }),
      repeatAndSelect({ mean: 3, shape: 'poisson', event: gaussian({ noiseMultiplier: 9 }) }),
    ];
    for (const event of events) {
      const text = state(event, 'replace-one');
      expect(text).toMatch(/^Differentially private with ε ≤ .*It covers .*It assumes that /);
      expect(text).not.toMatch(/NaN|undefined|null|times the odds/);
    }
  });

  it('sums up long compositions', () => {
    const many = composed(Array.from({ length: 2000 }, (_, i) => gaussian({ noiseMultiplier: 100 + i })));
    expect(state(many, 'replace-special')).toMatch(/multiplier 103; and 1,996 more releases\./);
  });
});

it('formats numbers for reading', () => {
  expect([1, 999, 1000, 14063, 1234567].map(formatCount)).toEqual([
    '1',
    '999',
    '1,000',
    '14,063',
    '1,234,567',
  ]);
  expect([0, 1e-5, 0.00427, 1.23456, 1e6, 12345].map((value) => formatNumber(value, 4))).toEqual([
    '0',
    '1e-5',
    '0.00427',
    '1.235',
    '1e+6',
    '12350',
  ]);
});

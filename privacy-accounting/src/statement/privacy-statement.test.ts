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
import { gaussianDelta } from '../gdp/index.js';
import type { NeighboringRelation } from '../relation.js';
import { formatCount, formatNumber } from './describe-event.js';
import { privacyStatement } from './privacy-statement.js';

const training = selfComposed({
  count: 14_063,
  event: poissonSampled({ samplingProbability: 0.00427, event: gaussian({ noiseMultiplier: 1.1 }) }),
});
const epochs = selfComposed({ count: 10, event: shuffled({ event: gaussian({ noiseMultiplier: 4 }) }) });

const state = (event: DpEvent, relation: NeighboringRelation, delta = 1e-5) =>
  privacyStatement(epsilonOf(event, { delta, relation }), { event });

describe('privacyStatement', () => {
  it('states ε, δ, relation, unit, accountant, direction and assumptions', () => {
    const text = state(training, 'add-or-remove-one');
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
    expect(state(event, 'add-or-remove-one', 1e-15)).toMatch(/Note: The best Rényi order is the largest/);
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

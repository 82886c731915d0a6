import { describe, expect, it } from 'vitest';
import { deltaOf, epsilonOf } from './epsilon-of.js';
import { DpError } from './errors.js';
import {
  composed,
  gaussian,
  nonPrivate,
  noOp,
  poissonSampled,
  selfComposed,
  shuffled,
} from './events/index.js';

const noise = gaussian({ noiseMultiplier: 4 });
const sampled = poissonSampled({ samplingProbability: 0.01, event: noise });
const epochs = selfComposed({ count: 10, event: shuffled({ event: noise }) });

describe('epsilonOf', () => {
  it('takes the tightest accountant that supports the event, and says which', () => {
    const options = { delta: 1e-5, relation: 'replace-special' } as const;
    const best = epsilonOf(epochs, options);
    expect(best.accountant).toBe('gdp');
    expect(best.order).toBeUndefined();
    expect(best.epsilon).toBeLessThan(epsilonOf(epochs, { ...options, accountant: 'rdp' }).epsilon);
    expect(epsilonOf(composed([epochs, sampled]), options).accountant).toBe('rdp');
  });

  it('gives a pass over shuffled batches the published ε, and no amplification', () => {
    // Ten epochs, σ = 4, δ = 1e-5: Φ-form of the Gaussian mechanism with μ = √10/4, and √10/2 under replace-one.
    expect(epsilonOf(epochs, { delta: 1e-5, relation: 'replace-special' }).epsilon).toBeCloseTo(3.3414, 4);
    expect(epsilonOf(epochs, { delta: 1e-5, relation: 'replace-one' }).epsilon).toBeCloseTo(7.5113, 4);
  });

  it('says why nothing bounds an event, for each accountant when they differ', () => {
    const shuffledUnderAdd = () => epsilonOf(epochs, { delta: 1e-5, relation: 'add-or-remove-one' });
    expect(shuffledUnderAdd).toThrow(DpError);
    expect(shuffledUnderAdd).toThrow(
      /No ε is known under add-or-remove-one\. event\.event: a shuffled pass has no bound/,
    );
    const sampledUnderReplace = () => epsilonOf(sampled, { delta: 1e-5, relation: 'replace-one' });
    expect(sampledUnderReplace).toThrow(/gdp: event: .*rdp: event: no Rényi divergence is known/);
    const byGdp = () => epsilonOf(sampled, { delta: 1e-5, relation: 'replace-special', accountant: 'gdp' });
    expect(byGdp).toThrow(/central-limit approximation is not a bound\. Use the rdp accountant/);
  });

  it('writes ∞ to JSON as "inf", and says what is not private', () => {
    const event = composed([noise, nonPrivate({ reason: 'seeded noise' })]);
    const bound = epsilonOf(event, { delta: 1e-5, relation: 'replace-one' });
    expect(bound.epsilon).toBe(Number.POSITIVE_INFINITY);
    expect(JSON.parse(JSON.stringify({ bound })).bound).toMatchObject({
      epsilon: 'inf',
      delta: 1e-5,
      warning: 'Not private: seeded noise.',
    });
    expect(
      JSON.parse(JSON.stringify(epsilonOf(noise, { delta: 1e-5, relation: 'replace-one' }))),
    ).not.toHaveProperty('toJSON');
  });

  it('gives nothing an ε of 0', () => {
    for (const event of [noOp(), composed([]), selfComposed({ count: 0, event: sampled })]) {
      expect(epsilonOf(event, { delta: 1e-15, relation: 'add-or-remove-one' }).epsilon).toBe(0);
      expect(deltaOf(event, { epsilon: 0, relation: 'add-or-remove-one' }).delta).toBe(0);
    }
  });

  it('accepts plain JSON objects, and refuses what is wrong in them by path', () => {
    const json = JSON.parse(JSON.stringify(epochs));
    const options = { delta: 1e-5, relation: 'replace-one' } as const;
    expect(epsilonOf(json, options)).toEqual(epsilonOf(epochs, options));
    json.event.event.noiseMultiplier = -4;
    expect(() => epsilonOf(json, options)).toThrow(/^event\.event\.event\.noiseMultiplier must be/);
  });

  it.each([
    [{ delta: 1, relation: 'replace-one' }, /delta must be a number strictly between 0 and 1, got 1/],
    [{ delta: 0, relation: 'replace-one' }, /delta must be/],
    [{ delta: '1e-5', relation: 'replace-one' }, /got the string "1e-5"/],
    [{ delta: 1e-5 }, /relation must be one of .* got undefined/],
    [{ delta: 1e-5, relation: 'replace_one' }, /Did you mean "replace-one"\?/],
    [{ delta: 1e-5, relation: 'replace-one', accountant: 'pld' }, /accountant must be one of best, gdp, rdp/],
    [undefined, /options must be/],
  ])('refuses %j', (options, message) => {
    expect(() => epsilonOf(noise, options as Parameters<typeof epsilonOf>[1])).toThrow(message);
  });
});

describe('deltaOf', () => {
  it('inverts epsilonOf', () => {
    for (const event of [epochs, composed([epochs, sampled])]) {
      const relation = 'replace-special';
      const { epsilon } = epsilonOf(event, { delta: 1e-6, relation });
      const bound = deltaOf(event, { epsilon, relation });
      expect(bound.delta / 1e-6).toBeCloseTo(1, 9);
      expect(bound).toMatchObject({ epsilon, relation, direction: 'upper', unit: 'example' });
    }
  });

  it('is 1 for what is not private, and never 0 for what was released', () => {
    expect(deltaOf(nonPrivate(), { epsilon: 1, relation: 'replace-one' }).delta).toBe(1);
    expect(deltaOf(noise, { epsilon: 1e5, relation: 'replace-one' }).delta).toBe(Number.MIN_VALUE);
    expect(deltaOf(sampled, { epsilon: 1e5, relation: 'replace-special' }).delta).toBe(Number.MIN_VALUE);
  });
});

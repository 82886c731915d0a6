import { describe, expect, it } from 'vitest';
import { delta, deltaOf, epsilon, epsilonOf } from './epsilon-of.js';
import { DpError } from './errors.js';
import {
  composed,
  epsilonDelta,
  gaussian,
  laplace,
  nonPrivate,
  noOp,
  poissonSampled,
  repeatAndSelect,
  selfComposed,
  shuffled,
  vectorDiscreteGaussian,
  zCDP,
} from './events/index.js';
import { millsRatio } from './math/index.js';
import { ACCOUNTANT_NAMES } from './questions/index.js';

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
    const mixed = composed([epochs, sampled]);
    const tight = epsilonOf(mixed, options);
    expect(tight.accountant).toBe('pld');
    expect(tight.epsilon).toBeLessThan(epsilonOf(mixed, { ...options, accountant: 'rdp' }).epsilon);
    expect(tight.epsilon).toBe(epsilonOf(mixed, { ...options, accountant: 'pld' }).epsilon);
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
    const sampledVector = poissonSampled({
      samplingProbability: 0.01,
      event: vectorDiscreteGaussian({
        granularity: 0.01,
        dimension: 10,
        standardDeviation: 4,
        l2NormClip: 1,
        l2Sensitivity: 1.04,
      }),
    });
    const sampledUnderReplace = () => epsilonOf(sampledVector, { delta: 1e-5, relation: 'replace-one' });
    expect(sampledUnderReplace).toThrow(
      /gdp: event: .*rdp: event: no Rényi divergence is known.*pld: event: /,
    );
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
    [
      { delta: 1e-5, relation: 'replace-one', accountant: 'dpl' },
      /accountant must be one of best, gdp, pld, .* got the string "dpl"/,
    ],
    [undefined, /options must be/],
  ])('refuses %j', (options, message) => {
    expect(() => epsilonOf(noise, options as Parameters<typeof epsilonOf>[1])).toThrow(message);
  });
});

describe('the accountants', () => {
  const add = { delta: 1e-6, relation: 'add-or-remove-one' } as const;

  it('asked together are never looser than any of them, and clt is not among them', () => {
    const events = [
      noise,
      sampled,
      selfComposed({ count: 20, event: laplace({ parameter: 3 }) }),
      selfComposed({
        count: 30,
        event: epsilonDelta({ epsilon: 0.1, delta: 1e-9, relation: 'add-or-remove-one' }),
      }),
      repeatAndSelect({ mean: 5, shape: 1, event: noise }),
      zCDP({ rho: 0.1, relation: 'add-or-remove-one' }),
    ];
    for (const event of events) {
      const best = epsilonOf(event, add);
      expect(best.direction).toBe('upper');
      expect(best.accountant).not.toBe('clt');
      for (const accountant of ACCOUNTANT_NAMES) {
        if (accountant === 'clt') continue;
        try {
          // Grids differ by their own rounding only.
          const own = epsilonOf(event, { ...add, accountant }).epsilon;
          expect(best.epsilon).toBeLessThanOrEqual(
            own * (accountant === 'certified-pld' ? 1 + 1e-4 : 1 + 1e-11),
          );
        } catch (error) {
          expect((error as DpError).code).toBe('DP_UNSUPPORTED_EVENT');
        }
      }
    }
  });

  it('never state less than the exact δ of one sampled release allows, however little noise there is', () => {
    const logTail = (x: number) =>
      x > 0
        ? Math.log(millsRatio(x)) - (x * x) / 2 - Math.log(2 * Math.PI) / 2
        : Math.log1p((-millsRatio(-x) * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI));
    // δ(ε) = q Φ((1 − x)/σ) − (e^ε − 1 + q) Φ(−x/σ) at the x where the loss is ε: the loss rises with x.
    const exactDelta = (q: number, sigma: number, e: number) => {
      const log = e > 40 ? e : Math.log(Math.expm1(e) + q);
      const x = sigma * sigma * (log - Math.log(q)) + 0.5;
      const inside = Math.log(q) + logTail((x - 1) / sigma);
      return Math.exp(inside) * -Math.expm1(log + logTail(x / sigma) - inside);
    };
    for (const q of [1e-4, 0.01, 0.5, 0.9]) {
      for (const sigma of [0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 10]) {
        for (const d of [1e-3, 1e-5, 1e-10]) {
          const event = poissonSampled({
            samplingProbability: q,
            event: gaussian({ noiseMultiplier: sigma }),
          });
          const bound = epsilonOf(event, { delta: d, relation: 'replace-special' });
          expect(exactDelta(q, sigma, bound.epsilon)).toBeLessThanOrEqual(d * (1 + 1e-6));
        }
      }
    }
  });

  it('build no grid where formulas are exact, or where nothing is protected any more', () => {
    const loud = selfComposed({
      count: 100,
      event: poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 0.01 }) }),
    });
    const bound = epsilonOf(loud, add);
    expect(bound.accountant).toBe('rdp');
    expect(bound.epsilon).toBeGreaterThan(700);
    expect(epsilonOf(gaussian({ noiseMultiplier: 0.01 }), add).accountant).toBe('gdp');
    expect(epsilonOf(composed([noOp(), noise]), add).accountant).toBe('gdp');
  });

  it('approximate when asked to, and say so', () => {
    const bound = epsilonOf(sampled, { ...add, accountant: 'clt' });
    expect(bound.direction).toBe('approximation');
    expect(bound.warning).toMatch(/not a bound/);
  });

  it('answer for users, under their unit', () => {
    const alone = epsilonOf(noise, add);
    const user = epsilonOf(noise, { ...add, contributions: 3 });
    expect(user).toMatchObject({ unit: 'user', contributions: 3 });
    expect(user.epsilon).toBeGreaterThan(2 * alone.epsilon);
    expect(deltaOf(noise, { epsilon: 1, relation: 'replace-one', contributions: 1 }).unit).toBe('user');
  });

  it('have ε at δ = 0 for pure mechanisms only', () => {
    const event = selfComposed({ count: 4, event: laplace({ parameter: 2 }) });
    expect(epsilonOf(event, { ...add, delta: 0, accountant: 'pure' }).epsilon).toBeCloseTo(2, 12);
    expect(() => epsilonOf(event, { ...add, delta: 0 })).toThrow(/delta must be/);
    expect(() => epsilonOf(event, { ...add, delta: -1, accountant: 'pure' })).toThrow(/delta/);
  });

  it('have short names', () => {
    expect(epsilon).toBe(epsilonOf);
    expect(delta).toBe(deltaOf);
  });
});

describe('deltaOf', () => {
  it('inverts epsilonOf', () => {
    for (const event of [epochs, composed([epochs, sampled])]) {
      const relation = 'replace-special';
      const { epsilon, accountant } = epsilonOf(event, { delta: 1e-6, relation });
      const bound = deltaOf(event, { epsilon, relation });
      expect(bound.delta / 1e-6).toBeCloseTo(1, accountant === 'gdp' ? 9 : 3);
      expect(bound).toMatchObject({ epsilon, relation, direction: 'upper', unit: 'example' });
    }
  });

  it('is 1 for what is not private, and never 0 for what was released', () => {
    expect(deltaOf(nonPrivate(), { epsilon: 1, relation: 'replace-one' }).delta).toBe(1);
    expect(deltaOf(noise, { epsilon: 1e5, relation: 'replace-one' }).delta).toBe(Number.MIN_VALUE);
    expect(deltaOf(sampled, { epsilon: 1e5, relation: 'replace-special' }).delta).toBe(Number.MIN_VALUE);
  });
});

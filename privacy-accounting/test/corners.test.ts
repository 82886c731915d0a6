import { describe, expect, it } from 'vitest';
import {
  CertifiedPldAccountant,
  deltaOf,
  discreteGaussian,
  discreteLaplace,
  epsilonOf,
  exponentialMechanism,
  gaussian,
  poissonSampled,
  randomizedResponse,
  rdpToDelta,
  rdpToEpsilon,
  sampledWithoutReplacement,
  sampledWithReplacement,
  selfComposed,
  ZcdpAccountant,
} from '../src/index.js';

const relation = 'add-or-remove-one';

describe('corners of the parameters', () => {
  it('state no lower bound from a pair that no mechanism attains', () => {
    const certified = new CertifiedPldAccountant({ relation });
    const selection = exponentialMechanism({ epsilon: 0.0076, relation });
    expect(certified.unsupportedReason(selection)).toMatch(/upper bound.*Use the pld or rdp accountant/);
    // The pair's own ε is above what zCDP proves of the mechanism.
    const zcdp = new ZcdpAccountant({ relation }).compose(selection, 24_724).getEpsilon(6e-5).epsilon;
    expect(epsilonOf(selection, { delta: 6e-5, relation }).epsilon).toBeLessThan(zcdp);
    const sample = { datasetSize: 1000, sampleSize: 10, event: gaussian({ noiseMultiplier: 1 }) };
    const exchange = new CertifiedPldAccountant({ relation: 'replace-one' });
    expect(exchange.supports(sampledWithoutReplacement(sample))).toBe(false);
  });

  it('answer where a share of outcomes underflows', () => {
    const event = randomizedResponse({ noiseParameter: 5e-324, buckets: 2 ** 53 - 1 });
    // The largest loss is ln(k/p) = 781.
    expect(deltaOf(event, { epsilon: 900, relation: 'replace-one' }).delta).toBe(0);
    expect(deltaOf(event, { epsilon: 700, relation: 'replace-one' }).delta).toBe(1);
    expect(deltaOf(event, { epsilon: 900, relation: 'replace-one', accountant: 'rdp' }).delta).toBe(1);
  });

  it('tell a blank, which reports at random, from another truth', () => {
    const report = randomizedResponse({ noiseParameter: 0.9, buckets: 10 });
    const asked = (
      relation: 'replace-one' | 'replace-special',
      accountant: 'pld' | 'rdp' | 'approximate' | 'pure',
    ) => epsilonOf(selfComposed({ count: 50, event: report }), { delta: 1e-5, relation, accountant }).epsilon;
    // Of another implementation, both: 14.9282 and 11.1081.
    expect(asked('replace-one', 'pld')).toBeCloseTo(14.928, 2);
    expect(asked('replace-special', 'pld')).toBeCloseTo(11.108, 2);
    expect(asked('replace-special', 'pure')).toBeCloseTo(50 * Math.log(1.9), 3);
    for (const accountant of ['rdp', 'approximate', 'pure'] as const) {
      expect(asked('replace-special', accountant)).toBeGreaterThan(asked('replace-special', 'pld'));
      expect(asked('replace-special', accountant)).toBeLessThan(asked('replace-one', accountant));
    }
    // A record that is not sampled reports nothing at all, which is no blank.
    const sampled = poissonSampled({ samplingProbability: 0.5, event: report });
    expect(() => epsilonOf(sampled, { delta: 1e-5, relation: 'replace-special' })).toThrow(
      /number of reports/,
    );
  });

  it('answer for records that are drawn very often', () => {
    const draws = (sampleSize: number, noiseMultiplier: number) =>
      sampledWithReplacement({ datasetSize: 1000, sampleSize, event: gaussian({ noiseMultiplier }) });
    const asked = { delta: 1e-6, relation: 'replace-one' } as const;
    const often = epsilonOf(draws(1e8, 1e7), asked).epsilon;
    // 1e5 copies of each record, 1 % more at the most.
    const copies = epsilonOf(gaussian({ noiseMultiplier: 100 }), asked).epsilon;
    expect(often).toBeGreaterThan(copies);
    expect(often).toBeLessThan(1.5 * copies);
    expect(epsilonOf(draws(2 ** 53 - 1, 1), asked).epsilon).toBeGreaterThan(1e10);
  });

  it('pass accountants over that would enumerate too many outcomes', () => {
    const wide = discreteGaussian({ sigma: 1e6, sensitivity: 1e5 });
    const { epsilon } = epsilonOf(wide, { delta: 1e-6, relation });
    const continuous = epsilonOf(gaussian({ noiseMultiplier: 10 }), { delta: 1e-6, relation }).epsilon;
    expect(epsilon).toBeGreaterThan(0.95 * continuous);
    expect(epsilon).toBeLessThan(1.2 * continuous);
    expect(() => epsilonOf(wide, { delta: 1e-6, relation, accountant: 'pld' })).toThrow(
      /outcomes that matter.*Use the rdp accountant/,
    );
    const discrete = discreteLaplace({ parameter: 1e-6, sensitivity: 3e5 });
    expect(epsilonOf(discrete, { delta: 1e-6, relation }).epsilon).toBeLessThanOrEqual(0.3);
  });

  it('never convert to less than there is', () => {
    expect(rdpToDelta({ orders: [2], rdp: [1], epsilon: 800 }).delta).toBe(Number.MIN_VALUE);
    // ln δ and ln α cancel: δ·α = 1 leaves r + ln(1 − 1/α).
    const order = 1e6;
    const { epsilon } = rdpToEpsilon({ orders: [order], rdp: [0.001], delta: 1 / order });
    expect(epsilon).toBeGreaterThanOrEqual(0.001 + Math.log1p(-1 / order));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CertifiedPldAccountant,
  composed,
  epsilonOf,
  gaussian,
  laplace,
  PldAccountant,
  poissonSampled,
  RdpAccountant,
} from '../../index.js';
import type { Mechanism, MechanismCount } from './mechanism.js';
import { mergeAlike } from './merge-alike.js';

const relation = 'add-or-remove-one';

const gaussianOf = (samplingProbability: number, noiseMultiplier: number): Mechanism => ({
  kind: 'gaussian',
  samplingProbability,
  noiseMultiplier,
  noise: 'continuous',
});

const mechanism: fc.Arbitrary<Mechanism> = fc.oneof(
  fc
    .tuple(fc.double({ min: 1e-6, max: 1, noNaN: true }), fc.double({ min: 0.3, max: 50, noNaN: true }))
    .map(([q, s]) => gaussianOf(q, s)),
  fc
    .tuple(fc.double({ min: 1e-6, max: 1, noNaN: true }), fc.double({ min: 0.3, max: 50, noNaN: true }))
    .map(([q, b]): Mechanism => ({ kind: 'laplace', samplingProbability: q, parameter: b })),
  fc
    .tuple(fc.double({ min: 1e-6, max: 5, noNaN: true }), fc.double({ min: 1e-12, max: 0.5, noNaN: true }))
    .map(([epsilon, delta]): Mechanism => ({ kind: 'epsilonDelta', epsilon, delta })),
);

const total = (list: readonly MechanismCount[]) => list.reduce((sum, { count }) => sum + count, 0);

describe('mergeAlike', () => {
  it('leaves a short list as it is', () => {
    const list = [
      { mechanism: gaussianOf(0.1, 1), count: 3 },
      { mechanism: gaussianOf(0.1, 1.0000001), count: 4 },
    ];
    expect(mergeAlike(list, 2)).toEqual({ mechanisms: list, warning: undefined });
  });

  it('never adds noise, samples less, or claims less, and keeps the number of releases', () => {
    fc.assert(
      fc.property(fc.array(mechanism, { minLength: 12, maxLength: 40 }), (list) => {
        const given = list.map((one, i) => ({ mechanism: one, count: i + 1 }));
        const merged = mergeAlike(given, 10);
        expect(total(merged.mechanisms)).toBe(total(given));
        expect(merged.warning).toMatch(/different mechanisms were bounded by/);
        // Each one alone must be dominated by what it became.
        for (const one of given) {
          const became = mergeAlike([one, one], 1).mechanisms[0]!.mechanism;
          const [a, b] = [one.mechanism, became] as unknown as Record<string, number>[];
          for (const [field, sign] of [
            ['noiseMultiplier', -1],
            ['parameter', -1],
            ['samplingProbability', 1],
            ['epsilon', 1],
            ['delta', 1],
          ] as const) {
            if (field in a!) expect(sign * (b![field]! - a![field]!)).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { seed: 4, numRuns: 50 },
    );
  });

  it('bounds a schedule of noise that differs in every step, tightly', () => {
    const step = (i: number) =>
      poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1 + i / 600 }) });
    const schedule = composed(Array.from({ length: 300 }, (_, i) => step(i)));
    const { lower, upper } = new CertifiedPldAccountant({ relation })
      .compose(schedule)
      .getEpsilonInterval(1e-6);
    const merged = new PldAccountant({ relation }).compose(schedule).getEpsilon(1e-6);
    expect(upper.warning).toBeUndefined();
    expect(merged.warning).toMatch(/300 different mechanisms were bounded by \d+/);
    expect(merged.epsilon).toBeGreaterThanOrEqual(lower.epsilon);
    expect(merged.epsilon).toBeLessThan(1.03 * upper.epsilon);
  });

  it('bounds thousands of different releases by rdp, too, and never below fewer', () => {
    const releases = (n: number) =>
      composed(Array.from({ length: n }, (_, i) => laplace({ parameter: 500 + 0.01 * i })));
    const many = new RdpAccountant({ relation }).compose(releases(2500)).getEpsilon(1e-6);
    const fewer = new RdpAccountant({ relation }).compose(releases(1900)).getEpsilon(1e-6);
    expect(many.warning).toMatch(/2500 different/);
    expect(fewer.warning).toBeUndefined();
    expect(many.epsilon).toBeGreaterThan(fewer.epsilon);
    expect(epsilonOf(releases(2500), { delta: 1e-6, relation }).epsilon).toBeLessThanOrEqual(many.epsilon);
  });
});

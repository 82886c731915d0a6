import { describe, expect, it } from 'vitest';
import { ApproximateAccountant } from '../composition/index.js';
import { epsilonDelta, gaussian, nonPrivate, noOp, poissonSampled } from '../events/index.js';
import { CltAccountant } from '../gdp/clt-accountant.js';
import { GdpAccountant } from '../gdp/index.js';
import { RdpAccountant } from '../rdp/index.js';
import { deltaCurveOf, membershipSuccess, tradeOffOfAccountant } from './index.js';

const relation = 'replace-special';
const event = gaussian({ noiseMultiplier: 1 });

describe('the trade-off of an accountant', () => {
  it('of Gaussians is exact by gdp, and looser by rdp, never below', () => {
    const exact = tradeOffOfAccountant(new GdpAccountant({ relation }).compose(event));
    const looser = tradeOffOfAccountant(new RdpAccountant({ relation }).compose(event));
    expect(exact.truePositiveRate(0.1)).toBeCloseTo(0.38914366, 6);
    for (const rate of [1e-6, 1e-3, 0.1, 0.5, 0.9]) {
      expect(looser.truePositiveRate(rate)).toBeGreaterThanOrEqual(exact.truePositiveRate(rate));
    }
    expect(looser.accountant).toBe('rdp');
    expect(looser.relation).toBe(relation);
  });

  it('of one (ε, δ) is the textbook’s line', () => {
    const claim = epsilonDelta({ epsilon: 1, delta: 1e-3, relation });
    const { truePositiveRate } = tradeOffOfAccountant(new ApproximateAccountant({ relation }).compose(claim));
    expect(truePositiveRate(0.01)).toBeGreaterThanOrEqual(Math.E * 0.01 + 1e-3);
    expect(truePositiveRate(0.01)).toBeLessThan(Math.E * 0.01 + 1.1e-3);
  });

  it('is 1 without privacy, the chance line without a release, and refused from approximations', () => {
    const open = deltaCurveOf(new RdpAccountant({ relation }).compose(nonPrivate()));
    expect(membershipSuccess(open, { prior: 0.5 }).value).toBe(1);
    const silent = tradeOffOfAccountant(new RdpAccountant({ relation }).compose(noOp()));
    expect(silent.truePositiveRate(0.2)).toBeCloseTo(0.2, 14);
    const step = poissonSampled({ samplingProbability: 0.01, event });
    expect(() => deltaCurveOf(new CltAccountant({ relation }).compose(step))).toThrow(/upper bounds/);
  });
});

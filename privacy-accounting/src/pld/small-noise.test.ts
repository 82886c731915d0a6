import { describe, expect, it } from 'vitest';
import { gaussian, poissonSampled, selfComposed } from '../events/index.js';
import { GdpAccountant } from '../gdp/index.js';
import { connectTheDots } from './connect-the-dots.js';
import type { DominatingPair } from './dominating-pair.js';
import { CertifiedPldAccountant, PldAccountant } from './pld-accountant.js';

const relation = 'add-or-remove-one';

/** ln P(Z ≥ z), z ≥ 0, by the continued fraction of Mills' ratio; summed where that converges slowly. */
function logTail(z: number): number {
  if (z < 5) {
    let sum = 0;
    for (let t = z; t < z + 12; t += 1e-3) sum += Math.exp(-((t + 5e-4) ** 2) / 2) * 1e-3;
    return Math.log(Math.min(1, sum / Math.sqrt(2 * Math.PI)));
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / (z + fraction);
  return (-z * z) / 2 - Math.log(Math.sqrt(2 * Math.PI)) - Math.log(z + fraction);
}

/** ln δ(ε) of removing a record from one Poisson-sampled Gaussian: the loss rises with x, so that it is three tails. */
function exactLogDelta(q: number, sigma: number, epsilon: number): number {
  const excess =
    epsilon > 30
      ? epsilon - Math.log(q) + Math.log1p((q - 1) * Math.exp(-epsilon))
      : Math.log((Math.expm1(epsilon) + q) / q);
  const x = sigma * sigma * excess + 0.5;
  const logs = [
    Math.log1p(-q) + logTail(x / sigma),
    Math.log(q) + logTail((x - 1) / sigma),
    epsilon + logTail(x / sigma),
  ];
  const most = Math.max(...logs);
  const [base, shifted, other] = logs.map((log) => Math.exp(log - most)) as [number, number, number];
  return most + Math.log(Math.max(0, base + shifted - other));
}

describe('noise so small that densities, ratios and e^ε leave float64', () => {
  const cases = [1e-4, 0.01, 0.1, 0.9].flatMap((q) =>
    [0.001, 0.01, 0.02, 0.03, 0.04, 0.1, 0.3].map((sigma) => ({ q, sigma })),
  );

  it.each(cases)('one step, q = $q, σ = $sigma: ε is never below the exact one', ({ q, sigma }) => {
    for (const Accountant of [PldAccountant, CertifiedPldAccountant]) {
      for (const delta of [1e-3, 1e-5, 1e-8, 1e-12]) {
        const event = poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier: sigma }) });
        const { epsilon } = new Accountant({ relation }).compose(event).getEpsilon(delta);
        expect(epsilon).toBeGreaterThanOrEqual(0);
        const exact = exactLogDelta(q, sigma, epsilon);
        expect(exact).toBeLessThanOrEqual(Math.log(delta) * (1 - 1e-6) + 1e-9);
      }
    }
  });

  it.each([1, 100, 1000])('%i unsampled releases: the closed form lies between the bounds', (count) => {
    for (const noiseMultiplier of [0.005, 0.02, 0.05, 0.1, 0.3]) {
      const event = selfComposed({ count, event: gaussian({ noiseMultiplier }) });
      const { epsilon } = new GdpAccountant({ relation }).compose(event).getEpsilon(1e-5);
      const certified = new CertifiedPldAccountant({ relation }).compose(event).getEpsilonInterval(1e-5);
      expect(certified.lower.epsilon).toBeLessThanOrEqual(epsilon * (1 + 1e-9));
      expect(certified.upper.epsilon).toBeGreaterThanOrEqual(epsilon * (1 - 1e-9));
    }
  });

  it('a pair that loses a tenth of its mass has that at ∞, not nowhere', () => {
    const pair: DominatingPair = {
      key: 'lossy',
      symmetric: false,
      atoms: [{ loss: 0.5, p: 0.9, q: 0.9 * Math.exp(-0.5) }],
      continua: [],
      singular: { p: 0, q: 0 },
      sketch: [{ loss: 0.5, p: 0.9, q: 0.5 }],
      relativeError: 1e-15,
      lossRounding: 1e-15,
    };
    expect(connectTheDots(pair, [], 0.01, 'remove').infinityMass).toBeCloseTo(0.1, 12);
  });
});

it('the whole law of a usual run is known but for a millionth: its ceilings on attacks say something', () => {
  const step = poissonSampled({
    samplingProbability: 256 / 60_000,
    event: gaussian({ noiseMultiplier: 1.1 }),
  });
  const { privacyLoss } = new PldAccountant({ relation }).compose(step, 14_063);
  for (const { masses } of privacyLoss.directions) expect(masses().infinityMass).toBeLessThan(1e-6);
  expect(1 - privacyLoss.tradeOff(1e-3).lower).toBeLessThan(0.0065);
});

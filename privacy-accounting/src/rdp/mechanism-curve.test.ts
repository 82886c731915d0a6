import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composed,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  gnMax,
  laplace,
  poissonSampled,
  randomizedResponse,
  repeatAndSelect,
  sampledWithoutReplacement,
  sampledWithReplacement,
  selfComposed,
  truncatedPoissonSampled,
} from '../events/index.js';
import { MECHANISM_KINDS, type Mechanism } from '../events/mechanisms/mechanism.js';
import { gaussianRdpAt } from './gaussian-rdp.js';
import { laplaceRdpAt } from './laplace-rdp.js';
import { mechanismCurve, rdpRefusal } from './mechanism-curve.js';
import { poissonGaussianRdpAt } from './poisson-gaussian-rdp.js';
import { pureDpRdpAt } from './pure-dp-rdp.js';
import { RdpAccountant } from './rdp-accountant.js';

const GAUSSIAN: Mechanism = {
  kind: 'gaussian',
  samplingProbability: 1,
  noiseMultiplier: 2,
  noise: 'continuous',
};
const LAPLACE: Mechanism = { kind: 'laplace', samplingProbability: 1, parameter: 1.5 };

/** One of each kind. */
const SAMPLES: readonly Mechanism[] = [
  GAUSSIAN,
  LAPLACE,
  { kind: 'discreteGaussian', sigma: 3, sensitivity: 2 },
  { kind: 'discreteLaplace', parameter: 0.4, sensitivity: 3 },
  {
    kind: 'mixtureOfGaussians',
    noiseMultiplier: 2,
    sensitivities: [0, 1, 2],
    probabilities: [0.5, 0.3, 0.2],
  },
  { kind: 'randomizedResponse', against: 'truth', noiseParameter: 0.5, buckets: 4 },
  { kind: 'exponentialMechanism', epsilon: 0.8 },
  { kind: 'reportNoisyMax', noise: 'laplace', epsilon: 0.8 },
  { kind: 'epsilonDelta', epsilon: 0.5, delta: 1e-7 },
  { kind: 'zCDP', rho: 0.1, xi: 0.05 },
  {
    kind: 'poissonSampled',
    samplingProbability: 0.1,
    parts: [
      { mechanism: GAUSSIAN, count: 1 },
      { mechanism: LAPLACE, count: 2 },
    ],
  },
  {
    kind: 'truncatedPoissonGaussian',
    samplingProbability: 0.1,
    maxBatchSize: 20,
    datasetSize: 100,
    noiseMultiplier: 2,
  },
  { kind: 'sampledWithoutReplacementGaussian', datasetSize: 100, sampleSize: 10, noiseMultiplier: 2 },
  { kind: 'sampledWithReplacementGaussian', datasetSize: 100, sampleSize: 10, noiseMultiplier: 5 },
  { kind: 'randomAllocationGaussian', steps: 10, selected: 2, noiseMultiplier: 2 },
  { kind: 'repeatAndSelect', parts: [{ mechanism: GAUSSIAN, count: 3 }], mean: 5, shape: 1 },
  { kind: 'gnMax', standardDeviation: 40, logNonPlurality: -50 },
];

const curveOf = (mechanism: Mechanism) => mechanismCurve(mechanism, { dataDependent: false });

describe('mechanismCurve', () => {
  it('has a curve for every kind that is not refused', () => {
    expect(SAMPLES.map(({ kind }) => kind)).toEqual([...MECHANISM_KINDS]);
    const refused = SAMPLES.filter((mechanism) => rdpRefusal(mechanism, 'replace-special') !== undefined);
    expect(refused.map(({ kind }) => kind)).toEqual(['truncatedPoissonGaussian']);
  });

  it('gives curves that are positive and finite, never fall, and are convex times α − 1 where said so', () => {
    for (const mechanism of SAMPLES) {
      if (rdpRefusal(mechanism, 'replace-special') !== undefined) continue;
      const { curve, convex } = curveOf(mechanism);
      const moment = (order: number) => (order - 1) * curve(order);
      for (const order of [1.0101, 1.3, 2, 2.5, 7, 15.5, 64]) {
        expect(curve(order), mechanism.kind).toBeGreaterThan(0);
        expect(curve(order), mechanism.kind).toBeLessThan(1e6);
        expect(curve(order * 1.1), mechanism.kind).toBeGreaterThanOrEqual(curve(order) * (1 - 1e-9));
        if (!convex) continue;
        const chord = (moment(order) + moment(order * 1.2)) / 2;
        expect(moment(order * 1.1), mechanism.kind).toBeLessThanOrEqual(chord * (1 + 1e-9));
      }
    }
  });

  it('is the sum of moments at whole orders for several releases of one sample', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.99, noNaN: true }),
        fc.double({ min: 0.5, max: 10, noNaN: true }),
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (q, sigma, order, count) => {
          const one: Mechanism = {
            ...(GAUSSIAN as Mechanism & { kind: 'gaussian' }),
            noiseMultiplier: sigma,
          };
          const { curve } = curveOf({
            kind: 'poissonSampled',
            samplingProbability: q,
            parts: [{ mechanism: one, count }],
          });
          const exact = poissonGaussianRdpAt(q, sigma / Math.sqrt(count), order);
          expect(curve(order) / exact).toBeCloseTo(1, 9);
          expect(curve(order + 0.5)).toBeGreaterThanOrEqual(
            poissonGaussianRdpAt(q, sigma / Math.sqrt(count), order + 0.5) * (1 - 1e-9),
          );
        },
      ),
      { seed: 160, numRuns: 60 },
    );
  });

  it('bounds two Laplace releases of one sample in both directions, by direct integration', () => {
    const [q, epsilon] = [0.3, 0.9];
    const part: Mechanism = { kind: 'laplace', samplingProbability: 1, parameter: 1 / epsilon };
    const { curve } = curveOf({
      kind: 'poissonSampled',
      samplingProbability: q,
      parts: [{ mechanism: part, count: 2 }],
    });
    // Outcomes of one release: the two tails, and cells of [0, ε] with losses 2x − ε.
    const n = 400;
    const one = [
      { mass: 0.5, loss: -epsilon },
      { mass: 0.5 * Math.exp(-epsilon), loss: epsilon },
      ...Array.from({ length: n }, (_, i) => {
        const x = ((i + 0.5) / n) * epsilon;
        return { mass: (0.5 * Math.exp(-x) * epsilon) / n, loss: 2 * x - epsilon };
      }),
    ];
    for (const order of [1.5, 2, 3, 6.5]) {
      let [removed, added] = [0, 0];
      for (const a of one) {
        for (const b of one) {
          const ratio = 1 - q + q * Math.exp(a.loss + b.loss);
          removed += a.mass * b.mass * ratio ** order;
          added += a.mass * b.mass * ratio ** (1 - order);
        }
      }
      const exact = Math.log(Math.max(removed, added)) / (order - 1);
      expect(curve(order)).toBeGreaterThanOrEqual(exact - 1e-5);
      // At whole orders it is exact.
      if (Number.isInteger(order)) expect(curve(order) - exact).toBeLessThan(1e-5);
    }
  });
});

describe('RdpAccountant on every mechanism', () => {
  const run = (relation: ConstructorParameters<typeof RdpAccountant>[0]['relation'] = 'add-or-remove-one') =>
    new RdpAccountant({ relation });

  it('adds curves', () => {
    const event = composed([
      selfComposed({ count: 4, event: laplace({ parameter: 2 }) }),
      gaussian({ noiseMultiplier: 3 }),
    ]);
    expect(run().compose(event).getRdp(3)).toBeCloseTo(4 * laplaceRdpAt(0.5, 3) + gaussianRdpAt(3, 3), 12);
  });

  it('honours the count of exponential mechanisms and randomized response', () => {
    // dp_accounting (2026-08-06), composed one at a time: 1.0141654702764926; its self-composition forgets the count.
    const choice = exponentialMechanism({ epsilon: 0.1, relation: 'add-or-remove-one' });
    const chosen = run().compose(choice, 20).getEpsilon(1e-6).epsilon;
    expect(chosen).toBeLessThan(1.0141654702764926);
    expect(chosen).toBeGreaterThan(0.9);
    const told = run('replace-one').compose(randomizedResponse({ noiseParameter: 0.5, buckets: 2 }), 10);
    expect(told.getEpsilon(1e-6).epsilon).toBeLessThan(10.989062971205165);
    expect(told.getEpsilon(1e-6).epsilon).toBeGreaterThan(10.98);
  });

  it('adds up the δ of (ε, δ) mechanisms apart', () => {
    const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1 }) });
    const claim = epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'add-or-remove-one' });
    const both = run().compose(claim).compose(step, 1000);
    // dp_accounting (2026-08-06): 3.070792743727867
    expect(both.getEpsilon(1e-5).epsilon).toBeLessThan(3.070792743727867);
    expect(both.getEpsilon(1e-5).epsilon).toBeGreaterThan(3.0703);
    expect(both.getEpsilon(1e-6)).toMatchObject({ epsilon: Number.POSITIVE_INFINITY });
    expect(both.getEpsilon(1e-6).warning).toMatch(/own δ's add up to .*: no smaller δ has a finite ε/);
    const { epsilon } = both.getEpsilon(1e-5);
    expect(both.getDelta(epsilon).delta / 1e-5).toBeCloseTo(1, 5);
    expect(both.getDelta(100).delta).toBeGreaterThanOrEqual(1e-6);
    expect(both.getRdp(4)).toBeCloseTo(pureDpRdpAt(1, 4) + 1000 * poissonGaussianRdpAt(0.01, 1, 4), 10);
    // Sampling takes its share of the δ.
    const sampled = run().compose(poissonSampled({ samplingProbability: 0.01, event: claim }));
    expect(sampled.getDelta(50).delta / 1e-8).toBeCloseTo(1, 6);
  });

  it('bounds fixed-size samples, with twice the clipping norm, to no more than Wang et al. 2018', () => {
    const drawn = sampledWithoutReplacement({
      datasetSize: 60_000,
      sampleSize: 256,
      event: gaussian({ noiseMultiplier: 4 }),
    });
    // dp_accounting 0.6.0, σ = 2 relative to the sensitivity: 1.9705479511213795
    const { epsilon } = run('replace-one').compose(drawn, 10_000).getEpsilon(1e-5);
    expect(epsilon).toBeLessThan(1.97);
    const poisson = poissonSampled({
      samplingProbability: 256 / 60_000,
      event: gaussian({ noiseMultiplier: 2 }),
    });
    expect(epsilon).toBeGreaterThan(run().compose(poisson, 10_000).getEpsilon(1e-5).epsilon);
    const repeated = sampledWithReplacement({
      datasetSize: 60_000,
      sampleSize: 256,
      event: gaussian({ noiseMultiplier: 20 }),
    });
    const bound = run('replace-one').compose(repeated, 1000).getEpsilon(1e-5);
    expect(bound.epsilon).toBeGreaterThan(0);
    expect(bound.epsilon).toBeLessThan(5);
  });

  it('bounds tuning by the runs’ curves', () => {
    const training = selfComposed({
      count: 1000,
      event: poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1 }) }),
    });
    const tuned = (mean: number, shape: number | 'poisson') =>
      run()
        .compose(repeatAndSelect({ event: training, mean, shape }))
        .getEpsilon(1e-5).epsilon;
    // dp_accounting 0.6.0 for mean 20, geometric: 4.480723095746075
    expect(tuned(20, 1)).toBeLessThanOrEqual(4.480723095746075);
    expect(tuned(20, 1)).toBeGreaterThan(4.48);
    expect(tuned(1, 1)).toBe(run().compose(training).getEpsilon(1e-5).epsilon);
    expect(tuned(5, 'poisson')).toBeGreaterThan(tuned(1, 'poisson'));
    const claim = epsilonDelta({ epsilon: 1, delta: 1e-6, relation: 'add-or-remove-one' });
    expect(run().unsupportedReason(repeatAndSelect({ event: claim, mean: 3, shape: 1 }))).toMatch(
      /repeated runs with a δ of their own have no bound/,
    );
  });

  it('bounds PATE for all votes, and by its votes only when asked to, saying so', () => {
    const answer = gnMax({ standardDeviation: 40, logNonPlurality: -60 });
    const safe = run().compose(answer, 100).getEpsilon(1e-5);
    const gaussians = run()
      .compose(gaussian({ noiseMultiplier: 40 / Math.SQRT2 }), 100)
      .getEpsilon(1e-5);
    expect(safe.epsilon / gaussians.epsilon).toBeCloseTo(1, 8);
    expect(safe).toMatchObject({ direction: 'upper' });
    const data = new RdpAccountant({ relation: 'add-or-remove-one', dataDependent: true }).compose(
      answer,
      100,
    );
    const bound = data.getEpsilon(1e-5);
    expect(bound.epsilon).toBeLessThan(safe.epsilon);
    expect(bound).toMatchObject({ direction: 'approximation' });
    expect(bound.warning).toMatch(/Data-dependent: it holds for these votes only, is no guarantee/);
  });

  it('refuses truncated samples, with a reason', () => {
    const cut = truncatedPoissonSampled({
      samplingProbability: 0.01,
      maxBatchSize: 120,
      datasetSize: 10_000,
      event: gaussian({ noiseMultiplier: 1 }),
    });
    expect(run().unsupportedReason(cut)).toMatch(
      /^event: no Rényi divergence is known for truncated Poisson samples/,
    );
    const tuning = repeatAndSelect({ event: cut, mean: 2, shape: 1 });
    expect(run().unsupportedReason(tuning)).toMatch(/truncated Poisson samples/);
  });

  it('answers extreme releases without NaN', () => {
    const events = [
      laplace({ parameter: 1e-3 }),
      laplace({ parameter: 1e6 }),
      poissonSampled({ samplingProbability: 1e-6, event: laplace({ parameter: 0.01 }) }),
      exponentialMechanism({ epsilon: 1e-9, relation: 'add-or-remove-one' }),
      exponentialMechanism({ epsilon: 500, relation: 'add-or-remove-one' }),
      poissonSampled({
        samplingProbability: 1e-4,
        event: composed([laplace({ parameter: 0.1 }), gaussian({ noiseMultiplier: 0.3 })]),
      }),
    ];
    for (const event of events) {
      for (const count of [1, 1_000_000]) {
        for (const delta of [1e-3, 1e-15]) {
          const { epsilon } = run().compose(event, count).getEpsilon(delta);
          expect(epsilon).toBeGreaterThanOrEqual(0);
          expect(epsilon).toBeLessThan(Number.POSITIVE_INFINITY);
        }
      }
    }
  });
});

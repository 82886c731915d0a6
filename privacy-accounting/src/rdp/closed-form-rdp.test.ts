import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedRangeRdpAt, exponentialMechanismRdp } from './bounded-range-rdp.js';
import { discreteLaplaceRdp, discreteLaplaceRdpAt } from './discrete-laplace-rdp.js';
import { finiteRdpAt } from './finite-rdp.js';
import { laplaceRdp, laplaceRdpAt, poissonLaplaceRdp, poissonLaplaceRdpAt } from './laplace-rdp.js';
import { pureDpRdp, pureDpRdpAt } from './pure-dp-rdp.js';
import { randomizedResponseRdp, randomizedResponseRdpAt } from './randomized-response-rdp.js';

/** Exact values, mpmath 1.3 at 40 digits (sampled Laplace: 30), of the formulas named; all parameters are float64. */
type Row = readonly number[];

/** [ε, α, ln(α/(2α−1)·e^{(α−1)ε} + (α−1)/(2α−1)·e^{−αε})/(α−1)] */
const LAPLACE: readonly Row[] = [
  [0.014566978902440894, 22.779176359706533, 0.0023643620890003015],
  [0.8385395006489351, 1.132049558126261, 0.30304176524487747],
  [9.707843477358942, 1.5169048733625725, 9.140546128046275],
  [4.940115833866655e-5, 1.0659690890405424, 1.3007137415421383e-9],
  [3.942986694740216e-8, 7.005322598081168, 5.445637914601814e-15],
  [2.562998775490456e-7, 1.0932535259256424, 3.59077052261608e-14],
  [0.0015888024176682022, 12.226313026960439, 1.5422339820697046e-5],
  [2.7294322915204607e-6, 1.4220410610777572, 5.296956379958765e-12],
  [2.9216598931295728e-6, 6.1760085891275205, 2.6359477074567888e-11],
  [2.5879617813272495, 2.456643716708518, 2.2683516958761163],
];

/** [ε, α, ln((e^{αε} + e^{(1−α)ε})/(1 + e^ε))/(α−1)] */
const PURE: readonly Row[] = [
  [0.014566978902440894, 22.779176359706533, 0.0023755429147478426],
  [0.8385395006489351, 1.132049558126261, 0.37027636666467445],
  [9.707843477358942, 1.5169048733625725, 9.707725853805043],
  [4.940115833866655e-5, 1.0659690890405424, 1.3007351602876127e-9],
  [3.942986694740216e-8, 7.005322598081168, 5.445637986175406e-15],
  [2.562998775490456e-7, 1.0932535259256424, 3.590770829387415e-14],
  [0.0015888024176682022, 12.226313026960439, 1.54305046796235e-5],
  [2.7294322915204607e-6, 1.4220410610777572, 5.2969611991845025e-12],
  [2.9216598931295728e-6, 6.1760085891275205, 2.635950274569771e-11],
  [2.5879617813272495, 2.456643716708518, 2.5382298481479855],
];

/** [ε, α, max over t of ln(m·e^{αt} + (1−m)·e^{α(t−ε)})/(α−1), m = (e^{−t} − e^{−ε})/(1 − e^{−ε})] */
const BOUNDED_RANGE: readonly Row[] = [
  [0.014566978902440894, 22.779176359706533, 0.0006033256103511489],
  [0.8385395006489351, 1.132049558126261, 0.09840257627527726],
  [9.707843477358942, 1.5169048733625725, 7.831940780529134],
  [4.940115833866655e-5, 1.0659690890405424, 3.251837901355405e-10],
  [3.942986694740216e-8, 7.005322598081168, 1.3614094965438653e-15],
  [2.562998775490456e-7, 1.0932535259256424, 8.976927073468588e-15],
  [0.0015888024176682022, 12.226313026960439, 3.857831036070271e-6],
  [2.7294322915204607e-6, 1.4220410610777572, 1.3242402997977154e-12],
  [2.9216598931295728e-6, 6.1760085891275205, 6.58987568670306e-12],
  [2.5879617813272495, 2.456643716708518, 1.5223205568268643],
];

/** [q, a, Δ, α, ln Σ_k Q(k)·(1 − q + q·P(k)/Q(k))^α/(α−1)], Q ∝ e^{−a|k|}, P(k) = Q(k − Δ) */
const DISCRETE_LAPLACE: readonly Row[] = [
  [0.7951935655656966, 0.0008568811119082879, 17, 22.779176359706533, 0.0015047797546967957],
  [0.05185325369909766, 0.1397565834414892, 6, 1.132049558126261, 0.0009170656179049373],
  [0.1019744021739154, 1.2134804346698678, 8, 1.5169048733625725, 3.0124528401354174],
  [0.8674590942690182, 3.80008910297435e-6, 13, 1.0659690890405424, 9.787680396919266e-10],
  [0.1266992325502697, 3.942986694740216e-8, 1, 7.005322598081168, 8.741716855229117e-17],
  [0.9824211088259253, 4.271664625817427e-8, 6, 1.0932535259256424, 3.4656366129686914e-14],
  [0.20477951453379284, 0.0002269717739526003, 7, 12.226313026960439, 6.467743233817225e-7],
  [0.1659560571297456, 5.458864583040922e-7, 5, 1.4220410610777572, 1.4588566807279623e-13],
  [0.003383119374356758, 2.6560544482996115e-7, 11, 6.1760085891275205, 3.0169731034337147e-16],
  [0.31579310584644404, 0.1617476113329531, 16, 2.456643716708518, 0.738333577319211],
];

/** [p, k, α, between two answers, the larger direction between an answer and a uniform one] */
const RESPONSE: readonly Row[] = [
  [0.029005228283614737, 31, 22.779176359706533, 6.944488066501675, 3.5387736211615164],
  [0.11320596465314436, 32, 1.132049558126261, 5.078045468661903, 2.906594194737461],
  [0.013114189588902203, 15, 1.5169048733625725, 7.006559048766246, 4.204234448646776],
  [0.15960421235803823, 6, 1.0659690890405424, 2.9965435326758643, 1.3071910979049415],
  [0.9723372896865363, 2, 7.005322598081168, 0.010501458173282194, 0.002671143341781204],
  [0.2893051677469265, 14, 1.0932535259256424, 2.6700108671944043, 1.478504600400036],
  [0.9665643123171954, 26, 12.226313026960439, 0.40626967320357504, 0.37229681283017263],
  [0.26381193894997024, 23, 1.4220410610777572, 3.6166166108619806, 2.2889860008978546],
  [0.06602245055107714, 24, 6.1760085891275205, 5.817824615669692, 3.1000641807375353],
  [0.47253834981224785, 13, 2.456643716708518, 2.357086165320615, 1.6082399032527657],
];

/** [q, ε, α, ln ∫ Lap(x)·(1 − q + q·e^{loss})^α dx/(α−1)] */
const POISSON_LAPLACE: readonly Row[] = [
  [0.0003601374568341699, 1.3271396458955764, 11.121142450133762, 1.110754889774111e-6],
  [0.1571866177407032, 0.0018779207112097295, 1.0574200482277207, 4.6039601582845994e-8],
  [0.00030004770869821633, 0.08846356576357131, 1.0255351015742442, 3.5130178105202954e-10],
  [0.00018288957235821187, 0.005509906792517319, 5.433868777480084, 2.7539146029719446e-12],
  [0.004825196007315696, 3.2645887147227595, 1.0277522680080462, 0.00019038954381629268],
  [0.009392733570641756, 0.004021951523336439, 2.2118296608733226, 1.5761534079803834e-9],
  [0.1416812640423295, 0.013607204185826486, 17.513526357822595, 3.2398505166089614e-5],
  [0.0003066813322126184, 0.46969167563145015, 1.0199934760265048, 9.431225965491983e-9],
  [0.4830766815982106, 0.03455236509737421, 7.29799897976785, 0.0010035922798827537],
  [0.0013496720219280476, 0.031876995074925474, 6.730555867492265, 6.164588277949122e-9],
];

/** Above the truth, and by at most `relative`. */
function expectJustAbove(got: number, exact: number, relative: number): void {
  expect(got).toBeGreaterThanOrEqual(exact);
  expect(got / exact - 1).toBeLessThan(relative);
}

const epsilons = fc.double({ min: -9, max: 2, noNaN: true }).map((e) => 10 ** e);
const orders = fc.double({ min: -2, max: 3, noNaN: true }).map((e) => 1 + 10 ** e);
const rates = fc.double({ min: 1e-6, max: 1, noNaN: true });

describe('closed forms are exact, rounded up', () => {
  it.each(LAPLACE)('Laplace, ε = %d, α = %d', (epsilon, order, exact) => {
    expectJustAbove(laplaceRdpAt(epsilon!, order!), exact!, 1e-11);
  });
  it.each(PURE)('pure DP, ε = %d, α = %d', (epsilon, order, exact) => {
    expectJustAbove(pureDpRdpAt(epsilon!, order!), exact!, 1e-11);
  });
  it.each(BOUNDED_RANGE)('bounded range, ε = %d, α = %d', (epsilon, order, exact) => {
    expectJustAbove(boundedRangeRdpAt(epsilon!, order!), exact!, 1e-11);
  });
  it.each(DISCRETE_LAPLACE)(
    'discrete Laplace, q = %d, a = %d, Δ = %d, α = %d',
    (q, a, shift, order, exact) => {
      expectJustAbove(discreteLaplaceRdpAt(q!, a!, shift!, order!), exact!, 1e-11);
    },
  );
  it.each(RESPONSE)('randomized response, p = %d, k = %d, α = %d', (p, k, order, exchanged, blanked) => {
    expectJustAbove(randomizedResponseRdpAt(p!, k!, 'replace-one', order!), exchanged!, 1e-11);
    expectJustAbove(randomizedResponseRdpAt(p!, k!, 'replace-special', order!), blanked!, 1e-11);
  });
  it.each(POISSON_LAPLACE)('sampled Laplace, q = %d, ε = %d, α = %d', (q, epsilon, order, exact) => {
    expectJustAbove(poissonLaplaceRdpAt(q!, epsilon!, order!), exact!, 5e-11);
  });

  it('equals what dp_accounting 0.6.0 computes for Laplace', () => {
    expectJustAbove(laplaceRdp({ parameter: 0.2, order: 1.05 }), 4.073491471902624, 1e-11);
  });

  it('is randomized response on one bit for pure DP and for a discrete Laplace of sensitivity 1', () => {
    fc.assert(
      fc.property(epsilons, orders, (epsilon, order) => {
        const p = 2 / (1 + Math.exp(epsilon));
        const pure = pureDpRdp({ epsilon, order });
        expect(discreteLaplaceRdp({ parameter: epsilon, sensitivity: 1, order }) / pure).toBeCloseTo(1, 11);
        if (epsilon > 1e-3 && epsilon < 30) {
          const told = randomizedResponseRdp({
            noiseParameter: p,
            buckets: 2,
            relation: 'replace-one',
            order,
          });
          expect(told / pure).toBeCloseTo(1, 8);
        }
      }),
      { seed: 101 },
    );
  });
});

describe('known inequalities', () => {
  it('Laplace ≤ discrete Laplace ≤ pure ≤ min(ε, αε²/2); bounded range ≤ αε²/8', () => {
    fc.assert(
      fc.property(epsilons, orders, fc.integer({ min: 1, max: 40 }), (epsilon, order, cells) => {
        const pure = pureDpRdpAt(epsilon, order);
        const grid = discreteLaplaceRdpAt(1, epsilon / cells, cells, order);
        const up = 1 + 1e-10;
        expect(laplaceRdpAt(epsilon, order)).toBeLessThanOrEqual(grid * up);
        expect(grid).toBeLessThanOrEqual(pure * up);
        expect(pure).toBeLessThanOrEqual(Math.min(epsilon, (order * epsilon * epsilon) / 2) * up);
        expect(boundedRangeRdpAt(epsilon, order)).toBeLessThanOrEqual(
          Math.min(pure, (order * epsilon * epsilon) / 8) * up,
        );
      }),
      { seed: 102 },
    );
  });

  it('no outcome pair within the range beats the bounded-range bound', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        fc.double({ min: 1.1, max: 30, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 }),
        (epsilon, order, scores) => {
          // An exponential mechanism: scores move by at most 1, weights e^{ε·score/2}.
          const weights = (shift: number) => {
            const w = scores.map((s, i) => Math.exp((epsilon / 2) * (s + (i % 2 === 0 ? shift : -shift))));
            const total = w.reduce((sum, x) => sum + x, 0);
            return w.map((x) => x / total);
          };
          const [p, q] = [weights(0.5), weights(-0.5)];
          const moment = p.reduce((sum, x, i) => sum + q[i]! * (x / q[i]!) ** order, 0);
          const divergence = Math.log(moment) / (order - 1);
          expect(divergence).toBeLessThanOrEqual(exponentialMechanismRdp({ epsilon, order }) + 1e-12);
        },
      ),
      { seed: 103 },
    );
  });

  it('grows with the order, with ε and with q; sampling never hurts', () => {
    fc.assert(
      fc.property(
        epsilons,
        orders,
        rates,
        fc.double({ min: 1.01, max: 3, noNaN: true }),
        (e, order, q, more) => {
          for (const curve of [laplaceRdpAt, pureDpRdpAt, boundedRangeRdpAt]) {
            const here = curve(e, order);
            expect(curve(e, 1 + (order - 1) * more)).toBeGreaterThanOrEqual(here * (1 - 1e-12));
            expect(curve(e * more, order)).toBeGreaterThanOrEqual(here);
          }
          const sampled = poissonLaplaceRdpAt(q, e, order);
          expect(sampled).toBeLessThanOrEqual(laplaceRdpAt(e, order));
          expect(poissonLaplaceRdpAt(Math.min(1, q * more), e, order)).toBeGreaterThanOrEqual(
            sampled * (1 - 1e-10),
          );
          expect(poissonLaplaceRdpAt(q, e, 1 + (order - 1) * more)).toBeGreaterThanOrEqual(
            sampled * (1 - 1e-10),
          );
        },
      ),
      { seed: 104, numRuns: 60 },
    );
  });

  it('bounds both directions of a sampled Laplace and discrete Laplace', () => {
    fc.assert(
      fc.property(
        rates,
        fc.double({ min: 0.05, max: 6, noNaN: true }),
        fc.double({ min: 1.05, max: 20, noNaN: true }),
        (q, epsilon, order) => {
          // D_α(Q ‖ M) by the trapezoidal rule on each smooth piece.
          const inverse = (loss: number) => (1 - q + q * Math.exp(loss)) ** (1 - order);
          const n = 4000;
          let middle = 0;
          for (let i = 0; i <= n; i++) {
            const x = (epsilon * i) / n;
            middle += (i % n === 0 ? 0.5 : 1) * 0.5 * Math.exp(-x) * inverse(2 * x - epsilon);
          }
          const moment =
            0.5 * inverse(-epsilon) + 0.5 * Math.exp(-epsilon) * inverse(epsilon) + (middle * epsilon) / n;
          const added = Math.log(moment) / (order - 1);
          expect(added).toBeLessThanOrEqual(
            poissonLaplaceRdp({ samplingProbability: q, parameter: 1 / epsilon, order }) + 1e-6,
          );
        },
      ),
      { seed: 105, numRuns: 40 },
    );
  });
});

describe('ends', () => {
  it('knows nothing released and no noise', () => {
    expect(pureDpRdp({ epsilon: 0, order: 3 })).toBe(0);
    expect(exponentialMechanismRdp({ epsilon: 0, order: 3 })).toBe(0);
    expect(laplaceRdp({ parameter: 0, order: 2 })).toBe(Number.POSITIVE_INFINITY);
    const rr = (noiseParameter: number, buckets = 3, relation = 'replace-one') =>
      randomizedResponseRdp({ noiseParameter, buckets, relation, order: 2 } as never);
    expect([rr(1), rr(0.5, 1), rr(0), rr(0.5, 2, 'add-or-remove-one')]).toEqual([
      0,
      0,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(rr(0.5, 2) / Math.log(7 / 3)).toBeCloseTo(1, 11);
  });

  it('survives extreme parameters without NaN', () => {
    for (const epsilon of [1e-300, 1e-12, 700, 800, 1e5, 1e300]) {
      for (const order of [1.0001, 1.5, 64, 1e6]) {
        for (const curve of [laplaceRdpAt, pureDpRdpAt, boundedRangeRdpAt]) {
          expect(curve(epsilon, order)).toBeLessThanOrEqual(epsilon);
          expect(curve(epsilon, order)).toBeGreaterThan(0);
        }
        expect(poissonLaplaceRdpAt(1e-3, epsilon, order)).toBeLessThanOrEqual(epsilon);
        expect(discreteLaplaceRdpAt(1e-3, epsilon, 3, order)).toBeLessThanOrEqual(3 * epsilon * (1 + 1e-14));
      }
    }
    expect(discreteLaplaceRdpAt(1, 1e-7, 1e6, 4) / pureDpRdpAt(0.1, 4)).toBeCloseTo(1, 12);
  });

  it.each([
    [() => laplaceRdp({ parameter: -1, order: 2 }), /parameter must be/],
    [() => laplaceRdp({ parameter: 1, order: 1 }), /order must be/],
    [() => pureDpRdp({ epsilon: Number.NaN, order: 2 }), /epsilon must be .* got NaN/],
    [() => discreteLaplaceRdp({ parameter: 1, sensitivity: 1.5, order: 2 }), /sensitivity must be a whole/],
    [
      () => poissonLaplaceRdp({ samplingProbability: 0, parameter: 1, order: 2 }),
      /samplingProbability must be/,
    ],
    [
      () => randomizedResponseRdp({ noiseParameter: 2, buckets: 2, relation: 'replace-one', order: 2 }),
      /noiseParameter must be/,
    ],
  ])('refuses %s', (attempt, message) => {
    expect(attempt).toThrow(message);
  });
});

describe('data processing', () => {
  const shares = fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 3, maxLength: 8 });
  const normalized = (values: readonly number[]) => {
    const total = values.reduce((sum, x) => sum + x, 0);
    return values.map((x) => x / total);
  };
  const divergence = (p: readonly number[], q: readonly number[], order: number) =>
    finiteRdpAt(
      p.map((x, i) => ({ logMass: Math.log(q[i]!), loss: Math.log(x / q[i]!) })),
      order,
    );

  it('telling outcomes apart less never gives more', () => {
    fc.assert(
      fc.property(shares, shares, orders, (a, b, order) => {
        const n = Math.min(a.length, b.length);
        const [p, q] = [normalized(a.slice(0, n)), normalized(b.slice(0, n))];
        const merge = (law: readonly number[]) => [law[0]! + law[1]!, ...law.slice(2)];
        const whole = divergence(p, q, order);
        expect(divergence(merge(p), merge(q), order)).toBeLessThanOrEqual(whole * (1 + 1e-9) + 1e-14);
        // Randomizing the answers: keep each with probability ½, else draw one uniformly.
        const blur = (law: readonly number[]) => law.map((x) => x / 2 + 0.5 / n);
        expect(divergence(blur(p), blur(q), order)).toBeLessThanOrEqual(whole * (1 + 1e-9) + 1e-14);
      }),
      { seed: 106 },
    );
  });
});

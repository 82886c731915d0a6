import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianRdpAt } from './gaussian-rdp.js';
import { mixtureOfGaussiansRdp, mixtureOfGaussiansRdpAt } from './mixture-of-gaussians-rdp.js';
import { poissonGaussianRdpAt } from './poisson-gaussian-rdp.js';
import { copiesOfRecord, withReplacementGaussianRdpAt } from './with-replacement-rdp.js';
import { withoutReplacementGaussianRdp, withoutReplacementGaussianRdpAt } from './without-replacement-rdp.js';

/** Exact values of the docstrings' integrals, mpmath 1.3 at 30 digits. [q, σ, α, RDP] */
const WITHOUT_REPLACEMENT: readonly (readonly number[])[] = [
  [0.0003601374568341699, 3.2283748911584027, 1.6486562686716786, 1.3393704953613059e-8],
  [0.1571866177407032, 12.715280976715563, 2.5484052605089675, 0.00020538002520552505],
  [0.00030004770869821633, 5.856733463512941, 6.252342697393824, 9.455507487809195e-9],
  [0.00018288957235821187, 1.0114949711079793, 1.681061753163693, 7.897347192362968e-8],
  [0.004825196007315696, 1.5764575394105995, 1.9565731272277478, 1.6609792610432494e-5],
  [0.009392733570641756, 21.36991661017381, 1.6778597754135949, 1.682421515090986e-7],
  [0.1416812640423295, 17.40423747833801, 1.31334022177651, 4.5274628729356644e-5],
  [0.0003066813322126184, 5.352431167645165, 1.0612817012927294, 2.0358740486230697e-9],
  [0.4830766815982106, 2.6045701996946966, 5.183532181937547, 0.11060431440335056],
  [0.0013496720219280476, 23.33597840205798, 3.1260474404044585, 5.411845232071587e-9],
  [0.002586139564438205, 0.46673043412259985, 19.929314866688838, 39.47126075367575],
  [0.45160541826696304, 7.184060655356641, 1.1412889082098434, 0.002393213365465624],
];

/** [σ, sensitivities, probabilities, α, the larger direction], by the definition, mpmath 1.3 at 30 digits. */
const MIXTURES: readonly (readonly [number, readonly number[], readonly number[], number, number])[] = [
  [
    3.2283748911584027,
    [2, 3, 4],
    [0.09897334169993632, 0.37767605478437094, 0.5233506035156927],
    1.6486562686716786,
    0.9533179608228219,
  ],
  [
    12.715280976715563,
    [0, 2, 3],
    [0.4752979004585667, 0.07605964606471179, 0.44864245347672155],
    2.5484052605089675,
    0.018156431849209655,
  ],
  [
    5.856733463512941,
    [0, 1, 3],
    [0.531924835509891, 0.33008776203594536, 0.13798740245416363],
    6.252342697393824,
    0.06268082324429142,
  ],
  [
    1.0114949711079793,
    [0, 1, 3],
    [0.04185801819842927, 0.4183207597556128, 0.539821222045958],
    1.681061753163693,
    5.914196286627205,
  ],
  [
    1.5764575394105995,
    [2, 3, 4],
    [0.33195797833622637, 0.04945791339201449, 0.6185841082717591],
    1.9565731272277478,
    5.402885079732327,
  ],
  [
    21.36991661017381,
    [1, 3, 4],
    [0.05584644101714373, 0.20826127352838233, 0.7358922854544739],
    1.6778597754135949,
    0.024150265876054292,
  ],
  [
    17.40423747833801,
    [0, 1, 3],
    [0.49072590341807787, 0.450629291674349, 0.0586448049075731],
    1.31334022177651,
    0.0008528218366883106,
  ],
  [
    5.352431167645165,
    [1, 3, 4],
    [0.09113514388112492, 0.4496041874191175, 0.45926066869975757],
    1.0612817012927294,
    0.19940133810553523,
  ],
  [
    2.6045701996946966,
    [0, 2, 4],
    [0.34992385030995077, 0.1505948767332985, 0.49948127295675077],
    5.183532181937547,
    5.255473615316616,
  ],
  [
    23.33597840205798,
    [0, 3, 4],
    [0.5248729818669784, 0.2602222217695464, 0.2149047963634752],
    3.1260474404044585,
    0.007842165445743591,
  ],
  [
    0.46673043412259985,
    [1, 3, 4],
    [0.22070403915095127, 0.12939979236187638, 0.6498961684871724],
    4.324833569720555,
    158.26747234575956,
  ],
  [
    7.184060655356641,
    [1, 3, 4],
    [0.45914794691694505, 0.3196602006071117, 0.22119185247594322],
    1.1412889082098434,
    0.059151315697135595,
  ],
];

function expectJustAbove(got: number, exact: number, relative: number): void {
  expect(got).toBeGreaterThanOrEqual(exact);
  expect(got / exact - 1).toBeLessThan(relative);
}

const rates = fc.double({ min: -4, max: -0.01, noNaN: true }).map((e) => 10 ** e);
const sigmas = fc.double({ min: Math.log(0.3), max: Math.log(100), noNaN: true }).map(Math.exp);
const orders = fc.double({ min: -1.9, max: 1.7, noNaN: true }).map((e) => 1 + 10 ** e);

describe('mixtureOfGaussiansRdp', () => {
  it.each(MIXTURES)('σ = %d, c = %j, p = %j, α = %d', (sigma, c, p, order, exact) => {
    expectJustAbove(mixtureOfGaussiansRdpAt(sigma, c, p, order), exact, 5e-11);
  });

  it('is the Poisson-sampled Gaussian for {0, 1} and the Gaussian for {1}', () => {
    fc.assert(
      fc.property(rates, sigmas, orders, (q, sigma, order) => {
        const sampled = mixtureOfGaussiansRdpAt(sigma, [0, 1], [1 - q, q], order);
        expect(Math.abs(sampled / poissonGaussianRdpAt(q, sigma, order) - 1)).toBeLessThan(1e-10);
        const whole = mixtureOfGaussiansRdpAt(sigma, [2], [1], order);
        expect(Math.abs(whole / gaussianRdpAt(sigma / 2, order) - 1)).toBeLessThan(1e-9);
      }),
      { seed: 110, numRuns: 50 },
    );
  });

  it('is never above the Gaussian of the largest sensitivity, and falls with σ', () => {
    fc.assert(
      fc.property(sigmas, orders, fc.double({ min: 0.01, max: 0.9, noNaN: true }), (sigma, order, p) => {
        const at = (s: number) => mixtureOfGaussiansRdpAt(s, [0, 1, 3], [p, (1 - p) / 2, (1 - p) / 2], order);
        expect(at(sigma)).toBeLessThanOrEqual(gaussianRdpAt(sigma / 3, order) * (1 + 1e-10));
        expect(at(sigma * 1.1)).toBeLessThanOrEqual(at(sigma));
      }),
      { seed: 111, numRuns: 50 },
    );
  });

  it('falls back on convexity where quadrature is out of reach, without NaN', () => {
    for (const sigma of [1e-5, 1e-3, 0.01, 0.05, 1e6]) {
      for (const order of [1.01, 3.5, 100, 16_384]) {
        const got = mixtureOfGaussiansRdpAt(sigma, [0, 1], [0.5, 0.5], order);
        // ½e^{(α−1)RDP} is one term of the moment, so that the truth is at most ln 2/(α−1) below the Gaussian's.
        expect(got).toBeGreaterThanOrEqual(gaussianRdpAt(sigma, order) - (order * Math.LN2) / (order - 1));
        expect(got).toBeLessThanOrEqual(gaussianRdpAt(sigma, order) * (1 + 1e-10));
      }
    }
    expect(mixtureOfGaussiansRdpAt(1, [0], [1], 2)).toBe(0);
    expect(mixtureOfGaussiansRdpAt(0, [1], [1], 2)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [
      { noiseMultiplier: 1, sensitivities: [1], probabilities: [0.5], order: 2 },
      /probabilities must be 1 numbers/,
    ],
    [{ noiseMultiplier: 1, sensitivities: [-1], probabilities: [1], order: 2 }, /sensitivities\[0\] must be/],
    [{ noiseMultiplier: 1, sensitivities: [], probabilities: [], order: 2 }, /sensitivities must be a list/],
  ])('refuses %j', (options, message) => {
    expect(() => mixtureOfGaussiansRdp(options)).toThrow(message);
  });
});

describe('withoutReplacementGaussianRdp', () => {
  it.each(WITHOUT_REPLACEMENT)('q = %d, σ = %d, α = %d', (q, sigma, order, exact) => {
    expectJustAbove(withoutReplacementGaussianRdpAt(q!, sigma!, order!), exact!, 5e-11);
  });

  it('bounds the divergence of every three Gaussians within the sensitivity', () => {
    /** D_α((1−q)N(a) + qN(b) ‖ (1−q)N(a) + qN(c)) by the trapezoidal rule: exact for what is so smooth. */
    const divergence = (q: number, sigma: number, order: number, a: number, b: number, c: number) => {
      const density = (x: number, mean: number) => Math.exp(-((x - mean) ** 2) / (2 * sigma * sigma));
      const h = sigma / 40;
      let sum = 0;
      for (let x = -12 * sigma - order; x < 12 * sigma + order; x += h) {
        const p = (1 - q) * density(x, a) + q * density(x, b);
        const r = (1 - q) * density(x, a) + q * density(x, c);
        if (p > 0 && r > 0) sum += r * (p / r) ** order;
      }
      return Math.log((sum * h) / (sigma * Math.sqrt(2 * Math.PI))) / (order - 1);
    };
    let closest = 0;
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.double({ min: 0.4, max: 4, noNaN: true }),
        fc.double({ min: 1.1, max: 8, noNaN: true }),
        fc.constantFrom([0, 1, 0], [0, 0, 1], [0.5, 0, 1], [0, 0.5, 1], [1, 0, 0.7], [0.2, 1, 0]),
        (q, sigma, order, [a, b, c]) => {
          const bound = withoutReplacementGaussianRdpAt(q, sigma, order);
          const got = divergence(q, sigma, order, a!, b!, c!);
          expect(got).toBeLessThanOrEqual(bound + 1e-9);
          closest = Math.max(closest, got / bound);
        },
      ),
      { seed: 112, numRuns: 150 },
    );
    // It is attained to within a few per cent, so that the comparison means something.
    expect(closest).toBeGreaterThan(0.95);
  });

  it('lies between the Poisson-sampled Gaussian of the same rate and the unsampled one', () => {
    fc.assert(
      fc.property(rates, sigmas, orders, (q, sigma, order) => {
        const here = withoutReplacementGaussianRdpAt(q, sigma, order);
        expect(here).toBeGreaterThanOrEqual(poissonGaussianRdpAt(q, sigma, order) * (1 - 1e-9));
        expect(here).toBeLessThanOrEqual(gaussianRdpAt(sigma, order));
        expect(withoutReplacementGaussianRdpAt(q, sigma * 1.2, order)).toBeLessThanOrEqual(
          here * (1 + 1e-10),
        );
        expect(withoutReplacementGaussianRdpAt(Math.min(1, q * 1.2), sigma, order)).toBeGreaterThanOrEqual(
          here * (1 - 1e-10),
        );
        expect(withoutReplacementGaussianRdpAt(q, sigma, order * 1.2)).toBeGreaterThanOrEqual(
          here * (1 - 1e-10),
        );
      }),
      { seed: 113, numRuns: 80 },
    );
  });

  it('is below Thm 27 of Wang, Balle & Kasiviswanathan 2018', () => {
    // dp_accounting 0.6.0: 0.9392065343894916
    const got = withoutReplacementGaussianRdp({
      sampleSize: 50,
      datasetSize: 1000,
      noiseMultiplier: 2,
      order: 32,
    });
    expect(got).toBeLessThan(0.9392065343894916);
    expect(got).toBeGreaterThan(poissonGaussianRdpAt(0.05, 2, 32));
  });

  it('is the Gaussian when everything is drawn, and survives the extremes', () => {
    const all = withoutReplacementGaussianRdp({
      sampleSize: 9,
      datasetSize: 9,
      noiseMultiplier: 2,
      order: 3,
    });
    expect(all).toBe(gaussianRdpAt(2, 3));
    expect(withoutReplacementGaussianRdpAt(1 - 1e-9, 2, 3) / gaussianRdpAt(2, 3)).toBeCloseTo(1, 7);
    for (const sigma of [1e-6, 1e-3, 0.05, 1e4]) {
      for (const order of [1.001, 2.5, 1024, 16_384]) {
        const got = withoutReplacementGaussianRdpAt(1e-5, sigma, order);
        expect(got).toBeGreaterThan(0);
        expect(got).toBeLessThanOrEqual(gaussianRdpAt(sigma, order));
      }
    }
  });

  it('refuses a sample larger than the data', () => {
    const options = { sampleSize: 10, datasetSize: 9, noiseMultiplier: 1, order: 2 };
    expect(() => withoutReplacementGaussianRdp(options)).toThrow(
      /sampleSize must be at most datasetSize = 9, got 10/,
    );
  });
});

describe('withReplacementGaussianRdpAt', () => {
  it('knows how often a record is drawn', () => {
    const { groups, q, delta } = copiesOfRecord(5, 3);
    const weights = groups.map(({ logWeight }) => Math.exp(logWeight));
    [0.384, 0.096, 0.008].forEach((w, i) => {
      expect(weights[i]).toBeCloseTo(w, 14);
    });
    expect(q).toBeCloseTo(1 - 0.8 ** 3, 14);
    expect(delta).toBe(0);
    for (const [n, m] of [
      [60_000, 256],
      [100, 5000],
      [10, 3],
      [2, 1000],
    ] as const) {
      const copies = copiesOfRecord(n, m);
      const total = copies.groups.reduce((sum, { logWeight }) => sum + Math.exp(logWeight), 0);
      expect(total / copies.q).toBeCloseTo(1, 10);
      expect(copies.delta).toBeLessThan(1e-22);
    }
    expect(copiesOfRecord(1, 7)).toEqual({ groups: [{ count: 7, logWeight: 0 }], q: 1, delta: 0 });
  });

  it('is the binomial sum of the single draws, and above drawing without replacement', () => {
    const copies = copiesOfRecord(1000, 20);
    const order = 2.5;
    const got = withReplacementGaussianRdpAt(copies, 4, order);
    const excess = copies.groups.reduce((sum, { count, logWeight }) => {
      const one = withoutReplacementGaussianRdpAt(copies.q, 4 / count, order);
      return sum + (Math.exp(logWeight) / copies.q) * Math.expm1((order - 1) * one);
    }, 0);
    expect(got / (Math.log1p(excess) / (order - 1))).toBeCloseTo(1, 8);
    expect(got).toBeGreaterThan(withoutReplacementGaussianRdpAt(0.02 * 0.98, 4, order));
    // One draw is the same with and without replacement.
    const single = withReplacementGaussianRdpAt(copiesOfRecord(50, 1), 2, 3);
    expect(single / withoutReplacementGaussianRdpAt(1 / 50, 2, 3)).toBeCloseTo(1, 9);
  });
});

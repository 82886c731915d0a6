import { describe, expect, it } from 'vitest';
import { gaussianEpsilon } from '../gdp/index.js';
import { coarsen } from './coarsen.js';
import { ComposedLoss } from './composed-loss.js';
import { connectTheDots } from './connect-the-dots.js';
import type { DominatingPair } from './dominating-pair.js';
import { gaussianPair, poissonGaussianPair } from './gaussian-pairs.js';
import { cellsOf } from './loss-cells.js';
import type { LossLaw } from './loss-law.js';
import { laplacePair } from './pairs-laplace.js';
import { SaddlePoint } from './saddle-point.js';
import { composeTilted } from './tilted-composition.js';
import { TiltedLaw } from './tilted-law.js';

const THETA = 2;
const FINE = 1e-3;

/** The window of `count` steps of a pair on a fine grid, tilted. */
function windowOf(pair: DominatingPair, count: number, nats = 40) {
  const tilts = { tilt: { remove: THETA, add: THETA }, logMoment: { remove: 0, add: 0 }, share: 1e-9 };
  const cells = cellsOf(pair, { interval: FINE, halves: false, tilts });
  const tilted = new TiltedLaw(connectTheDots(pair, cells, FINE, 'remove'), THETA, 0);
  const { from, width, chernoff } = new SaddlePoint([{ pair, count }]).holding('remove', THETA, nats);
  const size = 2 ** Math.ceil(Math.log2(width / FINE));
  const direction = { parts: [{ tilted, count }], theta: THETA, start: Math.floor(from / FINE), chernoff };
  return composeTilted([direction], size)[0]!;
}

function moments({ indices, masses, interval }: LossLaw) {
  let p = 0;
  let q = 0;
  let tilted = 0;
  indices.forEach((index, i) => {
    p += masses[i]!;
    q += masses[i]! * Math.exp(-index * interval);
    tilted += masses[i]! * Math.exp(THETA * index * interval);
  });
  return { p, q, tilted };
}

function delta({ indices, masses, interval }: LossLaw, epsilon: number): number {
  let sum = 0;
  indices.forEach((index, i) => {
    const excess = index * interval - epsilon;
    if (excess > 0) sum -= masses[i]! * Math.expm1(-excess);
  });
  return sum;
}

const PAIRS: readonly (readonly [string, DominatingPair, number])[] = [
  ['sampled Gaussian', poissonGaussianPair({ samplingProbability: 0.02, noiseMultiplier: 1 }), 300],
  ['Gaussian', gaussianPair(20), 200],
  ['Laplace', laplacePair({ samplingProbability: 1, parameter: 10 }), 50],
];

describe('coarsen', () => {
  it.each(PAIRS)('%s: a coarser law bounds δ(ε) from above, or from below', (_, pair, count) => {
    const window = windowOf(pair, count);
    const same = coarsen(window, 1, 'upper').law;
    for (const ratio of [2, 7, 40]) {
      const upper = coarsen(window, ratio, 'upper').law;
      const lower = coarsen(window, ratio, 'lower').law;
      for (const epsilon of [0.011, 0.1004, 0.3, 0.777, 1.5, 2.5]) {
        const truth = delta(same, epsilon);
        expect(delta(upper, epsilon)).toBeGreaterThanOrEqual(truth * (1 - 1e-9));
        expect(delta(lower, epsilon)).toBeLessThanOrEqual(truth * (1 + 1e-9));
        // Of second order: no bound is off by what one grid point is worth.
        expect(delta(upper, epsilon)).toBeLessThan(delta(same, epsilon - ratio * FINE) + 1e-15);
        expect(delta(lower, epsilon)).toBeGreaterThan(delta(same, epsilon + ratio * FINE) - 1e-15);
      }
    }
  });

  it.each(PAIRS)(
    '%s: splitting keeps the masses under both laws, and raises the moment',
    (_, pair, count) => {
      const window = windowOf(pair, count);
      const before = moments(coarsen(window, 1, 'upper').law);
      const after = moments(coarsen(window, 16, 'upper').law);
      expect(after.p).toBeCloseTo(before.p, 10);
      expect(after.q).toBeCloseTo(before.q, 10);
      expect(after.tilted).toBeGreaterThanOrEqual(before.tilted * (1 - 1e-12));
    },
  );

  it('charges the mass that the window has not got', () => {
    const [, pair, count] = PAIRS[0]!;
    const wide = coarsen(windowOf(pair, count, 40), 4, 'upper');
    const narrow = coarsen(windowOf(pair, count, 6), 4, 'upper');
    expect(wide.stray.mass).toBeLessThan(1e-9);
    expect(narrow.stray.mass).toBeGreaterThan(1e-6);
    const missing = Math.abs(Math.exp(narrow.logMoment - wide.logMoment) - 1);
    expect(narrow.stray.mass).toBeGreaterThan(missing);
  });
});

describe('a composition in two stages', () => {
  // Unsampled Gaussians, composed step by step all the same: ε is known in closed form.
  it.each([
    [300, 1e5],
    [300, 1e6],
    [2000, 1e7],
    [150, 123_457],
  ])('encloses the closed form of %d-fold noise, %d steps', (sigma, count) => {
    const loss = new ComposedLoss([{ pair: gaussianPair(sigma), count }], { certified: true });
    for (const delta of [1e-5, 1e-12]) {
      const truth = gaussianEpsilon({ mu: Math.sqrt(count) / sigma, delta });
      const { lower, upper } = loss.epsilon(delta);
      expect(lower).toBeLessThanOrEqual(truth);
      expect(upper).toBeGreaterThanOrEqual(truth * (1 - 1e-12));
      expect(upper - lower).toBeLessThan(2e-4 * truth);
    }
  });

  it('encloses the closed form of two kinds of steps', () => {
    const parts = [
      { pair: gaussianPair(400), count: 300_000 },
      { pair: gaussianPair(700), count: 1_000_003 },
    ];
    const mu = Math.sqrt(parts[0]!.count / 400 ** 2 + parts[1]!.count / 700 ** 2);
    const truth = gaussianEpsilon({ mu, delta: 1e-6 });
    const { lower, upper } = new ComposedLoss(parts, { certified: true }).epsilon(1e-6);
    expect(lower).toBeLessThanOrEqual(truth);
    expect(upper).toBeGreaterThanOrEqual(truth);
    expect(upper - lower).toBeLessThan(2e-4 * truth);
  });

  it('is tight for sampled steps, however many', () => {
    const pair = poissonGaussianPair({ samplingProbability: 0.01, noiseMultiplier: 1.1 });
    for (const count of [1e5, 1e6, 1e7]) {
      const { lower, upper } = new ComposedLoss([{ pair, count }], { certified: true }).epsilon(1e-5);
      expect(lower).toBeLessThan(upper);
      expect(upper / lower).toBeLessThan(1 + 6e-5);
    }
  });
});

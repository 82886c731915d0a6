import { invalidArgument, requireCount, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';
import { logNormalCdf } from '../gdp/normal-law.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';

/** Passes over shuffled batches, with Gaussian noise of `noiseMultiplier` times the clipping norm in each batch. */
export interface ShuffledRun {
  readonly noiseMultiplier: number;
  /** Batches in a pass. */
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  readonly relation: NeighboringRelation;
}

/** A floor under δ: no accountant can prove less, whatever it assumes about the other records. */
export interface DeltaFloor {
  readonly delta: number;
  readonly epsilon: number;
  readonly relation: NeighboringRelation;
  readonly direction: 'lower';
}

/** For that many epochs the sum over their outcomes stays short. */
const LARGEST_EPOCHS = 100_000;
const SCAN = 400;
/** Relative rounding error of a probability here: T·ln Φ is good to a few units in the last place. */
const ROUNDING = 1e-11;

/**
 * A *lower* bound on δ at ε of passes over shuffled batches: how wrong it is to account for them as Poisson samples.
 *
 * The data: one record's gradient is +C, all others' are −C, along one axis. With the batches' sums shifted and scaled to
 * C = 1 that record's batch is 2 where it is used, 1 where it is blanked out (replace-special) and 0 where it is like the
 * others (replace-one); all other batches are 0; which batch it is, is uniformly random. The test: is the largest of a
 * pass's T noisy sums above c? It is with probability 1 − Φ((c − m)/σ)·Φ(c/σ)^{T−1}, m = 2 against 1 or 0, and passes are
 * independent, so that δ ≥ Σⱼ (P_j − e^ε·Q_j)⁺ over the binomial number j of passes where it is. The best of 400 and more
 * thresholds c; rounded down.
 *
 * Source: Chua et al. 2024 (arXiv:2403.17673), ABLQ_S and its events E_C.
 *
 * @example
 * // Poisson samples of the same rate would have δ ≤ 1.6e-4.
 * shuffleDeltaFloor({ noiseMultiplier: 0.5, stepsPerEpoch: 1000, epochs: 1, relation: 'replace-special' }, { epsilon: 2 }); // δ 0.2486…
 */
export function shuffleDeltaFloor(run: ShuffledRun, options: { readonly epsilon: number }): DeltaFloor {
  requireRecord(run, 'run', 'an object { noiseMultiplier, stepsPerEpoch, epochs, relation }');
  requireRecord(options, 'options', 'an object { epsilon }');
  const epsilon = requireEpsilon(options.epsilon);
  const relation = requireRelation(run.relation, 'run.relation');
  if (relation === 'add-or-remove-one') {
    throw invalidArgument(
      'run.relation',
      'replace-special or replace-one',
      relation,
      'Removing a record moves the others between shuffled batches: this floor is not about that.',
    );
  }
  const sigma = requireNumber(run.noiseMultiplier, 'run.noiseMultiplier', 'above 0', (s) => s > 0);
  const steps = requireNumber(run.stepsPerEpoch, 'run.stepsPerEpoch', 'a whole number, 1 or larger', isCount);
  const epochs = requireNumber(
    requireCount(run.epochs, 'run.epochs'),
    'run.epochs',
    `a whole number from 0 to ${LARGEST_EPOCHS}`,
    (e) => e <= LARGEST_EPOCHS,
  );
  const blank = relation === 'replace-special' ? 1 : 0;
  const at = (threshold: number) => {
    const others = (steps - 1) * logNormalCdf(threshold / sigma);
    return passesApart(
      logNormalCdf((threshold - 2) / sigma) + others,
      logNormalCdf((threshold - blank) / sigma) + others,
      epochs,
      epsilon,
    );
  };
  return Object.freeze({ delta: largest(at, sigma, steps), epsilon, relation, direction: 'lower' });
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** Every threshold gives a valid bound: a scan, and a finer one around its best. */
function largest(at: (threshold: number) => number, sigma: number, steps: number): number {
  // Where the largest of the others' noise is likely, and the record's sum, with room on both sides.
  const low = -6 * sigma;
  const high = 2 + sigma * (6 + Math.sqrt(2 * Math.log(steps + 1)));
  let step = (high - low) / SCAN;
  let best = low;
  let delta = 0;
  for (let j = 0; j <= SCAN; j++) {
    const value = at(low + j * step);
    if (value > delta) [delta, best] = [value, low + j * step];
  }
  for (let round = 0; round < 3; round++) {
    const from = best - step;
    step /= 10;
    for (let j = 0; j <= 20; j++) {
      const value = at(from + j * step);
      if (value > delta) [delta, best] = [value, from + j * step];
    }
  }
  return delta;
}

/** Σⱼ (P_j − e^ε·Q_j)⁺ of two binomial numbers of hits in `epochs`, from ln(1 − p) and ln(1 − q). Rounded down. */
function passesApart(logMissP: number, logMissQ: number, epochs: number, epsilon: number): number {
  const logHitP = Math.log(-Math.expm1(logMissP));
  const logHitQ = Math.log(-Math.expm1(logMissQ));
  if (logHitP === Number.NEGATIVE_INFINITY) return 0;
  let logWays = 0;
  let sum = 0;
  for (let hits = 0; hits <= epochs; hits++) {
    if (hits > 0) logWays += Math.log((epochs - hits + 1) / hits);
    const p = Math.exp(logWays + power(logHitP, hits) + power(logMissP, epochs - hits));
    const q = Math.exp(epsilon + logWays + power(logHitQ, hits) + power(logMissQ, epochs - hits));
    const rounding = ROUNDING * (epochs + Math.abs(Math.log(p > 0 ? p : 1)));
    sum += Math.max(0, p * (1 - rounding) - q * (1 + rounding));
  }
  return Math.min(1, sum * (1 - (epochs + 2) * Number.EPSILON));
}

/** k·ln x, with 0 for the empty product. */
function power(log: number, exponent: number): number {
  return exponent === 0 ? 0 : exponent * log;
}

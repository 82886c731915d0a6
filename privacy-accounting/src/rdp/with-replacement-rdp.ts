import { divergenceOfExcess } from './finite-rdp.js';
import { LogSum } from './log-space.js';
import { logExchangeExcess } from './without-replacement-rdp.js';

/** More copies of one record than have this probability (ln) are left to δ: below 1e-17 even after a million steps. */
const LOG_TAIL = -55;
/** Beyond as many copies numbers are not told apart: all count as the largest. */
const MAX_COUNTED = 64;
/** Beyond, every record is drawn many times, and all numbers of copies count as the largest that matters. */
const MAX_ENUMERATED_MEAN = 1e4;
const ROUND_UP = 1 + 2e-11;

/** How often a record may be among m draws. */
export interface Copies {
  /** `count` ≥ 1 copies or fewer (but more than in the entry before), with ln of their probability. */
  readonly groups: readonly { readonly count: number; readonly logWeight: number }[];
  /** Pr[at least one copy]. */
  readonly q: number;
  /** An upper bound on Pr[more copies than listed]. */
  readonly delta: number;
}

/** The binomial law of the number of copies of one of n = `datasetSize` records among m = `sampleSize` draws. */
export function copiesOfRecord(datasetSize: number, sampleSize: number): Copies {
  if (datasetSize === 1) return { groups: [{ count: sampleSize, logWeight: 0 }], q: 1, delta: 0 };
  const logNone = sampleSize * Math.log1p(-1 / datasetSize);
  const mean = sampleSize / datasetSize;
  if (mean > MAX_ENUMERATED_MEAN) {
    // Bernstein's inequality: Pr[X ≥ μ + t] ≤ exp(−t²/2(μ + t/3)).
    const nats = -LOG_TAIL;
    const count = Math.min(
      sampleSize,
      Math.ceil(mean + nats / 3 + Math.sqrt((nats / 3) ** 2 + 2 * nats * mean)) + 1,
    );
    return { groups: [{ count, logWeight: 0 }], q: 1, delta: Math.exp(LOG_TAIL) };
  }
  const groups: { count: number; logWeight: number }[] = [];
  const rest = new LogSum();
  let last = 0;
  let delta = 0;
  let logWeight = logNone;
  for (let k = 1; k <= sampleSize; k++) {
    logWeight += Math.log((sampleSize - k + 1) / k / (datasetSize - 1));
    // The ratio of successive weights falls, so that from here on they are at most a geometric series.
    if ((sampleSize - k) / ((k + 1) * (datasetSize - 1)) < 0.5 && logWeight < LOG_TAIL) {
      delta = 2 * Math.exp(logWeight) * (1 + 1e-9);
      break;
    }
    last = k;
    if (k <= MAX_COUNTED) groups.push({ count: k, logWeight });
    else rest.add(logWeight);
  }
  if (last > MAX_COUNTED) groups.push({ count: last, logWeight: rest.value });
  return { groups, q: -Math.expm1(logNone), delta };
}

/**
 * The Rényi divergence of order α > 1, in nats, of the Gaussian mechanism on m of n records drawn with replacement,
 * under replace-one, except for an event of probability `copies.delta` (a record is drawn very often), which is to be
 * added to δ. σ is relative to the replace-one sensitivity of one copy. Upper bound, rounded up.
 *
 *   A − 1 = Σ_k Pr[k copies]/q · (A_k − 1),  A_k that of sampling without replacement at rate q and noise multiplier σ/k,
 *
 * q = Pr[at least one copy]. Proof: as without replacement, the k copies being exchanged together: k stand-ins are
 * drawn. Hockey-stick divergences are at most Σ Pr[k copies] times those of Gaussians k apart, and the moment is
 * linear in them. Large orders are dear: k copies weigh e^{α²k²/2σ²}.
 *
 * Source: Balle, Barthe & Gaboardi 2018 (arXiv:1807.01647), Thm 10.
 */
export function withReplacementGaussianRdpAt(copies: Copies, sigma: number, order: number): number {
  const excess = new LogSum();
  const logQ = Math.log(copies.q);
  for (const { count, logWeight } of copies.groups) {
    excess.add(logWeight - logQ + logExchangeExcess(copies.q, sigma / count, order));
  }
  return divergenceOfExcess(excess.value, order, ROUND_UP);
}

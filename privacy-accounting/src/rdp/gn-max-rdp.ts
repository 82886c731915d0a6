import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import { erfcx } from '../math/index.js';
import { requireOrder } from './gaussian-rdp.js';
import { LogSum, log1mExp } from './log-space.js';

/** Covers the rounding of the closed forms. */
const ROUND_UP = 1 + 64 * Number.EPSILON;

/** σ > 0: the standard deviation of the noise on each count of votes. */
function requireSigma(value: unknown): number {
  return requireNumber(value, 'sigma', 'a finite number above 0', (sigma) => sigma > 0);
}

/**
 * The Rényi divergence of order α > 1, in nats, of one answer of PATE's GNMax: the class with most votes, of teachers
 * trained on disjoint data, after N(0, σ²) was added to each count. α/σ²: one record moves one teacher's vote from a
 * class to another, √2 in L2. Holds whatever the votes are, under every relation. Exact for the noisy counts, rounded
 * up.
 *
 * Source: Papernot, Song, Mironov, Raghunathan, Talwar & Erlingsson 2018 (arXiv:1802.08908), Prop. 8.
 *
 * @example
 * gnMaxRdp({ sigma: 40, order: 16 }); // 0.01
 */
export function gnMaxRdp(options: { readonly sigma: number; readonly order: number }): number {
  requireRecord(options, 'options', 'an object { sigma, order }');
  return gnMaxRdpAt(requireSigma(options.sigma), requireOrder(options.order));
}

/** {@link gnMaxRdp} of checked arguments. */
export function gnMaxRdpAt(sigma: number, order: number): number {
  return (order / sigma / sigma) * ROUND_UP;
}

/**
 * ln of an upper bound on the probability that GNMax answers another class than the one with most votes:
 * Σ_{i ≠ top} ½ erfc((n_top − n_i) / (2σ)), at most (classes − 1)/classes. Depends on the private votes.
 *
 * Source: Papernot et al. 2018 (arXiv:1802.08908), Prop. 7.
 */
export function gnMaxLogOther(options: {
  readonly votes: readonly number[];
  readonly sigma: number;
}): number {
  requireRecord(options, 'options', 'an object { votes, sigma }');
  const sigma = requireSigma(options.sigma);
  const { votes } = options;
  if (!Array.isArray(votes) || votes.length < 2) {
    throw invalidArgument('votes', 'a list of at least two counts', votes);
  }
  const counts = votes.map((n: unknown, i) =>
    requireNumber(n, `votes[${i}]`, 'a count, 0 or larger', (count) => count >= 0),
  );
  const top = counts.indexOf(Math.max(...counts));
  const others = new LogSum();
  counts.forEach((count, i) => {
    const z = (counts[top]! - count) / (2 * sigma);
    if (i !== top) others.add(Math.log(erfcx(z)) - z * z - Math.LN2);
  });
  const certain = Math.log1p(-1 / counts.length);
  return Math.min(certain, others.value + 1e-13 * (1 + Math.abs(others.value)));
}

/**
 * **Data-dependent**: the Rényi divergence of order α > 1, in nats, of one answer of GNMax *given these votes*, where
 * `logOther` bounds ln Pr[another class than the top one] ({@link gnMaxLogOther}). Never above {@link gnMaxRdp}.
 *
 * The value depends on the private votes. It is no differential-privacy guarantee, must not be published as it is, and
 * no accountant here uses it: publishing needs a smooth-sensitivity analysis with noise of its own (ibid.).
 *
 * With q̃ = e^logOther, μ₂ = σ√(ln(1/q̃)), μ₁ = μ₂ + 1, εᵢ = μᵢ/σ², for α ≤ μ₁, μ₂ > 1, q̃ ≤
 * e^{(μ₂−1)ε₂}/(μ₁/(μ₁−1)·μ₂/(μ₂−1))^{μ₂}:
 *
 *   RDP(α) = ln( (1 − q̃)·A^{α−1} + q̃·B^{α−1} ) / (α − 1),
 *   A = (1 − q̃)/(1 − (q̃e^{ε₂})^{(μ₂−1)/μ₂}),  B = e^{ε₁}/q̃^{1/(μ₁−1)}.
 *
 * Source: Papernot et al. 2018 (arXiv:1802.08908), Thm 6 and Prop. 10.
 *
 * @example
 * const logOther = gnMaxLogOther({ votes: [240, 5, 5], sigma: 40 });
 * gnMaxDataDependentRdp({ logOther, sigma: 40, order: 4 }); // far below 4/40² = 0.0025
 */
export function gnMaxDataDependentRdp(options: {
  readonly logOther: number;
  readonly sigma: number;
  readonly order: number;
}): number {
  requireRecord(options, 'options', 'an object { logOther, sigma, order }');
  const sigma = requireSigma(options.sigma);
  const order = requireOrder(options.order);
  const logQ = requireNumber(options.logOther, 'logOther', 'a number below 0', (x) => x < 0);
  const independent = gnMaxRdpAt(sigma, order);
  const mu2 = sigma * Math.sqrt(-logQ);
  const mu1 = mu2 + 1;
  if (mu2 <= 1 || order >= mu1) return independent;
  const epsilon1 = mu1 / sigma / sigma;
  const epsilon2 = mu2 / sigma / sigma;
  const limit = (mu2 - 1) * epsilon2 - mu2 * (Math.log1p(1 / (mu1 - 1)) + Math.log1p(1 / (mu2 - 1)));
  if (logQ > limit || logQ + epsilon2 >= 0) return independent;
  const log1mQ = log1mExp(logQ);
  const logA = log1mQ - log1mExp((logQ + epsilon2) * (1 - 1 / mu2));
  const logB = epsilon1 - logQ / (mu1 - 1);
  const moment = new LogSum();
  moment.add(log1mQ + (order - 1) * logA);
  moment.add(logQ + (order - 1) * logB);
  // Absolute rounding of logarithms near 0, where A and the sum are close to 1.
  const slack = 64 * Number.EPSILON * (1 + Math.abs(logQ / mu2));
  return Math.min(
    independent,
    Math.max(0, moment.value / (order - 1)) * ROUND_UP + slack / Math.min(1, order - 1),
  );
}

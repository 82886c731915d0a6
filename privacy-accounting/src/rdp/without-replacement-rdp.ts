import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import { divergenceOfExcess } from './finite-rdp.js';
import { gaussianRdpAt, requireNoiseMultiplier, requireOrder } from './gaussian-rdp.js';
import { logIntegralUpper } from './log-integral.js';
import { logSinh } from './log-space.js';

/** Covers the rounding of the integrand; the quadrature's own error estimate is inside. */
const ROUND_UP = 1 + 1e-11;
/** The integrand is below e^{−60} of its size at the last peak this many standard deviations beyond it. */
const REACH = 12;
/** A panel spans this many standard deviations of the noise to begin with. */
const PANEL = 3;
/** Beyond this many panels (σ below 1e-3 α or so) the bound by joint convexity is used, which needs none. */
const MAX_PANELS = 4000;
const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);

/** Parameters of {@link withoutReplacementGaussianRdp}. */
export interface WithoutReplacementGaussianOptions {
  /** m: how many records are drawn, all different. */
  readonly sampleSize: number;
  /** n: how many there are. */
  readonly datasetSize: number;
  /** σ = noise standard deviation / L2 sensitivity *under replace-one* (2C for a sum clipped to C). */
  readonly noiseMultiplier: number;
  readonly order: number;
}

/**
 * The Rényi divergence of order α > 1, in nats, of the Gaussian mechanism on m of n records drawn without replacement,
 * under replace-one. Upper bound, rounded up; fractional orders like whole ones. Never above the unsampled Gaussian's.
 *
 * Let q = m/n, r = dN(1, σ²)/dN(0, σ²), y = ln(1 − q + qr). The bound is RDP(α) = ln A / (α − 1) with
 *
 *   A − 1 = E_{x ~ N(0, σ²)} [ 4·e^{y/2}·sinh(αy/2)·sinh((α−1)y/2) ; r > 1 ].
 *
 * Proof. Draw the other m − 1 records and a stand-in: given those, the release is (1 − q)N₀ + qN₁ on one data set and
 * (1 − q)N₀ + qN₂ on the other, three Gaussians with means at most the sensitivity apart. By advanced joint convexity
 * (Balle, Barthe & Gaboardi 2018, arXiv:1807.01647, Thm 2 and 9), for t ≥ 1 and t′ = 1 + q(t − 1) the hockey-stick
 * divergence at t′ is at most q times that of N(1), N(0) at t, which is that of (1 − q)Q + qP against Q at t′; for t ≤
 * 1 the same with both data sets exchanged (dominating pairs: Zhu, Dong & Wang 2022, arXiv:2106.08567). The Rényi
 * moment is an integral of hockey-stick divergences, A − 1 = ∫ α(α−1)t^{α−2} H_t dt, so that A − 1 ≤ E_Q[g(y); r > 1]
 * + E_Q[e^y·g(−y); r > 1] after the reflection that exchanges P and Q; the two add up to the above. At q = 1 it is the
 * Gaussian's own.
 *
 * Wherever compared it is below Wang, Balle & Kasiviswanathan 2018 (arXiv:1808.00087), Thm 27, and does without its
 * factor 4.
 *
 * @example
 * withoutReplacementGaussianRdp({ sampleSize: 256, datasetSize: 60_000, noiseMultiplier: 2, order: 8 });
 */
export function withoutReplacementGaussianRdp(options: WithoutReplacementGaussianOptions): number {
  requireRecord(options, 'options', 'an object { sampleSize, datasetSize, noiseMultiplier, order }');
  const datasetSize = requireSize(options.datasetSize, 'datasetSize');
  const sampleSize = requireSize(options.sampleSize, 'sampleSize');
  if (sampleSize > datasetSize) {
    throw invalidArgument('sampleSize', `at most datasetSize = ${datasetSize}`, sampleSize);
  }
  const sigma = requireNoiseMultiplier(options.noiseMultiplier);
  return withoutReplacementGaussianRdpAt(sampleSize / datasetSize, sigma, requireOrder(options.order));
}

function requireSize(value: unknown, path: string): number {
  return requireNumber(value, path, 'a whole number, 1 or larger', (x) => Number.isSafeInteger(x) && x >= 1);
}

/** {@link withoutReplacementGaussianRdp} of checked arguments, q = m/n ∈ (0, 1]. */
export function withoutReplacementGaussianRdpAt(q: number, sigma: number, order: number): number {
  const unsampled = gaussianRdpAt(sigma, order);
  if (q === 1 || unsampled === Number.POSITIVE_INFINITY) return unsampled;
  return Math.min(unsampled, divergenceOfExcess(logExchangeExcess(q, sigma, order), order, ROUND_UP));
}

/** ln(A − 1) of {@link withoutReplacementGaussianRdp}, from above. */
export function logExchangeExcess(q: number, sigma: number, order: number): number {
  // u = x/σ − 1/(2σ), in standard deviations: r = e^{u/σ}, and the density is that of N(−1/(2σ), 1) at u.
  const start = 1 / sigma / 2;
  // From here on the integrand falls off like a Gaussian or faster: y′ ≤ 1/σ.
  const peak = order / sigma - start;
  if ((peak + REACH) / PANEL > MAX_PANELS) return Math.log(q) + (order * (order - 1)) / 2 / sigma / sigma;
  const f = (u: number) => {
    const ratio = u / sigma;
    const y =
      ratio > 30
        ? Math.log(q) + ratio + Math.log1p(((1 - q) / q) * Math.exp(-ratio))
        : Math.log1p(q * Math.expm1(ratio));
    const logKernel = y / 2 + 2 * Math.LN2 + logSinh((order * y) / 2) + logSinh(((order - 1) * y) / 2);
    return logKernel - ((start + u) * (start + u)) / 2 - LOG_SQRT_2PI;
  };
  // Where y turns from about 0 to about u/σ + ln q.
  const turn = -sigma * Math.log(q);
  const points = [0, ...[turn, peak].filter((x) => x > 0 && x < peak + REACH), peak + REACH];
  points.sort((a, b) => a - b);
  return logIntegralUpper({ f, points, width: PANEL });
}

import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import { requireOrder } from './gaussian-rdp.js';
import type { RdpCurve } from './repeat-and-select-rdp.js';

/** Covers a handful of roundings of positive terms, as often as a group is halved. */
const ROUND_UP = 1 + 256 * Number.EPSILON;

/**
 * The Rényi divergence of order α > 1, in nats, between data sets that differ in a group of `size` records, from a
 * curve for one record. Upper bound, rounded up, for any mechanism; where the mechanism is known, its own group bound
 * is tighter: a Gaussian's group of k has its noise divided by k, a Poisson-sampled Gaussian's is a mixture of
 * Gaussians, and a pure ε-mechanism's is kε.
 *
 * By the weak triangle inequality over an intermediate data set, for any p > 1 and 1/p + 1/p′ = 1,
 *
 *   D_α(P‖R) ≤ (α − 1/p)/(α − 1) · D_{pα}(P‖Q) + D_{p′(α − 1/p)}(Q‖R),
 *
 * applied to halves of the group, with the p that is best for the Gaussian there among a few.
 *
 * Source: Mironov 2017 (arXiv:1702.07476), Prop. 11 (and Prop. 2, which is looser).
 *
 * @example
 * groupRdp({ curve: (order) => gaussianRdp({ noiseMultiplier: 4, order }), size: 2, order: 3 });
 */
export function groupRdp(options: {
  readonly curve: RdpCurve;
  readonly size: number;
  readonly order: number;
}): number {
  requireRecord(options, 'options', 'an object { curve, size, order }');
  if (typeof options.curve !== 'function')
    throw invalidArgument('curve', 'a function of the order', options.curve);
  const size = requireNumber(
    options.size,
    'size',
    'a whole number from 1 to 1024',
    (k) => Number.isInteger(k) && k >= 1 && k <= 1024,
  );
  return groupCurve(options.curve, size)(requireOrder(options.order));
}

/** The curve of {@link groupRdp}, for checked arguments. */
function groupCurve(curve: RdpCurve, size: number): RdpCurve {
  if (size === 1) return curve;
  const near = groupCurve(curve, Math.floor(size / 2));
  const far = groupCurve(curve, Math.ceil(size / 2));
  return (order) => {
    // For Gaussians with means a, b apart the best p is 1 + b/(a·…): about (a + b)/a, corrected for orders close to 1.
    const p = bestSplit(order, Math.floor(size / 2), Math.ceil(size / 2));
    const conjugate = p / (p - 1);
    const scaled = ((order - 1 / p) / (order - 1)) * near(p * order);
    return (scaled + far(conjugate * (order - 1 / p))) * ROUND_UP;
  };
}

/** The p that minimizes the bound for Gaussians, whose D_α between means k apart is ∝ α·k². */
function bestSplit(order: number, near: number, far: number): number {
  // f(p) = (α − 1/p)·(pα·a²/(α − 1) + p/(p−1)·b²) = (pα − 1)(α·a²/(α − 1) + b²/(p − 1)); with s = p − 1:
  // (sα + α − 1)(c + b²/s) is smallest at s = √((α − 1)b²/(αc)), c = α·a²/(α − 1).
  return 1 + ((order - 1) * far) / (order * near);
}

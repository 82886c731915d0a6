import { requireNumber, requireRecord } from '../arguments.js';

/** An order of a Rényi divergence: a number above 1. */
export function requireOrder(value: unknown, path = 'order'): number {
  return requireNumber(value, path, 'a finite number above 1', (order) => order > 1);
}

/** σ ≥ 0, finite. */
export function requireNoiseMultiplier(value: unknown, path = 'noiseMultiplier'): number {
  return requireNumber(value, path, 'a finite number, 0 or larger', (sigma) => sigma >= 0);
}

/**
 * D_α(N(1, σ²) ‖ N(0, σ²)) = α/(2σ²): the Rényi divergence of order α > 1, in nats, of the Gaussian mechanism
 * whose noise has standard deviation σ = `noiseMultiplier` times the sensitivity. Exact; ∞ at σ = 0.
 * Under replace-one a sum clipped to C has sensitivity 2C: pass half its noise multiplier.
 *
 * Source: Mironov 2017 (arXiv:1702.07476), Prop. 7.
 *
 * @example
 * gaussianRdp({ noiseMultiplier: 2, order: 8 }); // 1
 */
export function gaussianRdp(options: { readonly noiseMultiplier: number; readonly order: number }): number {
  requireRecord(options, 'options', 'an object { noiseMultiplier, order }');
  const sigma = requireNoiseMultiplier(options.noiseMultiplier);
  return gaussianRdpAt(sigma, requireOrder(options.order));
}

/** Below this a divergence is not resolved in float64, and is stated as this instead of 0. */
export const SMALLEST_DIVERGENCE = 1e-290;

/** {@link gaussianRdp} of checked arguments. */
export function gaussianRdpAt(sigma: number, order: number): number {
  return Math.max(order / 2 / sigma / sigma, SMALLEST_DIVERGENCE);
}

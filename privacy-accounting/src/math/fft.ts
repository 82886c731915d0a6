import FFT from 'fft.js';
import { DpError } from '../errors.js';
import { RecentlyUsed } from './recently-used.js';

interface Radix4 {
  transform(out: Float64Array, data: Float64Array): void;
  inverseTransform(out: Float64Array, data: Float64Array): void;
}

/** Tables of one size take 24 bytes a point and as long as a transform; a few sizes serve every question. */
const plans = new RecentlyUsed<number, Radix4>(6);

function planOf(size: number): Radix4 {
  return plans.get(size, () => {
    if (size < 4 || !Number.isInteger(Math.log2(size))) {
      throw new DpError('DP_NUMERICAL', `A Fourier transform needs a power of two of points, not ${size}.`);
    }
    return new (FFT as unknown as new (size: number) => Radix4)(size);
  });
}

/** Σⱼ dataⱼ e^{−2πijk/N} of N complex numbers, stored as [re, im, re, im, …]; `data` is left as it is. */
export function forwardTransform(data: Float64Array): Float64Array {
  const out = new Float64Array(data.length);
  planOf(data.length / 2).transform(out, data);
  return out;
}

/** The inverse of {@link forwardTransform}: (1/N) Σₖ dataₖ e^{2πijk/N}. */
export function inverseTransform(data: Float64Array): Float64Array {
  const out = new Float64Array(data.length);
  planOf(data.length / 2).inverseTransform(out, data);
  return out;
}

/**
 * c(N) such that every output of a transform of N points, as computed, is within c(N)·Σ|dataⱼ| of the exact one.
 *
 * Each input reaches each output on one path through log₂ N butterfly levels, so that the output is
 * Σ dataⱼ ω^{jk}(1 + ηⱼ) with |1 + ηⱼ| a product of one factor a rounding: at most two additions (1 + u each) and, every
 * second level in radix 4, one product of complex numbers (1 + √5·u, Brent, Percival & Zimmermann 2007) by a
 * twiddle factor that is itself off by at most 2u (its angle, cosine and sine are rounded). That is less than 5u a
 * level, u = 2⁻⁵³; 6u and a constant are charged. (Higham 2002, "Accuracy and Stability of Numerical
 * Algorithms", § 24.1.)
 */
export function transformRounding(size: number): number {
  return (6 * Math.log2(size) + 8) * 2 ** -53;
}

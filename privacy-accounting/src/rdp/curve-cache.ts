import { RecentlyUsed } from '../math/recently-used.js';
import { poissonGaussianRdpAt } from './poisson-gaussian-rdp.js';

/** Divergences of one mechanism, by order. */
type Curve = Map<number, number>;

/** A training run asks for the same mechanism again and again with another count; counts only multiply. */
const curves = new RecentlyUsed<string, Curve>(1024);
const MAX_ORDERS = 1024;

/** α ↦ RDP(α) of a Poisson-sampled Gaussian, remembered. The cache is bounded: least recently used goes first. */
export function poissonGaussianCurve(q: number, sigma: number): (order: number) => number {
  return remembered(`${q} ${sigma}`, (order) => poissonGaussianRdpAt(q, sigma, order));
}

/**
 * `divergence`, each value of which is computed once: among all accountants for the same `key`, which must name the
 * function and nothing else; for undefined as long as the returned function lives.
 */
export function remembered(
  key: string | undefined,
  divergence: (order: number) => number,
): (order: number) => number {
  const curve = key === undefined ? new Map<number, number>() : curves.get(key, () => new Map());
  return (order) => {
    let value = curve.get(order);
    if (value === undefined) {
      value = divergence(order);
      if (curve.size >= MAX_ORDERS) curve.clear();
      curve.set(order, value);
    }
    return value;
  };
}

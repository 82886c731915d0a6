import { poissonGaussianRdpAt } from './poisson-gaussian-rdp.js';

/** Divergences of one (q, σ), by order. */
type Curve = Map<number, number>;

/** A training run asks for the same (q, σ) again and again with another count; counts only multiply. */
const curves = new Map<string, Curve>();
const MAX_CURVES = 1024;
const MAX_ORDERS = 512;

/** α ↦ RDP(α) of a Poisson-sampled Gaussian, remembered. The cache is bounded: least recently used goes first. */
export function poissonGaussianCurve(q: number, sigma: number): (order: number) => number {
  const key = `${q} ${sigma}`;
  const curve: Curve = curves.get(key) ?? new Map();
  curves.delete(key);
  curves.set(key, curve);
  if (curves.size > MAX_CURVES) curves.delete(curves.keys().next().value!);
  return (order) => {
    let divergence = curve.get(order);
    if (divergence === undefined) {
      divergence = poissonGaussianRdpAt(q, sigma, order);
      if (curve.size >= MAX_ORDERS) curve.clear();
      curve.set(order, divergence);
    }
    return divergence;
  };
}

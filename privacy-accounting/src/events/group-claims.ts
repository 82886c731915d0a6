/*
 * What a claim about one record says about a group of k: a path of k steps from a data set to another. Figures are
 * rounded up.
 */

/** Covers the roundings of a short product. */
const ROUNDED_UP = 1 + 8 * Number.EPSILON;

/**
 * (ε, δ)-DP k times in a row: (kε, δ·Σ_{i<k} e^{iε}), by P ≤ e^ε P′ + δ applied k times. δ may reach 1 and above: then
 * nothing is left of the claim. Source: Vadhan 2017 (The Complexity of Differential Privacy), Lemma 2.2.
 */
export function groupEpsilonDelta(
  { epsilon, delta }: { readonly epsilon: number; readonly delta: number },
  size: number,
): { readonly epsilon: number; readonly delta: number } {
  if (size === 1) return { epsilon, delta };
  const total = epsilon * size * (size > 2 ? ROUNDED_UP : 1);
  if (delta === 0) return { epsilon: total, delta: 0 };
  // The sum of the geometric series; its terms are at least 1, so that expm1's ratio is only needed away from ε = 0.
  const last = Math.expm1(size * epsilon);
  if (last < Number.POSITIVE_INFINITY) {
    const series = epsilon === 0 ? size : last / Math.expm1(epsilon);
    return { epsilon: total, delta: Math.max(delta, delta * series * ROUNDED_UP) };
  }
  // e^{kε} overflows, and ∞/∞ would be NaN: in logarithms, the series being at most e^{(k−1)ε}/(1 − e^{−ε}).
  const logSeries = (size - 1) * epsilon - Math.log1p(-Math.exp(-epsilon));
  const logDelta = Math.log(delta) + logSeries;
  const rounding = 4 * Number.EPSILON * (1 + logSeries - Math.log(delta));
  return { epsilon: total, delta: Math.max(delta, Math.exp(logDelta + rounding)) };
}

/**
 * (ξ, ρ)-zCDP for a group of k: (ξ·k·H_k, ρk²), H_k the harmonic number.
 * Source: Bun & Steinke 2016 (arXiv:1605.02065), Prop. 27.
 */
export function groupZCdp(
  { rho, xi }: { readonly rho: number; readonly xi: number },
  size: number,
): { readonly rho: number; readonly xi: number } {
  if (size === 1) return { rho, xi };
  let harmonic = 0;
  for (let i = size; i >= 1; i--) harmonic += 1 / i;
  return { rho: rho * size * size * ROUNDED_UP, xi: xi * size * harmonic * (1 + size * Number.EPSILON) };
}

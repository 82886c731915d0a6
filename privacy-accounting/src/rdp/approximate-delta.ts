/*
 * δ beside a divergence: a mechanism that with probability δ tells everything, and otherwise has the divergence. Such
 * events of several mechanisms are independent of each other's data-dependent parts: 1 − Π(1 − δᵢ) in all, and the
 * composition's hockey-stick divergence is δ_own + (1 − δ_own)·(that of the rest).
 */

/** 1 − Π(1 − δᵢ)^countᵢ, rounded up; 0 only if every δᵢ is. */
export function composedDelta(parts: readonly { readonly delta: number; readonly count: number }[]): number {
  let logNone = 0;
  for (const { delta, count } of parts) if (delta > 0) logNone += count * Math.log1p(-delta);
  if (logNone === 0) return 0;
  return Math.min(1, -Math.expm1(logNone) * (1 + (8 + parts.length) * Number.EPSILON));
}

/**
 * The δ left for the rest when `own` of `target` is spent; undefined if none is. δ − δ_own: of (δ − δ_own)/(1 −
 * δ_own), which it may be, the safe side.
 */
export function deltaBeside(target: number, own: number): number | undefined {
  if (own === 0) return target;
  const rest = (target - own) * (1 - 4 * Number.EPSILON);
  return rest > 0 ? rest : undefined;
}

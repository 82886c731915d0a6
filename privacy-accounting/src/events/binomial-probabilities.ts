/**
 * P[K = k], k = 0 … n, for K binomial of n trials of probability q ∈ (0, 1), rounded *upwards in K*: P[K ≥ k] is never
 * below its true value, so that a mechanism whose cost grows with K costs no less. They add up to 1.
 *
 * Each term is made of its neighbour nearer to the mode, where the term is 1, so that it has a small relative error
 * however small it is; a tail that underflows is kept at the smallest number.
 */
export function binomialProbabilities(n: number, q: number): readonly number[] {
  const odds = q / (1 - q);
  const mode = Math.min(n, Math.floor((n + 1) * q));
  const terms = new Float64Array(n + 1);
  terms[mode] = 1;
  for (let k = mode; k < n; k++) terms[k + 1] = terms[k]! * ((n - k) / (k + 1)) * odds;
  for (let k = mode; k > 0; k--) terms[k - 1] = (terms[k]! * (k / (n - k + 1))) / odds;
  let total = 0;
  // Smallest first, from both ends.
  for (let k = 0; k < mode; k++) total += terms[k]!;
  let upper = 0;
  for (let k = n; k >= mode; k--) upper += terms[k]!;
  total += upper;
  const up = 1 + (8 * n + 64) * Number.EPSILON;
  const tails = new Float64Array(n + 2);
  let tail = 0;
  for (let k = n; k >= 1; k--) {
    tail += terms[k]!;
    tails[k] = Math.min(1, Math.max(Number.MIN_VALUE, (tail / total) * up));
  }
  tails[0] = 1;
  return Array.from({ length: n + 1 }, (_, k) => tails[k]! - tails[k + 1]!);
}

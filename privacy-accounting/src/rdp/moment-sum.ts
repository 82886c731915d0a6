/** Terms this many nats below the largest are left out: even a million of them are below 2⁻⁵³ of it. */
const NEGLIGIBLE = 60;

/**
 * ln(A − 1) at an integer order α ≥ 2, where A − 1 = Σ_{k=2}^{α} C(α,k) (1−q)^{α−k} q^k (e^{k(k−1)/(2σ²)} − 1).
 *
 * The binomial weights sum to 1 and their terms k = 0, 1 contribute e⁰ = 1 each to A, so that subtracting 1
 * leaves this sum: every term is non-negative, nothing cancels, and a tiny A − 1 keeps its relative accuracy.
 * (Mironov, Talwar & Zhang 2019, arXiv:1908.10530, § 3.3, with the 1 taken out term by term.)
 *
 * 0 < q < 1, σ > 0. O(α) time. Terms are added in log space, scaled by the largest.
 */
export function logExcessBySum(q: number, sigma: number, order: number): number {
  const inverse = 1 / sigma / sigma / 2;
  return logExcessOfMoments(q, order, (k) => k * (k - 1) * inverse);
}

/**
 * The same for any pair (P, Q): with e^{exponent(k)} ≥ E_Q[(P/Q)^k], k = 2 … α, it bounds ln(A − 1) of the mixture
 * (1 − q)Q + qP from Q, from above.
 */
export function logExcessOfMoments(q: number, order: number, exponentAt: (k: number) => number): number {
  const logOdds = Math.log(q) - Math.log1p(-q);
  // ln of C(α,k) (1−q)^{α−k} q^k, updated from term to term; Kahan-compensated, as a thousand updates add up.
  let logWeight = order * Math.log1p(-q);
  let compensation = 0;
  let scale = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let k = 1; k <= order; k++) {
    const step = Math.log((order - k + 1) / k) + logOdds - compensation;
    const next = logWeight + step;
    compensation = next - logWeight - step;
    logWeight = next;
    if (k === 1) continue;
    const exponent = exponentAt(k);
    const term = logWeight + (exponent > 40 ? exponent : Math.log(Math.expm1(exponent)));
    if (term > scale) {
      sum = sum * Math.exp(scale - term) + 1;
      scale = term;
    } else if (term > scale - NEGLIGIBLE) {
      sum += Math.exp(term - scale);
    }
  }
  return scale === Number.NEGATIVE_INFINITY ? scale : scale + Math.log(sum);
}

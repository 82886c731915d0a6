/**
 * Rényi divergences of a Poisson-sampled *vector discrete* Gaussian, from those of the Poisson-sampled Gaussian of the
 * same noise multiplier σ = deviation / L2 sensitivity (rounding inside): the same at whole orders, and
 * (α − 1)·D_α interpolated between them. Upper bounds, under add-or-remove-one and replace-special.
 *
 * Proof. Given who else was sampled, the release is Q = N_ℤᵈ(0) or the mixture M = (1 − q)Q + qP, where P is Q moved
 * by an integer vector z, ‖z‖ ≤ 1/σ in units of the deviation; quasi-convexity takes the worst of those cases.
 * 1. E_Q[(M/Q)ⁿ] = Σₗ C(n,l)(1 − q)ⁿ⁻ˡqˡ E_Q[(P/Q)ˡ] for whole n, and E_Q[(P/Q)ˡ] ≤ exp(l(l − 1)/2σ²) (Canonne, Kamath &
 *    Steinke 2020, arXiv:2004.00010, Prop. 5, for each coordinate). With equality that is the sampled Gaussian's.
 * 2. (α − 1)·D_α = ln E_Q[(M/Q)^α] is convex in α and 0 at α = 1: a chord lies above it.
 * 3. D_α(Q‖M) ≤ D_α(M‖Q): the reflection x ↦ z − x of ℤᵈ exchanges P and Q, so that E_Q[f(r)] = E_Q[r·f(1/r)] for r = P/Q.
 *    Hence with A = 1 − q + qr, B = 1 − q + q/r it suffices that A^α − A^(1−α) ≥ r(B^(1−α) − B^α), r ≥ 1. Write both as
 *    2√A·sinh(s·ln A) and 2r√B·sinh(s·ln(1/B)), s = α − ½: they are equal at s = ½, and as AB ≥ 1 the former grows
 *    faster. (Mironov, Talwar & Zhang 2019, arXiv:1908.10530, Thm 5, for densities.)
 *
 * One release of a sample only: step 3 fails for several that depend on each other.
 */
export function atWholeOrders(curve: (order: number) => number): (order: number) => number {
  return (order) => {
    const below = Math.floor(order);
    if (order === below) return curve(order);
    const above = below + 1;
    const left = below === 1 ? 0 : (above - order) * (below - 1) * curve(below);
    // Four roundings of positive terms.
    return ((left + (order - below) * below * curve(above)) / (order - 1)) * (1 + 8 * Number.EPSILON);
  };
}

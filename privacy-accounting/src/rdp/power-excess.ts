/*
 * g(y) = e^{αy} − 1 − α(e^y − 1), y = the privacy loss ln(P/Q) at a point: the one function under every moment.
 *
 *   A = E_Q[(P/Q)^α] = E_Q[e^{αy}],  A − 1 = E_Q[g(y)]     (E_Q[e^y − 1] = 0)
 *
 * g ≥ 0 (Bernoulli's inequality), so that A − 1 is a sum of non-negative terms: nothing cancels, and a tiny divergence
 * keeps its relative accuracy. Every Rényi divergence here is RDP(α) = ln(1 + E_Q[g]) / (α − 1).
 */

/** e^{logWeight}·g(y), `beta` = α − 1, in a form that neither cancels nor overflows before the result does. */
export function weightedPowerExcess(logWeight: number, y: number, beta: number): number {
  const exponent = logWeight + y;
  // g = e^y·(e^{βy} − 1 − β(1 − e^{−y})), the bracket being Σ_{k≥2} (β^k + (−1)^k β) y^k / k!
  if (Math.abs(y) * Math.max(1, beta) < 0.5) return Math.exp(exponent) * bracketSeries(y, beta);
  if (beta * y < 1) return Math.exp(exponent) * (Math.expm1(beta * y) + beta * Math.expm1(-y));
  return Math.exp(exponent + beta * y) * (1 + Math.exp(-beta * y) * (beta * Math.expm1(-y) - 1));
}

/** ln g(y) at order α = `beta` + 1, for every finite y: −∞ at y = 0, about ln β far below. */
export function logPowerExcess(y: number, beta: number): number {
  if (Math.abs(y) * Math.max(1, beta) < 0.5) return y + Math.log(bracketSeries(y, beta));
  // Far below 0 the factor e^{−y} of the bracket would overflow; the terms themselves are then all below α.
  if (y < -30) return Math.log(beta - (beta + 1) * Math.exp(y) + Math.exp((beta + 1) * y));
  if (beta * y < 1) return y + Math.log(Math.expm1(beta * y) + beta * Math.expm1(-y));
  return y + beta * y + Math.log1p(Math.exp(-beta * y) * (beta * Math.expm1(-y) - 1));
}

function bracketSeries(y: number, beta: number): number {
  let power = beta * y;
  let alternating = -beta * y;
  let sum = 0;
  for (let k = 2; k < 30; k++) {
    power *= (beta * y) / k;
    alternating *= -y / k;
    sum += power + alternating;
    // Each of the two: at α = 2 they cancel in every other term.
    if (Math.max(Math.abs(power), Math.abs(alternating)) <= 1e-17 * sum) break;
  }
  return sum;
}

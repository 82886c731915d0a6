/*
 * High-precision arithmetic to check float64 with: what the papers say, in mathjs's big numbers. Nothing here comes from
 * the package's own code. 40 digits.
 */
import { all, type BigNumber, create } from 'mathjs';

const math = create(all!, { number: 'BigNumber', precision: 40 });

/** A float64 as it is, not as it prints. */
export const big = (value: number | BigNumber): BigNumber => math.bignumber(value);

export const ZERO = big(0);
export const ONE = big(1);
export const HALF = ONE.div(2);
export const PI = big(math.pi as never);

const ROOT_TWO_PI = PI.times(2).sqrt();

export const exp = (x: BigNumber): BigNumber => x.exp();
export const ln = (x: BigNumber): BigNumber => x.ln();
export const most = (a: BigNumber, b: BigNumber): BigNumber => (a.gt(b) ? a : b);
export const positive = (x: BigNumber): BigNumber => most(x, ZERO);
export const sum = (terms: readonly BigNumber[]): BigNumber =>
  terms.reduce((total, x) => total.plus(x), ZERO);

/** got / exact − 1: positive above the truth. Of exact = 0, 0 or ∞. */
export function excess(got: number, exact: BigNumber): number {
  if (exact.isZero()) return got === 0 ? 0 : Number.POSITIVE_INFINITY;
  return big(got).div(exact).minus(1).toNumber();
}

/** φ(x). */
export const density = (x: BigNumber): BigNumber => exp(x.times(x).div(-2)).div(ROOT_TWO_PI);

/** 1 − Φ(z): the series z + z³/3 + z⁵/15 + … of Φ − ½ over φ, and for large z Laplace's continued fraction of Mills' ratio. */
export function upperTail(z: BigNumber): BigNumber {
  if (z.lt(0)) return ONE.minus(upperTail(z.neg()));
  if (z.gt(5)) {
    let fraction = z;
    for (let k = 60; k >= 1; k--) fraction = z.plus(big(k).div(fraction));
    return density(z).div(fraction);
  }
  const square = z.times(z);
  let term = z;
  let total = z;
  for (let k = 3; term.gt(1e-43); k += 2) {
    term = term.times(square).div(k);
    total = total.plus(term);
  }
  return HALF.minus(density(z).times(total));
}

/** Φ(x). */
export const cdf = (x: BigNumber): BigNumber => upperTail(x.neg());

/** Nodes and weights of the Gauss–Legendre rule of n points on [−1, 1], in float64: Newton's method on P_n. */
function legendre(n: number): readonly (readonly [node: number, weight: number])[] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    for (let step = 0; step < 8; step++) {
      let [before, here] = [1, x];
      for (let k = 2; k <= n; k++) [before, here] = [here, ((2 * k - 1) * x * here - (k - 1) * before) / k];
      slope = (n * (x * here - before)) / (x * x - 1);
      x -= here / slope;
    }
    return [x, 2 / ((1 - x * x) * slope * slope)];
  });
}

/** Nodes and weights of the double exponential (tanh-sinh) rule on [−1, 1], which forgives singularities at both ends. */
function doubleExponential(n: number): readonly (readonly [node: number, weight: number])[] {
  const step = 3 / n;
  return Array.from({ length: 2 * n + 1 }, (_, i) => {
    const u = (Math.PI / 2) * Math.sinh((i - n) * step);
    return [Math.tanh(u), (step * (Math.PI / 2) * Math.cosh((i - n) * step)) / Math.cosh(u) ** 2];
  });
}

const MIDDLE = legendre(9);
const END = doubleExponential(15);

/**
 * ∫ f from the least to the largest of `breaks`: f is analytic between them, and may fail to be at them, or be so barely.
 * Double exponential rules on the unit panels next to inner breaks, Gauss–Legendre elsewhere: good to some 1e-12.
 */
export function integral(f: (x: BigNumber) => BigNumber, breaks: readonly number[]): BigNumber {
  let total = ZERO;
  const add = (from: number, to: number, rule: typeof MIDDLE) => {
    const half = (to - from) / 2;
    for (const [node, weight] of rule)
      total = total.plus(f(big(from + half * (1 + node))).times(half * weight));
  };
  const ends = [...breaks].sort((a, b) => a - b);
  for (let i = 1; i < ends.length; i++) {
    const [from, to] = [ends[i - 1]!, ends[i]!];
    const panels = Math.ceil(to - from);
    const width = (to - from) / panels;
    for (let j = 0; j < panels; j++) {
      const atBreak = (j === 0 && i > 1) || (j === panels - 1 && i < ends.length - 1);
      add(from + j * width, from + (j + 1) * width, atBreak ? END : MIDDLE);
    }
  }
  return total;
}

/**
 * ∫ f over the real line by the trapezoidal rule, whose error falls off exponentially in 1/step for analytic f that decay as
 * Gaussians do. Outside of [from, to] there must be nothing that matters.
 */
export function lineIntegral(
  f: (x: BigNumber) => BigNumber,
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: number },
): BigNumber {
  let total = ZERO;
  for (let x = big(from); x.lt(to); x = x.plus(step)) total = total.plus(f(x));
  return total.times(step);
}

/** The binomial probabilities P[Bin(n, p) = k], k = 0 … n. */
export function binomial(n: number, p: BigNumber): readonly BigNumber[] {
  const rest = ONE.minus(p);
  let term = rest.pow(n);
  return Array.from({ length: n + 1 }, (_, k) => {
    const here = term;
    term = term
      .times(n - k)
      .times(p)
      .div(rest.times(k + 1));
    return here;
  });
}

/** One outcome of a pair of laws: ln(P/Q), and its probability under P. */
export interface Outcome {
  readonly loss: BigNumber;
  readonly p: BigNumber;
}

/** δ(ε) = E_P[(1 − e^{ε − L})⁺], by its definition. */
export function hockeyStick(outcomes: readonly Outcome[], epsilon: BigNumber): BigNumber {
  return sum(
    outcomes
      .filter(({ loss }) => loss.gt(epsilon))
      .map(({ loss, p }) => p.times(ONE.minus(exp(epsilon.minus(loss))))),
  );
}

import { divergenceOfExcess } from './finite-rdp.js';
import { gaussianRdpAt } from './gaussian-rdp.js';
import { LogSum } from './log-space.js';
import { atWholeOrders } from './poisson-discrete-rdp.js';
import type { RdpCurve } from './repeat-and-select-rdp.js';

/** Above this order the Gaussian's bound without amplification is used: sums grow with the cube of the order. */
const LARGEST_SUMMED_ORDER = 128;
/** Covers the rounding of sums of positive terms and the two quadratures (see the tests). */
const ROUND_UP = 1 + 1e-10;
/** Step and reach of the outer quadrature in ln s; its error is e^{−2π·(π/2)/0.1}. */
const STEP = 0.1;
const NEGLIGIBLE = 60;
/** With less noise (σ below about 0.05) there would be more: nothing is gained by allocation then. */
const MAX_POINTS = 5000;

/**
 * α ↦ RDP(α), in nats, of one round of random allocation (balls in bins): t = `steps` Gaussians of noise multiplier σ,
 * in one of which, drawn uniformly, the record takes part. Under add-or-remove-one and replace-special; both
 * directions; rounded up.
 *
 * With W_i = e^{x_i/σ − 1/(2σ²)}, x_i ~ N(0, 1) independent, the likelihood ratio of P = (1/t) Σ N(e_i, σ²I) to Q =
 * N(0, σ²I) is Y = (1/t) Σ W_i under Q. At whole orders n, each a sum or an integral of non-negative terms:
 *
 *   removed: E[Yⁿ] − 1 = n!·t^{−n} Σ_{j≥1} C(t, j)·[zⁿ] e^{(t−j)z} D(z)^j,  D(z) = Σ_{m≥2} (e^{m(m−1)/(2σ²)} − 1) z^m/m!;
 *   added:   E[Y^{1−n}] − 1 = 1/Γ(n−1) ∫ s^{n−2} e^{−s} ((1 + H(s/t))^t − 1) ds,  H(u) = E[e^{−u(W−1)} − 1 + u(W − 1)].
 *
 * The first expands E[W^m] = 1 + (e^{m(m−1)/(2σ²)} − 1) in the multinomial sum; the second is Y^{−β} = ∫
 * s^{β−1}e^{−sY}ds/Γ(β) with the same integral for Y = 1 taken out. Between whole orders (α − 1)·RDP(α), which is
 * convex, is interpolated; above order 128, and wherever it is smaller, the Gaussian's α/(2σ²) is the bound.
 *
 * Source of the pair: Chua et al. 2024 (arXiv:2412.16802); Feldman & Shenfeld 2025 (arXiv:2502.08202).
 */
export function randomAllocationCurve(steps: number, sigma: number): RdpCurve {
  const unamplified = (order: number) => gaussianRdpAt(sigma, order) * (1 + 4 * Number.EPSILON);
  const { from, to } = pointsOf(sigma, steps);
  if (steps === 1 || to - from > MAX_POINTS) return unamplified;
  const removed = removedExcess(steps, sigma);
  const added = addedExcess(steps, sigma);
  const whole = new Map<number, number>();
  const chord = atWholeOrders((order) => {
    let value = whole.get(order);
    if (value === undefined) {
      value = divergenceOfExcess(Math.max(removed(order), added(order)), order, ROUND_UP);
      whole.set(order, value);
    }
    return value;
  });
  return (order) =>
    order > LARGEST_SUMMED_ORDER ? unamplified(order) : Math.min(unamplified(order), chord(order));
}

/**
 * The same for k = `selected` of t steps, 1 ≤ k < t: at most k rounds of one of ⌊t/k⌋ steps each (t mod k of them one
 * longer), and at most k Gaussians. Divide the steps at random into k blocks of those lengths, and let the record take
 * part in one of each: no set of k steps is likelier than another, so that this is the same allocation. Given the
 * blocks, which tell nothing, the likelihood ratio is a product of independent ones; and mixing over them never adds.
 */
export function selectedAllocationCurve(steps: number, selected: number, sigma: number): RdpCurve {
  const length = Math.floor(steps / selected);
  const longer = steps % selected;
  const short = randomAllocationCurve(length, sigma);
  const long = longer === 0 ? short : randomAllocationCurve(length + 1, sigma);
  return (order) => ((selected - longer) * short(order) + longer * long(order)) * (1 + 4 * Number.EPSILON);
}

/** n ↦ ln(E[Yⁿ] − 1), n = 2 … 128. */
export function removedExcess(steps: number, sigma: number): (order: number) => number {
  const logFactorial = [0];
  for (let m = 1; m <= LARGEST_SUMMED_ORDER; m++) logFactorial.push(logFactorial[m - 1]! + Math.log(m));
  const base = logFactorial.map((factorial, m) => {
    const exponent = (m * (m - 1)) / 2 / sigma / sigma;
    return (exponent > 40 ? exponent : Math.log(Math.expm1(exponent))) - factorial;
  });
  // powers[j − 1][m] = ln [z^m] D^j, made as far as asked for.
  const powers: number[][] = [];
  const powerOf = (j: number) => {
    while (powers.length < j) {
      const before = powers.at(-1);
      powers.push(before === undefined ? base : multiplied(before, base));
    }
    return powers[j - 1]!;
  };
  return (order) => {
    const excess = new LogSum();
    let logChoose = 0;
    for (let j = 1; 2 * j <= order && j <= steps; j++) {
      logChoose += Math.log((steps - j + 1) / j);
      const power = powerOf(j);
      for (let m = 2 * j; m <= order; m++) {
        const others = order - m === 0 ? 0 : (order - m) * Math.log(steps - j);
        excess.add(logChoose + power[m]! + others - logFactorial[order - m]!);
      }
    }
    return excess.value + logFactorial[order]! - order * Math.log(steps);
  };
}

/** ln of the product's coefficients, up to the degree that both have. */
function multiplied(a: readonly number[], b: readonly number[]): number[] {
  return a.map((_, degree) => {
    const sum = new LogSum();
    for (let i = 2; i <= degree - 2; i++) sum.add(a[degree - i]! + b[i]!);
    return sum.value;
  });
}

/** n ↦ ln(E[Y^{1−n}] − 1), n = 2 … 128. */
export function addedExcess(steps: number, sigma: number): (order: number) => number {
  let law: Law | undefined;
  /** ln of e^{−s}((1 + H(s/t))^t − 1) at s = e^{i·STEP}, by i. */
  const kernels = new Map<number, number>();
  const kernel = (i: number) => {
    let value = kernels.get(i);
    if (value === undefined) {
      law ??= lognormal(sigma, steps);
      value = logKernel(law, steps, i * STEP);
      kernels.set(i, value);
    }
    return value;
  };
  return (order) => {
    const beta = order - 1;
    let logGamma = 0;
    for (let k = 2; k < beta; k++) logGamma += Math.log(k);
    const at = (i: number) => beta * i * STEP + kernel(i);
    // From s = β both ways, until what follows no longer counts. Upwards, where low powers of Y count, at least to where
    // the lognormal law of a mean of t would have its peak.
    const least = (order / steps / sigma / sigma + 5) / STEP;
    const sum = new LogSum();
    const middle = Math.round(Math.log(beta + 1) / STEP);
    for (const direction of [1, -1]) {
      let top = Number.NEGATIVE_INFINITY;
      for (let i = middle + (direction === 1 ? 0 : -1); ; i += direction) {
        const value = at(i);
        sum.add(value);
        top = Math.max(top, value);
        if (value < top - NEGLIGIBLE && (direction < 0 || i - middle > least)) break;
        // Too far out (very little noise): no bound, so that the one without amplification is used.
        if (Math.abs(i - middle) > MAX_POINTS) return Number.POSITIVE_INFINITY;
      }
    }
    return sum.value + Math.log(STEP) - logGamma;
  };
}

/** Points and weights of a quadrature over W. */
interface Law {
  /** ln W. */
  readonly values: readonly number[];
  readonly logWeights: readonly number[];
  readonly weights: readonly number[];
}

/** How many points it takes. Low powers of Y are made by x around −β/(tσ). */
function pointsOf(
  sigma: number,
  steps: number,
): { readonly step: number; readonly from: number; readonly to: number } {
  const step = Math.min(sigma / 4, 0.35);
  const from = Math.floor((-11 - LARGEST_SUMMED_ORDER / (steps * sigma)) / step);
  return { step, from, to: Math.ceil((1 / sigma + 11) / step) };
}

/** The trapezoidal rule over x, whose error for what is smooth at the scale σ is below e^{−38}. */
function lognormal(sigma: number, steps: number): Law {
  const { step, from, to } = pointsOf(sigma, steps);
  const values: number[] = [];
  const logWeights: number[] = [];
  for (let i = from; i <= to; i++) {
    const x = i * step;
    values.push(x / sigma - 1 / sigma / sigma / 2);
    logWeights.push(Math.log(step) - (x * x) / 2 - 0.5 * Math.log(2 * Math.PI));
  }
  return { values, logWeights, weights: logWeights.map(Math.exp) };
}

/** ln of e^{−s}((1 + H(s/t))^t − 1) = E[e^{−sW/t}]^t − e^{−s}, from the non-negative H where s/t is not large. */
function logKernel({ values, weights, logWeights }: Law, steps: number, logS: number): number {
  const logU = logS - Math.log(steps);
  const s = Math.exp(logS);
  if (logU > 3.4) {
    const transform = new LogSum();
    values.forEach((logW, i) => {
      transform.add(logWeights[i]! - Math.exp(logU + logW));
    });
    const power = steps * transform.value;
    return power + s > 40 ? power : Math.log(Math.expm1(power + s)) - s;
  }
  const u = Math.exp(logU);
  let sum = 0;
  values.forEach((logW, i) => {
    sum += weights[i]! * beyondLinear(u * Math.expm1(logW));
  });
  const growth = steps * Math.log1p(sum);
  return (growth > 40 ? growth : Math.log(Math.expm1(growth))) - s;
}

/** e^{−y} − 1 + y. */
function beyondLinear(y: number): number {
  if (Math.abs(y) > 0.5) return Math.expm1(-y) + y;
  let term = 1;
  let sum = 0;
  for (let k = 2; k < 22; k++) {
    term *= -y / k;
    sum += term;
  }
  return -y * sum;
}

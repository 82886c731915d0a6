import { weightedPowerExcess } from './power-excess.js';

/** More nodes than this, and the caller falls back to a bound that needs none. */
const MAX_NODES = 40_000;
/** For less noise there would be; left out before any arithmetic on nodes that float64 can't tell apart. */
const SMALLEST_SIGMA = 1e-3;
/** The integrand is below e^{−50} of its peak beyond ten standard deviations of it. */
const REACH = 10;

/**
 * ln(A − 1) at a fractional order α > 1, or undefined where that would take more than MAX_NODES nodes.
 *
 *   A − 1 = E_{x ~ N(0,1)} [g(y(x))],  g = (1+u)^α − 1 − αu,  u = q(e^w − 1),  w = x/σ − 1/(2σ²),  y = ln(1+u)
 *
 * (E u = 0, so that the subtraction of αu changes nothing, and it makes the integrand non-negative: Bernoulli's
 * inequality.) The trapezoidal rule converges geometrically for a function analytic in a strip: its error is
 * e^{−2πd/h} times the size of the integrand on the lines Im x = ±d, which grows as e^{d²/2}. The branch point
 * 1 + u = 0 limits d to πσ. The step h is chosen for an error of e^{−22}; the rule is evaluated at the nodes and
 * at the mid-points between them. The two values err with opposite sign, so that their difference measures the
 * error and their mean cancels it, leaving its square, e^{−44}. When the two differ by more than expected the
 * step is halved.
 *
 * (The alternating series of Mironov, Talwar & Zhang 2019, § 3.3, is exact too, but cancels when A − 1 is tiny.)
 */
export function logExcessByQuadrature(q: number, sigma: number, order: number): number | undefined {
  if (sigma < SMALLEST_SIGMA) return undefined;
  const integrand = momentIntegrand(q, sigma, order);
  const peak = order / sigma;
  const scale = integrand.scale(peak);
  const ranges = rangesOf(peak, scale > 0 ? order * Math.log(q) : Number.NEGATIVE_INFINITY);
  const length = ranges.reduce((sum, [from, to]) => sum + (to - from), 0);
  let step = initialStep(sigma);
  const nodeCount = () => (2 * length) / step;
  if (nodeCount() > MAX_NODES) return undefined;
  let atNodes = sumOver(integrand.at, ranges, 0, step, scale);
  while (nodeCount() <= MAX_NODES) {
    const atMidpoints = sumOver(integrand.at, ranges, 0.5, step, scale);
    const both = atNodes + atMidpoints;
    if (Math.abs(atNodes - atMidpoints) <= 1e-7 * both) {
      return Math.log((both * step) / 2 / Math.sqrt(2 * Math.PI)) + scale;
    }
    atNodes = both;
    step /= 2;
  }
  return undefined;
}

/**
 * Where the integrand matters: around 0, and around α/σ, where e^{αw − x²/2} peaks. The integrand is below that
 * Gaussian for w > 0 and above it by −α ln q at most at the peak, so that with scale > 0 (the second bump is the
 * larger) a gap between the two holds nothing. For σ ≪ 1 the gap is most of the line.
 */
function rangesOf(peak: number, logWeight: number): readonly (readonly [number, number])[] {
  const gapEnd = peak - Math.sqrt(REACH * REACH + 20 - 2 * logWeight);
  if (gapEnd <= REACH) return [[-REACH, peak + REACH]];
  return [
    [-REACH, REACH],
    [gapEnd, peak + REACH],
  ];
}

/** The largest h with 2πd/h − d²/2 ≥ 22 for an admissible d: d = 2π/h in the whole plane, 0.9πσ in the strip. */
function initialStep(sigma: number): number {
  const target = 22;
  const free = Math.PI * Math.sqrt(2 / target);
  const strip = 0.9 * Math.PI * sigma;
  return (2 * Math.PI) / free <= strip ? free : (2 * Math.PI * strip) / (target + (strip * strip) / 2);
}

/** Σ f over the nodes (i + offset)·step, i whole, that lie in the ranges, which are disjoint. */
function sumOver(
  f: (x: number, scale: number) => number,
  ranges: readonly (readonly [number, number])[],
  offset: number,
  step: number,
  scale: number,
): number {
  let sum = 0;
  for (const [from, to] of ranges) {
    const last = Math.floor(to / step - offset);
    for (let i = Math.ceil(from / step - offset); i <= last; i++) sum += f((i + offset) * step, scale);
  }
  return sum;
}

/** e^{−x²/2 − scale}·g at x, in a form that neither cancels nor overflows. */
function momentIntegrand(q: number, sigma: number, order: number) {
  const beta = order - 1;
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  const shift = 1 / sigma / sigma / 2;
  const logRatio = (x: number) => {
    const w = x / sigma - shift;
    return w > 700 ? logQ + w + Math.log1p(Math.exp(logRest - logQ - w)) : Math.log1p(q * Math.expm1(w));
  };
  return {
    /** About the largest exponent that occurs: at the peak of e^{αy − x²/2} near x = α/σ, or 0. */
    scale: (peak: number) => Math.max(0, order * logRatio(peak) - (peak * peak) / 2),
    at: (x: number, scale: number) => {
      return weightedPowerExcess(-(x * x) / 2 - scale, logRatio(x), beta);
    },
  };
}

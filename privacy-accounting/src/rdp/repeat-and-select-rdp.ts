import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import { bracketRoot } from '../math/index.js';
import { logDeltaByKl, logDeltaByMoment, SMALLEST_CONVERTED_ORDER } from './conversion.js';
import { requireOrder } from './gaussian-rdp.js';
import { LogSum } from './log-space.js';
import { bottomOfValley, searchAll } from './order-search.js';
import { DEFAULT_ORDERS } from './orders.js';

/** α ↦ RDP(α), an upper bound in nats at every order α > 1. */
export type RdpCurve = (order: number) => number;

/** How the number of runs is drawn. */
export interface Repetitions {
  /** E[K]: at least 1, or for `poisson` above 0. */
  readonly mean: number;
  /** η > −1: truncated negative binomial, 1 geometric, 0 logarithmic. `poisson`: possibly no run, and nothing published. */
  readonly shape: number | 'poisson';
}

/** Covers a handful of roundings of positive terms. */
const ROUND_UP = 1 + 16 * Number.EPSILON;

/**
 * The Rényi divergence of order λ > 1, in nats, of tuning: K runs, K random, of a mechanism with the divergences
 * `curve`, of which only the best is published (with its hyper-parameters). Upper bound, rounded up.
 *
 * For K truncated negative binomial with shape η and γ given by E[K], any λ̂ ≥ 1:
 *
 *   ε′(λ) = ε(λ) + (1+η)·( (1 − 1/λ̂)·ε(λ̂) + ln(1/γ)/λ̂ ) + ln E[K] / (λ − 1);
 *
 * for K Poisson of mean μ, with δ̂ such that a run is (ln(1 + 1/(λ−1)), δ̂)-private,
 *
 *   ε′(λ) = ln( e^{−μ} + μ·e^{(λ−1)(ε(λ) + μδ̂)} ) / (λ − 1),
 *
 * the e^{−μ} being the outcome that there was no run. Divergences grow with the order, so that the smallest ε′ at any
 * larger order is a bound as well.
 *
 * Source: Papernot & Steinke 2022 (arXiv:2110.03620), Def. 1, Thm 2; proof of Thm 6, keeping the e^{−μ}. Every run
 * must be on the same mechanism: one that draws its hyper-parameters at random. The number of runs must come from this
 * law, and stay secret.
 *
 * @example
 * const run = (order: number) => gaussianRdp({ noiseMultiplier: 5, order });
 * repeatAndSelectRdp({ curve: run, mean: 10, shape: 0, order: 26 });
 */
export function repeatAndSelectRdp(
  options: Repetitions & { readonly curve: RdpCurve; readonly order: number },
): number {
  requireRecord(options, 'options', 'an object { curve, mean, shape, order }');
  if (typeof options.curve !== 'function')
    throw invalidArgument('curve', 'a function of the order', options.curve);
  const { shape } = options;
  if (shape !== 'poisson') requireNumber(shape, 'shape', 'a number above -1, or "poisson"', (x) => x > -1);
  const mean =
    shape === 'poisson'
      ? requireNumber(options.mean, 'mean', 'a finite number above 0', (x) => x > 0)
      : requireNumber(options.mean, 'mean', 'a finite number, 1 or larger', (x) => x >= 1);
  return repeatAndSelectCurve(options.curve, { mean, shape })(requireOrder(options.order));
}

/** The curve of {@link repeatAndSelectRdp}, for checked arguments; what does not depend on the order is found once. */
export function repeatAndSelectCurve(curve: RdpCurve, { mean, shape }: Repetitions): RdpCurve {
  if (shape === 'poisson') return poissonCurve(curve, mean);
  if (mean === 1) return curve;
  const logMean = Math.log(mean);
  const logInverseGamma = -Math.log(haltingProbability(mean, shape));
  // Any λ̂ is sound. In s = 1/λ̂ the bracket is s·(K(1/s − 1 …)): a perspective of a convex function, so one valley.
  const hat = valley((order) => (1 - 1 / order) * curve(order) + logInverseGamma / order);
  const constant = (1 + shape) * Math.min(hat.value, logInverseGamma);
  const at = (order: number) => (curve(order) + logMean / (order - 1)) * ROUND_UP;
  const best = valley(at);
  return (order) =>
    (constant + (order < best.order ? Math.min(at(order), best.value) : at(order))) * ROUND_UP;
}

function poissonCurve(curve: RdpCurve, mean: number): RdpCurve {
  const logMean = Math.log(mean);
  return (order) => {
    const divergence = curve(order);
    if (divergence === Number.POSITIVE_INFINITY) return divergence;
    const epsilon = Math.log1p(1 / (order - 1));
    const logDelta = searchAll(
      logDeltaByKl(curve(SMALLEST_CONVERTED_ORDER)),
      (candidate) => logDeltaByMoment(candidate, curve(candidate), epsilon),
      Number.NEGATIVE_INFINITY,
    ).value;
    const moment = new LogSum();
    moment.add(-mean);
    moment.add(logMean + (order - 1) * (divergence + mean * Math.min(1, Math.exp(logDelta))));
    // The exponents may be much larger than their sum.
    const slack = 16 * Number.EPSILON * (1 + Math.abs(logMean) + (order - 1) * divergence);
    return Math.max(0, (moment.value + slack) / (order - 1)) * ROUND_UP;
  };
}

/** The smallest value over the searched orders, taken to fall first and rise then; every order's value is sound. */
function valley(value: (order: number) => number): { readonly value: number; readonly order: number } {
  const bottom = bottomOfValley(value);
  let best = { value: value(bottom), order: bottom };
  // The default orders around it, in case that it is one of them.
  for (const order of DEFAULT_ORDERS) {
    if (Math.abs(order - best.order) > 1.5) continue;
    const candidate = value(order);
    if (candidate < best.value) best = { value: candidate, order };
  }
  return best;
}

/**
 * γ of the truncated negative binomial with the given mean and shape η, rounded down (the safe side: ln(1/γ) counts):
 *
 *   E[K] = η(1 − γ) / (γ(1 − γ^η)),  (1/γ − 1)/ln(1/γ) at η = 0,  1/γ at η = 1.
 */
export function haltingProbability(mean: number, shape: number): number {
  if (mean === 1) return 1;
  // In x = ln(1/γ): ln E[K] = x + ln of a ratio of (1 − e^{−x}) to (1 − e^{−ηx})/η, which rises with x.
  const logMean = Math.log(mean);
  const excess = (x: number) => x + Math.log(-Math.expm1(-x)) - logGeometric(x, shape) - logMean;
  let high = Math.max(1, logMean);
  while (excess(high) <= 0) high *= 2;
  const low = Number.MIN_VALUE * 2 ** 60;
  const { positive } = bracketRoot({
    f: excess,
    bracket: { positive: high, nonPositive: low },
    tolerance: (x) => 4 * Number.EPSILON * x,
  });
  return Math.exp(-positive * (1 + 1e-12)) * (1 - 4 * Number.EPSILON);
}

/** ln((1 − e^{−ηx})/η), ln x at η = 0. */
function logGeometric(x: number, eta: number): number {
  const t = eta * x;
  return t === 0 ? Math.log(x) : Math.log(x) + Math.log(-Math.expm1(-t) / t);
}

import { requireNumber, requireRecord, requireSamplingProbability } from '../arguments.js';
import { divergenceOfExcess, sampledLoss } from './finite-rdp.js';
import { requireOrder } from './gaussian-rdp.js';
import { logIntegralUpper } from './log-integral.js';
import { LogSum } from './log-space.js';
import { logPowerExcess } from './power-excess.js';
import { poissonPureDpRdpAt } from './pure-dp-rdp.js';

/** Covers the rounding of the closed form; measured below 1e-13, see the tests. */
const ROUND_UP = 1 + 2e-12;
/** The same for the quadrature, whose own error estimate is inside. */
const ROUND_UP_QUADRATURE = 1 + 1e-11;
/** Beyond this the density between the two ends falls off too far to be integrated over all of it. */
const REACH = 800;

/**
 * The Rényi divergence of order α > 1, in nats, of the Laplace mechanism, with ε = 1/`parameter` = L1 sensitivity /
 * scale:
 *
 *   RDP(α) = ln( α/(2α−1)·e^{(α−1)ε} + (α−1)/(2α−1)·e^{−αε} ) / (α − 1).
 *
 * Exact, rounded up; at most ε. ∞ at `parameter` = 0. Several coordinates with an L1 sensitivity are covered: the
 * formula's ln A is convex in ε and 0 at 0, so that splitting ε between coordinates never gives more.
 *
 * Computed as A − 1 = (α·e₂((α−1)ε) + (α−1)·e₂(−αε)) / (2α−1), e₂(x) = e^x − 1 − x ≥ 0, so that nothing cancels.
 *
 * Source: Mironov 2017 (arXiv:1702.07476), Prop. 6.
 *
 * @example
 * laplaceRdp({ parameter: 0.2, order: 1.05 }); // 4.0734914719…
 */
export function laplaceRdp(options: { readonly parameter: number; readonly order: number }): number {
  requireRecord(options, 'options', 'an object { parameter, order }');
  const parameter = requireNumber(
    options.parameter,
    'parameter',
    'a finite number, 0 or larger',
    (b) => b >= 0,
  );
  return laplaceRdpAt(1 / parameter, requireOrder(options.order));
}

/** {@link laplaceRdp} of checked arguments, by ε. */
export function laplaceRdpAt(epsilon: number, order: number): number {
  if (epsilon === Number.POSITIVE_INFINITY) return epsilon;
  const beta = order - 1;
  if (beta * epsilon > 1) {
    const rest = (order + beta * Math.exp((1 - 2 * order) * epsilon)) / (2 * order - 1);
    return Math.min(epsilon, (epsilon + Math.log(rest) / beta) * ROUND_UP);
  }
  const excess = (order * e2(beta * epsilon) + beta * e2(-order * epsilon)) / (2 * order - 1);
  return Math.min(epsilon, divergenceOfExcess(Math.log(excess), order, ROUND_UP));
}

/** e^x − 1 − x. */
function e2(x: number): number {
  if (Math.abs(x) > 0.7) return Math.expm1(x) - x;
  let term = 1;
  let sum = 0;
  for (let k = 2; k < 24; k++) {
    term *= x / k;
    sum += term;
  }
  return x * sum;
}

/**
 * The Rényi divergence of order α > 1, in nats, of one number with Laplace noise, of a Poisson sample with rate q =
 * `samplingProbability`: of (1 − q)·Lap(0) + q·Lap(1) from Lap(0), scale `parameter` > 0. Holds under
 * add-or-remove-one and replace-special. Upper bound: quadrature with its error inside, rounded up.
 *
 * The privacy loss of the mechanism is ±ε outside of the two centres and 2x − ε between them, so that A − 1 is two
 * terms and one integral over [0, ε]. The other direction is smaller: the reflection x ↦ 1 − x exchanges the two
 * Laplace laws (Mironov, Talwar & Zhang 2019, arXiv:1908.10530, Thm 5, whose proof uses nothing else of the Gaussian).
 *
 * @example
 * poissonLaplaceRdp({ samplingProbability: 0.1, parameter: 1, order: 2 }); // 0.0098…
 */
export function poissonLaplaceRdp(options: {
  readonly samplingProbability: number;
  readonly parameter: number;
  readonly order: number;
}): number {
  requireRecord(options, 'options', 'an object { samplingProbability, parameter, order }');
  const q = requireSamplingProbability(options.samplingProbability);
  const parameter = requireNumber(
    options.parameter,
    'parameter',
    'a finite number, 0 or larger',
    (b) => b >= 0,
  );
  return poissonLaplaceRdpAt(q, 1 / parameter, requireOrder(options.order));
}

/** {@link poissonLaplaceRdp} of checked arguments, by ε. */
export function poissonLaplaceRdpAt(q: number, epsilon: number, order: number): number {
  const unsampled = laplaceRdpAt(epsilon, order);
  if (q === 1 || epsilon === Number.POSITIVE_INFINITY) return unsampled;
  const beta = order - 1;
  const at = (loss: number) => logPowerExcess(sampledLoss(q, loss), beta);
  const excess = new LogSum();
  excess.add(-Math.LN2 + at(-epsilon));
  excess.add(-Math.LN2 - epsilon + at(epsilon));
  if (epsilon <= REACH) {
    // The mixture's loss turns from about 0 to about 2x − ε + ln q where that is 0.
    const turn = (epsilon - Math.log(q)) / 2;
    const points = turn < epsilon ? [0, epsilon / 2, turn, epsilon] : [0, epsilon / 2, epsilon];
    const f = (x: number) => -Math.LN2 - x + at(2 * x - epsilon);
    excess.add(logIntegralUpper({ f, points, width: Math.max(0.5, epsilon / 64) }));
  } else {
    return unsampled;
  }
  const divergence = divergenceOfExcess(excess.value, order, ROUND_UP_QUADRATURE);
  // Sampling never hurts; and it is pure DP with e^ε′ = 1 + q(e^ε − 1) (Balle, Barthe & Gaboardi 2018, Thm 8).
  return Math.min(unsampled, divergence, poissonPureDpRdpAt(q, epsilon, order));
}

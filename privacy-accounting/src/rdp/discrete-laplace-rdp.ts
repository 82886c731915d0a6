import { requireNumber, requireRecord, requireSamplingProbability } from '../arguments.js';
import { finiteRdpAt, type Outcome, sampledLoss } from './finite-rdp.js';
import { requireOrder } from './gaussian-rdp.js';
import { log1mExp, log1pExp } from './log-space.js';
import { poissonPureDpRdpAt } from './pure-dp-rdp.js';

/** With more outcomes than this the pure-DP bound is used instead: a large sensitivity on a fine grid. */
const MAX_SENSITIVITY = 4096;

/** Parameters of {@link discreteLaplaceRdp}. */
export interface DiscreteLaplaceOptions {
  /** a > 0: noise k ∈ ℤ has probability ∝ e^{−a|k|}. */
  readonly parameter: number;
  /** Δ ≥ 1, whole: by how much a record can change the whole number that is released. */
  readonly sensitivity: number;
  /** q ∈ (0, 1], the rate of Poisson sampling; 1 (none) by default. */
  readonly samplingProbability?: number;
  readonly order: number;
}

/**
 * The Rényi divergence of order α > 1, in nats, of a whole number with discrete Laplace (two-sided geometric) noise,
 * Poisson-sampled or not: the sum over its Δ + 1 different privacy losses a(2k − Δ), k = 0 … Δ, exactly, rounded up.
 * It is aΔ-private, and for Δ = 1 it is randomized response on one bit. For Δ above 4096 what aΔ-privacy allows is
 * returned.
 *
 * Sampling holds under add-or-remove-one and replace-special: the reflection k ↦ Δ − k exchanges the two laws, so that
 * the direction computed is the larger (Mironov, Talwar & Zhang 2019, arXiv:1908.10530, Thm 5).
 *
 * Source: the definition; Ghosh, Roughgarden & Sundararajan 2012 (arXiv:0811.2841) for the mechanism.
 *
 * @example
 * discreteLaplaceRdp({ parameter: 0.5, sensitivity: 2, order: 3 });
 */
export function discreteLaplaceRdp(options: DiscreteLaplaceOptions): number {
  requireRecord(options, 'options', 'an object { parameter, sensitivity, order }');
  const parameter = requireNumber(options.parameter, 'parameter', 'a finite number above 0', (a) => a > 0);
  const sensitivity = requireNumber(
    options.sensitivity,
    'sensitivity',
    'a whole number, 1 or larger',
    (d) => Number.isSafeInteger(d) && d >= 1,
  );
  const q = requireSamplingProbability(options.samplingProbability ?? 1);
  return discreteLaplaceRdpAt(q, parameter, sensitivity, requireOrder(options.order));
}

/** {@link discreteLaplaceRdp} of checked arguments. */
export function discreteLaplaceRdpAt(q: number, a: number, sensitivity: number, order: number): number {
  const epsilon = a * sensitivity;
  if (epsilon === Number.POSITIVE_INFINITY) return epsilon;
  const pure = poissonPureDpRdpAt(q, epsilon, order);
  return sensitivity > MAX_SENSITIVITY
    ? pure
    : Math.min(pure, finiteRdpAt(outcomes(q, a, sensitivity), order));
}

/** Under Q (noise around 0): k ≤ 0 with loss −aΔ, k ≥ Δ with loss aΔ, and each k between. */
function* outcomes(q: number, a: number, sensitivity: number): Generator<Outcome> {
  const tail = -log1pExp(-a);
  yield { logMass: tail, loss: sampledLoss(q, -a * sensitivity) };
  yield { logMass: tail - a * sensitivity, loss: sampledLoss(q, a * sensitivity) };
  const point = tail + log1mExp(-a);
  for (let k = 1; k < sensitivity; k++) {
    yield { logMass: point - a * k, loss: sampledLoss(q, a * (2 * k - sensitivity)) };
  }
}

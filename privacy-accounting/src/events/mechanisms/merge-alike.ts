import type { Mechanism, MechanismCount } from './mechanism.js';
import { mergeMechanisms } from './mechanism-order.js';

/** Mechanisms that are no more private than given ones. */
export interface AlikeMechanisms {
  readonly mechanisms: readonly MechanismCount[];
  /** Why they are not the given ones, as a warning. */
  readonly warning: string | undefined;
}

/** By what factor parameters may be rounded, finest first. */
const COARSENESS = [1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/**
 * At most about `most` mechanisms that dominate the given ones: a schedule of noise or of batch sizes gives every step
 * parameters of its own, and each distinct mechanism costs time. Noise is rounded down and sampling probabilities are
 * rounded up, on a geometric grid, as finely as serves. Both only take privacy: the rest of the noise can be added
 * afterwards (Gaussian and Laplace laws are self-decomposable; what is discrete is bounded by formulas that fall with
 * σ), and a sample at a smaller rate can be drawn from the larger sample.
 *
 * Gaussian and Laplace noise, sampled or not, and claims of an ε, which are rounded up; others are left as they are, and
 * so are lists that are short enough.
 */
export function mergeAlike(mechanisms: readonly MechanismCount[], most: number): AlikeMechanisms {
  if (mechanisms.length <= most) return { mechanisms, warning: undefined };
  let merged = mechanisms;
  let used = 0;
  for (const coarseness of COARSENESS) {
    used = coarseness;
    merged = mergeMechanisms(
      mechanisms.map(({ mechanism, count }) => ({ mechanism: rounded(mechanism, coarseness), count })),
    );
    if (merged.length <= most) break;
  }
  const warning =
    `${mechanisms.length} different mechanisms were bounded by ${merged.length} with parameters up to ${100 * used} % ` +
    'worse: the bound is valid, but not as tight.';
  return { mechanisms: merged, warning };
}

function rounded(mechanism: Mechanism, coarseness: number): Mechanism {
  switch (mechanism.kind) {
    case 'gaussian':
      return {
        ...mechanism,
        samplingProbability: Math.min(1, upTo(mechanism.samplingProbability, coarseness)),
        noiseMultiplier: downTo(mechanism.noiseMultiplier, coarseness),
      };
    case 'laplace':
      return {
        ...mechanism,
        samplingProbability: Math.min(1, upTo(mechanism.samplingProbability, coarseness)),
        parameter: downTo(mechanism.parameter, coarseness),
      };
    case 'epsilonDelta':
      return {
        ...mechanism,
        epsilon: upTo(mechanism.epsilon, coarseness),
        delta: Math.min(1, upTo(mechanism.delta, coarseness)),
      };
    case 'exponentialMechanism':
    case 'reportNoisyMax':
      return { ...mechanism, epsilon: upTo(mechanism.epsilon, coarseness) };
    default:
      return mechanism;
  }
}

function downTo(value: number, coarseness: number): number {
  const step = Math.log1p(coarseness);
  const down = Math.exp(Math.floor(Math.log(value) / step) * step);
  return down > 0 && down < value ? down : value;
}

function upTo(value: number, coarseness: number): number {
  const step = Math.log1p(coarseness);
  const up = Math.exp(Math.ceil(Math.log(value) / step) * step);
  return up > value && Number.isFinite(up) ? up : value;
}

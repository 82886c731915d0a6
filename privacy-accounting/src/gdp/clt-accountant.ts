import { requireDelta, requireEpsilon } from '../arguments.js';
import type { DeltaBound, EpsilonBound } from '../bound.js';
import { ComposingAccountant } from '../composing-accountant.js';
import type { Mechanism } from '../events/mechanisms/mechanism.js';
import { cltPoissonMu, cltUniformMu } from './clt.js';
import { logDeltaAt } from './gaussian-delta.js';
import { epsilonAt } from './gaussian-inverse.js';

const WARNING =
  'An approximation, not a bound: the Gaussian limit of many sampled releases. The true ε can be more than twice as large.';

/**
 * Approximates sampled Gaussians by their central limit, a Gaussian with μ² = Σ μᵢ². What "GDP accountants" state.
 *
 * **Its figures are approximations, and are labelled so** (`direction: 'approximation'`, and a warning in every one): they
 * guarantee nothing, `best` never chooses them, and no budget should be spent by them. It is here so that figures of
 * other libraries can be compared.
 *
 * Poisson samples (add-or-remove-one, replace-special), samples of fixed size without replacement, and unsampled
 * Gaussians, which are exact.
 *
 * Source: Bu, Dong, Long & Su 2020 (arXiv:1911.11607); Gopi et al. 2021 (arXiv:2106.02848) on how far it is off.
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.3 }) });
 * new CltAccountant({ relation: 'add-or-remove-one' }).compose(step, 10_000).getEpsilon(1e-5).epsilon; // 3.868…
 */
export class CltAccountant extends ComposingAccountant {
  readonly name = 'clt';

  protected refusal(mechanism: Mechanism): string | undefined {
    if (mechanism.kind === 'sampledWithoutReplacementGaussian') return undefined;
    if (mechanism.kind !== 'gaussian') {
      return `the central limit of a mechanism of kind ${mechanism.kind} is not known here. Use the pld or rdp accountant.`;
    }
    if (mechanism.noise === 'discrete') {
      return 'discrete Gaussian noise has no central limit known here. Use the rdp accountant.';
    }
    if (mechanism.samplingProbability < 1 && this.relation === 'replace-one') {
      return 'the central limit of a Poisson sample is known under add-or-remove-one and replace-special. Use the pld accountant.';
    }
    return undefined;
  }

  /** μ of the limit; ∞ when something is not private. An approximation. */
  get mu(): number {
    if (this.notPrivate !== undefined) return Number.POSITIVE_INFINITY;
    let sum = 0;
    for (const { mechanism, count } of this.mechanisms) sum += muOf(mechanism, count) ** 2;
    return Math.sqrt(sum);
  }

  getEpsilon(delta: number): EpsilonBound {
    const target = requireDelta(delta);
    return this.#approximation(epsilonAt(this.mu, target), target);
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    return this.#approximation(target, Math.exp(logDeltaAt(this.mu, target)));
  }

  #approximation(epsilon: number, delta: number): EpsilonBound {
    const warning = this.notPrivate === undefined ? WARNING : `Not private: ${this.notPrivate}.`;
    return this.bound(epsilon, delta, { direction: 'approximation', warning });
  }
}

function muOf(mechanism: Mechanism, count: number): number {
  switch (mechanism.kind) {
    case 'gaussian': {
      const { samplingProbability, noiseMultiplier } = mechanism;
      if (noiseMultiplier === 0) return Number.POSITIVE_INFINITY;
      if (samplingProbability === 1) return Math.sqrt(count) / noiseMultiplier;
      return cltPoissonMu({ samplingProbability, noiseMultiplier, steps: count });
    }
    case 'sampledWithoutReplacementGaussian': {
      const { datasetSize, sampleSize, noiseMultiplier } = mechanism;
      if (noiseMultiplier === 0) return Number.POSITIVE_INFINITY;
      return cltUniformMu({ samplingProbability: sampleSize / datasetSize, noiseMultiplier, steps: count });
    }
    default:
      return Number.POSITIVE_INFINITY;
  }
}

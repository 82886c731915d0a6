import { requireDelta, requireEpsilon } from '../arguments.js';
import type { DeltaBound, EpsilonBound } from '../bound.js';
import { ComposingAccountant } from '../composing-accountant.js';
import type { GaussianMechanism, Mechanism } from '../events/mechanisms/mechanism.js';
import { logDeltaUpper } from './gaussian-delta.js';
import { epsilonAt } from './gaussian-inverse.js';

/**
 * Accounts for unsampled Gaussians exactly: a composition is one Gaussian with μ² = Σ (Δᵢ/σᵢ)², Δ the sensitivity
 * under the relation. Nothing is lost: no accountant can state a smaller ε.
 *
 * Bounds Gaussian releases of the whole data set (every relation) and shuffled passes (replace-special,
 * replace-one). Discrete Gaussian noise is refused, and so are sampled releases: the central-limit approximation of "GDP accountants" is not a
 * bound (it can state less than half of the true ε). Upper bounds, rounded up.
 *
 * Source: Dong, Roth & Su 2022 (arXiv:1905.02383), Cor. 1 and 2; Balle & Wang 2018 (arXiv:1805.06530), Thm 8.
 *
 * @example
 * const epochs = selfComposed({ count: 10, event: shuffled({ event: gaussian({ noiseMultiplier: 4 }) }) });
 * new GdpAccountant({ relation: 'replace-special' }).compose(epochs).getEpsilon(1e-5).epsilon; // 3.34…
 */
export class GdpAccountant extends ComposingAccountant {
  readonly name = 'gdp';

  protected refusal(mechanism: Mechanism): string | undefined {
    if (mechanism.kind !== 'gaussian') {
      return `${mechanism.kind} is not Gaussian-DP. Use another accountant.`;
    }
    if (mechanism.noise === 'discrete') {
      return (
        'discrete Gaussian noise on a vector is not Gaussian-DP: it is not the same in every ' +
        'direction, and no trade-off curve is known that bounds all of them. Use the rdp accountant.'
      );
    }
    if (mechanism.samplingProbability === 1) return undefined;
    return (
      'a Poisson-sampled Gaussian is not Gaussian-DP; the central-limit approximation is not a ' +
      'bound. Use the rdp accountant.'
    );
  }

  /** μ of everything composed so far, rounded up: 0 for nothing, ∞ when something is not private. */
  get mu(): number {
    if (this.notPrivate !== undefined) return Number.POSITIVE_INFINITY;
    const parts = this.mechanisms.map(
      ({ mechanism, count }) => Math.sqrt(count) / (mechanism as GaussianMechanism).noiseMultiplier,
    );
    const largest = parts.reduce((max, part) => Math.max(max, part), 0);
    if (largest === 0 || largest === Number.POSITIVE_INFINITY) return largest;
    const squares = parts.reduce((sum, part) => sum + (part / largest) ** 2, 0);
    return largest * Math.sqrt(squares) * (1 + (8 + parts.length) * Number.EPSILON);
  }

  getEpsilon(delta: number): EpsilonBound {
    const target = requireDelta(delta);
    return this.#bound(epsilonAt(this.mu, target), target);
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    const { mu } = this;
    const delta = mu === 0 ? 0 : Math.max(Number.MIN_VALUE, Math.exp(logDeltaUpper(mu, target)));
    return this.#bound(target, delta);
  }

  #bound(epsilon: number, delta: number): EpsilonBound {
    // A finite μ above 1e154 has a μ²/2 that is not.
    if (this.mu < Number.POSITIVE_INFINITY && epsilon < Number.POSITIVE_INFINITY)
      return this.bound(epsilon, delta);
    const warning = `Not private: ${this.notPrivate ?? 'too little noise for a finite bound'}.`;
    return this.bound(epsilon, delta, { warning });
  }
}

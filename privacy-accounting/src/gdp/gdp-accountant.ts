import type { PrivacyAccountant } from '../accountant.js';
import { requireDelta, requireEpsilon, requireRecord } from '../arguments.js';
import { type DeltaBound, type EpsilonBound, sealBound } from '../bound.js';
import { DpError } from '../errors.js';
import { GaussianComposition } from '../events/composition.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import { readAsGaussians } from '../events/sampled-gaussians.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
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
export class GdpAccountant implements PrivacyAccountant {
  readonly name = 'gdp';
  readonly relation: NeighboringRelation;
  readonly #composition: GaussianComposition;

  constructor(options: { readonly relation: NeighboringRelation }) {
    requireRecord(options, 'options', 'an object with a relation');
    this.relation = requireRelation(options.relation);
    this.#composition = new GaussianComposition(this.relation);
  }

  get event(): DpEvent {
    return this.#composition.event;
  }

  supports(event: DpEvent): boolean {
    return this.unsupportedReason(event) === undefined;
  }

  unsupportedReason(event: DpEvent): string | undefined {
    const reading = readAsGaussians(parseEvent(event), this.relation);
    if (reading.kind === 'unsupported') return reading.reason;
    if (reading.kind === 'nonPrivate') return undefined;
    const discrete = reading.releases.find(({ noise }) => noise === 'discrete');
    if (discrete !== undefined) {
      return (
        `${discrete.path}: discrete Gaussian noise on a vector is not Gaussian-DP: it is not the same in every ` +
        'direction, and no trade-off curve is known that bounds all of them. Use the rdp accountant.'
      );
    }
    const sampled = reading.releases.find(({ samplingProbability }) => samplingProbability < 1);
    if (sampled === undefined) return undefined;
    return (
      `${sampled.path}: a Poisson-sampled Gaussian is not Gaussian-DP; the central-limit approximation is not a ` +
      'bound. Use the rdp accountant.'
    );
  }

  compose(event: DpEvent, count = 1): this {
    const admitted = parseEvent(event);
    const reason = this.unsupportedReason(admitted);
    if (reason !== undefined) throw new DpError('DP_UNSUPPORTED_EVENT', reason);
    this.#composition.add(admitted, count);
    return this;
  }

  /** μ of everything composed so far, rounded up: 0 for nothing, ∞ when something is not private. */
  get mu(): number {
    if (this.#composition.notPrivate !== undefined) return Number.POSITIVE_INFINITY;
    const parts = this.#composition.releases.map(
      ({ noiseMultiplier, count }) => Math.sqrt(count) / noiseMultiplier,
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
    const shared = {
      relation: this.relation,
      unit: 'example',
      accountant: this.name,
      direction: 'upper',
    } as const;
    if (this.mu < Number.POSITIVE_INFINITY) return sealBound({ epsilon, delta, ...shared });
    const warning = `Not private: ${this.#composition.notPrivate ?? 'too little noise for a finite bound'}.`;
    return sealBound({ epsilon, delta, ...shared, warning });
  }
}

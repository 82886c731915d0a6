import type { PrivacyAccountant } from '../accountant.js';
import { requireDelta, requireEpsilon, requireRecord } from '../arguments.js';
import { type DeltaBound, type EpsilonBound, sealBound } from '../bound.js';
import { DpError } from '../errors.js';
import { GaussianComposition } from '../events/composition.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import { readAsGaussians } from '../events/sampled-gaussians.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import {
  epsilonAtOrder,
  logDeltaAtOrder,
  logDeltaByKl,
  logDeltaByMoment,
  SMALLEST_CONVERTED_ORDER,
} from './conversion.js';
import { poissonGaussianCurve } from './curve-cache.js';
import { gaussianRdpAt } from './gaussian-rdp.js';
import { type BestOrder, searchAll, searchGrid } from './order-search.js';
import { LARGEST_SEARCHED_ORDER, requireOrders } from './orders.js';
import { atWholeOrders } from './poisson-discrete-rdp.js';

/** Configuration of an {@link RdpAccountant}. */
export interface RdpAccountantOptions {
  readonly relation: NeighboringRelation;
  /** Use exactly these orders. By default a standard grid is searched, then the orders around its best. */
  readonly orders?: readonly number[];
}

/**
 * Accounts in Rényi divergences: RDP(α) of a composition is the sum of its parts', for every order α; (ε, δ)
 * follows from the best order. The divergences of Gaussians are exact, so the only loss is that of the conversion: 5–20 % where
 * ε is above 3 or so, a multiple of ε where sampling is rare and σ below 1.
 *
 * Bounds Gaussian releases, Poisson-sampled (add-or-remove-one, replace-special; no formula is known for
 * replace-one) or not (every relation), and shuffled passes (replace-special, replace-one), composed at will.
 * Discrete Gaussian noise on vectors is bounded by the same formulas at the sensitivity with rounding inside (see
 * `atWholeOrders`). Upper bounds, rounded up.
 *
 * Source: Mironov 2017 (arXiv:1702.07476), Prop. 1; Mironov, Talwar & Zhang 2019 (arXiv:1908.10530); Canonne,
 * Kamath & Steinke 2020 (arXiv:2004.00010), Prop. 12.
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });
 * const accountant = new RdpAccountant({ relation: 'add-or-remove-one' }).compose(step, 10_000);
 * accountant.getEpsilon(1e-5).epsilon; // 5.63…
 */
export class RdpAccountant implements PrivacyAccountant {
  readonly name = 'rdp';
  readonly relation: NeighboringRelation;
  readonly #orders: readonly number[] | undefined;
  readonly #composition: GaussianComposition;

  constructor(options: RdpAccountantOptions) {
    requireRecord(options, 'options', 'an object with a relation');
    this.relation = requireRelation(options.relation);
    this.#orders = options.orders === undefined ? undefined : requireOrders(options.orders);
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
    if (reading.kind === 'nonPrivate' || this.relation !== 'replace-one') return undefined;
    const sampled = reading.releases.find(({ samplingProbability }) => samplingProbability < 1);
    if (sampled === undefined) return undefined;
    return (
      `${sampled.path}: no Rényi divergence is known for a Poisson-sampled Gaussian under replace-one. ` +
      'Use add-or-remove-one or replace-special.'
    );
  }

  compose(event: DpEvent, count = 1): this {
    const admitted = parseEvent(event);
    const reason = this.unsupportedReason(admitted);
    if (reason !== undefined) throw new DpError('DP_UNSUPPORTED_EVENT', reason);
    this.#composition.add(admitted, count);
    return this;
  }

  /** RDP(α) of everything composed so far, in nats, at an order α > 1. ∞ when something is not private. */
  getRdp(order: number): number {
    const [only] = requireOrders([order]);
    return this.#divergence()(only!);
  }

  getEpsilon(delta: number): EpsilonBound {
    const target = requireDelta(delta);
    const divergence = this.#divergence();
    const value = (order: number) => epsilonAtOrder(order, divergence(order), target);
    const best =
      this.#orders === undefined
        ? searchAll(value(SMALLEST_CONVERTED_ORDER), value, 0)
        : searchGrid(this.#orders, value, 0);
    return this.#bound(best.value, target, best);
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    const divergence = this.#divergence();
    const nothing = Number.NEGATIVE_INFINITY;
    const best =
      this.#orders === undefined
        ? searchAll(
            logDeltaByKl(divergence(SMALLEST_CONVERTED_ORDER)),
            (order) => logDeltaByMoment(order, divergence(order), target),
            nothing,
          )
        : searchGrid(this.#orders, (order) => logDeltaAtOrder(order, divergence(order), target), nothing);
    const rounded = Math.exp(Math.min(0, best.value)) * (1 + 2 * Number.EPSILON);
    const delta = best.value === nothing ? 0 : Math.min(1, Math.max(Number.MIN_VALUE, rounded));
    return this.#bound(target, delta, best);
  }

  #bound(epsilon: number, delta: number, { order, edge }: BestOrder): EpsilonBound {
    const shared = {
      relation: this.relation,
      unit: 'example',
      accountant: this.name,
      direction: 'upper',
    } as const;
    if (epsilon === Number.POSITIVE_INFINITY || delta === 1) {
      const reason = this.#composition.notPrivate;
      const unbounded = epsilon < Number.POSITIVE_INFINITY ? 'a δ below 1' : 'a finite bound';
      const warning = reason === undefined ? `No order gives ${unbounded}.` : `Not private: ${reason}.`;
      return sealBound({ epsilon, delta, ...shared, warning });
    }
    const warning = this.#edgeWarning(edge);
    return sealBound({ epsilon, delta, ...shared, order, ...(warning === undefined ? {} : { warning }) });
  }

  #edgeWarning(edge: BestOrder['edge']): string | undefined {
    if (edge === undefined) return undefined;
    const which = edge === 'upper' ? 'largest' : 'smallest';
    return this.#orders === undefined
      ? `The best Rényi order is the ${which} that is searched (${edge === 'upper' ? LARGEST_SEARCHED_ORDER : 1.01}): valid, but perhaps loose.`
      : `The best Rényi order is the ${which} of those given: valid, but other orders may be tighter.`;
  }

  #divergence(): (order: number) => number {
    if (this.#composition.notPrivate !== undefined) return () => Number.POSITIVE_INFINITY;
    const parts = this.#composition.releases.map(
      ({ samplingProbability: q, noiseMultiplier: sigma, noise, count }) => {
        const curve =
          q === 1 ? (order: number) => gaussianRdpAt(sigma, order) : poissonGaussianCurve(q, sigma);
        return { curve: q < 1 && noise === 'discrete' ? atWholeOrders(curve) : curve, count };
      },
    );
    return (order) => {
      let sum = 0;
      for (const { curve, count } of parts) sum += count * curve(order);
      return sum;
    };
  }
}

import { requireDelta, requireEpsilon } from '../arguments.js';
import type { DeltaBound, EpsilonBound } from '../bound.js';
import { type AccountantOptions, ComposingAccountant } from '../composing-accountant.js';
import type { Mechanism, MechanismCount } from '../events/mechanisms/mechanism.js';
import { mergeAlike } from '../events/mechanisms/merge-alike.js';
import { composedDelta, deltaBeside } from './approximate-delta.js';
import {
  epsilonAtOrder,
  logDeltaAtOrder,
  logDeltaByKl,
  logDeltaByMoment,
  SMALLEST_CONVERTED_ORDER,
} from './conversion.js';
import { composedCurve, mechanismCurve, rdpRefusal } from './mechanism-curve.js';
import { type BestOrder, searchAll, searchGrid } from './order-search.js';
import { LARGEST_SEARCHED_ORDER, requireOrders, SPREAD_ORDERS } from './orders.js';
import type { RdpCurve } from './repeat-and-select-rdp.js';

/** Configuration of an {@link RdpAccountant}. */
export interface RdpAccountantOptions extends AccountantOptions {
  /** Use exactly these orders. By default a standard grid is searched, then the orders around its best. */
  readonly orders?: readonly number[];
  /**
   * Bound PATE's answers by how clear their votes were. The result then depends on private data: it holds for these
   * votes only, is no guarantee, must not be published, and is labelled so. By default the bound is one for all votes.
   */
  readonly dataDependent?: boolean;
}

/** Everything composed: its divergences, and what of δ its mechanisms spend themselves. */
interface Total {
  readonly of: readonly MechanismCount[];
  readonly curve: RdpCurve;
  readonly delta: number;
  /** The orders to try, all of them; undefined where bisection finds the best. */
  readonly orders: readonly number[] | undefined;
  /** That many different mechanisms were bounded by fewer. */
  readonly warning: string | undefined;
}

/** Different mechanisms from which on those alike are bounded together. */
const MOST_DISTINCT = 2000;

/**
 * Accounts in Rényi divergences: RDP(α) of a composition is the sum of its parts', for every order α; (ε, δ) follows
 * from the best order. The divergences of Gaussians are exact, so the only loss is that of the conversion: 5–20 %
 * where ε is above 3 or so, a multiple of ε where sampling is rare and σ below 1.
 *
 * Bounds every mechanism but truncated Poisson samples, and Poisson-sampled Gaussians under replace-one (no formula is
 * known): Gaussian, Laplace, discrete and mixture noise, sampled or not; randomized response and selections; sampling
 * without and with replacement, random allocation; tuning; PATE; zCDP and (ε, δ) events, whose δ's count apart, 1 −
 * Π(1 − δᵢ). Discrete Gaussian noise on vectors is bounded by the Gaussian's formulas at the sensitivity with rounding
 * inside (see `atWholeOrders`). Each curve's docstring has its source. Upper bounds, rounded up.
 *
 * Source: Mironov 2017 (arXiv:1702.07476), Prop. 1; Mironov, Talwar & Zhang 2019 (arXiv:1908.10530); Canonne,
 * Kamath & Steinke 2020 (arXiv:2004.00010), Prop. 12.
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });
 * const accountant = new RdpAccountant({ relation: 'add-or-remove-one' }).compose(step, 10_000);
 * accountant.getEpsilon(1e-5).epsilon; // 5.63…
 */
export class RdpAccountant extends ComposingAccountant {
  readonly name = 'rdp';
  readonly #orders: readonly number[] | undefined;
  readonly #dataDependent: boolean;
  #last: Total | undefined;

  constructor(options: RdpAccountantOptions) {
    super(options);
    this.#orders = options.orders === undefined ? undefined : requireOrders(options.orders);
    this.#dataDependent = options.dataDependent === true;
  }

  protected refusal(mechanism: Mechanism): string | undefined {
    return rdpRefusal(mechanism, this.relation);
  }

  /**
   * RDP(α) of everything composed so far, in nats, at an order α > 1. ∞ when something is not private. Mechanisms with
   * a δ of their own ((ε, δ) events) have it but for an event of that probability.
   */
  getRdp(order: number): number {
    const [only] = requireOrders([order]);
    return this.#total().curve(only!);
  }

  getEpsilon(delta: number): EpsilonBound {
    const target = requireDelta(delta);
    const { curve: divergence, delta: own, orders } = this.#total();
    const rest = deltaBeside(target, own);
    if (rest === undefined) {
      const warning = `The mechanisms' own δ's add up to ${own}: no smaller δ has a finite ε.`;
      return this.bound(Number.POSITIVE_INFINITY, target, { warning });
    }
    const value = (order: number) => epsilonAtOrder(order, divergence(order), rest);
    const best =
      orders === undefined
        ? searchAll(value(SMALLEST_CONVERTED_ORDER), value, 0)
        : searchGrid(orders, value, 0);
    return this.#bound(best.value, target, best);
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    const { curve: divergence, delta: own, orders } = this.#total();
    const nothing = Number.NEGATIVE_INFINITY;
    const best =
      orders === undefined
        ? searchAll(
            logDeltaByKl(divergence(SMALLEST_CONVERTED_ORDER)),
            (order) => logDeltaByMoment(order, divergence(order), target),
            nothing,
          )
        : searchGrid(orders, (order) => logDeltaAtOrder(order, divergence(order), target), nothing);
    const rounded = Math.exp(Math.min(0, best.value)) * (1 + 2 * Number.EPSILON);
    const rest = best.value === nothing ? 0 : Math.max(Number.MIN_VALUE, rounded);
    const delta = own === 0 ? rest : (rest + own) * (1 + 2 * Number.EPSILON);
    return this.#bound(target, Math.min(1, delta), best);
  }

  #bound(epsilon: number, delta: number, { order, edge }: BestOrder): EpsilonBound {
    if (epsilon === Number.POSITIVE_INFINITY || delta === 1) {
      const reason = this.notPrivate;
      const unbounded = epsilon < Number.POSITIVE_INFINITY ? 'a δ below 1' : 'a finite bound';
      const warning = reason === undefined ? `No order gives ${unbounded}.` : `Not private: ${reason}.`;
      return this.bound(epsilon, delta, { warning });
    }
    const warnings = [this.#edgeWarning(edge), this.#voteWarning(), this.#last?.warning].filter(
      (text) => text !== undefined,
    );
    return this.bound(epsilon, delta, {
      order,
      ...(warnings.length === 0 ? {} : { warning: warnings.join(' ') }),
      ...(this.#voteWarning() === undefined ? {} : { direction: 'approximation' }),
    });
  }

  #voteWarning(): string | undefined {
    if (!this.#dataDependent || !this.mechanisms.some(({ mechanism }) => mechanism.kind === 'gnMax'))
      return undefined;
    return 'Data-dependent: it holds for these votes only, is no guarantee, and is private itself.';
  }

  #edgeWarning(edge: BestOrder['edge']): string | undefined {
    if (edge === undefined) return undefined;
    const which = edge === 'upper' ? 'largest' : 'smallest';
    return this.#orders === undefined
      ? `The best Rényi order is the ${which} that is searched (${edge === 'upper' ? LARGEST_SEARCHED_ORDER : 1.01}): valid, but perhaps loose.`
      : `The best Rényi order is the ${which} of those given: valid, but other orders may be tighter.`;
  }

  #total(): Total {
    const { mechanisms } = this;
    if (this.notPrivate !== undefined) {
      const curve = () => Number.POSITIVE_INFINITY;
      return { of: mechanisms, curve, delta: 0, orders: this.#orders, warning: undefined };
    }
    if (this.#last?.of !== mechanisms) {
      const options = { dataDependent: this.#dataDependent };
      const alike = mergeAlike(mechanisms, MOST_DISTINCT);
      const parts = alike.mechanisms.map(({ mechanism, count }) => ({
        ...mechanismCurve(mechanism, options),
        count,
      }));
      const orders = this.#orders ?? (parts.every(({ convex }) => convex) ? undefined : SPREAD_ORDERS);
      const { warning } = alike;
      this.#last = {
        of: mechanisms,
        curve: composedCurve(parts),
        delta: composedDelta(parts),
        orders,
        warning,
      };
    }
    return this.#last;
  }
}

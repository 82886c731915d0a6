import { invalidArgument, requireDelta, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { requireGroupSize } from '../events/for-group.js';
import { parseEvent } from '../events/parse.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import { type FilterMeter, gdpMeter, rdpMeter, zcdpMeter } from './meters.js';
import {
  divergencesOf,
  logTouching,
  plannedOrders,
  requireWeightedOrders,
  type WeightedOrder,
} from './order-mixture.js';
import { Spending } from './spending.js';

/** What a {@link PrivacyFilter} guards. Everything is fixed before anything is released. */
export interface PrivacyFilterOptions {
  readonly budget: { readonly epsilon: number; readonly delta: number };
  readonly relation: NeighboringRelation;
  /** The largest number of examples of one user: the budget then holds for a user. By default it holds for an example. */
  readonly contributions?: number;
  /** `rdp` (default): whatever has Rényi bounds. `zcdp`: whatever has a ρ. `gdp`: unsampled Gaussians, without loss. */
  readonly accountant?: 'rdp' | 'zcdp' | 'gdp';
  /** For `rdp`: what will roughly be spent, any amount of it. The budget then reaches as far for that as it can. */
  readonly plan?: DpEvent;
  /** For `rdp`: exactly these orders, with weights that sum to at most 1, instead of those that suit the plan. */
  readonly orders?: readonly WeightedOrder[];
  /** The part of δ kept for mechanisms that have a δ of their own; 0 by default, which refuses those. */
  readonly reservedDelta?: number;
}

/** A filter as JSON. */
export interface PrivacyFilterState {
  readonly schema: 'privacy-accounting/filter@1';
  readonly budget: { readonly epsilon: number; readonly delta: number };
  readonly relation: NeighboringRelation;
  readonly contributions?: number;
  readonly accountant: 'rdp' | 'zcdp' | 'gdp';
  readonly reservedDelta: number;
  readonly orders: readonly WeightedOrder[];
  readonly spent: DpEvent;
}

const SCHEMA = 'privacy-accounting/filter@1';

/**
 * Guards an (ε, δ) budget while mechanisms are chosen one after the other, each with parameters that may depend on all
 * results so far. Whatever is chosen and whenever it ends, everything that the filter let pass is (ε, δ)-differentially
 * private, together with the fact of when it stopped. An accountant does not promise that: its ε holds for
 * parameters that were fixed beforehand.
 *
 * Ask, spend, then release: `spend` throws DP_BUDGET_EXCEEDED, and records nothing, when an event does not fit. Choices must
 * depend on the data through released results only. The record is JSON ({@link toJSON}); a resumed filter goes on where
 * it was.
 *
 * Sources: Feldman & Zrnic 2021 (arXiv:2008.11193); Lécuyer 2021 (arXiv:2103.01379); Whitehouse et al. 2023
 * (arXiv:2203.05481); Smith & Thakurta 2022 (arXiv:2210.17520); Koskela et al. 2022 (arXiv:2209.15596). Proofs are at the meters.
 *
 * @example
 * const filter = new PrivacyFilter({ budget: { epsilon: 3, delta: 1e-5 }, relation: 'add-or-remove-one', plan: step });
 * while (filter.admits(step)) { filter.spend(step); train(); }
 */
export class PrivacyFilter {
  readonly budget: { readonly epsilon: number; readonly delta: number };
  readonly relation: NeighboringRelation;
  readonly contributions: number | undefined;
  readonly accountant: 'rdp' | 'zcdp' | 'gdp';
  readonly reservedDelta: number;
  readonly #orders: readonly WeightedOrder[];
  readonly #meter: FilterMeter;
  readonly #spending: Spending;

  constructor(options: PrivacyFilterOptions) {
    this.budget = requireBudget(options);
    this.relation = requireRelation(options.relation);
    this.contributions =
      options.contributions === undefined
        ? undefined
        : requireGroupSize(options.contributions, 'contributions');
    this.accountant = requireMethod(options.accountant ?? 'rdp');
    this.reservedDelta = requireNumber(
      options.reservedDelta ?? 0,
      'reservedDelta',
      'a number from 0 up to, not including, the budget’s δ',
      (reserved) => reserved >= 0 && reserved < this.budget.delta,
    );
    const unit = { relation: this.relation, contributions: this.contributions };
    this.#orders = this.accountant === 'rdp' ? ordersFor(this.#limits, unit, options) : [];
    this.#meter = this.#newMeter();
    this.#spending = new Spending(unit, (mechanism) => this.#meter.refusal(mechanism));
    if (!this.#meter.fits([])) {
      throw invalidArgument('budget', 'one that holds for nothing at all', options.budget, 'Raise ε or δ.');
    }
  }

  /** Everything that was let pass, as one event. */
  get spent(): DpEvent {
    return this.#spending.event;
  }

  /** Why the filter can't measure an event, naming its path; undefined when it can. */
  unsupportedReason(event: DpEvent): string | undefined {
    return this.#spending.unsupportedReason(event);
  }

  /** Whether `count` (default 1) repetitions of the event still fit. False, too, for what can't be measured. */
  admits(event: DpEvent, count = 1): boolean {
    if (this.#spending.unsupportedReason(event) !== undefined) return false;
    const after = this.#spending.after(event, count);
    return after !== undefined && this.#meter.fits(after);
  }

  /** Records the event, `count` times, if it fits; throws DP_BUDGET_EXCEEDED, changing nothing, if it doesn't. */
  spend(event: DpEvent, count = 1): this {
    const after = this.#spending.after(event, count);
    if (after === undefined || !this.#meter.fits(after)) {
      const { epsilon, delta } = this.budget;
      throw new DpError(
        'DP_BUDGET_EXCEEDED',
        `The event, ${count} times, would exceed the budget ε = ${epsilon}, δ = ${delta} (${this.relation}); ` +
          `${this.#mostOf(event)} more of it would fit. Nothing was recorded; nothing may be released.`,
      );
    }
    this.#spending.add(event, count);
    return this;
  }

  /** How many more repetitions of the event fit: exact, by bisection. At most 2⁵³ − 1; 0 for what can't be measured. */
  remaining(event: DpEvent): number {
    return this.unsupportedReason(event) === undefined ? this.#mostOf(event) : 0;
  }

  toJSON(): PrivacyFilterState {
    return {
      schema: SCHEMA,
      budget: this.budget,
      relation: this.relation,
      ...(this.contributions === undefined ? {} : { contributions: this.contributions }),
      accountant: this.accountant,
      reservedDelta: this.reservedDelta,
      orders: this.#orders,
      spent: this.spent,
    };
  }

  /** The filter that {@link toJSON} described. Refuses, with DP_CORRUPT, a record that its own budget does not allow. */
  static fromJSON(value: unknown): PrivacyFilter {
    const state = requireRecord(value, 'state', 'the JSON of a PrivacyFilter');
    if (state.schema !== SCHEMA) throw invalidArgument('state.schema', `"${SCHEMA}"`, state.schema);
    const filter = new PrivacyFilter({ ...state } as unknown as PrivacyFilterOptions);
    const spent = parseEvent(state.spent);
    if (!filter.admits(spent)) {
      throw new DpError('DP_CORRUPT', 'The saved filter has spent more than its budget: it was altered.');
    }
    filter.#spending.add(spent, 1);
    return filter;
  }

  get #limits() {
    return { ...this.budget, reservedDelta: this.reservedDelta };
  }

  #newMeter(): FilterMeter {
    switch (this.accountant) {
      case 'rdp':
        return rdpMeter(this.#limits, this.relation, this.#orders);
      case 'zcdp':
        return zcdpMeter(this.#limits);
      case 'gdp':
        return gdpMeter(this.#limits);
    }
  }

  #mostOf(event: DpEvent): number {
    if (!this.admits(event)) return 0;
    let fits = 1;
    while (fits <= Number.MAX_SAFE_INTEGER / 2 && this.admits(event, 2 * fits)) fits *= 2;
    let fails = Math.min(Number.MAX_SAFE_INTEGER, 2 * fits);
    if (this.admits(event, fails)) return fails;
    while (fails - fits > 1) {
      const middle = fits + Math.floor((fails - fits) / 2);
      if (this.admits(event, middle)) fits = middle;
      else fails = middle;
    }
    return fits;
  }
}

function requireBudget(options: PrivacyFilterOptions): { readonly epsilon: number; readonly delta: number } {
  requireRecord(options, 'options', 'an object { budget, relation }');
  requireRecord(options.budget, 'budget', 'an object { epsilon, delta }');
  return Object.freeze({
    epsilon: requireEpsilon(options.budget.epsilon, 'budget.epsilon'),
    delta: requireDelta(options.budget.delta, 'budget.delta'),
  });
}

function requireMethod(value: unknown): 'rdp' | 'zcdp' | 'gdp' {
  if (value === 'rdp' || value === 'zcdp' || value === 'gdp') return value;
  throw invalidArgument(
    'accountant',
    'one of rdp, zcdp, gdp',
    value,
    'No other accountant has a theorem for parameters that are chosen along the way.',
  );
}

/**
 * The order at which the budget goes furthest: for the plan if there is one, else for Gaussians, whose divergence is
 * proportional to α.
 */
function ordersFor(
  limits: { readonly epsilon: number; readonly delta: number; readonly reservedDelta: number },
  unit: { readonly relation: NeighboringRelation; readonly contributions: number | undefined },
  { plan, orders }: PrivacyFilterOptions,
): readonly WeightedOrder[] {
  if (orders !== undefined) return requireWeightedOrders(orders, 'orders');
  const logDelta = Math.log(limits.delta - limits.reservedDelta);
  const room = (order: number) => limits.epsilon + (logDelta - logTouching(order)) / (order - 1);
  if (plan === undefined) return plannedOrders((order) => room(order) / order);
  const meter = rdpMeter(limits, unit.relation, []);
  const mechanisms = new Spending(unit, meter.refusal).after(parseEvent(plan), 1) ?? [];
  if (mechanisms.length === 0) return plannedOrders((order) => room(order) / order);
  return plannedOrders((order) => {
    const [cost] = divergencesOf(mechanisms, [{ order, weight: 1 }]);
    return room(order) > 0 ? room(order) / cost! : room(order);
  });
}

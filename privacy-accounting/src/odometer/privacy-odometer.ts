import { invalidArgument, requireDelta, requireNumber, requireRecord } from '../arguments.js';
import { type EpsilonBound, sealBound } from '../bound.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { requireGroupSize } from '../events/for-group.js';
import { parseEvent } from '../events/parse.js';
import { bracketRoot } from '../math/index.js';
import { rdpRefusal } from '../rdp/mechanism-curve.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import {
  divergencesOf,
  evenOrders,
  logMixture,
  ownDeltaOf,
  plannedOrders,
  requireWeightedOrders,
  type WeightedOrder,
} from './order-mixture.js';
import { Spending } from './spending.js';

/** What a {@link PrivacyOdometer} is made with: fixed before anything is released. */
export interface PrivacyOdometerOptions {
  /** The one δ that all statements are about. */
  readonly delta: number;
  readonly relation: NeighboringRelation;
  /** The largest number of examples of one user: ε then holds for a user. */
  readonly contributions?: number;
  /** What will roughly be spent, as much of it as is expected: ε is then tightest around there. */
  readonly plan?: DpEvent;
  /** Exactly these orders, with weights that sum to at most 1, instead of those that suit the plan. */
  readonly orders?: readonly WeightedOrder[];
  /** The part of δ kept for mechanisms that have a δ of their own; 0 by default, which refuses those. */
  readonly reservedDelta?: number;
}

/** An odometer as JSON. */
export interface PrivacyOdometerState {
  readonly schema: 'privacy-accounting/odometer@1';
  readonly delta: number;
  readonly relation: NeighboringRelation;
  readonly contributions?: number;
  readonly reservedDelta: number;
  readonly orders: readonly WeightedOrder[];
  readonly spent: DpEvent;
}

const SCHEMA = 'privacy-accounting/odometer@1';

/**
 * States the ε so far at every moment of an adaptive interaction, such that all statements hold together:
 *
 *   P( at some time the privacy loss exceeds the ε stated then ) ≤ δ.
 *
 * So it may be read at any time, and one may stop because of what it reads, or of what came out. For an accountant's ε
 * neither is true: it is for a number of steps, and parameters, that were fixed beforehand.
 *
 * ε_t is the root u of Σⱼ wⱼ·exp((αⱼ − 1)(u − S_t(αⱼ))) = 1/δ, S_t(α) = Σ RDP(α) so far. With L the privacy loss,
 * Σⱼ wⱼ·exp((αⱼ − 1)(L_t − S_t(αⱼ))) is a non-negative supermartingale from at most 1, whatever is chosen along the way; by
 * Ville's inequality it ever reaches 1/δ with probability at most δ, and L_t > ε_t would mean that it had. Validity at
 * stopping times is part of that inequality. Rounded up.
 *
 * The price against a fixed plan is ln(1/wⱼ)/(αⱼ − 1), and the looser conversion from Rényi divergence. PLD and (ε, δ)
 * composition have no odometer of this kind and are not offered. Mechanisms with an own δ need `reservedDelta`.
 *
 * Source: Ville 1939; Feldman & Zrnic 2021 (arXiv:2008.11193; the supermartingale); Whitehouse et al. 2023
 * (arXiv:2203.05481; time-uniform odometers); mixtures as in Howard et al. 2021 (arXiv:1810.08240).
 *
 * @example
 * const odometer = new PrivacyOdometer({ delta: 1e-5, relation: 'add-or-remove-one' });
 * odometer.spend(step, 100).getEpsilon().epsilon;
 */
export class PrivacyOdometer {
  readonly delta: number;
  readonly relation: NeighboringRelation;
  readonly contributions: number | undefined;
  readonly reservedDelta: number;
  readonly #orders: readonly WeightedOrder[];
  readonly #spending: Spending;

  constructor(options: PrivacyOdometerOptions) {
    requireRecord(options, 'options', 'an object { delta, relation }');
    this.delta = requireDelta(options.delta);
    this.relation = requireRelation(options.relation);
    this.contributions =
      options.contributions === undefined
        ? undefined
        : requireGroupSize(options.contributions, 'contributions');
    this.reservedDelta = requireNumber(
      options.reservedDelta ?? 0,
      'reservedDelta',
      'a number from 0 up to, not including, δ',
      (reserved) => reserved >= 0 && reserved < this.delta,
    );
    const unit = { relation: this.relation, contributions: this.contributions };
    this.#spending = new Spending(unit, (mechanism) => rdpRefusal(mechanism, this.relation));
    this.#orders =
      options.orders === undefined
        ? this.#ordersFor(options.plan)
        : requireWeightedOrders(options.orders, 'orders');
  }

  /** Everything that was recorded, as one event. */
  get spent(): DpEvent {
    return this.#spending.event;
  }

  /** Why an event can't be measured, naming its path; undefined when it can. */
  unsupportedReason(event: DpEvent): string | undefined {
    return this.#spending.unsupportedReason(event);
  }

  /** Records `count` (default 1) releases of the event: before they are made, as their parameters are known then. */
  spend(event: DpEvent, count = 1): this {
    const after = this.#spending.after(event, count);
    if (after === undefined) {
      throw new DpError(
        'DP_UNSUPPORTED_EVENT',
        'A release without privacy, or more than 2^53 - 1 of them, has no ε. It was not recorded.',
      );
    }
    if (ownDeltaOf(after) > this.reservedDelta) {
      throw new DpError(
        'DP_BUDGET_EXCEEDED',
        `The mechanisms' own δs would exceed reservedDelta = ${this.reservedDelta}. Reserve more of δ beforehand. Nothing was recorded.`,
      );
    }
    this.#spending.add(event, count);
    return this;
  }

  /** ε so far at the odometer's δ. Holds together with all earlier and later ones. */
  getEpsilon(): EpsilonBound {
    const unit =
      this.contributions === undefined
        ? { unit: 'example' as const }
        : { unit: 'user' as const, contributions: this.contributions };
    const epsilon = this.#epsilon();
    return sealBound({
      epsilon,
      delta: this.delta,
      relation: this.relation,
      ...unit,
      accountant: 'rdp',
      direction: 'upper',
      ...(epsilon === Number.POSITIVE_INFINITY ? { warning: 'No order gives a finite bound.' } : {}),
    });
  }

  toJSON(): PrivacyOdometerState {
    return {
      schema: SCHEMA,
      delta: this.delta,
      relation: this.relation,
      ...(this.contributions === undefined ? {} : { contributions: this.contributions }),
      reservedDelta: this.reservedDelta,
      orders: this.#orders,
      spent: this.spent,
    };
  }

  /** The odometer that {@link toJSON} described. */
  static fromJSON(value: unknown): PrivacyOdometer {
    const state = requireRecord(value, 'state', 'the JSON of a PrivacyOdometer');
    if (state.schema !== SCHEMA) throw invalidArgument('state.schema', `"${SCHEMA}"`, state.schema);
    const options = { ...state } as unknown as PrivacyOdometerOptions;
    return new PrivacyOdometer(options).spend(parseEvent(state.spent));
  }

  #epsilon(): number {
    const { mechanisms } = this.#spending;
    if (mechanisms.length === 0) return 0;
    const spent = divergencesOf(mechanisms, this.#orders);
    const needed = -Math.log(this.delta - this.reservedDelta) * (1 + 4 * Number.EPSILON);
    const shortfall = (epsilon: number) => {
      const exponents = this.#orders.map(({ order }, j) => {
        const rounding = 8 * Number.EPSILON * ((order - 1) * (epsilon + spent[j]!) + 1);
        return (order - 1) * (epsilon - spent[j]!) - rounding;
      });
      const mixture = logMixture(this.#orders, exponents);
      return needed - (mixture - 8 * Number.EPSILON * (Math.abs(mixture) + 1));
    };
    // One order alone proves this much, so that the mixture is at least 1/δ there.
    const above = this.#orders.reduce((least, { order, weight }, j) => {
      const alone = spent[j]! + (needed - Math.log(weight) + 1e-9) / (order - 1);
      return Math.min(least, alone * (1 + 1e-9));
    }, Number.POSITIVE_INFINITY);
    if (above === Number.POSITIVE_INFINITY || shortfall(0) <= 0) return shortfall(0) <= 0 ? 0 : above;
    if (shortfall(above) > 0) return Number.POSITIVE_INFINITY;
    return bracketRoot({
      f: shortfall,
      bracket: { positive: 0, nonPositive: above },
      tolerance: (epsilon) => 1e-12 * epsilon + Number.MIN_VALUE,
    }).nonPositive;
  }

  #ordersFor(plan: DpEvent | undefined): readonly WeightedOrder[] {
    if (plan === undefined) return evenOrders();
    const mechanisms = this.#spending.after(parseEvent(plan), 1) ?? [];
    if (mechanisms.length === 0) return evenOrders();
    const needed = -Math.log(this.delta - this.reservedDelta);
    return plannedOrders((order) => {
      const [cost] = divergencesOf(mechanisms, [{ order, weight: 1 }]);
      return -(cost! + needed / (order - 1));
    });
  }
}

import type { AccountantName, DeltaBound, EpsilonBound } from './bound.js';
import type { DpEvent } from './events/dp-event.js';
import type { NeighboringRelation } from './relation.js';

/**
 * Adds up what a sequence of mechanisms reveals about one example, under one neighbouring relation.
 *
 * The contract between mechanism and accountant is the event: whoever samples and adds noise states what it did,
 * and the accountant bounds that, or says that it can't. Every accountant keeps to this:
 * - `supports(event)` is false exactly when `unsupportedReason(event)` is a sentence, and then `compose` throws
 *   DP_UNSUPPORTED_EVENT and changes nothing. An accountant never guesses.
 * - Order and grouping of composed events do not change the result, not by one bit.
 * - `getEpsilon` and `getDelta` are upper bounds, rounding included, unless the bound's `direction` says otherwise;
 *   never NaN. ε = ∞ is an answer.
 * - A bound carries its relation and its unit: an example, or a user with so many of them.
 * - More releases, less noise or a higher sampling rate never lower ε; a smaller δ never does.
 */
export interface PrivacyAccountant {
  readonly name: AccountantName;
  readonly relation: NeighboringRelation;
  /** Everything composed so far, as one event. */
  readonly event: DpEvent;
  supports(event: DpEvent): boolean;
  /** Why the event can't be bounded here, naming its path; undefined when it can. */
  unsupportedReason(event: DpEvent): string | undefined;
  /** Adds `count` (default 1) repetitions of `event`; releases may depend on earlier results. */
  compose(event: DpEvent, count?: number): this;
  /** The smallest proven ε ≥ 0 at δ ∈ (0, 1). */
  getEpsilon(delta: number): EpsilonBound;
  /** The smallest proven δ ∈ [0, 1] (0 when nothing was released) at ε ≥ 0. */
  getDelta(epsilon: number): DeltaBound;
}

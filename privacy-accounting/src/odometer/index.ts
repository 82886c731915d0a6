/*
 * Budgets for interactions whose next step depends on what came out so far.
 *
 * Is: PrivacyFilter, which refuses what would exceed an (ε, δ) fixed beforehand; PrivacyOdometer, which states an ε that
 * holds at all times at once. Both measure events, record them, and can be saved and resumed.
 * Is not: an accountant. Those bound parameters that were fixed beforehand, and are tighter.
 * Invariants: nothing is recorded that was refused; what fits depends on the multiset of mechanisms, not its order;
 * a theorem stands behind each measure (at the meter), and what has none is refused.
 */
export type { WeightedOrder } from './order-mixture.js';
export { PrivacyFilter, type PrivacyFilterOptions, type PrivacyFilterState } from './privacy-filter.js';
export {
  PrivacyOdometer,
  type PrivacyOdometerOptions,
  type PrivacyOdometerState,
} from './privacy-odometer.js';

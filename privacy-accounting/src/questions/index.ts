/*
 * Questions about an event, over all accountants: which bound is the smallest, how they compare, whole curves, how much of
 * a budget is left, what a search over settings cost.
 *
 * Is: a table of the accountants (what each costs, and why to trust it); a panel that asks those who can answer; the
 * questions on top.
 * Is not: an accountant. It knows no mechanism and reads no event.
 * Invariants: what is returned is one accountant's own bound, with its name; approximations are never chosen, and never
 * keep a budget; a refusal lists every reason; no NaN.
 */
export { ACCOUNTANT_NAMES } from './accountant-table.js';
export { type AccountantRow, compareAccountants } from './compare-accountants.js';
export { deltaCurve, epsilonCurve, epsilonOverSteps, type PrivacyCurve, type StepsCurve } from './curves.js';
export type { AccountantChoice, AccountingOptions } from './panel.js';
export { type Remaining, remaining } from './remaining.js';
export { type TuningCost, type TuningRuns, tunedEvent, tuningCost } from './tuning.js';

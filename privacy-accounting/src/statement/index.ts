/*
 * Statements: bounds in plain words.
 *
 * Is: one function from a bound (or a refusal) to sentences that name ε, δ, the relation, the unit, the accountant,
 * the direction and the assumptions; how sure someone can become, with the exception that belongs to it.
 * Is not: a report, a verdict about whether an ε is good enough, or "e^ε times the odds" (false when δ > 0).
 * Invariants: every sentence is true as it stands; figures are rounded up; ε = ∞ never reads as a number.
 */
export type { BeliefOptions } from './belief.js';
export { type PrivacyRefusal, type PrivacyStatementOptions, privacyStatement } from './privacy-statement.js';

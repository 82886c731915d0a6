/*
 * Zero-concentrated differential privacy: D_α ≤ ξ + ρα for every order α > 1.
 *
 * Is: what mechanisms cost in ρ, its addition, and its conversion to (ε, δ) at the best order; ZcdpAccountant.
 * Is not: for Poisson sampling, whose divergences leave every line ρα (use rdp or pld).
 * Invariants: every ρ, ε and δ is an upper bound, rounded up; a mechanism's own δ is kept apart; no NaN.
 */
export { type ZcdpParameters, zcdpToDelta, zcdpToEpsilon } from './conversion.js';
export { ZcdpAccountant } from './zcdp-accountant.js';

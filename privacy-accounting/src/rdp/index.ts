/*
 * Rényi differential privacy: divergences of mechanisms, their conversion, an accountant.
 *
 * Is: curves α ↦ RDP(α), exact or upper bounds, at any order above 1, one mechanism a file; the conversion of Canonne,
 * Kamath & Steinke to (ε, δ) and back; RdpAccountant, which finds the best order. Is not: tight. A Rényi curve does
 * not determine the trade-off curve: even at the best order ε stays 5–20 % above the optimum, and further where ε is
 * small. Invariants: every ε and δ is an upper bound, rounded up; divergences add, orders never mix; A − 1, not A, is
 * computed, as a sum of non-negative terms (see power-excess.ts), so that tiny divergences are accurate; no NaN.
 */
export { effectiveNoiseMultiplier, sumNoiseMultiplier } from './adaptive-clipping.js';
export { exponentialMechanismRdp } from './bounded-range-rdp.js';
export { rdpToDelta, rdpToEpsilon } from './conversion.js';
export { type DiscreteLaplaceOptions, discreteLaplaceRdp } from './discrete-laplace-rdp.js';
export { gaussianRdp } from './gaussian-rdp.js';
export { gnMaxDataDependentRdp, gnMaxLogOther, gnMaxRdp } from './gn-max-rdp.js';
export { groupRdp } from './group-rdp.js';
export { laplaceRdp, poissonLaplaceRdp } from './laplace-rdp.js';
export { type MixtureOfGaussiansOptions, mixtureOfGaussiansRdp } from './mixture-of-gaussians-rdp.js';
export { DEFAULT_ORDERS } from './orders.js';
export { poissonGaussianRdp } from './poisson-gaussian-rdp.js';
export { pureDpRdp } from './pure-dp-rdp.js';
export { type RandomizedResponseOptions, randomizedResponseRdp } from './randomized-response-rdp.js';
export { RdpAccountant, type RdpAccountantOptions } from './rdp-accountant.js';
export { type RdpCurve, type Repetitions, repeatAndSelectRdp } from './repeat-and-select-rdp.js';
export {
  type WithoutReplacementGaussianOptions,
  withoutReplacementGaussianRdp,
} from './without-replacement-rdp.js';

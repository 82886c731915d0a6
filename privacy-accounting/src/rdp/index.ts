/*
 * Rényi differential privacy: divergences of Gaussian releases, their conversion, an accountant.
 *
 * Is: exact divergences of the Gaussian, Poisson-sampled or not, at any order above 1; the conversion of Canonne,
 * Kamath & Steinke to (ε, δ) and back; RdpAccountant.
 * Is not: tight. A Rényi curve does not determine the trade-off curve: even at the best order ε stays 5–20 % above
 * the optimum, and further where ε is small.
 * Invariants: every ε and δ is an upper bound, rounded up; divergences add, orders never mix; no NaN.
 */
export { rdpToDelta, rdpToEpsilon } from './conversion.js';
export { gaussianRdp } from './gaussian-rdp.js';
export { DEFAULT_ORDERS } from './orders.js';
export { poissonGaussianRdp } from './poisson-gaussian-rdp.js';
export { RdpAccountant, type RdpAccountantOptions } from './rdp-accountant.js';

/*
 * Gaussian differential privacy: the exact trade-off of Gaussian releases, without sampling.
 *
 * Is: δ(ε) of the Gaussian mechanism in log space, its inverses, and GdpAccountant, which composes Gaussians and
 * shuffled passes without loss.
 * Is not: the central-limit approximation for sampled releases. That is no bound, and is not offered.
 * Invariants: ε and δ of the accountant are upper bounds, rounded up; accurate to 1e-12 relative at any δ that
 * float64 holds; no NaN.
 */
export { gaussianDelta, gaussianLogDelta } from './gaussian-delta.js';
export { gaussianEpsilon, gaussianMu } from './gaussian-inverse.js';
export { GdpAccountant } from './gdp-accountant.js';

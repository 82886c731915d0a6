/*
 * Gaussian differential privacy: the exact trade-off of Gaussian releases, without sampling.
 *
 * Is: δ(ε) of the Gaussian mechanism in log space, its inverses, and GdpAccountant, which composes Gaussians and
 * shuffled passes without loss; apart from these, CltAccountant, the central limit of sampled releases.
 * Is not: a bound for sampled releases. The central limit is an approximation and labelled so in every figure.
 * Invariants: ε and δ of GdpAccountant are upper bounds, rounded up; accurate to 1e-12 relative at any δ that
 * float64 holds; no NaN.
 */

export { cltPoissonMu, cltUniformMu, type SampledRun } from './clt.js';
export { CltAccountant } from './clt-accountant.js';
export { gaussianDelta, gaussianLogDelta } from './gaussian-delta.js';
export { gaussianEpsilon, gaussianMu } from './gaussian-inverse.js';
export { GdpAccountant } from './gdp-accountant.js';

/**
 * Noise: uniform random words, and the samples made of them.
 *
 * This folder knows nothing of gradients, clipping or budgets: it is given a standard deviation and an array, of noise
 * to make or (mechanisms) of sums to noise. Nor does it choose σ: that is calibration's, in `privacy-accounting`.
 *
 * Invariants: words are cryptographic unless seeded ones were asked for by name, and `secure` is handed on to
 * whatever is built on them; each word is used once and wiped; a sample is never handed out twice; a standard
 * deviation that can't be honoured is an error, never a default. `Math.random` and `tf.randomNormal` are not used.
 * A further distribution is one more file here that takes {@link RandomWords}.
 */
export { type BackgroundGaussianSource, backgroundGaussianSource } from './background-gaussian-source.js';
export { type BernoulliSource, bernoulliSource } from './bernoulli-source.js';
export {
  type DiscreteGaussianMechanism,
  defaultGranularity,
  discreteGaussianMechanism,
  MAX_GRANULARITY,
  MIN_GRANULARITY,
} from './discrete-gaussian-mechanism.js';
export { discreteGaussianSource } from './discrete-gaussian-source.js';
export { type GaussianSource, gaussianSource } from './gaussian-source.js';
export { type GaussianMechanism, gaussianMechanism, type NoiseMechanism } from './noise-mechanism.js';
export type { RandomWords } from './random-words.js';
export { secureRandomWords } from './secure-words.js';
export { seededRandomWords } from './seeded-words.js';
export { uniformInt } from './uniform-int.js';

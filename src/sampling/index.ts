/**
 * Sampling: which examples make up each logical batch, and the event that accounts for that choice.
 *
 * This folder is not a data loader: it hands out indices and never sees an example. Nor is it an accountant: it states
 * what was done, and `privacy-accounting` says what that costs.
 *
 * Invariants: whoever draws the batches names the event, with the very probability that was used; relations under
 * which that event is not proved are left out; a batch, an empty one too, is drawn once and is one step; words are
 * cryptographic unless others were passed, and then `secure` is false, after a resume as well; a damaged state is an
 * error, never repaired.
 */
export type { BatchSampler, SamplerState } from './batch-sampler.js';
export { poissonSampler } from './poisson-sampler.js';
export { mergeReleases, type Release, weakestRelease } from './release.js';
export { restoreSampler } from './restore-sampler.js';
export { type ShuffleSampler, shuffleSampler } from './shuffle-sampler.js';

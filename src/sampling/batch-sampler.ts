import type { DpEvent, NeighboringRelation } from 'privacy-accounting';
import type { Release } from './release.js';

/**
 * Decides which examples make up each logical batch, and states the event that accounts for that choice.
 *
 * Choice and statement live in one object on purpose: a sampling probability typed by hand next to a loader that
 * shuffles is how many published ε came to be too small (Chua et al., "How Private are DP-SGD Implementations?",
 * ICML 2024). The number of examples and the expected batch size are public; a Poisson batch itself is secret.
 *
 * To write a sampler of your own, implement this interface; `privateFit` and the accountants need nothing else.
 * What you sign with it:
 *
 * 1. `next` never looks at the data, only at `datasetSize`, its own state and its random words.
 * 2. No index comes twice within a batch. (An example repeated in a batch contributes up to twice the clipping norm.)
 * 3. `event(step, n)` bounds the first n batches drawn, taken together, for every two data sets that differ as one
 *    of `relations` says, whatever the data and whatever was released before. If you can't prove it for a relation,
 *    leave the relation out: an ε that is refused costs less than one that is wrong.
 * 4. An empty batch is a batch: it is noised, applied and accounted like any other. Never fill it up.
 * 5. The batch is drawn once and may then be split into physical batches; several small draws are not a large one.
 * 6. `expectedBatchSize` is a constant that doesn't depend on the draw: the trainer divides by it.
 */
export interface BatchSampler {
  /** A short name for messages and reports; 'poisson' and 'shuffle' are the built-in ones. */
  readonly name: string;
  /** How many examples there are; public. */
  readonly datasetSize: number;
  /** The divisor of the noised sum; public. */
  readonly expectedBatchSize: number;
  /** The neighbouring relations under which `event` is a sound statement; whether a bound is known, accountants say. */
  readonly relations: readonly NeighboringRelation[];
  /**
   * Whether nobody could have predicted the batches. If false, an event that claims amplification by sampling holds
   * for a run with secure words, not for this one: report it as not private.
   */
  readonly secure: boolean;
  /**
   * The next logical batch: distinct indices in [0, datasetSize), possibly none. The array is the caller's to keep.
   */
  next(): Int32Array;
  /**
   * What the first `steps` batches amount to if each is released as `step`, e.g. `gaussian({ noiseMultiplier })`.
   * Counted from the very first batch, those before a restore included.
   */
  event(step: DpEvent, steps: number): DpEvent;
  /**
   * The same where the steps are released differently, as under a schedule of σ: the first `releases[0].count` batches
   * as `releases[0].event`, and so on. Leave it out where you can't say it better than `event` of the weakest release.
   */
  eventOfReleases?(releases: readonly Release[]): DpEvent;
  /**
   * All that is needed to go on, as plain JSON. A sampler restored from an old state may draw batches again that
   * were drawn after it: if anything of those could have been released, skip them by calling `next`.
   */
  state(): SamplerState;
}

/** A sampler's state: plain JSON, told apart by the sampler's name. Samplers add fields of their own. */
export interface SamplerState {
  readonly name: string;
}

import { composed, type DpEvent, type NeighboringRelation, selfComposed, shuffled } from 'privacy-accounting';
import { type RandomWords, secureRandomWords, uniformInt } from '../noise/index.js';
import { requireSizes, requireSteps } from './arguments.js';
import type { BatchSampler, SamplerState } from './batch-sampler.js';
import { mergeReleases, type Release, weakestRelease } from './release.js';

/** Where a shuffled run stands. Between epochs there is no permutation: the next epoch draws a fresh one. */
export interface ShuffleState extends SamplerState {
  readonly name: 'shuffle';
  readonly datasetSize: number;
  readonly batchSize: number;
  /** Epochs of which at least one batch was drawn. */
  readonly epochsBegun: number;
  /** How many examples of the current epoch were drawn; 0 between epochs. */
  readonly cursor: number;
  /** The current epoch's order, all of it; null between epochs. */
  readonly permutation: readonly number[] | null;
  /** False once any part of the run drew from predictable words. */
  readonly secure: boolean;
}

/** A shuffled sampler also knows how many batches an epoch has. */
export interface ShuffleSampler extends BatchSampler {
  /** ⌈datasetSize / batchSize⌉; the last batch may be short. */
  readonly batchesPerEpoch: number;
  state(): ShuffleState;
}

/** Options of {@link shuffleSampler}. */
export interface ShuffleSamplerOptions {
  /** N, the number of examples; public. */
  readonly datasetSize: number;
  /** Whole number from 1 to N. */
  readonly batchSize: number;
  /** Cryptographic by default. */
  readonly words?: RandomWords;
}

/**
 * Epochs: a fresh uniform permutation of all N examples (Fisher & Yates), cut into batches of `batchSize` in order;
 * the last batch is short if N is not a multiple, and divided by `expectedBatchSize` = batchSize like every other.
 *
 * Event: `selfComposed(shuffled(step), epochs begun)`. In an epoch each example takes part in exactly one batch, so an
 * epoch costs what one batch costs, in parallel over the batches. An epoch begun counts whole: its first batches may
 * hold the example. No amplification by sampling is claimed, since shuffled batches don't have that of Poisson
 * sampling (Chua et al. 2024). Hence the order need not be secret, and may be kept in the state.
 *
 * Sound under replace-special and replace-one, where both data sets have the same order. Not under
 * add-or-remove-one: without one example, the others move between batches and the number of steps may change.
 *
 * @throws DpError `DP_INVALID_ARGUMENT` for sizes that are not whole, not positive, or a batch larger than the data.
 *
 * @example
 * const sampler = shuffleSampler({ datasetSize: 60_000, batchSize: 256 });
 * sampler.event(gaussian({ noiseMultiplier: 4 }), 10 * sampler.batchesPerEpoch); // ten participations
 */
export function shuffleSampler(options: ShuffleSamplerOptions): ShuffleSampler {
  const { datasetSize, batchSize, words = secureRandomWords() } = options;
  requireSizes({ datasetSize, batchSize }, 'batchSize');
  const start = {
    name: 'shuffle',
    datasetSize,
    batchSize,
    epochsBegun: 0,
    cursor: 0,
    permutation: null,
  } as const;
  return new FisherYatesSampler({ ...start, secure: words.secure }, words);
}

/** Continues from a state that was checked before. Draws before and after have to be secure for `secure` to hold. */
export function resumeShuffle(state: ShuffleState, words: RandomWords): ShuffleSampler {
  return new FisherYatesSampler({ ...state, secure: state.secure && words.secure }, words);
}

class FisherYatesSampler implements ShuffleSampler {
  readonly name = 'shuffle';
  readonly relations: readonly NeighboringRelation[] = ['replace-special', 'replace-one'];
  readonly datasetSize: number;
  readonly expectedBatchSize: number;
  readonly batchesPerEpoch: number;
  readonly secure: boolean;
  readonly #words: RandomWords;
  readonly #order: Int32Array;
  #epochsBegun: number;
  #cursor: number;
  /** The order as JSON, made once an epoch and only if asked for: trainers ask at every step. */
  #orderAsJson: readonly number[] | null;

  constructor(state: ShuffleState, words: RandomWords) {
    this.datasetSize = state.datasetSize;
    this.expectedBatchSize = state.batchSize;
    this.batchesPerEpoch = Math.ceil(state.datasetSize / state.batchSize);
    this.secure = state.secure;
    this.#words = words;
    this.#epochsBegun = state.epochsBegun;
    this.#cursor = state.cursor;
    this.#orderAsJson = state.permutation === null ? null : Object.freeze([...state.permutation]);
    this.#order = Int32Array.from(state.permutation ?? { length: state.datasetSize });
  }

  next(): Int32Array {
    if (this.#cursor === 0) this.#beginEpoch();
    const end = Math.min(this.#cursor + this.expectedBatchSize, this.datasetSize);
    const batch = this.#order.slice(this.#cursor, end);
    this.#cursor = end === this.datasetSize ? 0 : end;
    return batch;
  }

  event(step: DpEvent, steps: number): DpEvent {
    requireSteps(steps);
    return selfComposed({ count: Math.ceil(steps / this.batchesPerEpoch), event: shuffled({ event: step }) });
  }

  /** One participation an epoch, at the least noise of the epoch's batches: it may have been in that one. */
  eventOfReleases(releases: readonly Release[]): DpEvent {
    const epochs: Release[] = [];
    let room = 0;
    let inEpoch: DpEvent[] = [];
    for (const { event, count } of releases) {
      requireSteps(count);
      let left = count;
      const shared = Math.min(left, room);
      if (shared > 0) {
        inEpoch.push(event);
        left -= shared;
        room -= shared;
      }
      if (left === 0) continue;
      if (inEpoch.length > 0) epochs.push({ event: weakestRelease(inEpoch), count: 1 });
      const whole = Math.floor(left / this.batchesPerEpoch);
      if (whole > 0) epochs.push({ event, count: whole });
      left -= whole * this.batchesPerEpoch;
      inEpoch = left > 0 ? [event] : [];
      room = left > 0 ? this.batchesPerEpoch - left : 0;
    }
    if (inEpoch.length > 0) epochs.push({ event: weakestRelease(inEpoch), count: 1 });
    return composed(
      mergeReleases(epochs).map(({ event, count }) => selfComposed({ count, event: shuffled({ event }) })),
    );
  }

  state(): ShuffleState {
    const midEpoch = this.#cursor > 0;
    if (midEpoch) this.#orderAsJson ??= Object.freeze([...this.#order]);
    return {
      name: this.name,
      datasetSize: this.datasetSize,
      batchSize: this.expectedBatchSize,
      epochsBegun: this.#epochsBegun,
      cursor: this.#cursor,
      permutation: midEpoch ? this.#orderAsJson : null,
      secure: this.secure,
    };
  }

  #beginEpoch(): void {
    const order = this.#order;
    this.#orderAsJson = null;
    for (let i = 0; i < order.length; i++) order[i] = i;
    for (let i = order.length - 1; i > 0; i--) {
      const j = uniformInt(this.#words, i + 1);
      const moved = order[i]!;
      order[i] = order[j]!;
      order[j] = moved;
    }
    this.#epochsBegun++;
  }
}

import {
  composed,
  type DpEvent,
  type NeighboringRelation,
  poissonSampled,
  selfComposed,
} from 'privacy-accounting';
import {
  type BernoulliSource,
  bernoulliSource,
  type RandomWords,
  secureRandomWords,
} from '../noise/index.js';
import { requireSizes, requireSteps } from './arguments.js';
import type { BatchSampler, SamplerState } from './batch-sampler.js';
import { mergeReleases, type Release } from './release.js';

/** A Poisson sampler remembers nothing of its batches: the next one does not depend on them. */
export interface PoissonState extends SamplerState {
  readonly name: 'poisson';
  readonly datasetSize: number;
  readonly expectedBatchSize: number;
  /** False once any part of the run drew from predictable words. */
  readonly secure: boolean;
}

/** Options of {@link poissonSampler}. */
export interface PoissonSamplerOptions {
  /** N, the number of examples; public. */
  readonly datasetSize: number;
  /** Whole number from 1 to N. */
  readonly expectedBatchSize: number;
  /** Cryptographic by default. */
  readonly words?: RandomWords;
}

/**
 * Each example takes part in each batch independently with probability q = expectedBatchSize / datasetSize: the
 * sampling that privacy amplification is proved for (Abadi et al. 2016; Mironov, Talwar & Zhang 2019). Batch sizes
 * vary, Binomial(N, q); a batch may be empty, and is a step all the same.
 *
 * Event: `selfComposed(poissonSampled(q, step), steps)`, with the very double q that the coins use, bit for bit.
 * It states what was done under every relation; most accountants know a bound under add-or-remove-one and
 * replace-special only, and say so. Amplification rests on the batches being secret: keep them out of logs,
 * and `secure` true.
 *
 * Cost: one coin an example and step, about 2 ns each where q is small.
 *
 * @throws DpError `DP_INVALID_ARGUMENT` for sizes that are not whole, not positive, or a batch larger than the data.
 *
 * @example
 * const sampler = poissonSampler({ datasetSize: 60_000, expectedBatchSize: 1024 });
 * const indices = sampler.next();
 * sampler.event(gaussian({ noiseMultiplier: 1.1 }), 600);
 */
export function poissonSampler(options: PoissonSamplerOptions): BatchSampler {
  const { datasetSize, expectedBatchSize, words = secureRandomWords() } = options;
  requireSizes({ datasetSize, batchSize: expectedBatchSize }, 'expectedBatchSize');
  return new PoissonSampler(datasetSize, expectedBatchSize, words, words.secure);
}

/** Continues from a state that was checked before. Draws before and after have to be secure for `secure` to hold. */
export function resumePoisson(state: PoissonState, words: RandomWords): BatchSampler {
  return new PoissonSampler(state.datasetSize, state.expectedBatchSize, words, state.secure && words.secure);
}

class PoissonSampler implements BatchSampler {
  readonly name = 'poisson';
  readonly relations: readonly NeighboringRelation[] = [
    'add-or-remove-one',
    'replace-special',
    'replace-one',
  ];
  readonly datasetSize: number;
  readonly expectedBatchSize: number;
  readonly secure: boolean;
  readonly #coin: BernoulliSource;
  #drawn: Int32Array;

  constructor(datasetSize: number, expectedBatchSize: number, words: RandomWords, secure: boolean) {
    this.datasetSize = datasetSize;
    this.expectedBatchSize = expectedBatchSize;
    this.secure = secure;
    this.#coin = bernoulliSource(words, expectedBatchSize / datasetSize);
    // Six standard deviations above the mean: larger batches exist, and make it grow.
    const roomy = Math.ceil(expectedBatchSize + 6 * Math.sqrt(expectedBatchSize));
    this.#drawn = new Int32Array(Math.min(datasetSize, roomy));
  }

  next(): Int32Array {
    let size = 0;
    for (let index = 0; index < this.datasetSize; index++) {
      index += this.#coin.falsesBeforeTrue(this.datasetSize - index);
      if (index === this.datasetSize) break;
      if (size === this.#drawn.length) this.#grow();
      this.#drawn[size++] = index;
    }
    return this.#drawn.slice(0, size);
  }

  event(step: DpEvent, steps: number): DpEvent {
    requireSteps(steps);
    const sampled = poissonSampled({ samplingProbability: this.#coin.probability, event: step });
    return selfComposed({ count: steps, event: sampled });
  }

  eventOfReleases(releases: readonly Release[]): DpEvent {
    // What one batch is does not depend on the others, and accountants do not mind their order.
    return composed(mergeReleases(releases).map(({ event, count }) => this.event(event, count)));
  }

  state(): PoissonState {
    const { name, datasetSize, expectedBatchSize, secure } = this;
    return { name, datasetSize, expectedBatchSize, secure };
  }

  #grow(): void {
    const larger = new Int32Array(Math.min(this.datasetSize, 2 * this.#drawn.length));
    larger.set(this.#drawn);
    this.#drawn = larger;
  }
}

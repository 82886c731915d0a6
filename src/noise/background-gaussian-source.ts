import { DpError } from 'privacy-accounting/errors';
import { type GaussianSource, gaussianSource } from './gaussian-source.js';
import { NoiseRing, noiseRingMemory } from './noise-ring.js';
import { secureRandomWords } from './secure-words.js';

/** A {@link GaussianSource} that draws ahead on another thread. */
export interface BackgroundGaussianSource extends GaussianSource {
  readonly secure: true;
  /** Samples that came from the other thread so far. */
  readonly samplesAhead: number;
  /** Why the other thread could not start, or ended, if it failed. Known once the event loop has run. */
  readonly threadError: Error | undefined;
  /** Ends the thread and wipes what it drew. The source goes on, drawing inline. */
  close(): void;
}

/** Below so many samples a step the few milliseconds that are saved do not pay for the thread's own 15 MB. */
const MINIMUM_SIZE = 1_000_000;

/** In MB: the thread makes no objects while it draws. */
const THREAD_MEMORY = {
  maxYoungGenerationSizeMb: 1,
  maxOldGenerationSizeMb: 8,
  codeRangeSizeMb: 4,
  stackSizeMb: 1,
};

/**
 * Secure N(0, sd²) noise, drawn ahead on a worker thread while the caller computes; `fill` takes what is ready and
 * draws the rest itself, so it never waits and never blocks an event loop.
 *
 * Guarantee: that of `gaussianSource(secureRandomWords())`. The thread has a secure stream of its own. Each sample is
 * used once and wiped; one that is not complete is never seen, and a zero is an error (`DP_NUMERICAL`); N(0, 1) is
 * drawn ahead and multiplied by sd when it is used, hence rounded to float32 twice instead of once. A thread that
 * can't start, or dies, leaves everything to the caller's thread: the noise is the same, only slower. The thread does
 * not keep the process alive, and ends when the source is closed or collected.
 *
 * When it pays: where a step leaves a core idle for part of its time. What remains for the caller's thread is 2.0 ns a
 * sample instead of 3.7 (measured at 10 million: 20 ms instead of 37); with every core busy nothing is gained. Without
 * worker threads (browsers), or with fewer than `minimumSize` samples a step, this is the inline source.
 *
 * @param options.samples how many samples are kept ready, 4 bytes each: those of a step, or a part of them.
 * @param options.minimumSize fewer samples than this a step are drawn inline. 1,000,000 by default.
 *
 * @example
 * const source = backgroundGaussianSource({ samples: 10_000_000 });
 * source.fill(noise, 1.1); // the first inline, the next from the thread
 */
export function backgroundGaussianSource(options: {
  readonly samples: number;
  readonly minimumSize?: number;
  /** What the thread runs instead of `background-worker.js`: for this project's own tests. */
  readonly worker?: URL;
}): BackgroundGaussianSource {
  const { samples, minimumSize = MINIMUM_SIZE, worker } = options;
  if (!Number.isSafeInteger(samples) || samples < 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected samples to be a whole number, the number of parameters of a step, got ${samples}.`,
    );
  }
  return new RingSource(samples < minimumSize ? undefined : () => startThread(samples, worker));
}

interface Thread {
  readonly ring: NoiseRing;
  readonly end: () => void;
  error: Error | undefined;
}

/** Ends the threads of sources that were dropped without being closed. */
const dropped = new FinalizationRegistry<() => void>((end) => end());

class RingSource implements BackgroundGaussianSource {
  readonly secure = true;
  readonly #inline = gaussianSource(secureRandomWords());
  #start: (() => Thread | undefined) | undefined;
  #thread: Thread | undefined;
  #ahead = 0;

  constructor(start: (() => Thread | undefined) | undefined) {
    this.#start = start;
  }

  get samplesAhead(): number {
    return this.#ahead;
  }

  get threadError(): Error | undefined {
    return this.#thread?.error;
  }

  /** Two words for each sample of the other thread, which keeps no count of its few others. */
  get wordsConsumed(): number {
    return 2 * this.#ahead + this.#inline.wordsConsumed;
  }

  fill(out: Float32Array, standardDeviation: number): void {
    // Checks the arguments, and all that there is to do for nothing.
    this.#inline.fill(out instanceof Float32Array ? out.subarray(0, 0) : out, standardDeviation);
    if (standardDeviation === 0) {
      out.fill(0);
      return;
    }
    this.#begin();
    const taken = this.#thread === undefined ? 0 : this.#thread.ring.take(out, 0, standardDeviation);
    if (taken === undefined) {
      out.fill(Number.NaN);
      this.close();
      throw new DpError(
        'DP_NUMERICAL',
        'Expected noise drawn ahead without zeros, got some: its memory was damaged. Drop the step; a source without ' +
          'a thread, gaussianSource(secureRandomWords()), is not concerned.',
      );
    }
    this.#ahead += taken;
    if (taken < out.length) this.#inline.fill(out.subarray(taken), standardDeviation);
  }

  close(): void {
    this.#start = undefined;
    dropped.unregister(this);
    this.#thread?.end();
    this.#thread = undefined;
  }

  #begin(): void {
    if (this.#start === undefined) return;
    this.#thread = this.#start();
    this.#start = undefined;
    if (this.#thread !== undefined) dropped.register(this, this.#thread.end, this);
  }
}

function startThread(samples: number, url: URL | undefined): Thread | undefined {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (threads === undefined || typeof SharedArrayBuffer === 'undefined') return undefined;
  const memory = noiseRingMemory(samples);
  const ring = new NoiseRing(memory);
  const worker = resultOf(() => {
    const file = url ?? new URL('./background-worker.js', import.meta.url);
    return new threads.Worker(file, { workerData: memory, resourceLimits: THREAD_MEMORY });
  });
  // Bundled without its file, or forbidden by Node's permissions: everything stays inline.
  if (worker instanceof Error) return { ring, end: () => {}, error: worker };
  const end = () => {
    void worker.terminate().then(() => {
      new Float32Array(memory.samples).fill(0);
    });
  };
  const thread: Thread = { ring, end, error: undefined };
  worker.unref();
  // Without a listener the worker's error would end the process; no slot of a dead worker becomes ready.
  worker.on('error', (error) => {
    thread.error = error;
  });
  return thread;
}

function resultOf<T>(make: () => T): T | Error {
  try {
    return make();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

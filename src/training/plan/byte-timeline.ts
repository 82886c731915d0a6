import * as tf from '@tensorflow/tfjs-core';
import { type NormReport, type StepObserver, watchBytes } from '../../engine/index.js';

/** A moment of some work: bytes above those at its start, and what the norms of one use took on top for a while. */
interface Moment {
  readonly level: number;
  readonly scratch: number;
  /** Examples whose gradients are formed at a time at most: beyond them, `scratch` grows no more. */
  readonly cap: number;
}

/** The bytes in tensors over the course of one run on a batch of one size. */
export interface ByteTimeline {
  readonly batch: number;
  readonly moments: readonly Moment[];
  /** Highest of all moments. */
  readonly peak: number;
}

/** Records the bytes in tensors over one run, and how the norms in it are found. */
export class TimelineRecorder implements StepObserver {
  readonly asForBatch: number;
  private readonly capOf: (report: NormReport) => number;
  private found: NormReport[] = [];
  private moments: Moment[] = [];
  private depth = 0;
  private bytes = 0;
  private top = 0;
  private peak = 0;

  constructor(asForBatch: number, capOf: (report: NormReport) => number) {
    this.asForBatch = asForBatch;
    this.capOf = capOf;
  }

  /** How the norms of the latest run were found. */
  get reports(): readonly NormReport[] {
    return this.found;
  }

  /** What runs inside is one moment: how often it allocates may depend on the batch. */
  norms<T>(report: NormReport, find: () => T): T {
    this.found.push(report);
    if (this.depth === 0) this.top = this.bytes;
    const before = this.bytes;
    this.depth++;
    try {
      return find();
    } finally {
      this.depth--;
      if (this.depth === 0) {
        this.moments.push({ level: before, scratch: this.top - before, cap: this.capOf(report) });
        this.moments.push({ level: this.bytes, scratch: 0, cap: Number.POSITIVE_INFINITY });
      }
    }
  }

  record<T>(batch: number, work: () => T): { readonly timeline: ByteTimeline; readonly result: T } {
    const start = tf.memory().numBytes;
    this.found = [];
    this.moments = [];
    this.bytes = 0;
    this.peak = 0;
    const result = watchBytes((bytes) => {
      this.bytes = bytes - start;
      this.peak = Math.max(this.peak, this.bytes);
      if (this.depth > 0) this.top = Math.max(this.top, this.bytes);
      else this.moments.push({ level: this.bytes, scratch: 0, cap: Number.POSITIVE_INFINITY });
    }, work);
    return { timeline: { batch, moments: this.moments, peak: this.peak }, result };
  }
}

/**
 * The peak for another batch. At each moment, bytes are a straight line in the size of the batch; their maximum is
 * not, since another moment may become the highest. Runs that differ in their moments are compared by their peaks.
 */
export function peakFor(batch: number, first: ByteTimeline, second: ByteTimeline): number {
  const line = (a: number, b: number, at: number) =>
    a + ((b - a) * (at - first.batch)) / (second.batch - first.batch);
  if (first.moments.length !== second.moments.length) {
    return Math.max(0, line(first.peak, second.peak, batch));
  }
  return first.moments.reduce((peak, one, k) => {
    const other = second.moments[k] as Moment;
    const scratch = line(one.scratch, other.scratch, Math.min(batch, one.cap));
    return Math.max(peak, line(one.level, other.level, batch) + Math.max(0, scratch));
  }, 0);
}

import { type NormReport, type StepObserver, watchBytes } from '../../engine/index.js';

/** A moment of a step: bytes above those at its start, and what a use's norms took for a moment on top. */
interface Moment {
  readonly level: number;
  readonly scratch: number;
  /** Most examples whose gradients are formed at a time. */
  readonly cap: number;
}

/** The bytes in tensors over the course of one run of some work. */
export interface ByteTimeline {
  readonly batch: number;
  readonly moments: readonly Moment[];
}

/**
 * Records bytes over time, so that two runs on batches of two sizes can be laid side by side: at each moment, bytes
 * grow linearly with the batch, while their maximum does not, since another moment may take over.
 */
export class TimelineRecorder implements StepObserver {
  readonly asForBatch: number;
  readonly reports: NormReport[] = [];
  private readonly capOf: (report: NormReport) => number;
  private moments: Moment[] = [];
  private start = 0;
  private depth = 0;
  private top = 0;
  private bytes = 0;

  constructor(asForBatch: number, capOf: (report: NormReport) => number) {
    this.asForBatch = asForBatch;
    this.capOf = capOf;
  }

  /** Whatever runs inside is one moment: how often it allocates may depend on values, or on the batch. */
  norms<T>(report: NormReport, find: () => T): T {
    this.reports.push(report);
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
    this.moments = [];
    this.reports.length = 0;
    this.bytes = 0;
    let begun = false;
    const result = watchBytes((bytes) => {
      if (!begun) this.start = 0;
      begun = true;
      this.bytes = bytes - this.start;
      if (this.depth > 0) this.top = Math.max(this.top, this.bytes);
      else this.moments.push({ level: this.bytes, scratch: 0, cap: Number.POSITIVE_INFINITY });
    }, work);
    return { timeline: { batch, moments: this.moments }, result };
  }
}

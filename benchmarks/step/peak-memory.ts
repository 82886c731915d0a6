import { readFileSync, writeFileSync } from 'node:fs';
import type { BenchmarkModel } from './models.js';
import { makeSide, type SideName } from './sides.js';

/** MiB of resident memory that a side's steps added at their peak to what the process had before them. */
export interface PeakMemory {
  /** The first step included, in which the private side also checks itself. */
  readonly all: number;
  /** From the second step on. */
  readonly steady: number;
}

const STEPS = 6;

/**
 * Runs one side alone in this process and returns its peak above the bare backend: backend loaded, data and model
 * made, no step taken. On Linux the kernel's high-water mark is set back first; elsewhere it is compared with what
 * it was, which hides a peak of the start itself.
 */
export function measurePeakMemory(model: BenchmarkModel, batch: number, side: SideName): PeakMemory {
  const step = makeSide(side, model.make(batch), batch);
  const bare = startFrom();
  step();
  const first = peak() - bare;
  startFrom();
  for (let i = 1; i < STEPS; i++) step();
  const steady = peak() - bare;
  return { all: Math.max(first, steady), steady };
}

function startFrom(): number {
  globalThis.gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // not Linux, or not allowed
  }
  return peak();
}

function peak(): number {
  try {
    const kibibytes = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kibibytes !== undefined) return Number(kibibytes) / 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS / 1024;
}

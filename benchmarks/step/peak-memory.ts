import { readFileSync, writeFileSync } from 'node:fs';
import type { BenchmarkModel } from './models.js';
import { makeSide, type SideName } from './sides.js';

const STEPS = 6;

/**
 * Runs one side alone in this process: MiB of resident memory that its steps added, at their peak, to the bare
 * backend (backend loaded, data and model made, no step taken). The first step counts, in which the private side
 * checks itself. On Linux the kernel's high-water mark is set back first; elsewhere it is compared with what it was,
 * which hides what stays under the peak of the start itself.
 */
export function measurePeakMemory(model: BenchmarkModel, batch: number, side: SideName): number {
  const step = makeSide(side, model.make(batch), batch);
  globalThis.gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // not Linux, or not allowed
  }
  const bare = peak();
  for (let i = 0; i < STEPS; i++) step();
  return peak() - bare;
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

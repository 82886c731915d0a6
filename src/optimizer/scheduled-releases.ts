import type { DpEvent } from 'privacy-accounting';
import type { Release } from '../sampling/index.js';
import { type Schedule, scheduleAt } from './schedules/index.js';

/** How the first `steps` steps of a schedule of σ are released, those of equal σ in a row together. */
export function scheduledReleases(
  noiseMultiplier: number | Schedule,
  steps: number,
  release: (noiseMultiplier: number) => DpEvent,
): Release[] {
  if (steps === 0) return [];
  if (typeof noiseMultiplier === 'number') return [{ event: release(noiseMultiplier), count: steps }];
  const runs: { readonly sigma: number; count: number }[] = [];
  for (let step = 0; step < steps; step++) {
    const sigma = scheduleAt(noiseMultiplier, step);
    const last = runs[runs.length - 1];
    if (last?.sigma === sigma) last.count++;
    else runs.push({ sigma, count: 1 });
  }
  return runs.map(({ sigma, count }) => ({ event: release(sigma), count }));
}

import { scheduledReleases } from '../optimizer/index.js';
import type { Release } from '../sampling/index.js';
import type { RunConfig } from './run-directory.js';

/**
 * How the first `steps` steps of a run were released, from its configuration alone: σ and C of step k are functions
 * of k, so that whoever has the configuration and the count of steps has the event.
 */
export function runReleases(config: RunConfig, steps: number): Release[] {
  const { expectedBatchSize, clipping, noise, dimension = 1, seeded } = config;
  const plan = {
    noiseMultiplier: config.noiseSchedule ?? config.noiseMultiplier,
    l2NormClip: config.clipSchedule ?? config.l2NormClip,
    expectedBatchSize,
    clipping,
    noise,
    dimension,
    secure: !seeded,
  };
  return scheduledReleases(plan, steps);
}

import { releaseEvent, scheduledReleases } from '../optimizer/index.js';
import type { Release } from '../sampling/index.js';
import type { RunConfig } from './run-directory.js';

/**
 * How the first `steps` steps of a run were released, from its configuration alone: σ of step k is a function of k,
 * so that whoever has the configuration and the count of steps has the event.
 */
export function runReleases(config: RunConfig, steps: number): Release[] {
  return scheduledReleases(config.noiseSchedule ?? config.noiseMultiplier, steps, (noiseMultiplier) =>
    releaseEvent({ noiseMultiplier, secure: !config.seeded }),
  );
}

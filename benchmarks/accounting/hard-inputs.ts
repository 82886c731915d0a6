import { epsilonOf, gaussian, NEIGHBORING_RELATIONS, poissonSampled, selfComposed } from 'privacy-accounting';
import type { HardInputs } from './figures.js';

/** The corners of what must be answered, and some of what lies between. */
const GRID = {
  q: [1e-8, 1e-4, 0.01, 0.3, 1],
  sigma: [0.3, 1, 30, 1000],
  steps: [1, 1000, 1e6],
  delta: [1e-3, 1e-8, 1e-15],
} as const;

/** Asks for the tightest ε of every point of the grid, in this process; relations take turns. */
export function measureHardInputs(): HardInputs {
  const failures: string[] = [];
  let slowest = { milliseconds: 0, input: '' };
  let inputs = 0;
  for (const q of GRID.q) {
    for (const sigma of GRID.sigma) {
      for (const steps of GRID.steps) {
        for (const delta of GRID.delta) {
          const relation = NEIGHBORING_RELATIONS[inputs++ % NEIGHBORING_RELATIONS.length]!;
          const input = `q ${q}, σ ${sigma}, ${steps} steps, δ ${delta}, ${relation}`;
          const release = gaussian({ noiseMultiplier: sigma });
          const event = q === 1 ? release : poissonSampled({ samplingProbability: q, event: release });
          const from = performance.now();
          try {
            const { epsilon } = epsilonOf(selfComposed({ count: steps, event }), { delta, relation });
            if (!(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) failures.push(`${input}: ${epsilon}`);
          } catch (error) {
            failures.push(`${input}: ${error instanceof Error ? error.message : String(error)}`);
          }
          const milliseconds = performance.now() - from;
          if (milliseconds > slowest.milliseconds) slowest = { milliseconds, input };
        }
      }
    }
  }
  return {
    inputs,
    slowestMilliseconds: slowest.milliseconds,
    slowest: slowest.input,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    failures,
  };
}

import type { Release } from '../sampling/index.js';
import { type Clipping, flatClipping, sensitivityOf } from './clipping/index.js';
import { gridOf, type NoiseKind } from './noise-kind.js';
import { type Schedule, scheduleAt } from './schedules/index.js';
import { releaseEvent } from './step-book.js';

/** What is public of a training run before it begins: enough to say how each of its steps is released. */
export interface ReleasePlan {
  readonly noiseMultiplier: number | Schedule;
  readonly l2NormClip: number | Schedule;
  readonly expectedBatchSize: number;
  readonly clipping?: Clipping | undefined;
  readonly noise?: NoiseKind | undefined;
  /** Trained numbers; only discrete noise depends on it. */
  readonly dimension: number;
  readonly secure: boolean;
}

/** How the first `steps` steps of a plan are released, in their order, those that are alike in a row together. */
export function scheduledReleases(plan: ReleasePlan, steps: number): Release[] {
  const { expectedBatchSize, dimension, secure, clipping = flatClipping() } = plan;
  const noise = plan.noise ?? { kind: 'gaussian' };
  // Real-valued noise is stated over C, whatever C is.
  const clip = noise.kind === 'gaussian' ? 1 : plan.l2NormClip;
  const changes = [plan.noiseMultiplier, clip].some((value) => typeof value === 'object');
  // Without a schedule all steps are as the first.
  const stride = changes ? 1 : steps;
  const runs: { readonly sigma: number; readonly c: number; count: number }[] = [];
  for (let step = 0; step < steps; step += stride) {
    const [sigma, c] = [scheduleAt(plan.noiseMultiplier, step), scheduleAt(clip, step)];
    const last = runs[runs.length - 1];
    if (last?.sigma === sigma && last.c === c) last.count += stride;
    else runs.push({ sigma, c, count: stride });
  }
  return runs.map(({ sigma: noiseMultiplier, c, count }) => {
    const l2NormClip = noise.kind === 'gaussian' ? c : sensitivityOf(clipping, c);
    const grid = gridOf(noise, { dimension, l2NormClip, noiseMultiplier, expectedBatchSize });
    return { event: releaseEvent({ noiseMultiplier, secure, grid }), count };
  });
}

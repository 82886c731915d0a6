import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { epsilonOf, gaussian, poissonSampled, selfComposed, shuffled } from 'privacy-accounting';
import { loadRun, selectBackend } from 'tfjs-privacy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readStepCount } from '../src/training/step-record.js';

/**
 * Kills a training run with SIGKILL at random points and resumes it, again and again. Whatever the moment, the
 * record must hold at least every step that was released, so that no resumed run reports a smaller ε than true.
 */
const child = fileURLToPath(new URL('./crash/child.mjs', import.meta.url));
const KILLS = { poisson: 25, shuffle: 25 } as const;

describe.concurrent('kill -9', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crash-'));
  beforeAll(async () => {
    await selectBackend({ prefer: 'cpu' });
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(['poisson', 'shuffle'] as const)(
    'never lowers the ε of a resumed run: %s',
    async (sampler) => {
      const run = join(directory, sampler);
      const side = join(directory, `${sampler}.steps`);
      const record = join(run, 'record.jsonl');
      let before = 0;
      for (let kill = 0; kill < KILLS[sampler]; kill++) {
        await killAtRandom(run, side, sampler);
        const released = readFileSync(side, 'utf8').length;
        const recorded = readStepCount(record);
        expect(recorded).toBeGreaterThanOrEqual(released);
        expect(recorded).toBeGreaterThanOrEqual(before);
        const checkpointed = await loadRun(run).catch((error: { code?: string }) => {
          // Killed before the first checkpoint: there are no weights, and nothing else may be wrong.
          expect(error.code).toBe('DP_CORRUPT');
          return undefined;
        });
        if (checkpointed !== undefined) expect(checkpointed.checkpointStep).toBeLessThanOrEqual(recorded);
        before = recorded;
      }
      const released = readFileSync(side, 'utf8').length;
      const step = gaussian({ noiseMultiplier: 1 });
      const eventOf = (steps: number) =>
        sampler === 'poisson'
          ? selfComposed({
              count: steps,
              event: poissonSampled({ samplingProbability: 8 / 40, event: step }),
            })
          : selfComposed({ count: Math.ceil(steps / 5), event: shuffled({ event: step }) });
      const epsilon = (steps: number) =>
        epsilonOf(eventOf(steps), { delta: 1e-3, relation: 'replace-special' }).epsilon;
      expect(epsilon(before)).toBeGreaterThanOrEqual(epsilon(released));
      expect(released).toBeGreaterThan(KILLS[sampler]);
    },
    300_000,
  );
});

/** Starts the run, lets a few steps pass, and kills it up to a few milliseconds later. */
function killAtRandom(run: string, side: string, sampler: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const process = fork(child, [run, side, sampler], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let errors = '';
    process.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    let steps = 1 + Math.floor(Math.random() * 6);
    process.on('message', () => {
      if (--steps === 0) setTimeout(() => process.kill('SIGKILL'), Math.random() * 8);
    });
    process.on('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve();
      else reject(new Error(`the run ended by itself with ${code}: ${errors}`));
    });
  });
}

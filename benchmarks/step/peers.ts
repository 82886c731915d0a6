import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PeerRow } from './figures.js';
import type { BenchmarkModel } from './models.js';
import type { Effort } from './step-times.js';

const FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));
/** For one script and model. */
const LIMIT_SECONDS = 300;
const SCRIPTS = [
  { file: 'opacus_step.py', peers: ['opacus hooks', 'opacus ghost'] },
  { file: 'jax_privacy_step.py', peers: ['jax-privacy'] },
] as const;

/** The Python that has Opacus and JAX-Privacy: of TFJS_PRIVACY_PEERS, else of benchmarks/peers/.venv. */
export function peersPython(): string | undefined {
  const environment = process.env.TFJS_PRIVACY_PEERS ?? join(FOLDER, '.venv');
  return [join(environment, 'bin', 'python'), join(environment, 'Scripts', 'python.exe')].find((file) =>
    existsSync(file),
  );
}

let saidSo = false;

/** Measures the peers on one model, each in a process of its own; nothing, with a word, where they aren't installed. */
export function measurePeers(
  model: BenchmarkModel,
  batch: number,
  effort: Effort,
  say: (text: string) => void,
): PeerRow[] {
  const python = peersPython();
  if (python === undefined) {
    if (!saidSo) {
      say(
        'peers skipped: no Python environment with Opacus and JAX-Privacy; set it up with npm run bench:peers\n',
      );
    }
    saidSo = true;
    return [];
  }
  return SCRIPTS.flatMap(({ file, peers }) => {
    const threads = availableParallelism();
    const args = [join(FOLDER, file), '--model', model.id, '--batch', String(batch)];
    args.push('--threads', String(threads), '--seconds', String(effort.seconds));
    args.push(
      '--minimum-rounds',
      String(effort.minimumRounds),
      '--maximum-rounds',
      String(effort.maximumRounds),
    );
    const { stdout, stderr, error } = spawnSync(python, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 1000 * LIMIT_SECONDS,
    });
    const rows = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as PeerRow);
    for (const peer of peers.filter((name) => !rows.some((row) => row.peer === name))) {
      const reason = error ? `not done after ${LIMIT_SECONDS} s` : stderr.trim().split('\n').at(-1);
      const none = { version: '', parameters: 0, rounds: 0, plain: null, private: null };
      rows.push({ ...none, peer, model: model.id, batch, threads, error: reason ?? 'no result' });
    }
    for (const { peer, plain, private: own, error: reason } of rows) {
      const ms = (figure: PeerRow['plain']) => (figure ? `${figure.minimum.toFixed(1)} ms` : '–');
      const why = reason === undefined ? '' : ` (${reason})`;
      say(`${model.label}, ${peer}, batch ${batch}: plain ${ms(plain)}, private ${ms(own)}${why}\n`);
    }
    return rows;
  });
}

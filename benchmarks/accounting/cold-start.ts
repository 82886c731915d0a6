import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '../step/step-times.js';
import type { QuestionRow, Timing } from './figures.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const PLAN = ['--dataset-size', '60000', '--batch-size', '600', '--steps', '10000'];
const QUESTION = ['budget', ...PLAN, '--noise-multiplier', '1.1', '--delta', '1e-5', '--json'];

interface Run {
  readonly milliseconds: number;
  readonly stdout: string;
}

function start(command: string, args: readonly string[]): Run {
  const from = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  const milliseconds = performance.now() - from;
  if (error !== undefined || status !== 0)
    throw new Error(error?.message ?? stderr.trim().split('\n').at(-1));
  return { milliseconds, stdout };
}

/** From the start of a process to its end; the files are in the system's cache after an untimed start. */
export function timeColdStarts(command: string, args: readonly string[], rounds: number): Timing & Run {
  start(command, args);
  const runs = Array.from({ length: rounds }, () => start(command, args));
  const samples = runs.map(({ milliseconds }) => milliseconds);
  const last = runs.at(-1) as Run;
  return { ...last, minimum: Math.min(...samples), median: median(samples), rounds };
}

/** A question put to the command line, as built, and Node's own start, which is in it. */
export function measureColdStarts(rounds: number): readonly QuestionRow[] {
  const asked = timeColdStarts(process.execPath, [CLI, ...QUESTION], rounds);
  const floor = timeColdStarts(process.execPath, ['--eval', '0'], rounds);
  const { epsilon } = JSON.parse(asked.stdout) as { epsilon: number };
  return [
    { question: 'cold-start', timing: timingOf(asked), answer: { epsilon } },
    { question: 'cold-floor', timing: timingOf(floor), answer: {} },
  ];
}

export const timingOf = ({ minimum, median: middle, rounds }: Timing): Timing => ({
  minimum,
  median: middle,
  rounds,
});

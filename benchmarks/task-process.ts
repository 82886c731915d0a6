import { spawnSync } from 'node:child_process';

/** For one process. */
const LIMIT_SECONDS = 240;

/** What a task in a process of its own came to. */
export type Outcome<Result> = { readonly result: Result } | { readonly error: string };

/**
 * Runs `script` with `args` in a process of its own, which can collect its heap, for the result that it hands over by
 * {@link printResult}. One that hangs must not stop the others from being measured.
 */
export function runTask<Result>(script: string, args: readonly string[]): Outcome<Result> {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    ['--expose-gc', ...process.execArgv, script, ...args],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 1000 * LIMIT_SECONDS },
  );
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (status === 0 && line !== undefined) return JSON.parse(line) as { readonly result: Result };
  if (error !== undefined) return { error: `not done after ${LIMIT_SECONDS} s` };
  const thrown = stderr.split('\n').find((text) => /Error/.test(text));
  return { error: thrown?.trim() ?? `exit code ${status}` };
}

/** In the process of {@link runTask}: hands its result to the one that started it. */
export function printResult(result: unknown): void {
  process.stdout.write(`${JSON.stringify({ result })}\n`);
}

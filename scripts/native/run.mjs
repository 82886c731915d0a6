// Child processes and progress lines for the native build: every stage prints one line, every failure is a
// NativeError whose message says what was tried, what came back and what to do next.

import { spawn } from 'node:child_process';

export class NativeError extends Error {
  name = 'NativeError';
}

const started = performance.now();

/** Prints one progress line on stderr, with the seconds since the start. */
export function step(text) {
  process.stderr.write(
    `[native ${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`,
  );
}

/**
 * Runs a program to its end. Resolves to `{code, output}`; `code` is null when the program does not exist or
 * had to be stopped. Output is captured unless `show`, which hands the terminal to the program.
 */
export function run(program, args, { cwd, env, show = false, timeoutSeconds } = {}) {
  return new Promise((resolve) => {
    const detached = timeoutSeconds !== undefined && process.platform !== 'win32';
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      detached,
      shell: process.platform === 'win32' && /^np[mx]$/.test(program),
      stdio: ['ignore', show ? 2 : 'pipe', show ? 2 : 'pipe'],
    });
    let output = '';
    let stopped = false;
    child.stdout?.on('data', (data) => {
      output += data;
    });
    child.stderr?.on('data', (data) => {
      output += data;
    });
    const timer =
      timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => {
            stopped = true;
            output += `\nstopped after ${timeoutSeconds} s`;
            if (detached) process.kill(-child.pid, 'SIGKILL');
            else child.kill('SIGKILL');
          }, timeoutSeconds * 1000);
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, output: `${output}${error.message}` });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: stopped ? null : code, output });
    });
  });
}

/** Runs a program that must succeed; on failure the last lines of what it printed are part of the error. */
export async function must(what, program, args, options) {
  const { code, output } = await run(program, args, options);
  if (code === 0) return output;
  const words = [program, ...args].map((word) => (word.includes('\n') ? '…' : word));
  throw new NativeError(`${what} failed: ${words.join(' ')}\n${tail(output)}`);
}

/** The last lines of a program's output, indented. */
export function tail(output, lines = 15) {
  return output
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
}

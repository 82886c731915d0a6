/** Runs the command line inside this process, on a terminal that remembers. */
import { Readable } from 'node:stream';
import { run, type Terminal } from '../../src/cli/index.js';

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON object that it has to be. */
  json(): Record<string, unknown>;
}

export interface Surroundings {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * @example
 * const { code, stderr } = await cli('budget', '--delta', '2');
 */
export async function cli(...args: readonly string[]): Promise<Captured> {
  return cliIn({}, ...args);
}

/** The same with standard input, environment variables or a terminal. */
export async function cliIn(around: Surroundings, ...args: readonly string[]): Promise<Captured> {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    ...(around.isTTY === undefined ? {} : { isTTY: around.isTTY }),
    ...(around.columns === undefined ? {} : { columns: around.columns }),
    write: (text: string) => {
      written[name] += text;
    },
  });
  const terminal: Terminal = {
    stdout: output('stdout'),
    stderr: output('stderr'),
    stdin: Readable.from(around.stdin === undefined ? [] : [Buffer.from(around.stdin)]),
    env: around.env ?? {},
  };
  const code = await run({ args, terminal });
  return { code, ...written, json: () => JSON.parse(written.stdout) as Record<string, unknown> };
}

/** The issue's own example, as words of a command line. */
export const PLAN = [
  ...['--dataset-size', '60000', '--batch-size', '256', '--epochs', '60'],
  ...['--noise-multiplier', '1.1', '--delta', '1e-5'],
] as const;

/** Everything that starts a terminal's escape code. */
export const ESCAPE = '\u001b[';

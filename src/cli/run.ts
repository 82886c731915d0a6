import { EXIT, reportFailure } from './failure.js';
import { createProgram } from './program.js';
import type { Terminal } from './terminal.js';

/** What one invocation of the command line is given. */
export interface RunOptions {
  /** The words after the program's name. */
  readonly args: readonly string[];
  readonly terminal: Terminal;
}

/**
 * Runs one command and returns its exit code. Never rejects: whatever goes wrong is said on stderr, and with
 * `--json` on stdout too.
 *
 * @example
 * process.exitCode = await run({ args: ['budget', '--event', 'event.json', '--delta', '1e-5'], terminal: process });
 */
export async function run({ args, terminal }: RunOptions): Promise<number> {
  let code: number = EXIT.done;
  const program = createProgram(terminal, (result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    return reportFailure(error, terminal, args.includes('--json'));
  }
}

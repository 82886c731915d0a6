import { CommanderError } from 'commander';
import { DpError } from 'privacy-accounting';
import { printJson, type Terminal } from './terminal.js';

/** Exit codes, which never change their meaning. 3: a budget is exceeded. */
export const EXIT = Object.freeze({
  done: 0,
  failed: 1,
  badInput: 2,
  exceeded: 3,
  violated: 4,
  inconclusive: 5,
});

/** The schema of what `--json` prints instead of a result. */
export const ERROR_SCHEMA = 'tfjs-privacy/error/1';

/** An input that can't be used: the flag or the file, what was expected, what came, what to do. */
export function badInput(message: string, cause?: unknown): DpError {
  return new DpError('DP_INVALID_ARGUMENT', message, cause === undefined ? undefined : { cause });
}

/** A result that could not be written. Unlike an input that can't be read, it is no fault of the request. */
export class WriteError extends DpError {
  constructor(path: string, cause: unknown) {
    super('DP_IO', `${path} can't be written (${reasonOf(cause)}). The result itself is complete.`, {
      cause,
    });
  }
}

/** What the operating system says, without its codes and paths. */
export function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return /^[A-Z]+: (.+?)(?:, \w+(?: '.*')?)?$/.exec(message)?.[1] ?? message;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
  /** Commander has said it on stderr already. */
  readonly reported?: boolean;
}

/** Codes of a DpError that blame the input. What is refused is refused for what was asked, not for a fault. */
const INPUT_CODES: ReadonlySet<string> = new Set([
  'DP_INVALID_ARGUMENT',
  'DP_UNSUPPORTED_EVENT',
  'DP_CORRUPT',
  'DP_IO',
]);

function describe(error: unknown): Failure {
  if (error instanceof CommanderError) {
    const message = error.code === 'commander.help' ? 'no command was given' : error.message;
    const text = message.replace(/^error: /, '').replace(/\s+/g, ' ');
    return { code: 'USAGE', message: text, exitCode: EXIT.badInput, reported: true };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DpError) {
    const theirs = INPUT_CODES.has(error.code) && !(error instanceof WriteError);
    return { code: error.code, message, exitCode: theirs ? EXIT.badInput : EXIT.failed };
  }
  const absent = /Cannot find (?:package|module) '(@tensorflow\/[\w-]+)/.exec(message)?.[1];
  if (absent !== undefined) {
    const remedy = 'npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm';
    return {
      code: 'DP_IO',
      message: `${absent} is not installed, and this command needs it: ${remedy}`,
      exitCode: EXIT.failed,
    };
  }
  return {
    code: 'UNEXPECTED',
    message: `${message.split('\n')[0]} (unexpected: with DEBUG=1 in the environment it says where)`,
    exitCode: EXIT.failed,
  };
}

/**
 * Says what went wrong: one paragraph on stderr, with `json` also one object on stdout, and the stack only when
 * DEBUG is set. Returns the exit code. Help and version, which commander reports as errors, are successes.
 */
export function reportFailure(error: unknown, terminal: Terminal, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  const { code, message, exitCode, reported = false } = describe(error);
  if (!reported) terminal.stderr.write(`error: ${message}\n`);
  if (json) printJson({ schema: ERROR_SCHEMA, error: { code, message } }, terminal);
  const { DEBUG } = terminal.env;
  if (DEBUG !== undefined && DEBUG !== '' && error instanceof Error) {
    terminal.stderr.write(
      `${error.stack ?? ''}\n${error.cause === undefined ? '' : `${String(error.cause)}\n`}`,
    );
  }
  return exitCode;
}

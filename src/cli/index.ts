/**
 * cli: the command `tfjs-privacy`: parse, call the library, print.
 *
 * Is: one file a command, flags shared by several in one module each, and the rules of the terminal (what goes
 * where, exit codes, errors). Is not: an API; programs call the library. Nothing is computed here.
 *
 * Invariants:
 * - Results go to stdout, everything else to stderr; `--json` prints exactly one object, errors included.
 * - A command's code, and all that it imports, loads when the command runs: accounting never waits for tfjs.
 * - Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 budget exceeded, 4 privacy violation found, 5 inconclusive.
 * - What is rounded for people is rounded to the safe side: ε and noise up, lower bounds down.
 */
export { type RunOptions, run } from './run.js';
export type { Output, Terminal } from './terminal.js';

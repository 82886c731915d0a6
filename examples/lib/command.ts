import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { DpError } from 'tfjs-privacy';

/** Flags that every example understands. */
export interface ExampleFlags {
  /** A few hundred digits and a few steps: shows that it runs, not what it can do. */
  readonly small: boolean;
  /** Where files go, if the caller said so. */
  readonly out: string | undefined;
  /** Continue the run in `out`. */
  readonly resume: boolean;
}

/** What an example says about itself. */
export interface ExampleCommand {
  /** Its one documented command. */
  readonly usage: string;
  readonly about: string;
  readonly flags: readonly (keyof ExampleFlags)[];
}

const HELP: Readonly<Record<keyof ExampleFlags, string>> = {
  small: '--small       a few digits and a few steps: seconds instead of minutes',
  out: '--out FOLDER  where files are written (default: a new folder in ./runs)',
  resume: '--resume      continue the run in --out FOLDER that was interrupted',
};

/** Parses the command line and runs `main`. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runExample(
  command: ExampleCommand,
  main: (flags: ExampleFlags) => Promise<void>,
): Promise<void> {
  const help = [
    command.about,
    '',
    `  ${command.usage}`,
    '',
    ...command.flags.map((flag) => `  ${HELP[flag]}`),
  ];
  const flags = readFlags(command);
  if (flags === 'help') return void process.stdout.write(`${help.join('\n')}\n`);
  if (flags instanceof Error) {
    process.stderr.write(`${flags.message}\n\n${help.join('\n')}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    await main(flags);
  } catch (error) {
    if (!(error instanceof DpError)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Writes a file, making its folder first; returns the path. */
export async function writeOutput(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (cause) {
    throw new DpError('DP_IO', `Expected to write ${path}, could not: ${(cause as Error).message}.`, {
      cause,
    });
  }
  return path;
}

/** A folder in ./runs that no run has used, named after the example and the time. */
export function newRunFolder(name: string): string {
  return join('runs', `${name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`);
}

function readFlags({ flags }: ExampleCommand): ExampleFlags | 'help' | Error {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        ...(flags.includes('small') ? { small: { type: 'boolean' } as const } : {}),
        ...(flags.includes('out') ? { out: { type: 'string' } as const } : {}),
        ...(flags.includes('resume') ? { resume: { type: 'boolean' } as const } : {}),
      },
    });
    const { help, small, out, resume } = values as Record<string, unknown>;
    if (help === true) return 'help';
    if (resume === true && out === undefined)
      return new Error('--resume needs the folder: --resume --out FOLDER');
    return { small: small === true, out: out as string | undefined, resume: resume === true };
  } catch (error) {
    return error as Error;
  }
}

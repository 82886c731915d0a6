/**
 * The Chromium that the browser tests drive: one that is on this machine already. The environment variable
 * TFJS_PRIVACY_BROWSER names it, by path or by name; without it the usual names are looked up on PATH.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';

const VARIABLE = 'TFJS_PRIVACY_BROWSER';
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** The program's path; throws an error that says how to get one where there is none. */
export function findChromium(): string {
  const asked = process.env[VARIABLE]?.trim();
  if (asked !== undefined && asked !== '') {
    const found = asked.includes(sep) ? [asked].find(isProgram) : onPath(asked);
    if (found !== undefined) return found;
    throw new Error(
      `Expected ${VARIABLE} to name a Chromium or Chrome, got '${asked}', which is no program here.`,
    );
  }
  for (const name of NAMES) {
    const found = onPath(name);
    if (found !== undefined) return found;
  }
  throw new Error(
    `Expected a Chromium on PATH (${NAMES.join(', ')}), got none. Install one, such as Debian's: ` +
      `apt-get install chromium. Or name it: ${VARIABLE}=/path/to/chrome npm run test:browser.`,
  );
}

/**
 * Flags for a machine without a graphics card, and for a container whose user is root: WebGL by SwiftShader, which
 * computes on the processor.
 */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
];

// The way that tfjs-node's authors meant: its own install script downloads libtensorflow and a ready binding.
// A first look tells within seconds whether its host can be reached at all; the script is then given minutes.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { run, step, tail } from './run.mjs';

const REACH_SECONDS = 5;
const INSTALL_SECONDS = 600;

async function reachable(address) {
  try {
    await fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(REACH_SECONDS * 1000) });
    return true;
  } catch {
    return false;
  }
}

/** Runs the package's own installer; resolves to undefined on success, else to the reason. */
export async function installOfficially(packageFolder) {
  const manifest = join(packageFolder, 'package.json');
  const before = await readFile(manifest, 'utf8');
  const host = process.env.TFJS_NODE_BASE_URI ?? JSON.parse(before).binary.host;
  const proxied = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some(
    (name) => process.env[name],
  );
  step("trying tfjs-node's own download");
  if (!proxied && !(await reachable(host))) return `its host cannot be reached (${new URL(host).host})`;
  const bin = join(dirname(dirname(packageFolder)), '.bin');
  const result = await run(process.execPath, [join('scripts', 'install.js')], {
    cwd: packageFolder,
    env: { PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
    timeoutSeconds: INSTALL_SECONDS,
  });
  if (result.code === 0) return undefined;
  // The script edits the package's manifest while it works and leaves its downloads behind.
  await writeFile(manifest, before);
  for (const folder of ['deps', 'lib', 'build']) {
    await rm(join(packageFolder, folder), { recursive: true, force: true });
  }
  return `it failed:\n${tail(result.output, 6)}`;
}

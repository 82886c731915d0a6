// npm run build: modules and declarations by tsc, then privacy-accounting once more, bundled for Node.
//
// Node finds, reads, compiles and links each module apart. For the hundred and sixty of the accounting that takes some
// 65 ms, a quarter of the time from a cold start to an ε of `tfjs-privacy budget`; one file takes 12. So package.json
// gives Node (condition "node") the bundle, and everyone else tsc's modules, of which a bundler for browsers takes only
// what is used. Both entry points are bundled at once and share a file, so that DpError is one class.
//
// The bundle is made of tsc's output and lies in a folder of its own: nothing that tsc -b keeps track of is touched.
// Files that would not change are left alone, and others replaced at once: whoever reads them meanwhile reads whole ones.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ACCOUNTING = join(ROOT, 'privacy-accounting/dist');

function compile() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status, error } = spawnSync(process.execPath, [tsc, '-b'], { cwd: ROOT, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: ACCOUNTING,
    entryPoints: ['index.js', 'errors.js'],
    outdir: 'bundle',
    bundle: true,
    splitting: true,
    chunkNames: 'shared', // Two entry points share one chunk at most: without a hash, no stale one stays behind.
    packages: 'external',
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    sourcemap: true,
    sourcesContent: false, // The package holds the modules, too.
    write: false,
    logLevel: 'warning',
  });
  for (const { path, contents } of outputFiles) writeIfChanged(path, contents);
}

function writeIfChanged(path, contents) {
  try {
    if (readFileSync(path).equals(contents)) return;
  } catch {} // It is not there yet.
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, contents);
  renameSync(partial, path);
}

compile();
await bundle();
chmodSync(join(ROOT, 'dist/cli/main.js'), 0o755);

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { BundleSize } from './figures.js';

const ENTRY = fileURLToPath(new URL('../../privacy-accounting/dist/index.js', import.meta.url));

/**
 * Everything that the package exports, as one minified module for browsers. A Node built-in in it, or a dependency that
 * is not installed, is an error.
 */
export async function measureBundle(entry = ENTRY): Promise<BundleSize> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  const bytes = outputFiles[0]!.contents;
  return { minifiedBytes: bytes.length, gzippedBytes: gzipSync(bytes, { level: 9 }).length };
}

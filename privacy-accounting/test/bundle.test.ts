import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { measureBundle } from '../../benchmarks/accounting/bundle-size.js';
import { BUNDLE_BYTES } from '../../benchmarks/accounting/targets.js';

it('takes at most 100 kB of a page, minified and gzipped, and needs no Node', async () => {
  const { minifiedBytes, gzippedBytes } = await measureBundle(
    fileURLToPath(new URL('../src/index.ts', import.meta.url)),
  );
  expect(minifiedBytes).toBeGreaterThan(gzippedBytes);
  expect(gzippedBytes).toBeLessThanOrEqual(BUNDLE_BYTES);
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The packages of this repository, by their sources. */
export const packages = [
  { find: /^privacy-accounting$/, replacement: path('./privacy-accounting/src/index.ts') },
  { find: /^privacy-accounting\/errors$/, replacement: path('./privacy-accounting/src/errors.ts') },
  { find: /^tfjs-privacy$/, replacement: path('./src/index.ts') },
  { find: /^tfjs-privacy\/(audit|report)$/, replacement: path('./src/$1/index.ts') },
];

export default defineConfig({
  resolve: { alias: packages },
  test: {
    include: ['src/**/*.test.ts', 'privacy-accounting/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/browser/**'], // Those need a page: vitest.browser.config.ts.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});

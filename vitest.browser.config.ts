/**
 * The tests that need a browser: `npm run test:browser`. Those in test/browser/, and a choice of the engine's own
 * suites on the webgl backend, in a headless Chromium of this machine.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { CHROMIUM_FLAGS, findChromium } from './test/browser/find-chromium.js';
import { packages } from './vitest.config.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const executablePath = findChromium();

/** Suites of test/engine that ask nothing of a backend, or read files. */
const HOST_ONLY = ['finite-differences', 'planted-bugs'];
const suites = readdirSync(path('./test/engine'))
  .filter((file) => file.endsWith('.test.ts') && !HOST_ONLY.includes(file.replace('.test.ts', '')))
  .map((file) => `test/engine/${file}`);
const [even, odd] = [0, 1].map((rest) => suites.filter((_, k) => k % 2 === rest)) as [string[], string[]];

/** These open a page themselves, and so run outside. */
const FROM_NODE = ['docs-page', 'accounting-same'].map((name) => `test/browser/${name}.test.ts`);
const pages = readdirSync(path('./test/browser'))
  .map((file) => `test/browser/${file}`)
  .filter((file) => file.endsWith('.test.ts') && !FROM_NODE.includes(file));

/** Each project has a browser of its own: a renderer in software compiles its shaders on one core. */
const browser = (name: string, include: readonly string[]) => ({
  extends: true as const,
  test: {
    name,
    include: [...include],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, args: [...CHROMIUM_FLAGS] } }),
      instances: [{ browser: 'chromium' as const }],
    },
  },
});

export default defineConfig({
  resolve: {
    // The suites of test/engine ask for their backends here.
    alias: [{ find: /^\.\.\/backends\.js$/, replacement: path('./test/browser/backends.ts') }, ...packages],
  },
  define: {
    'import.meta.env.WHOLE_ENGINE': JSON.stringify(process.env.TFJS_PRIVACY_BROWSER_SUITES === 'all'),
  },
  // Found while a test runs, a dependency would be bundled then and reload the page under it.
  optimizeDeps: {
    entries: [...pages, ...suites],
  },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    projects: [
      browser('page', [...pages, ...odd]),
      browser('webgl', even),
      { extends: true, test: { name: 'outside', include: FROM_NODE } },
    ],
  },
});

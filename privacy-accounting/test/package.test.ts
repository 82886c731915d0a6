import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as api from 'privacy-accounting';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
);

describe('the package', () => {
  it('imports nothing but itself: no dependency, no Node built-in, no cycle of packages', () => {
    expect(sources.length).toBeGreaterThan(20);
    for (const name of sources) {
      const text = readFileSync(`${root}/src/${name}`, 'utf8');
      for (const [, specifier] of text.matchAll(/\bfrom\s+'([^']+)'|\bimport\(\s*'([^']+)'/g)) {
        expect(specifier, name).toMatch(/^\.\.?\/.*\.js$/);
      }
      expect(text, name).not.toMatch(/\b(process|Buffer|require|globalThis|Math\.random|Date)\b[.(]/);
    }
    const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
    expect(Object.keys(manifest.dependencies ?? {})).toEqual([]);
  });

  it('exports what it promises', () => {
    expect(Object.keys(api).sort()).toEqual([
      'ACCOUNTANT_NAMES',
      'DEFAULT_ORDERS',
      'DP_EVENT_TYPES',
      'DpError',
      'GdpAccountant',
      'MAX_EVENT_DEPTH',
      'NEIGHBORING_RELATIONS',
      'RdpAccountant',
      'calibrateNoiseMultiplier',
      'composed',
      'deltaOf',
      'epsilonOf',
      'gaussian',
      'gaussianDelta',
      'gaussianEpsilon',
      'gaussianLogDelta',
      'gaussianMu',
      'gaussianRdp',
      'jsonNumber',
      'noOp',
      'nonPrivate',
      'parseEvent',
      'poissonGaussianRdp',
      'poissonSampled',
      'privacyStatement',
      'rdpToDelta',
      'rdpToEpsilon',
      'requireRelation',
      'selfComposed',
      'shuffled',
      'vectorDiscreteGaussian',
    ]);
  });

  it('has a README whose example runs and prints what it says', () => {
    const readme = readFileSync(`${root}/README.md`, 'utf8');
    const blocks = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) {
      const body = block.replace(/import \{([^}]*)\} from 'privacy-accounting';/, 'const {$1} = api;');
      expect(body).not.toMatch(/^import/m);
      const printed: string[] = [];
      new Function('api', 'console', body)(api, { log: (value: unknown) => printed.push(String(value)) });
      const promised = [...block.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map(([, text]) => text!);
      expect(printed.length).toBe(promised.length);
      for (const [i, text] of promised.entries()) expect(printed[i]).toContain(text.replace(/…$/, ''));
    }
  });
});

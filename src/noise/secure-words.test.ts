import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { secureRandomWords } from './secure-words.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const withoutNodeCrypto = () => vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined);

describe('secureRandomWords', () => {
  it('is secure and never repeats itself', () => {
    const words = secureRandomWords();
    expect(words.secure).toBe(true);
    const first = new Uint32Array(64);
    const second = new Uint32Array(64);
    words.fill(first);
    words.fill(second);
    const other = new Uint32Array(64);
    secureRandomWords().fill(other);
    // Equal by chance with probability 2⁻²⁰⁴⁸.
    expect(first).not.toEqual(second);
    expect(first).not.toEqual(other);
  });

  it('sets each of the 32 bits half of the time', () => {
    const samples = 2 ** 18;
    const block = new Uint32Array(samples);
    secureRandomWords().fill(block);
    for (let bit = 0; bit < 32; bit++) {
      let ones = 0;
      for (const word of block) ones += (word >>> bit) & 1;
      // Hoeffding: P(|ones − n/2| ≥ 3.6 √n) ≤ 2 exp(−2 · 3.6²) = 1.1e-11; over 32 bits 3.6e-10.
      expect(Math.abs(ones - samples / 2)).toBeLessThan(3.6 * Math.sqrt(samples));
    }
  });

  it('where there is no Node, takes a key of Web Crypto for each 64 KiB of ChaCha20', () => {
    withoutNodeCrypto();
    const web = vi.spyOn(globalThis.crypto, 'getRandomValues');
    const words = secureRandomWords();
    web.mockClear();
    const out = new Uint32Array(100_000);
    words.fill(out);
    expect(web.mock.calls.map(([array]) => array?.byteLength)).toEqual(Array.from({ length: 7 }, () => 32));
    // A chunk left unfilled would be zeros: 100 zero words of 100,000 by chance have probability < 1e-400.
    expect(out.filter((word) => word === 0).length).toBeLessThan(100);
  });

  it('uses Web Crypto itself, 64 KiB at a time, where there is no WebAssembly either', () => {
    withoutNodeCrypto();
    vi.stubGlobal('WebAssembly', undefined);
    const web = vi.spyOn(globalThis.crypto, 'getRandomValues');
    const words = secureRandomWords();
    expect(words.secure).toBe(true);
    web.mockClear();
    const out = new Uint32Array(100_000);
    words.fill(out);
    const sizes = web.mock.calls.map(([array]) => array?.byteLength);
    expect(sizes).toEqual([65_536, 65_536, 65_536, 65_536, 65_536, 65_536, 400_000 - 6 * 65_536]);
    expect(out.filter((word) => word === 0).length).toBeLessThan(100);
  });

  it('refuses a platform without a generator', () => {
    withoutNodeCrypto();
    vi.stubGlobal('crypto', undefined);
    expect(() => secureRandomWords()).toThrow(expect.objectContaining({ code: 'DP_NOT_PRIVATE' }));
  });

  it('refuses a stub that leaves the array as it was, or fills it the same way each time', () => {
    withoutNodeCrypto();
    vi.stubGlobal('crypto', { getRandomValues: (array: Uint32Array) => array });
    expect(() => secureRandomWords()).toThrow(expect.objectContaining({ code: 'DP_NOT_PRIVATE' }));
    vi.stubGlobal('crypto', { getRandomValues: (array: Uint32Array) => array.fill(7) });
    expect(() => secureRandomWords()).toThrow(/stub/);
    vi.stubGlobal('WebAssembly', undefined);
    expect(() => secureRandomWords()).toThrow(/stub/);
  });
});

describe('the noise folder', () => {
  it('imports no Node module, so that it loads in a browser', () => {
    const folder = new URL('.', import.meta.url);
    const sources = readdirSync(folder).filter((name) => !name.endsWith('.test.ts'));
    expect(sources).toContain('secure-words.ts');
    for (const name of sources) {
      expect(readFileSync(new URL(name, folder), 'utf8'), name).not.toMatch(
        /(from|import|require)\s*\(?\s*['"]node:/,
      );
    }
  });

  it('uses neither Math.random nor tf.randomNormal', () => {
    const folder = new URL('.', import.meta.url);
    for (const name of readdirSync(folder).filter((file) => !file.endsWith('.test.ts'))) {
      const code = readFileSync(new URL(name, folder), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
      expect(code, name).not.toMatch(/Math\.random|randomNormal/);
    }
  });
});

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadBackend } from './load-backend.js';
import { availableBackends, selectBackend } from './select-backend.js';

beforeEach(() => {
  vi.stubEnv('TFJS_PRIVACY_BACKEND', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('selectBackend', () => {
  it('takes the fastest that loads, says why, and computes on it', async () => {
    const names = await availableBackends();
    const info = await selectBackend();
    expect(info.name).toBe(names[0]);
    expect(tf.getBackend()).toBe(info.name);
    expect(info.reason).toMatch(/fastest/);
    expect(info.threads).toBeGreaterThanOrEqual(1);
    expect(info.version).toMatch(/^4\./);
    expect(tf.matMul(tf.tensor2d([[2]]), tf.tensor2d([[3]])).dataSync()[0]).toBe(6);
  });

  it('names what it fell back from and how to get it, unless nothing is faster', async () => {
    const native = await loadBackend('tensorflow');
    const info = await selectBackend();
    if (native.loads) {
      expect(info.name).toBe('tensorflow');
      expect(info.advice).toBeUndefined();
    } else {
      expect(info.name).toBe('wasm');
      expect(info.reason).toContain(native.reason);
      expect(info.advice).toContain('npm run native');
    }
  });

  it('obeys the caller, and the environment before the caller', async () => {
    expect((await selectBackend({ prefer: 'cpu' })).reason).toContain('the caller');
    expect(tf.getBackend()).toBe('cpu');
    vi.stubEnv('TFJS_PRIVACY_BACKEND', 'wasm');
    const info = await selectBackend({ prefer: 'cpu' });
    expect(tf.getBackend()).toBe('wasm');
    expect(info.reason).toContain('TFJS_PRIVACY_BACKEND');
    vi.stubEnv('TFJS_PRIVACY_BACKEND', 'auto');
    expect((await selectBackend({ prefer: 'cpu' })).name).toBe((await availableBackends())[0]);
  });

  it('keeps the choice when another backend is loaded afterwards', async () => {
    await selectBackend({ prefer: 'wasm' });
    await loadBackend('tensorflow'); // importing tfjs-node makes itself the active backend
    expect(tf.getBackend()).toBe('wasm');
    await availableBackends();
    expect(tf.getBackend()).toBe('wasm');
  });

  it('refuses an unknown name and one that does not start, and leaves the active backend alone', async () => {
    await selectBackend({ prefer: 'cpu' });
    await expect(selectBackend({ prefer: 'abacus' })).rejects.toMatchObject({
      code: 'DP_INVALID_ARGUMENT',
      message: expect.stringMatching(/expected a backend among auto, tensorflow, wasm, cpu.*"abacus"/),
    });
    vi.spyOn(console, 'warn').mockReturnValue();
    tf.registerBackend('broken', () => {
      throw new Error('no such machine');
    });
    await expect(selectBackend({ prefer: 'broken' })).rejects.toMatchObject({
      code: 'DP_INVALID_ARGUMENT',
      message: expect.stringContaining('broken'),
    });
    expect(tf.getBackend()).toBe('cpu');
    expect(await availableBackends()).not.toContain('broken');
    tf.removeBackend('broken');
    vi.restoreAllMocks();
  });

  it('starts wasm with SIMD where the machine has it, and cpu without a word', async () => {
    const warn = vi.spyOn(console, 'warn');
    expect((await selectBackend({ prefer: 'wasm' })).simd).toBe(true);
    await selectBackend({ prefer: 'cpu' });
    tf.tidy(() => tf.ones([2]).dataSync());
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

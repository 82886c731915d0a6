import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  activeBackend,
  arithmeticFault,
  requireFaithfulBackend,
  requireLiveBackend,
} from './backend-health.js';
import { availableBackends, selectBackend } from './index.js';

const HALF_BITS = 2 ** 11;
const toHalf = (value: number): number => {
  if (!Number.isFinite(value) || value === 0) return value;
  const unit = 2 ** Math.floor(Math.log2(Math.abs(value))) / HALF_BITS;
  return Math.round(value / unit) * unit;
};

/** The cpu backend under another name, with `change` done to what some of its kernels give. */
async function pretend(kernels: readonly string[], change: (value: number) => number): Promise<void> {
  await tf.setBackend('cpu');
  const cpu = tf.findBackend('cpu');
  tf.registerBackend('pretender', () => Object.create(cpu) as tf.KernelBackend);
  tf.copyRegisteredKernels('cpu', 'pretender');
  for (const kernelName of kernels) {
    const original = tf.getKernel(kernelName, 'cpu');
    tf.unregisterKernel(kernelName, 'pretender');
    tf.registerKernel({
      ...original,
      backendName: 'pretender',
      kernelFunc: (params) => {
        const out = original.kernelFunc(params) as tf.TensorInfo;
        const data = (params.backend as unknown as { data: tf.DataStorage<{ values: Float32Array }> }).data;
        data.get(out.dataId).values = data.get(out.dataId).values.map(change);
        return out;
      },
    });
  }
  await tf.setBackend('pretender');
}

afterEach(async () => {
  await tf.setBackend('cpu');
  if (tf.findBackend('pretender') !== null) tf.removeBackend('pretender');
  for (const { kernelName } of tf.getKernelsForBackend('pretender'))
    tf.unregisterKernel(kernelName, 'pretender');
});

describe('the arithmetic that norms rest on', () => {
  it('is sound on every backend that loads here, and leaves nothing behind', async () => {
    for (const name of await availableBackends()) {
      await selectBackend({ prefer: name });
      const before = tf.memory().numTensors;
      expect(arithmeticFault(), name).toBeUndefined();
      requireFaithfulBackend();
      requireLiveBackend();
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it.each([
    ['rounds sums to 16 bits', ['Sum'], toHalf],
    ['rounds products to 16 bits', ['BatchMatMul'], toHalf],
    ['loses NaN', ['Square'], (value: number) => (Number.isNaN(value) ? 0 : value)],
    ['loses infinity', ['Square'], (value: number) => (value === Number.POSITIVE_INFINITY ? 3e38 : value)],
    ['saturates', ['Sum'], (value: number) => Math.min(value, 3.4e38)],
    ['gives zeros', ['Concat'], () => 0],
  ] as const)('is refused by name from a backend that %s', async (_, kernels, change) => {
    await pretend(kernels, change);
    expect(requireFaithfulBackend).toThrow(
      expect.objectContaining({
        code: 'DP_NUMERICAL',
        message: expect.stringMatching(/pretender, which computed/),
      }),
    );
  });

  it('is tried again at every step on a backend that is unknown', async () => {
    let lost = false;
    await pretend(['Concat'], (value) => (lost ? 0 : value));
    requireFaithfulBackend();
    requireLiveBackend();
    lost = true;
    requireFaithfulBackend();
    expect(() => requireLiveBackend()).toThrow(expect.objectContaining({ code: 'DP_BACKEND_LOST' }));
  });
});

describe('activeBackend', () => {
  it('is the one that computes', async () => {
    await tf.setBackend('cpu');
    expect(activeBackend()).toBe(tf.backend());
  });

  it('names one that was not waited for', async () => {
    const cpu = tf.findBackend('cpu');
    tf.registerBackend('slow', async () => Object.create(cpu) as tf.KernelBackend);
    const started = tf.setBackend('slow');
    expect(activeBackend).toThrow(
      expect.objectContaining({ code: 'DP_INVALID_ARGUMENT', message: expect.stringContaining("'slow'") }),
    );
    await started;
    await tf.setBackend('cpu');
    tf.removeBackend('slow');
    expect(tf.sum(tf.ones([3])).dataSync()[0]).toBe(3);
  });
});

/** A page that trains privately: everything from the public entry point, noise from Web Crypto, no Node. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {
  availableBackends,
  doctor,
  dpOptimizer,
  poissonSampler,
  privateFit,
  secureRandomWords,
  selectBackend,
} from 'tfjs-privacy';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PAGE_BACKENDS } from './page-backends.js';

const EXAMPLES = 64;
/** Few: a software renderer compiles its shaders again for every size of batch. */
const STEPS = 3;

function makeModel(): tfl.LayersModel {
  return tfl.sequential({
    layers: [
      tfl.layers.reshape({ targetShape: [4, 4, 1], inputShape: [16] }),
      tfl.layers.conv2d({ filters: 3, kernelSize: 2, activation: 'relu' }),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  });
}

/** Two classes that differ in the sign of their mean. */
function makeData(): { readonly xs: tf.Tensor; readonly ys: tf.Tensor } {
  const values = Float32Array.from({ length: EXAMPLES * 16 }, (_, k) => {
    const sign = Math.floor(k / 16) % 2 === 0 ? 1 : -1;
    return sign * 0.7 + 0.3 * Math.sin(k * 12.9898);
  });
  const labels = Float32Array.from({ length: EXAMPLES * 2 }, (_, k) =>
    (Math.floor(k / 2) + k) % 2 === 0 ? 1 : 0,
  );
  return { xs: tf.tensor2d(values, [EXAMPLES, 16]), ys: tf.tensor2d(labels, [EXAMPLES, 2]) };
}

async function weightsOf(model: tfl.LayersModel): Promise<number[]> {
  const parts = await Promise.all(model.getWeights().map((weight) => weight.data()));
  return parts.flatMap((part) => Array.from(part));
}

it('is a page, not Node', () => {
  expect(typeof process).toBe('undefined');
  expect(document.body).toBeInstanceOf(HTMLElement);
});

describe('selectBackend', () => {
  it('finds what the page registered, and computes on what it chose', async () => {
    expect([...(await availableBackends())].sort()).toEqual([...PAGE_BACKENDS].sort());
    const info = await selectBackend();
    expect(info.name).toBe((await availableBackends())[0]);
    expect(tf.getBackend()).toBe(info.name);
    expect(tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0]).toBe(6);
  });

  it('does not take a renderer that computes on the processor before wasm', async () => {
    expect((await selectBackend()).name).toBe('wasm');
  });

  it('refuses a backend that computes in half precision, and passes it over', async () => {
    await selectBackend({ prefer: 'webgl' });
    tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', false); // As where the device has none.
    try {
      await expect(selectBackend({ prefer: 'webgl' })).rejects.toMatchObject({
        code: 'DP_INVALID_ARGUMENT',
        message: expect.stringMatching(/webgl.*does not load: it computed/),
      });
      expect(await availableBackends()).not.toContain('webgl');
    } finally {
      tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', true);
    }
  });

  it.each(PAGE_BACKENDS)('obeys: %s', async (name) => {
    expect(await selectBackend({ prefer: name })).toMatchObject({ name, reason: 'asked for by the caller' });
  });
});

describe.each(PAGE_BACKENDS)('training on %s', (backend) => {
  beforeEach(async () => {
    await selectBackend({ prefer: backend });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('privateFit reaches its budget with noise from Web Crypto', async () => {
    const random = vi.spyOn(crypto, 'getRandomValues');
    const model = makeModel();
    const before = await weightsOf(model);
    const { privacy, stopped, history } = await privateFit(model, makeData(), {
      targetEpsilon: 4,
      delta: 1e-3,
      steps: STEPS,
      expectedBatchSize: 16,
      l2NormClip: 1,
      optimizer: tf.train.sgd(0.2),
      loss: 'categoricalCrossentropy',
    });
    expect(stopped).toBe('completed');
    expect(privacy.secure).toBe(true);
    expect(privacy.steps).toBe(STEPS);
    expect(privacy.epsilon.epsilon).toBeGreaterThan(1);
    expect(privacy.epsilon.epsilon).toBeLessThanOrEqual(4);
    expect(privacy.statement).toMatch(/ε|epsilon/);
    expect(random).toHaveBeenCalled();
    expect(history.private.length).toBeGreaterThan(0);
    const after = await weightsOf(model);
    expect(after.every(Number.isFinite)).toBe(true);
    expect(after.some((value, k) => value !== before[k])).toBe(true);
    expect(tf.getBackend()).toBe(backend);
  });

  it('the optimizer in model.fit books every step', async () => {
    const optimizer = dpOptimizer(tf.train.adam(0.01), {
      l2NormClip: 1,
      noiseMultiplier: 1.5,
      expectedBatchSize: 32,
    });
    const model = makeModel();
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    const { xs, ys } = makeData();
    await model.fit(xs, ys, { epochs: 2, batchSize: 32, verbose: 0 });
    expect(optimizer.secure).toBe(true);
    expect(optimizer.noiseWordsConsumed).toBeGreaterThanOrEqual(4 * model.countParams());
    const { epsilon } = optimizer.privacySpent({ delta: 1e-3 });
    const { epsilon: once } = dpOptimizer(tf.train.sgd(1), {
      l2NormClip: 1,
      noiseMultiplier: 1.5,
      expectedBatchSize: 32,
    }).privacySpent({ delta: 1e-3 });
    expect(epsilon).toBeGreaterThan(1);
    expect(once).toBe(0);
    expect((await weightsOf(model)).every(Number.isFinite)).toBe(true);
  });

  it('without noise it learns, so the noise is what hides', async () => {
    const model = makeModel();
    const optimizer = dpOptimizer(tf.train.sgd(0.5), {
      l2NormClip: 1,
      noiseMultiplier: 0,
      expectedBatchSize: EXAMPLES,
    });
    model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const { xs, ys } = makeData();
    await model.fit(xs, ys, { epochs: 15, batchSize: EXAMPLES, verbose: 0 });
    const [, accuracy] = model.evaluate(xs, ys) as tf.Scalar[];
    expect(accuracy!.dataSync()[0]).toBeGreaterThan(0.9);
    expect(optimizer.privacySpent({ delta: 1e-3 }).epsilon).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('what only Node has is refused by name', () => {
  it('a run directory', async () => {
    const options = { noiseMultiplier: 1, delta: 1e-3, steps: 1, expectedBatchSize: 8, l2NormClip: 1 };
    const run = privateFit(makeModel(), makeData(), {
      ...options,
      loss: 'categoricalCrossentropy',
      runDirectory: 'run',
    });
    await expect(run).rejects.toMatchObject({
      code: expect.stringMatching(/^DP_/),
      message: expect.stringMatching(/Node/),
    });
  });

  it('doctor', async () => {
    await expect(doctor()).rejects.toMatchObject({ code: 'DP_INVALID_ARGUMENT' });
  });
});

it('samples by Web Crypto, fresh each time', () => {
  const sampler = () => poissonSampler({ datasetSize: 1000, expectedBatchSize: 500 });
  const [one, other] = [sampler().next(), sampler().next()];
  // Equal by chance: once in 2^1000.
  expect(Array.from(one)).not.toEqual(Array.from(other));
  expect(secureRandomWords().secure).toBe(true);
});

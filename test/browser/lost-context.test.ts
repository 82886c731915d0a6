/**
 * A WebGL context that the browser takes away reads as zeros, without an error of tfjs's: norms of zero, nothing
 * clipped, dead weights. Whenever that happens, the step that follows is a named error and nothing of it is released.
 */
import type { MathBackendWebGL } from '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { dpOptimizer, PerExampleEngine, privateFit } from 'tfjs-privacy';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freshWebgl } from './page-backends.js';

const LOST = expect.objectContaining({ code: 'DP_BACKEND_LOST', message: expect.stringContaining('WebGL') });

let backend: MathBackendWebGL;
beforeEach(async () => {
  backend = await freshWebgl();
});
afterEach(async () => {
  await tf.setBackend('cpu');
  vi.restoreAllMocks();
});

function extension(): WEBGL_lose_context {
  return backend.gpgpu.gl.getExtension('WEBGL_lose_context')!;
}

/** As a crash of the driver does: the context goes, and comes back empty. */
async function loseAndRestore(): Promise<void> {
  const { gl } = backend.gpgpu;
  const happened = (name: string) =>
    new Promise((resolve) => gl.canvas.addEventListener(name, resolve, { once: true }));
  const lose = extension();
  const lost = happened('webglcontextlost');
  lose.loseContext();
  await lost;
  const restored = happened('webglcontextrestored');
  // A page may restore only after its handler of the loss has returned.
  setTimeout(() => lose.restoreContext());
  await restored;
}

function problem() {
  const w = tf.variable(tf.ones([200, 3]));
  const x = tf.add(tf.randomUniform([4, 200]), 1) as tf.Tensor2D;
  const loss = () => tf.mean(tf.square(tf.matMul(x, w as tf.Tensor2D)), 1);
  const engine = new PerExampleEngine();
  const step = (f: () => tf.Tensor = loss) => engine.clippedSum(f, [w], { l2NormClip: 1 });
  return { w, x, loss, step };
}

it('the premise: a lost context reads as zeros, and says nothing', () => {
  const x = tf.add(tf.ones([400]), 1);
  extension().loseContext();
  expect(x.dataSync().every((value) => value === 0)).toBe(true);
});

describe('the engine', () => {
  it('refuses a first step on a context that is lost', () => {
    const { step } = problem();
    extension().loseContext();
    expect(() => step()).toThrow(LOST);
  });

  it('refuses a later one, and every one after that', () => {
    const { step } = problem();
    step();
    extension().loseContext();
    expect(() => step()).toThrow(LOST);
    expect(() => step()).toThrow(LOST);
  });

  it.each([
    ['at the first step', 0],
    ['later', 1],
  ])('refuses the step during whose forward pass it went, %s', (_, before) => {
    const { step, loss } = problem();
    for (let k = 0; k < before; k++) step();
    const during = () => {
      const losses = loss();
      extension().loseContext();
      return losses;
    };
    expect(() => step(during)).toThrow(LOST);
  });

  it('refuses a context that was lost and came back empty in between', async () => {
    const { step } = problem();
    step();
    await loseAndRestore();
    expect(backend.gpgpu.gl.isContextLost()).toBe(false);
    expect(() => step()).toThrow(LOST);
  });

  it('refuses to go on elsewhere with what was lost', async () => {
    const { step } = problem();
    step();
    extension().loseContext();
    await tf.setBackend('cpu');
    expect(() => step()).toThrow(LOST);
  });

  it('goes on elsewhere while nothing is lost, with the same result', async () => {
    const { step } = problem();
    const sums = () => {
      const result = step();
      const values = result.sums[0]!.dataSync();
      tf.dispose([...result.sums, result.value]);
      return values;
    };
    const there = sums();
    await tf.setBackend('cpu');
    const here = sums();
    expect(Math.hypot(...here)).toBeGreaterThan(0.5);
    expect(Math.hypot(...here.map((value, k) => value - there[k]!))).toBeLessThan(1e-5);
  });

  it('refuses half precision, also when it is set in the middle of a run', () => {
    const { step } = problem();
    step();
    tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', false);
    try {
      expect(() => step()).toThrow(
        expect.objectContaining({ code: 'DP_NUMERICAL', message: expect.stringMatching(/float32.*webgl/) }),
      );
    } finally {
      tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', true);
    }
    step();
  });
});

describe('training', () => {
  const options = { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: 8 };
  const makeModel = () => tfl.sequential({ layers: [tfl.layers.dense({ units: 1, inputShape: [200] })] });
  const makeData = () => ({ xs: tf.add(tf.zeros([16, 200]), 0.5), ys: tf.add(tf.zeros([16, 1]), 1) });

  it('model.fit ends with the error, and books no step that it did not take', async () => {
    const optimizer = dpOptimizer(tf.train.sgd(0.1), options);
    const model = makeModel();
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const { xs, ys } = makeData();
    let booked: string | undefined;
    const onBatchEnd = async () => {
      booked = JSON.stringify(optimizer.event);
      extension().loseContext();
    };
    const fit = model.fit(xs, ys, { batchSize: 8, epochs: 3, shuffle: false, callbacks: { onBatchEnd } });
    await expect(fit).rejects.toEqual(LOST);
    expect(booked).toBeDefined();
    expect(JSON.stringify(optimizer.event)).toBe(booked);
  });

  it('privateFit ends with the error', async () => {
    const { xs, ys } = makeData();
    const fit = privateFit(
      makeModel(),
      { xs, ys },
      {
        ...options,
        delta: 1e-3,
        steps: 4,
        sampler: 'shuffle',
        loss: 'meanSquaredError',
        optimizer: tf.train.sgd(0.1),
        onStep: ({ step }) => {
          if (step === 2) extension().loseContext();
        },
      },
    );
    await expect(fit).rejects.toEqual(LOST);
  });

  it('an update of weights that are gone is an error too, booked as the noise was drawn', () => {
    const optimizer = dpOptimizer(tf.train.sgd(0.1), options);
    const { w, loss } = problem();
    optimizer.accumulate(loss, [w]).dispose();
    extension().loseContext();
    expect(() => optimizer.step([w])).toThrow(LOST);
    expect(optimizer.hasBooked).toBe(true);
  });
});

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClippedSum, defaultRules, type OpRule, PerExampleEngine } from './index.js';

function problem(rules: readonly OpRule[] = defaultRules) {
  const w = tf.variable(tf.tensor2d([0.5, -1, 2, 0.25, 1, -0.5], [3, 2]));
  const x = tf.tensor2d([1, 2, 3, -1, 0.5, 2, 0.1, 0.2, 0.3, 4, -3, 1], [4, 3]);
  const loss = () => tf.mean(tf.square(tf.matMul(x, w as tf.Tensor2D)), 1);
  const engine = new PerExampleEngine({ rules });
  const step = (f: () => tf.Tensor = loss) => {
    const result: ClippedSum = engine.clippedSum(f, [w], { l2NormClip: 1 });
    const sum = result.sums[0]!.dataSync();
    tf.dispose([...result.sums, result.value]);
    return sum;
  };
  return { w, x, loss, step };
}

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'DP_INVALID_ARGUMENT', message: expect.stringMatching(message) });

beforeEach(async () => {
  await tf.setBackend('cpu');
  await tf.setBackend('wasm');
});
afterEach(async () => {
  await tf.setBackend('cpu');
});

describe('another backend', () => {
  it('between steps gives the same sums', async () => {
    const { step } = problem();
    const there = step();
    await tf.setBackend('cpu');
    const here = step();
    expect(Math.hypot(...here)).toBeGreaterThan(0.5);
    here.forEach((value, k) => {
      expect(value).toBeCloseTo(there[k]!, 5);
    });
  });

  it('is checked anew: a rule that is wrong there alone is found', async () => {
    const wrongOnCpu = defaultRules.map(
      (rule): OpRule => ({
        ...rule,
        parameterPiece: (...call) => {
          const piece = rule.parameterPiece?.(...call);
          return piece?.kind === 'outer' && tf.getBackend() === 'cpu'
            ? { ...piece, right: tf.mul(piece.right, 2) as tf.Tensor3D }
            : piece;
        },
      }),
    );
    const { step } = problem(wrongOnCpu);
    step();
    await tf.setBackend('cpu');
    expect(() => step()).toThrow(expect.objectContaining({ code: 'DP_SELF_CHECK' }));
  });

  it('inside the loss is refused, and leaves no tensor behind', () => {
    const { step, loss } = problem();
    step();
    const before = tf.memory().numTensors;
    const switching = () => {
      const losses = loss();
      void tf.setBackend('cpu');
      return losses;
    };
    expect(() => step(switching)).toThrow(invalid(/one backend for the whole step.*cpu/));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('that was not waited for is refused', async () => {
    const { step } = problem();
    const cpu = tf.findBackend('cpu');
    tf.registerBackend('slow', async () => Object.create(cpu) as tf.KernelBackend);
    const started = tf.setBackend('slow');
    expect(() => step()).toThrow(invalid(/started.*selectBackend/));
    await started;
    await tf.setBackend('cpu');
    tf.removeBackend('slow');
  });
});

describe('variables that are gone', () => {
  it('disposed', () => {
    const { w, step } = problem();
    step();
    w.dispose();
    expect(() => step()).toThrow(invalid(/not disposed/));
  });

  it('by tf.disposeVariables', () => {
    const { step } = problem();
    step();
    tf.disposeVariables();
    expect(() => step()).toThrow(invalid(/not disposed/));
  });

  it('by tf.engine().reset()', async () => {
    const { step } = problem();
    step();
    tf.engine().reset();
    await tf.setBackend('cpu');
    expect(() => step()).toThrow(invalid(/not disposed/));
    expect(
      problem()
        .step()
        .some((value) => value !== 0),
    ).toBe(true);
  });
});

import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { eachBackend, testedBackends } from './backends.js';

eachBackend((name) => {
  it('is the active backend and computes', () => {
    expect(tf.getBackend()).toBe(name);
    expect(tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0]).toBe(6);
  });
});

it('tests at least one backend', () => {
  expect(testedBackends.length).toBeGreaterThanOrEqual(1);
});

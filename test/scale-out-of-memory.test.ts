/** Memory that runs out in the middle of a step: each example counts once, noise once, booking once, no tensor stays. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpOptimizer, dpOptimizer, PhysicalBatches, privateFit } from 'tfjs-privacy';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isOutOfMemory } from '../src/engine/index.js';
import { eachBackend } from './backends.js';
import { Faults, held } from './high-water.js';

const N = 12;
/** Whole numbers, so that float32 sums are exact in any order. */
const rows = Float32Array.from({ length: N * 3 }, (_, i) => ((i * 7) % 11) - 5);

describe('isOutOfMemory', () => {
  it.each([
    new RangeError('Array buffer allocation failed'),
    new RangeError('Out of memory: the wasm backend could not allocate 8 bytes.'),
    new Error('OOM when allocating tensor with shape[4096,65536] and type float'),
    new Error('Invalid TF_Status: 8 ResourceExhausted: failed'),
    new Error('std::bad_alloc'),
    new Error(
      'Requested texture size [20000x20000] greater than WebGL maximum on this browser / GPU [16384x16384].',
    ),
    new Error('Aborted(OOM)'),
    new Error('the kernel failed', { cause: new RangeError('WebAssembly.Memory.grow(): Out of memory') }),
  ])('%s is', (error) => expect(isOutOfMemory(error)).toBe(true));

  it.each([
    new Error('context lost: out of memory or not'),
    new Error('memory access out of bounds'),
    new Error('Expected shapes to match'),
    'out of memory',
    undefined,
  ])('%s is not', (error) => expect(isOutOfMemory(error)).toBe(false));
});

eachBackend(() => {
  describe('physical batches', () => {
    let faults: Faults | undefined;
    afterEach(() => faults?.end());

    /** One logical batch with the engine fresh; the sum is read off the weights, which start at zero. */
    function step(fails: (call: number) => boolean, size = 6) {
      const before = held();
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: Number.POSITIVE_INFINITY,
        noiseMultiplier: 0,
        expectedBatchSize: 8,
      });
      const w = tf.variable(tf.zeros([3]));
      const b = tf.variable(tf.zeros([1]));
      const parts = new PhysicalBatches(size);
      const seen: number[] = [];
      faults = new Faults(fails);
      try {
        parts.each(N, (from, to) => {
          const x = tf.tensor2d(rows.subarray(from * 3, to * 3), [to - from, 3]);
          try {
            optimizer
              .accumulate(() => tf.add(tf.sum(tf.mul(x, w), 1), tf.sum(tf.mul(x, b), 1)), [w, b])
              .dispose();
            for (let i = from; i < to; i++) seen.push(i);
          } finally {
            x.dispose();
          }
        });
        const { calls } = faults;
        faults.end();
        optimizer.step([w, b]);
        return {
          calls,
          seen,
          size: parts.size,
          weights: [...w.dataSync(), ...b.dataSync()],
          booked: optimizer.event,
          examples: optimizer.privateCounts.examples,
        };
      } finally {
        faults.end();
        optimizer.dispose();
        tf.dispose([w, b]);
        // The zeros that the variables were made of.
        tf.disposeVariables();
        expect(held().numTensors - before.numTensors).toBe(2);
      }
    }

    it('a failure at any one kernel leaves the sum as it is', () => {
      const whole = step(() => false);
      const sums = [0, 1, 2].map((k) => -rows.reduce((sum, x, i) => (i % 3 === k ? sum + x : sum), 0) / 8);
      expect(whole.weights.slice(0, 3)).toEqual(sums);
      expect(whole.seen).toEqual([...new Array(N).keys()]);
      expect(whole.calls).toBeGreaterThan(20);
      for (let at = 1; at <= whole.calls; at++) {
        const split = step((call) => call === at);
        expect(split.weights, `failed at ${at}`).toEqual(whole.weights);
        expect(split.seen).toEqual(whole.seen);
        expect(split.examples).toBe(N);
        expect(split.booked).toEqual(whole.booked);
      }
    });

    it('two failures in a row halve twice, and smaller parts serve from then on', () => {
      const whole = step(() => false);
      const split = step((call) => call === 3 || call === 5);
      expect(split.size).toBe(1);
      expect(split.weights).toEqual(whole.weights);
    });

    it('is an error with a name where one example does not fit', () => {
      expect(() => step(() => true)).toThrow(expect.objectContaining({ code: 'DP_OUT_OF_MEMORY' }));
    });

    it('other errors are not repeated', () => {
      const parts = new PhysicalBatches(4);
      let calls = 0;
      const fails = () => {
        calls++;
        throw new Error('from the loss');
      };
      expect(() => parts.each(8, fails)).toThrow('from the loss');
      expect([calls, parts.size]).toEqual([1, 4]);
    });

    it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses a size of %s', (size) => {
      expect(() => new PhysicalBatches(size)).toThrow(
        expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
      );
    });
  });

  describe('privateFit with failing allocations', () => {
    let faults: Faults | undefined;
    afterEach(() => faults?.end());
    /** Counts kernels of physical batches only: what else memory is needed for, smaller parts do not help. */
    const train = async (fails: (call: number) => boolean) => {
      const model = tfl.sequential({
        layers: [
          tfl.layers.dense({ units: 2, inputShape: [3], kernelInitializer: 'ones', activation: 'tanh' }),
        ],
      });
      const xs = tf.tensor2d(rows, [N, 3]);
      const ys = tf.ones([N, 2]);
      let calls = 0;
      const { accumulate } = DpOptimizer.prototype;
      vi.spyOn(DpOptimizer.prototype, 'accumulate').mockImplementation(function (
        this: DpOptimizer,
        ...given
      ) {
        faults = new Faults(() => fails(++calls));
        try {
          return accumulate.apply(this, given);
        } finally {
          faults.end();
        }
      });
      try {
        const options = {
          noiseMultiplier: 1,
          delta: 1e-3,
          steps: 3,
          expectedBatchSize: 6,
          l2NormClip: 1,
          loss: 'meanSquaredError',
          optimizer: tf.train.sgd(0.5),
          seed: 'faults',
          maxPhysicalBatch: 5,
        };
        const { privacy } = await privateFit(model, { xs, ys }, options);
        return { privacy, weights: model.getWeights().flatMap((weight) => [...weight.dataSync()]) };
      } finally {
        vi.restoreAllMocks();
        tf.dispose([xs, ys]);
        model.dispose();
      }
    };

    it('trains the same weights, with the same noise and the same steps on record', async () => {
      const whole = await train(() => false);
      for (const at of [2, 9, 20]) {
        const split = await train((call) => call === at);
        expect(split.privacy.steps).toBe(3);
        expect(split.privacy.event).toEqual(whole.privacy.event);
        for (const [k, weight] of split.weights.entries()) expect(weight).toBeCloseTo(whole.weights[k]!, 5);
      }
    });

    it('names what happened when nothing fits', async () => {
      await expect(train((call) => call > 4)).rejects.toMatchObject({ code: 'DP_OUT_OF_MEMORY' });
    });
  });
});

/** The wasm backend with a full heap: malloc gives address 0, and nothing may be written there. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { dpOptimizer, PhysicalBatches } from 'tfjs-privacy';
import { describe, expect, it } from 'vitest';
import { eachBackend } from './backends.js';

eachBackend((backend) => {
  describe.runIf(backend === 'wasm')('a heap that is full', () => {
    it('is an error in place of a result written over the weights, and smaller parts go on', () => {
      const { wasm } = tf.backend() as unknown as { wasm: { _malloc: (bytes: number) => number } };
      const allocate = wasm._malloc;
      let most = Number.POSITIVE_INFINITY;
      let refused = 0;
      wasm._malloc = (bytes) => {
        if (bytes <= most) return allocate(bytes);
        refused++;
        return 0;
      };
      const w = tf.tidy(() => tf.variable(tf.ones([8])));
      const x = tf.ones<tf.Rank.R2>([64, 8]);
      const step = (largest: number) => {
        const optimizer = dpOptimizer(tf.train.sgd(1), {
          l2NormClip: Number.POSITIVE_INFINITY,
          noiseMultiplier: 0,
          expectedBatchSize: 64,
        });
        const parts = new PhysicalBatches(64);
        w.assign(tf.ones([8]));
        most = largest;
        parts.each(64, (from, to) => {
          const rows = tf.slice(x, [from, 0], [to - from, 8]);
          try {
            optimizer.accumulate(() => tf.sum(tf.mul(rows, w), 1), [w]).dispose();
          } finally {
            rows.dispose();
          }
        });
        most = Number.POSITIVE_INFINITY;
        optimizer.step([w]);
        return { weights: [...w.dataSync()], size: parts.size };
      };
      const whole = step(Number.POSITIVE_INFINITY);
      expect(whole).toEqual({ weights: new Array(8).fill(0), size: 64 });
      // No array of more than 16 rows finds room.
      const split = step(16 * 8 * 4);
      expect(refused).toBeGreaterThan(0);
      expect(split.weights).toEqual(whole.weights);
      expect(split.size).toBe(16);
      tf.dispose([w, x]);
    });
  });
});

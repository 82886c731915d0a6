/** A proof that serves again must not serve where anything that it read has changed. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import * as isolation from '../../src/engine/isolation/isolation.js';
import { RememberedProof } from '../../src/engine/isolation/remembered-proof.js';
import { recordTape } from '../../src/engine/tape.js';
import { eachBackend } from '../backends.js';
import { disposeResult } from './one-example-loop.js';
import { normal } from './seeded-data.js';

const step = (engine: PerExampleEngine, w: tf.Variable, f: () => tf.Tensor) =>
  disposeResult(engine.clippedSum(f, [w], { l2NormClip: 1 }));

eachBackend(() => {
  describe('a remembered proof', () => {
    it('gives every tensor the taint that a new proof gives it', () => {
      const x = normal([4, 3], 1) as tf.Tensor2D;
      const w = tf.variable(normal([3, 3], 2)) as unknown as tf.Tensor2D;
      const f = () => tf.mean(tf.square(tf.matMul(tf.tanh(tf.matMul(x, w)), w)), 1);
      const proofs = new RememberedProof();
      tf.tidy(() => {
        for (const round of [0, 1, 2]) {
          const tape = recordTape(f, { keepLeaves: false });
          const remembered = proofs.prove(tape);
          const fresh = isolation.proveIsolation(tape);
          expect(remembered.batch, `round ${round}`).toBe(fresh.batch);
          expect(remembered.calls).toEqual(fresh.calls);
          for (const call of tape.calls) {
            for (const tensor of [...Object.values(call.inputs), ...call.outputs]) {
              expect(remembered.taintOf(tensor)).toEqual(fresh.taintOf(tensor));
            }
          }
          tape.dispose();
        }
      });
    });

    const w = () => tf.variable(normal([3, 1], 4));
    const x = () => normal([4, 3], 3) as tf.Tensor2D;
    const cases: Record<string, (data: tf.Tensor2D, v: tf.Variable, later: boolean) => tf.Tensor> = {
      'a constant that comes to differ from place to place': (data, v, later) => {
        const places = tf.tensor2d(later ? [[1], [2], [3], [4]] : [[2], [2], [2], [2]]);
        return tf.sum(tf.square(tf.mul(tf.matMul(data, v as tf.Tensor2D), places)), 1);
      },
      'another axis': (data, v, later) => {
        const out = tf.matMul(data, tf.tile(v as tf.Tensor2D, [1, 4]));
        return tf.sum(tf.square(tf.sub(out, tf.mean(out, later ? 0 : 1, true))), 1);
      },
      'another wiring': (data, v, later) => {
        const out = tf.square(tf.matMul(data, v as tf.Tensor2D));
        const other = tf.square(tf.matMul(tf.reverse(data, later ? 0 : 1), v as tf.Tensor2D));
        return tf.sum(tf.add(out, other), 1);
      },
      'an operation more': (data, v, later) => {
        const out = tf.matMul(data, v as tf.Tensor2D);
        return tf.sum(tf.square(later ? tf.sub(out, tf.mean(out, 0)) : out), 1);
      },
    };
    it.each(Object.entries(cases))('is not used for %s', (_, loss) => {
      const [data, v] = [x(), w()];
      const engine = new PerExampleEngine();
      for (let round = 0; round < 3; round++) step(engine, v, () => loss(data, v, false));
      expect(() => step(engine, v, () => loss(data, v, true))).toThrow(
        expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }),
      );
      expect(() => step(engine, v, () => loss(data, v, false))).not.toThrow();
    });

    it('is not used for a scale that becomes the number of examples', () => {
      const [data, v] = [x(), w()];
      const engine = new PerExampleEngine();
      const loss = (divisor: number) => () =>
        tf.div(tf.sum(tf.square(tf.matMul(data, v as unknown as tf.Tensor2D))), divisor);
      step(engine, v, loss(3));
      step(engine, v, loss(3));
      expect(() => step(engine, v, loss(4))).toThrow(expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }));
    });

    it('is not used for a captured tensor without the batch', () => {
      const [data, v] = [x(), w()];
      const engine = new PerExampleEngine();
      let other = normal([4, 1], 5);
      const loss = () => tf.sum(tf.square(tf.add(tf.matMul(data, v as unknown as tf.Tensor2D), other)), 1);
      step(engine, v, loss);
      step(engine, v, loss);
      other = normal([1, 1], 6);
      expect(() => step(engine, v, loss)).toThrow(expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }));
    });

    it('saves the second proof of a step that stays the same', () => {
      const [data, v] = [x(), w()];
      const engine = new PerExampleEngine();
      const loss = () => tf.sum(tf.square(tf.matMul(data, v as unknown as tf.Tensor2D)), 1);
      step(engine, v, loss);
      const proofs = (engine as unknown as { proofs: { known: unknown[] } }).proofs;
      const before = proofs.known.length;
      step(engine, v, loss);
      step(engine, v, loss);
      expect(proofs.known).toHaveLength(before);
    });
  });
});

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { disposeResult, distance, expectEqualsLoop, normOf, type Problem } from './one-example-loop.js';
import { normal, oneHot, uniforms, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
type Loss = (
  labels: tf.Tensor,
  outputs: tf.Tensor,
  weights: tf.Tensor | number | undefined,
  r: tf.Reduction,
) => tf.Tensor;

const probabilities = (outputs: tf.Tensor) => tf.sigmoid(outputs);
/** Each loss of tf.losses on labels that are 0 or 1; elementwise ones return [B, 3] unreduced. */
const losses: Record<string, Loss> = {
  absoluteDifference: (y, z, w, r) => tf.losses.absoluteDifference(y, z, w as tf.Tensor, r),
  cosineDistance: (y, z, w, r) => tf.losses.cosineDistance(y, z, 1, w as tf.Tensor, r),
  hingeLoss: (y, z, w, r) => tf.losses.hingeLoss(y, z, w as tf.Tensor, r),
  huberLoss: (y, z, w, r) => tf.losses.huberLoss(y, z, w as tf.Tensor, 0.7, r),
  logLoss: (y, z, w, r) => tf.losses.logLoss(y, probabilities(z), w as tf.Tensor, 1e-7, r),
  meanSquaredError: (y, z, w, r) => tf.losses.meanSquaredError(y, z, w as tf.Tensor, r),
  sigmoidCrossEntropy: (y, z, w, r) => tf.losses.sigmoidCrossEntropy(y, z, w as tf.Tensor, 0, r),
  'sigmoidCrossEntropy, smoothed': (y, z, w, r) =>
    tf.losses.sigmoidCrossEntropy(y, z, w as tf.Tensor, 0.2, r),
  softmaxCrossEntropy: (y, z, w, r) => tf.losses.softmaxCrossEntropy(y, z, w as tf.Tensor, 0, r),
  'softmaxCrossEntropy, smoothed': (y, z, w, r) =>
    tf.losses.softmaxCrossEntropy(y, z, w as tf.Tensor, 0.2, r),
};

function linear(batch: number): Problem & { readonly outputs: (x: tf.Tensor) => tf.Tensor } {
  const [w, b] = [variable([4, 3], 1), variable([3], 2)];
  return {
    data: [normal([batch, 4], 3), oneHot([batch], 3, 4)],
    variables: [w, b],
    outputs: (x) => tf.add(tf.matMul(x as Matrix, w as Matrix), b),
    loss: () => tf.scalar(0),
  };
}

eachBackend(() => {
  describe('tf.losses', () => {
    it.each(Object.entries(losses))('%s, one number an example', (_, loss) => {
      const problem = linear(5);
      expectEqualsLoop({
        ...problem,
        loss: ([x, y]) => meanOfExample(loss(y!, problem.outputs(x!), undefined, tf.Reduction.NONE)),
      });
    });

    it.each([
      ['MEAN', tf.Reduction.MEAN],
      ['SUM', tf.Reduction.SUM],
    ])('reduced by %s over batches of 5 and of 2, without weights', (_, reduction) => {
      for (const batch of [5, 2]) {
        const problem = linear(batch);
        for (const loss of Object.values(losses)) {
          expectEqualsLoop({
            ...problem,
            loss: ([x, y]) => loss(y!, problem.outputs(x!), undefined, reduction),
          });
        }
      }
    });

    it('summed with one public weight for all', () => {
      const problem = linear(5);
      for (const loss of Object.values(losses)) {
        const summed = ([x, y]: readonly tf.Tensor[]) => loss(y!, problem.outputs(x!), 0.3, tf.Reduction.SUM);
        expectEqualsLoop({ ...problem, loss: summed });
      }
    });

    // tfjs writes these means as a sum and a division by a number that it reads off the batch.
    it.each([
      ['by default, without weights', tf.Reduction.SUM_BY_NONZERO_WEIGHTS, undefined],
      ['by default, with one public weight', tf.Reduction.SUM_BY_NONZERO_WEIGHTS, 0.3],
      ['by MEAN, with one public weight', tf.Reduction.MEAN, 0.3],
    ])('reduced %s: exact, or refused for its divisor', (_, reduction, weight) => {
      for (const batch of [5, 2]) {
        const problem = linear(batch);
        for (const loss of Object.values(losses)) {
          try {
            expectEqualsLoop({
              ...problem,
              loss: ([x, y]) => loss(y!, problem.outputs(x!), weight, reduction),
            });
          } catch (error) {
            expect(error).toMatchObject({ code: 'DP_CROSS_EXAMPLE' });
            expect((error as Error).message).toMatch(/div.*Reduction/is);
          }
        }
      }
    });

    it('weights of the examples, unreduced: they act before clipping', () => {
      const problem = linear(6);
      const next = uniforms(9);
      const weights = tf.tensor2d([0, 1, 3, next(), next(), 10], [6, 1]);
      for (const loss of Object.values(losses)) {
        const data = [...problem.data, weights];
        const perExample = ([x, y, w]: readonly tf.Tensor[]) => {
          const each = meanOfExample(loss(y!, problem.outputs(x!), undefined, tf.Reduction.NONE));
          return tf.mul(each, tf.reshape(w!, [-1]));
        };
        expectEqualsLoop({ ...problem, data, loss: perExample });
        expectEqualsLoop({ ...problem, data, loss: (rows) => tf.mean(perExample(rows)) });
      }
      const elementwise = losses.meanSquaredError!;
      expectEqualsLoop({
        ...problem,
        data: [...problem.data, weights],
        loss: ([x, y, w]) => meanOfExample(elementwise(y!, problem.outputs(x!), w, tf.Reduction.NONE)),
      });
    });

    it('computeWeightedLoss unreduced', () => {
      const problem = linear(5);
      expectEqualsLoop({
        ...problem,
        data: [...problem.data, normal([5, 3], 8)],
        loss: ([x, y, w]) => {
          const each = tf.squaredDifference(y!, problem.outputs(x!));
          return meanOfExample(tf.losses.computeWeightedLoss(each, tf.abs(w!), tf.Reduction.NONE));
        },
      });
    });
  });

  describe('how a loss is reduced', () => {
    const [batch, steps] = [4, 3];
    const sequence = () => {
      const w = variable([2, 3], 1);
      const data = [normal([batch, steps, 2], 2), normal([batch, steps, 3], 3), normal([batch, steps], 4)];
      const elements = ([x, y]: readonly tf.Tensor[]) => {
        const z = tf.matMul(tf.reshape(x!, [-1, 2]) as Matrix, w as Matrix);
        return tf.squaredDifference(tf.reshape(z, [-1, steps, 3]), y!);
      };
      return { w, data, elements };
    };
    const ways: Record<string, (elements: tf.Tensor, data: readonly tf.Tensor[]) => tf.Tensor> = {
      'mean over [B, T, d]': (e) => tf.mean(e),
      'sum over [B, T, d]': (e) => tf.sum(e),
      'mean over time, then over examples': (e) => tf.mean(tf.mean(e, [1, 2])),
      'sum over time, mean over examples': (e) => tf.mean(tf.sum(e, [1, 2])),
      'mean over the features, sum over time, mean over examples': (e) => tf.mean(tf.sum(tf.mean(e, 2), 1)),
      'mean with keepDims': (e) => tf.reshape(tf.mean(e, [0, 1, 2], true), []),
      'the mean of the examples by 0.5': (e) => tf.mul(tf.mean(e), 0.5),
      'half the sum': (e) => tf.mul(tf.sum(e), 0.5),
      'two means added': (e) => tf.add(tf.mean(e), tf.mean(tf.abs(e))),
      'a mean minus a mean': (e) => tf.sub(tf.mean(tf.square(e)), tf.mul(0.1, tf.mean(e))),
      'a negated mean': (e) => tf.neg(tf.mean(tf.exp(tf.neg(e)))),
      'each example averaged over its own unmasked steps': (e, [, , mask]) => {
        const keep = tf.cast(tf.greater(mask!, -0.5), 'float32');
        const perStep = tf.mul(tf.mean(e, 2), keep);
        return tf.div(tf.sum(perStep, 1), tf.add(tf.sum(keep, 1), 1));
      },
    };
    it.each(Object.entries(ways))('%s', (_, reduce) => {
      const { w, data, elements } = sequence();
      expectEqualsLoop({ data, variables: [w], loss: (rows) => reduce(elements(rows), rows) });
    });

    const ambiguous: Record<string, (elements: tf.Tensor) => tf.Tensor> = {
      'over [B·T, d] flattened': (e) => tf.mean(tf.reshape(e, [-1, 3])),
      'over examples first': (e) => tf.sum(tf.mean(e, 0)),
      'over time major': (e) => tf.mean(tf.transpose(e, [1, 0, 2])),
    };
    it.each(Object.entries(ambiguous))(
      'a mean %s is exact, or refused for want of a batch axis',
      (_, reduce) => {
        const { w, data, elements } = sequence();
        try {
          expectEqualsLoop({ data, variables: [w], loss: (rows) => reduce(elements(rows)) });
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.any(String),
            message: expect.stringMatching(/examples.*batch/),
          });
        }
      },
    );

    it('a weight that happens to be the number of examples is kept, or refused', () => {
      const { w, data, elements } = sequence();
      try {
        expectEqualsLoop({ data, variables: [w], loss: (rows) => tf.mul(tf.mean(elements(rows)), 4) });
      } catch (error) {
        expect(error).toMatchObject({ code: 'DP_CROSS_EXAMPLE', message: expect.stringMatching(/number/) });
      }
    });

    it('one loss an example with a trailing axis of one', () => {
      const { w, data, elements } = sequence();
      const column = (rows: readonly tf.Tensor[]) => tf.mean(elements(rows), [1, 2]);
      expectEqualsLoop({ data, variables: [w], loss: (rows) => tf.mean(tf.reshape(column(rows), [-1, 1])) });
    });

    it('a sum and a mean give the same clipped sum, a batch of losses too', () => {
      const { w, data, elements } = sequence();
      const perExample = () => tf.mean(elements(data), [1, 2]);
      const sums = [perExample, () => tf.mean(perExample()), () => tf.sum(perExample())].map((f) => {
        const result = new PerExampleEngine().clippedSum(f, [w], { l2NormClip: 0.5 });
        return Float64Array.from(result.sums[0]!.dataSync());
      });
      expect(normOf([sums[0]!])).toBeGreaterThan(0.1);
      expect(distance(sums[0]!, sums[1]!)).toBeLessThan(1e-5);
      expect(distance(sums[0]!, sums[2]!)).toBeLessThan(1e-5);
    });

    it('value is the loss that f returned, averaged over the examples where it returned one each', () => {
      const { w, data, elements } = sequence();
      const perExample = () => tf.mean(elements(data), [1, 2]);
      const average = tf.mean(perExample()).dataSync()[0]!;
      const total = tf.sum(perExample()).dataSync()[0]!;
      const ways: [() => tf.Tensor, number][] = [
        [perExample, average],
        [() => tf.mean(perExample()), average],
        [() => tf.sum(perExample()), total],
      ];
      for (const [f, expected] of ways) {
        const result = new PerExampleEngine().clippedSum(f, [w], { l2NormClip: 0.5 });
        expect(result.value.dataSync()[0]).toBeCloseTo(expected, 4);
        disposeResult(result);
      }
    });
  });

  describe('terms that read no data', () => {
    it.each(['mean', 'sum'] as const)(
      'beside a %s of losses they are penalties, unclipped and unscaled',
      (way) => {
        const [w, b] = [variable([4, 3], 1), variable([3], 2)];
        const data = [normal([5, 4], 3), normal([5, 3], 4)];
        const perExample = ([x, y]: readonly tf.Tensor[]) =>
          tf.mean(tf.squaredDifference(tf.add(tf.matMul(x as Matrix, w as Matrix), b), y!), 1);
        const penalty = () =>
          tf.add(tf.mul(0.3, tf.sum(tf.square(w))), tf.mul(0.2, tf.sum(tf.abs(w)))) as tf.Scalar;
        const l2NormClip = 0.4;
        const plain = new PerExampleEngine().clippedSum(() => perExample(data), [w, b], { l2NormClip });
        const f = () =>
          tf.add(way === 'mean' ? tf.mean(perExample(data)) : tf.sum(perExample(data)), penalty());
        const result = new PerExampleEngine().clippedSum(f, [w, b], { l2NormClip });
        for (const v of [0, 1]) {
          const [sum, alone] = [result.sums[v]!.dataSync(), plain.sums[v]!.dataSync()];
          expect(distance(sum, alone)).toBeLessThan(1e-5);
        }
        expect(distance(result.privateValues.norms, plain.privateValues.norms)).toBeLessThan(1e-5);
        const expected = w.dataSync().map((value) => 0.6 * value + 0.2 * Math.sign(value));
        expect(normOf([expected])).toBeGreaterThan(0.5);
        expect(distance(result.penalties[0]!.dataSync(), expected)).toBeLessThan(1e-5);
        expect(result.penalties[1]).toBeNull();
        expect(plain.penalties).toEqual([null, null]);
      },
    );

    it('a penalty on a variable that no example reaches', () => {
      const [w, idle] = [variable([4, 3], 1), variable([2], 2)];
      const x = normal([5, 4], 3);
      const f = () =>
        tf.add(tf.mean(tf.square(tf.matMul(x as Matrix, w as Matrix))), tf.sum(tf.square(idle)));
      const result = new PerExampleEngine().clippedSum(f, [idle, w], { l2NormClip: 1 });
      expect(Array.from(result.sums[0]!.dataSync())).toEqual([0, 0]);
      const doubled = idle.dataSync().map((value) => 2 * value);
      expect(distance(result.penalties[0]!.dataSync(), doubled)).toBeLessThan(1e-6);
      expect(result.penalties[1]).toBeNull();
    });
  });
});

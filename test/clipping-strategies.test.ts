/**
 * Every clipping strategy through the whole optimizer step: what one example moves, whatever it holds; the strategies
 * against the one-example loop; physical batches, penalties, empty batches, saving; and what adaptive clipping
 * releases.
 */
import * as tf from '@tensorflow/tfjs-core';
import { composed, gaussian, selfComposed, shuffled } from 'privacy-accounting';
import {
  adaptiveClipping,
  automaticClipping,
  type Clipping,
  DpOptimizer,
  type DpOptimizerOptions,
  dpAdamBC,
  dpOptimizer,
  flatClipping,
  linearSchedule,
  normalizedClipping,
  perGroupClipping,
  perLayerClipping,
  stepSchedule,
} from 'tfjs-privacy';
import { describe, expect, it } from 'vitest';
import { eachBackend } from './backends.js';
import { distance, normOf, oneExampleGradients } from './engine/one-example-loop.js';
import { normals } from './engine/seeded-data.js';
import { errorText } from './error-text.js';

type Row = readonly number[];

const WIDTH = 4;
const BATCH = 8;
const strategies: Record<string, Clipping> = {
  flat: flatClipping(),
  'per layer': perLayerClipping(),
  'per layer by size': perLayerClipping({ weights: 'sqrt-dimension' }),
  'per group': perGroupClipping([
    { match: /bias$/, share: 1 },
    { match: /kernel$/, share: 3 },
  ]),
  'per group, in absolute numbers': perGroupClipping([
    { match: /bias$/, l2NormClip: 0.3 },
    { match: /kernel$/, l2NormClip: 0.4 },
  ]),
  automatic: automaticClipping(),
  normalized: normalizedClipping(),
  adaptive: adaptiveClipping({ countNoiseMultiplier: 3 }),
  'adaptive per layer': adaptiveClipping({ per: 'layer', countNoiseMultiplier: 3 }),
};
const names = Object.keys(strategies);
/** √ΣC² where l2NormClip is 0.5: every strategy spends all of it. */
const C = 0.5;

let models = 0;
/** Two layers of variables named as tfjs-layers names them, at fixed values. */
function makeProblem() {
  const id = `clip${models++}`;
  const make = (name: string, shape: number[], seed: number) =>
    tf.variable(tf.tensor(normals(tf.util.sizeFromShape(shape), seed, 0.5), shape), true, `${id}_${name}`);
  const [k1, b1] = [make('one/kernel', [WIDTH, 5], 1), make('one/bias', [5], 2)];
  const [k2, b2] = [make('two/kernel', [5, 3], 3), make('two/bias', [3], 4)];
  const variables = [k1, b1, k2, b2];
  const start = variables.map((variable) => Float64Array.from(variable.dataSync()));
  const loss = (rows: tf.Tensor) => {
    const hidden = tf.relu(tf.add(tf.matMul(rows as tf.Tensor2D, k1 as tf.Tensor2D), b1));
    const output = tf.add(tf.matMul(hidden as tf.Tensor2D, k2 as tf.Tensor2D), b2);
    return tf.mean(tf.square(tf.sub(output, 1)), 1);
  };
  const reset = () =>
    variables.forEach((variable, i) => {
      const value = tf.tensor(Float32Array.from(start[i]!), variable.shape);
      variable.assign(value);
      value.dispose();
    });
  const moved = () =>
    Float64Array.from(
      variables.flatMap((variable, i) => [...variable.dataSync()].map((value, j) => start[i]![j]! - value)),
    );
  return { variables, loss, reset, moved, dispose: () => tf.dispose(variables) };
}
type Problem = ReturnType<typeof makeProblem>;

/** An SGD step of rate 1 and unit divisor moves the weights by minus the sum. */
const sumOnly = (clipping: Clipping): DpOptimizerOptions => ({
  l2NormClip: C,
  noiseMultiplier: 0,
  expectedBatchSize: 1,
  clipping,
});

/** One whole step from the start on these rows, in physical batches of at most `size`. */
function stepOn(problem: Problem, optimizer: DpOptimizer, rows: readonly Row[], size = 100): Float64Array {
  problem.reset();
  for (let from = 0; from < rows.length; from += size) {
    const part = rows.slice(from, from + size);
    const data = tf.tensor2d(
      part.map((row) => [...row]),
      [part.length, WIDTH],
    );
    optimizer.accumulate(() => problem.loss(data), problem.variables).dispose();
    data.dispose();
  }
  optimizer.step(problem.variables);
  return problem.moved();
}

const random = (count: number, seed: number, scale = 1): Row[] =>
  Array.from({ length: count }, (_, i) => [...normals(WIDTH, 100 * seed + i, scale)]);
const filled = (value: number) => new Array<number>(WIDTH).fill(value);
const extremes: Row[] = [
  filled(0),
  filled(1e10),
  filled(-3e38),
  filled(1e-30),
  filled(Number.NaN),
  [1, Number.POSITIVE_INFINITY, 0, 0],
  [1e18, -1e18, 1, 0],
];
const SLACK = 1 + 1e-5;

eachBackend(() => {
  describe.each(names)('%s clipping', (name) => {
    const clipping = strategies[name] as Clipping;

    it('one example, added, removed or zeroed, moves the step by at most C; replaced, by at most 2C', () => {
      const problem = makeProblem();
      // Adaptive clipping starts from the same C for each data set, and so with an optimizer of its own.
      const make = () => dpOptimizer(tf.train.sgd(1), sumOnly(clipping));
      const shared = clipping.kind === 'adaptive' ? undefined : make();
      const sumOf = (rows: readonly Row[]) => stepOn(problem, shared ?? make(), rows);
      const aligned = Array.from({ length: 5 }, () => filled(3));
      let largest = 0;
      for (const base of [random(5, 1), random(5, 2, 30), aligned]) {
        const whole = sumOf(base);
        const others = base.slice(1);
        expect(distance(sumOf(others), whole)).toBeLessThanOrEqual(C * SLACK);
        expect(distance(sumOf([filled(Number.NaN), ...others]), whole)).toBeLessThanOrEqual(C * SLACK);
        for (const newcomer of [...extremes, ...random(1, 4, 100), filled(3)]) {
          const added = distance(sumOf([...base, newcomer]), whole);
          expect(added).toBeLessThanOrEqual(C * SLACK);
          const replaced = distance(sumOf([newcomer, ...others]), whole);
          expect(replaced).toBeLessThanOrEqual(2 * C * SLACK);
          largest = Math.max(largest, added);
        }
      }
      // The bound is reached: a test that clips to nothing would pass as well.
      expect(largest).toBeGreaterThan(0.6 * C);
      problem.dispose();
    });

    it('takes the sum that the one-example loop gives', () => {
      const problem = makeProblem();
      const rows = random(6, 5, 2);
      const data = tf.tensor2d(
        rows.map((row) => [...row]),
        [6, WIDTH],
      );
      const gradients = oneExampleGradients({
        data: [data],
        variables: problem.variables,
        loss: ([x]) => problem.loss(x as tf.Tensor),
      });
      const expected = new Float64Array(problem.moved().length);
      for (const parts of gradients) {
        const scaled = clipByHand(name, parts);
        scaled.forEach((value, k) => {
          expected[k]! += value;
        });
      }
      const sum = stepOn(problem, dpOptimizer(tf.train.sgd(1), sumOnly(clipping)), rows);
      expect(normOf([expected])).toBeGreaterThan(0.1);
      expect(distance(sum, expected)).toBeLessThanOrEqual(1e-5 * normOf([expected]) + 1e-6);
      problem.dispose();
    });

    it('is the same step in physical batches, step after step', () => {
      const problem = makeProblem();
      const [whole, parts] = [0, 1].map(() => dpOptimizer(tf.train.sgd(1), sumOnly(clipping)));
      for (let step = 0; step < 3; step++) {
        const rows = random(7, 10 + step, 2);
        const expected = stepOn(problem, whole as DpOptimizer, rows);
        const got = stepOn(problem, parts as DpOptimizer, rows, 3);
        expect(distance(got, expected)).toBeLessThanOrEqual(1e-5 * normOf([expected]));
        expect(parts?.l2NormClip).toBeCloseTo(whole?.l2NormClip as number, 10);
      }
      problem.dispose();
    });

    it('leaves the penalty outside, and asks for it with an empty batch', () => {
      const problem = makeProblem();
      const optimizer = dpOptimizer(tf.train.sgd(1), sumOnly(clipping));
      const penalty = () =>
        tf.mul(tf.addN(problem.variables.map((v) => tf.sum(tf.square(v)))), 50) as tf.Scalar;
      optimizer.step(problem.variables, penalty);
      const start = problem.moved();
      problem.reset();
      const data = tf.tensor2d(random(5, 6).flat(), [5, WIDTH]);
      optimizer.accumulate(() => problem.loss(data), problem.variables).dispose();
      optimizer.step(problem.variables, penalty);
      expect(normOf([start])).toBeGreaterThan(100);
      expect(distance(problem.moved(), start)).toBeLessThanOrEqual(5 * C * SLACK);
      expect(distance(problem.moved(), start)).toBeGreaterThan(0.05 * C);
      problem.dispose();
    });

    it('an empty batch is a step with noise of σC, booked like every other', () => {
      const w = tf.variable(tf.zeros([2000]), true, `${name}${models++}/kernel`);
      const b = tf.variable(tf.zeros([2000]), true, `${name}${models++}/bias`);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: C,
        noiseMultiplier: 2,
        expectedBatchSize: 10,
        clipping,
        seed: 'empty',
      });
      const planned: number[] = [];
      optimizer.useBook({
        book: ({ sensitivity }) => {
          planned.push(sensitivity);
        },
        event: optimizer.event,
      });
      optimizer.step([w, b]);
      const all = [...w.dataSync(), ...b.dataSync()];
      const sd = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0) / all.length);
      const k = name === 'adaptive per layer' ? 2 : name === 'adaptive' ? 1 : 0;
      const sigma = (2 ** -2 - k / 36) ** -0.5;
      // 4,000 samples: the relative standard error of their root mean square is 0.011; seven of them: 3e-12.
      expect(planned).toHaveLength(1);
      expect(planned[0]).toBeCloseTo(C, 12);
      expect(Math.abs(sd / ((sigma * C) / 10) - 1)).toBeLessThan(0.08);
      tf.dispose([w, b]);
    });

    it('survives its configuration, and is refused with one that is damaged', () => {
      const optimizer = dpOptimizer(dpAdamBC(), {
        l2NormClip: C,
        noiseMultiplier: stepSchedule({ values: [1, 2], boundaries: [4] }),
        expectedBatchSize: BATCH,
        clipping,
        learningRate: linearSchedule({ from: 0.1, to: 0, steps: 10 }),
      });
      const w = [
        tf.variable(tf.zeros([2]), true, `saved${models++}/kernel`),
        tf.variable(tf.zeros([2]), true, `saved${models++}/bias`),
      ];
      optimizer.step(w);
      const config = JSON.parse(JSON.stringify(optimizer.getConfig())) as tf.serialization.ConfigDict;
      const again = DpOptimizer.fromConfig(DpOptimizer as never, config) as unknown as DpOptimizer;
      expect(again.getConfig()).toEqual(optimizer.getConfig());
      expect(again.clipping).toEqual(clipping);
      expect(again.steps).toBe(1);
      if (clipping.kind !== 'flat') {
        const damaged = { ...config, clipping: '{' };
        expect(errorText(() => DpOptimizer.fromConfig(DpOptimizer as never, damaged))).toMatch(/^DP_CORRUPT/);
      }
      tf.dispose(w);
    });

    it('keeps as many tensors after 30 steps as after 2', () => {
      const problem = makeProblem();
      const optimizer = dpOptimizer(dpAdamBC(), {
        l2NormClip: linearSchedule({ from: 1, to: 0.5, steps: 20 }),
        noiseMultiplier: 1,
        expectedBatchSize: BATCH,
        learningRate: linearSchedule({ from: 0.1, to: 0, steps: 20 }),
        ...(clipping.kind === 'adaptive' || name.includes('absolute') ? { l2NormClip: C } : {}),
        clipping,
      });
      const rows = random(BATCH, 7);
      for (let step = 0; step < 2; step++) stepOn(problem, optimizer, rows, 5);
      const before = tf.memory().numTensors;
      for (let step = 2; step < 30; step++) stepOn(problem, optimizer, rows, 5);
      expect(tf.memory().numTensors).toBe(before);
      problem.dispose();
    });
  });

  describe('adaptive clipping', () => {
    const options = { targetQuantile: 0.5, learningRate: 0.2, countNoiseMultiplier: 1.5 };
    /** The centred counts of a noiseless step, read off what it made of C. */
    const countsOf = (optimizer: DpOptimizer, before: number) =>
      (optimizer.clippingBounds ?? []).map(
        // expectedBatchSize is 1.
        (bound) => -Math.log(bound / before) / options.learningRate + options.targetQuantile - 0.5,
      );

    it.each(['all', 'layer'] as const)(
      '%s: sum and counts together move no more than one mechanism of σ',
      (per) => {
        const problem = makeProblem();
        const groups = per === 'all' ? 1 : 2;
        const release = (rows: readonly Row[], l2NormClip: number) => {
          const clipping = adaptiveClipping({ ...options, per });
          const optimizer = dpOptimizer(tf.train.sgd(1), { ...sumOnly(clipping), l2NormClip });
          const sum = stepOn(problem, optimizer, rows);
          return { sum, counts: countsOf(optimizer, l2NormClip / Math.sqrt(groups)) };
        };
        const sigma = 1.2;
        const gradients = (sigma ** -2 - groups / (2 * options.countNoiseMultiplier) ** 2) ** -0.5;
        let largest = 0;
        // Every example clipped, some, none.
        for (const [base, clip] of [
          [random(4, 3, 30), C],
          [random(4, 1), 2],
          [random(4, 1), 1000],
        ] as const) {
          const one = release(base, clip);
          const neighbours = [
            ...extremes.map((row) => [...base, row]),
            ...random(3, 4, 50).map((row) => [...base, row]),
            base.slice(1),
            [filled(Number.NaN), ...base.slice(1)],
          ];
          for (const rows of neighbours) {
            const other = release(rows, clip);
            const byGradient = (distance(one.sum, other.sum) / (gradients * clip)) ** 2;
            const byCount = one.counts.reduce(
              (sum, count, g) =>
                sum + ((count - (other.counts[g] as number)) / options.countNoiseMultiplier) ** 2,
              0,
            );
            const together = (byGradient + byCount) * sigma ** 2;
            expect(together).toBeLessThanOrEqual(SLACK);
            largest = Math.max(largest, together);
            for (const [g, count] of one.counts.entries()) {
              expect(Math.abs(count - (other.counts[g] as number))).toBeLessThanOrEqual(0.5 + 1e-6);
            }
          }
        }
        expect(largest).toBeGreaterThan(0.95);
        problem.dispose();
      },
    );

    it('is booked as a Gaussian mechanism of the stated σ, nothing more', () => {
      const w = tf.variable(tf.zeros([3]), true);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 1,
        noiseMultiplier: 1.2,
        expectedBatchSize: 4,
        clipping: adaptiveClipping(options),
      });
      for (let step = 0; step < 3; step++) optimizer.step([w]);
      const once = shuffled({ event: gaussian({ noiseMultiplier: 1.2 }) });
      expect(optimizer.event).toEqual(composed([selfComposed({ count: 3, event: once })]));
      w.dispose();
    });

    it('noises every count afresh, by σ_b, from the optimizer’s own source', () => {
      const w = tf.variable(tf.zeros([1]), true);
      const make = (seed?: string) =>
        dpOptimizer(tf.train.sgd(1), {
          l2NormClip: 1,
          noiseMultiplier: 1,
          expectedBatchSize: 10,
          clipping: adaptiveClipping({ ...options, learningRate: 0.01 }),
          ...(seed === undefined ? {} : { seed }),
        });
      const steps = 2000;
      const noiseOf = (optimizer: DpOptimizer) => {
        let before = 1;
        return Array.from({ length: steps }, () => {
          optimizer.step([w]);
          const bound = optimizer.clippingBounds?.[0] as number;
          const share = -Math.log(bound / before) / 0.01 + 0.5;
          before = bound;
          return 10 * (share - 0.5);
        });
      };
      const optimizer = make('counts');
      expect(optimizer.secure).toBe(false);
      expect(make().secure).toBe(true);
      const noise = noiseOf(optimizer);
      const mean = noise.reduce((sum, value) => sum + value, 0) / steps;
      const variance = noise.reduce((sum, value) => sum + value * value, 0) / steps;
      const lagged = noise.slice(1).reduce((sum, value, k) => sum + value * (noise[k] as number), 0) / steps;
      // Standard errors 1/√n, √(2/n) and 1/√n of σ_b and its squares; seven of each: 3e-12 by chance.
      expect(Math.abs(mean)).toBeLessThan((7 * 1.5) / Math.sqrt(steps));
      expect(Math.abs(variance / 2.25 - 1)).toBeLessThan(7 * Math.sqrt(2 / steps));
      expect(Math.abs(lagged / 2.25)).toBeLessThan(7 / Math.sqrt(steps));
      expect(noiseOf(make()).slice(0, 5)).not.toEqual(noiseOf(make()).slice(0, 5));
      w.dispose();
    });

    it('comes to the quantile of the norms', () => {
      // Gradients x·e₁ with x uniform on (0, 10): the 0.7 quantile of the norms is 7.
      const w = tf.variable(tf.zeros([1]), true);
      const size = 200;
      const x = tf.tensor2d(
        Array.from({ length: size }, (_, i) => (10 * (i + 0.5)) / size),
        [size, 1],
      );
      const optimizer = dpOptimizer(tf.train.sgd(1e-6), {
        l2NormClip: 0.5,
        noiseMultiplier: 1,
        expectedBatchSize: size,
        clipping: adaptiveClipping({ targetQuantile: 0.7 }),
        seed: 'quantile',
      });
      const seen: number[] = [];
      for (let step = 0; step < 120; step++) {
        optimizer.minimize(() => tf.sum(tf.mul(x, w), 1), false, [w]);
        if (step >= 80) seen.push(optimizer.l2NormClip);
      }
      // η_C·σ_b/B = 0.01 of noise a step, pulled back by η_C·7/10: C stays within 0.02 of ln 7 in standard deviation.
      for (const value of seen) expect(Math.abs(Math.log(value / 7))).toBeLessThan(0.14);
      tf.dispose([w, x]);
    });

    it('is saved with the model, and goes on from there', async () => {
      const problem = makeProblem();
      const make = () =>
        dpOptimizer(tf.train.adam(0.01), {
          l2NormClip: 1,
          noiseMultiplier: 0.1,
          expectedBatchSize: BATCH,
          clipping: adaptiveClipping({ ...options, per: 'layer' }),
        });
      const [one, two] = [make(), make()];
      stepOn(problem, one, random(BATCH, 8));
      const weights = await one.getWeights();
      await two.setWeights(weights);
      weights.filter(({ name }) => name === 'iter').forEach(({ tensor }) => void tensor.dispose());
      two.clippingBounds?.forEach((bound, g) => {
        expect(bound).toBeCloseTo(one.clippingBounds?.[g] as number, 6);
      });
      expect(two.clippingBounds).toHaveLength(2);
      stepOn(problem, two, random(BATCH, 9));
      problem.dispose();
    });

    it('stops with a named error where C runs away', () => {
      const w = tf.variable(tf.zeros([1]), true);
      const x = tf.zeros([4, 1]);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 1,
        noiseMultiplier: 0,
        expectedBatchSize: 4,
        clipping: adaptiveClipping({ ...options, learningRate: 5 }),
      });
      const run = () => {
        for (let step = 0; step < 50; step++) optimizer.minimize(() => tf.sum(tf.mul(x, w), 1), false, [w]);
      };
      expect(errorText(run)).toMatch(/^DP_NUMERICAL .*clipping norm/);
      expect(optimizer.l2NormClip).toBeGreaterThan(0);
      w.dispose();
    });

    it('refuses what leaves no noise for the gradients, a schedule of C beside it, and an endless C', () => {
      const make = (more: Partial<DpOptimizerOptions>) => () =>
        dpOptimizer(tf.train.sgd(1), {
          l2NormClip: 1,
          noiseMultiplier: 1,
          expectedBatchSize: 100,
          clipping: adaptiveClipping(),
          ...more,
        });
      expect(errorText(make({}))).toBe('no error');
      expect(errorText(make({ expectedBatchSize: 10 }))).toMatch(
        /countNoiseMultiplier.*expectedBatchSize \/ 20/,
      );
      const rising = stepSchedule({ values: [1, 20], boundaries: [9] });
      expect(errorText(make({ noiseMultiplier: rising }))).toMatch(/countNoiseMultiplier/);
      expect(errorText(make({ l2NormClip: rising }))).toMatch(/l2NormClip to be a number/);
      expect(errorText(make({ l2NormClip: Number.POSITIVE_INFINITY, noiseMultiplier: 0 }))).toMatch(
        /finite l2NormClip/,
      );
      // Two layers want more than one count.
      const [a, b] = ['a/w', 'b/w'].map((name) =>
        tf.variable(tf.zeros([1]), true, `tight${models++}${name}`),
      );
      const tight = make({ clipping: adaptiveClipping({ per: 'layer', countNoiseMultiplier: 0.6 }) })();
      const before = tight.event;
      expect(errorText(() => tight.step([a as tf.Variable, b as tf.Variable]))).toMatch(/2 counts/);
      expect(tight.event).toEqual(before);
      tf.dispose([a, b] as tf.Variable[]);
    });
  });
});

/** What the strategies' definitions say, in float64, for l2NormClip = 0.5 and the groups of the problem above. */
function clipByHand(name: string, parts: readonly Float64Array[]): number[] {
  const factor = (norm: number, clip: number) => Math.min(1, clip / norm);
  const by = (groups: readonly (readonly number[])[], clips: readonly number[]): number[] => {
    const out = parts.map((part) => [...part]);
    groups.forEach((members, g) => {
      const norm = normOf(members.map((i) => parts[i] as Float64Array));
      for (const i of members) out[i] = out[i]!.map((value) => value * factor(norm, clips[g] as number));
    });
    return out.flat();
  };
  const all = [[0, 1, 2, 3]];
  const layers = [
    [0, 1],
    [2, 3],
  ];
  const sorts = [
    [1, 3],
    [0, 2],
  ];
  switch (name) {
    case 'per layer':
    case 'adaptive per layer':
      return by(layers, [C / Math.SQRT2, C / Math.SQRT2]);
    case 'per layer by size':
      return by(layers, [C * Math.sqrt(25 / 43), C * Math.sqrt(18 / 43)]);
    case 'per group':
      return by(sorts, [C / Math.sqrt(10), (3 * C) / Math.sqrt(10)]);
    case 'per group, in absolute numbers':
      return by(sorts, [0.3, 0.4]);
    case 'automatic':
      return parts.flatMap((part) => [...part].map((value) => (value * C) / (normOf(parts) + 0.01)));
    case 'normalized':
      return parts.flatMap((part) => [...part].map((value) => (value * C) / normOf(parts)));
    default:
      return by(all, [C]);
  }
}

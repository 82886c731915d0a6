/**
 * privateFit with schedules, clipping strategies, averaged weights, several views of an example and discrete noise:
 * what is booked, what is kept on disk, and how it goes on after an interruption.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {
  composed,
  DpError,
  epsilonOf,
  gaussian,
  poissonSampled,
  selfComposed,
  shuffled,
} from 'privacy-accounting';
import {
  adaptiveClipping,
  averageOverViews,
  cosineSchedule,
  dpAdamBC,
  dpOptimizer,
  exponentialSchedule,
  linearSchedule,
  loadRun,
  type PrivateFitOptions,
  perGroupClipping,
  perLayerClipping,
  privateFit,
  type RampSchedule,
  type Schedule,
  scheduleAt,
  stepSchedule,
} from 'tfjs-privacy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimOf } from '../src/cli/run-claim.js';
import { eachBackend } from './backends.js';
import { distance, normOf } from './engine/one-example-loop.js';
import { normals } from './engine/seeded-data.js';

const N = 24;
const WIDTH = 4;

function makeModel(): tfl.LayersModel {
  const model = tfl.sequential({
    layers: [
      tfl.layers.dense({
        units: 5,
        activation: 'tanh',
        inputShape: [WIDTH],
        kernelRegularizer: tfl.regularizers.l2({ l2: 0.01 }),
      }),
      tfl.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  });
  model.setWeights(model.getWeights().map((w, k) => tf.tensor(normals(w.size, 30 + k, 0.5), w.shape)));
  return model;
}
const makeData = (rows = N) => ({
  xs: tf.tensor2d(normals(rows * WIDTH, 5), [rows, WIDTH]),
  ys: tf.oneHot(
    tf.tensor1d(
      Int32Array.from({ length: rows }, (_, i) => i % 3),
      'int32',
    ),
    3,
  ),
});
const weightsOf = (model: tfl.LayersModel) =>
  Float64Array.from(model.getWeights().flatMap((w) => [...w.dataSync()]));
const base = { delta: 1e-3, expectedBatchSize: 6, l2NormClip: 1, loss: 'categoricalCrossentropy' } as const;
const q = (noiseMultiplier: number) =>
  poissonSampled({ samplingProbability: 6 / N, event: gaussian({ noiseMultiplier }) });

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DpError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no error';
}

eachBackend(() => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'strategies-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs for `first` steps, stops, resumes to the end. */
  async function interrupted(options: PrivateFitOptions, first: number, makeOptimizer?: () => tf.Optimizer) {
    const runDirectory = join(directory, `run${Math.random()}`);
    const once = (more: Partial<PrivateFitOptions>) =>
      privateFit(makeModel(), makeData(), {
        ...options,
        ...(makeOptimizer === undefined ? {} : { optimizer: makeOptimizer() }),
        runDirectory,
        ...more,
      });
    const stop = new AbortController();
    const before = await once({
      signal: stop.signal,
      onStep: ({ step }) => {
        if (step === first) stop.abort();
      },
    });
    expect(before.stopped).toBe('aborted');
    return { before, after: await once({ resume: true }), runDirectory };
  }

  describe('a schedule of σ in privateFit', () => {
    const noiseMultiplier = stepSchedule({ values: [2, 1], boundaries: [3] });
    const byHand = composed([
      selfComposed({ count: 3, event: q(2) }),
      selfComposed({ count: 2, event: q(1) }),
    ]);

    it('is booked step by step, and goes on at the right step after an interruption', async () => {
      const rates: number[] = [];
      class Watched extends tf.SGDOptimizer {
        override applyGradients(gradients: Parameters<tf.SGDOptimizer['applyGradients']>[0]) {
          rates.push(this.learningRate);
          super.applyGradients(gradients);
        }
      }
      const learningRate = linearSchedule({ from: 0.5, to: 0, steps: 5 });
      const l2NormClip = exponentialSchedule({ from: 1, to: 0.1, steps: 5 });
      const options = { ...base, l2NormClip, noiseMultiplier, learningRate, steps: 5 };
      for (const first of [1, 3, 4]) {
        rates.length = 0;
        const { before, after, runDirectory } = await interrupted(options, first, () => new Watched(9));
        expect(before.privacy.steps).toBe(first);
        expect(after.privacy.event).toEqual(byHand);
        expect(after.privacy.epsilon.epsilon).toBe(
          epsilonOf(byHand, { delta: 1e-3, relation: 'add-or-remove-one' }).epsilon,
        );
        expect(after.privacy.noiseMultiplier).toBe(1);
        expect(after.privacy.noiseSchedule).toEqual(noiseMultiplier);
        rates.forEach((rate, step) => {
          expect(rate).toBeCloseTo(scheduleAt(learningRate, step), 12);
        });
        expect(rates).toHaveLength(5);
        const loaded = await loadRun(runDirectory);
        expect(loaded.config).toMatchObject({
          noiseMultiplier: 1,
          noiseSchedule: noiseMultiplier,
          l2NormClip: 1,
          clipSchedule: l2NormClip,
          learningRate,
        });
        const stated = JSON.parse(readFileSync(join(runDirectory, 'privacy.json'), 'utf8')) as Record<
          string,
          unknown
        >;
        expect(claimOf(loaded, stated).event).toEqual(byHand);
      }
    });

    it('is scaled as one to the target', async () => {
      const noiseShape = stepSchedule({ values: [2, 1], boundaries: [3] });
      const { privacy } = await privateFit(makeModel(), makeData(), {
        ...base,
        noiseShape,
        targetEpsilon: 1.5,
        steps: 5,
      });
      expect(privacy.epsilon.epsilon).toBeLessThanOrEqual(1.5);
      expect(privacy.epsilon.epsilon).toBeGreaterThan(1.4999);
      const scaled = privacy.noiseSchedule as Schedule;
      expect(scheduleAt(scaled, 0) / scheduleAt(scaled, 4)).toBeCloseTo(2, 12);
      const runs = [0, 1, 2, 3, 4].map((step) => scheduleAt(scaled, step));
      expect(
        epsilonOf(composed(runs.map(q)), { delta: 1e-3, relation: 'add-or-remove-one' }).epsilon,
      ).toBeCloseTo(privacy.epsilon.epsilon, 8);
    });

    it('a calibrated one is kept by its run, whatever the target is calibrated to later', async () => {
      const noiseShape = linearSchedule({ from: 3, to: 1, steps: 4 });
      const options = { ...base, noiseShape, targetEpsilon: 2, steps: 4 };
      const { before, after } = await interrupted(options, 2);
      expect(after.privacy.noiseSchedule).toEqual(before.privacy.noiseSchedule);
      expect(after.privacy.steps).toBe(4);
    });

    it('stops before the step that would pass the target', async () => {
      const { privacy, stopped } = await privateFit(makeModel(), makeData(), {
        ...base,
        noiseMultiplier: stepSchedule({ values: [4, 0.5], boundaries: [3] }),
        targetEpsilon: 1.5,
        steps: 6,
      });
      expect(stopped).toBe('budget');
      expect(privacy.steps).toBe(3);
    });

    it('shuffled: an epoch costs what its least noise costs', async () => {
      const { privacy } = await privateFit(makeModel(), makeData(), {
        ...base,
        sampler: 'shuffle',
        noiseMultiplier: linearSchedule({ from: 8, to: 1, steps: 7 }),
        steps: 6,
      });
      const epoch = (sigma: number) =>
        selfComposed({ count: 1, event: shuffled({ event: gaussian({ noiseMultiplier: sigma }) }) });
      expect(privacy.event).toEqual(composed([epoch(5), epoch(3)]));
    });

    it('refuses contradictions, another schedule for the same run, and a damaged one', async () => {
      const attempt = (more: Partial<PrivateFitOptions>) =>
        codeOf(privateFit(makeModel(), makeData(), { ...base, steps: 3, ...more }));
      const shape = linearSchedule({ from: 2, to: 1, steps: 3 });
      expect(await attempt({ noiseShape: shape })).toMatch(/targetEpsilon with noiseShape/);
      expect(await attempt({ noiseShape: shape, noiseMultiplier: 1, targetEpsilon: 2 })).toMatch(/both/);
      expect(
        await attempt({ noiseShape: linearSchedule({ from: 2, to: 0, steps: 3 }), targetEpsilon: 2 }),
      ).toMatch(/above 0/);
      expect(await attempt({ noiseMultiplier: { kind: 'ramp' } as never })).toMatch(
        /^DP_INVALID_ARGUMENT .*noiseMultiplier/,
      );
      const runDirectory = join(directory, 'kept');
      expect(await attempt({ noiseMultiplier: shape, runDirectory })).toBe('no error');
      const other = linearSchedule({ from: 3, to: 1, steps: 3 });
      expect(await attempt({ noiseMultiplier: other, runDirectory, resume: true })).toMatch(
        /noiseSchedule: .*"from":2.*"from":3/,
      );
      expect(
        await attempt({ noiseMultiplier: shape, clipping: perLayerClipping(), runDirectory, resume: true }),
      ).toMatch(/clipping/);
      // The same schedule, written in another order.
      const { every, steps, to, from, kind } = shape as RampSchedule;
      const reordered = { every, steps, to, from, kind };
      expect(await attempt({ noiseMultiplier: reordered, runDirectory, resume: true })).toBe('no error');
      const file = join(runDirectory, 'run.json');
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace('"from":2', '"from":-2'));
      expect(await codeOf(loadRun(runDirectory))).toMatch(/^DP_CORRUPT/);
      writeFileSync(file, text.replace('"noiseMultiplier":1', '"noiseMultiplier":7'));
      expect(await codeOf(loadRun(runDirectory))).toMatch(/^DP_CORRUPT .*noiseMultiplier is 7/);
    });
  });

  describe('clipping strategies in privateFit', () => {
    it('adaptive clipping goes on from the bounds of the checkpoint', async () => {
      const seen: number[] = [];
      const clipping = adaptiveClipping({ per: 'layer', countNoiseMultiplier: 3, learningRate: 0.5 });
      const options: PrivateFitOptions = { ...base, noiseMultiplier: 1, steps: 6, clipping };
      const runDirectory = join(directory, 'adaptive');
      const models = [makeModel(), makeModel()];
      const stop = new AbortController();
      const clipOf = (model: tfl.LayersModel) =>
        (model.optimizer as unknown as { l2NormClip: number }).l2NormClip;
      await privateFit(models[0]!, makeData(), {
        ...options,
        runDirectory,
        signal: stop.signal,
        onStep: ({ step }) => {
          seen.push(clipOf(models[0]!));
          if (step === 4) stop.abort();
        },
      });
      const resumed: number[] = [];
      const { privacy } = await privateFit(models[1]!, makeData(), {
        ...options,
        runDirectory,
        resume: true,
        onStep: () => void resumed.push(clipOf(models[1]!)),
      });
      expect(privacy.event).toEqual(selfComposed({ count: 6, event: q(1) }));
      expect(seen).toHaveLength(4);
      expect(seen[3]).not.toBeCloseTo(1, 3);
      // One step of the geometric update moves ln C by η_C(b̃ − γ), b̃ in −4 … 5 but for a chance of 1e-12.
      expect(Math.abs(Math.log(resumed[0]! / seen[3]!))).toBeLessThan(0.5 * 5);
      const loaded = await loadRun(runDirectory);
      expect(loaded.config.clipping).toEqual(clipping);
      expect(claimOf(loaded).event).toEqual(privacy.event);
    });

    it('groups that do not fit the model are refused before anything is booked', async () => {
      const runDirectory = join(directory, 'groups');
      const clipping = perGroupClipping([{ match: /kernel$/, share: 1 }]);
      const options = { ...base, noiseMultiplier: 1, steps: 2, clipping, runDirectory };
      expect(await codeOf(privateFit(makeModel(), makeData(), options))).toMatch(/bias' in none/);
      expect(readFileSync(join(runDirectory, 'record.jsonl'), 'utf8')).toBe('');
    });
  });

  describe('averaged weights in privateFit', () => {
    it('follow the steps, and are those of an uninterrupted run', async () => {
      const options = { ...base, noiseMultiplier: 1, steps: 6, weightAverageDecay: 0.6 };
      const model = makeModel();
      const expected = weightsOf(model);
      const { weightAverage } = await privateFit(model, makeData(), {
        ...options,
        onStep: ({ step }) => {
          // The average takes a step in before the step is told.
          const decay = Math.min(0.6, step / (9 + step));
          weightsOf(model).forEach((value, i) => {
            expected[i] = decay * expected[i]! + (1 - decay) * value;
          });
        },
      });
      const raw = weightsOf(model);
      weightAverage?.apply();
      expect(distance(weightsOf(model), expected)).toBeLessThanOrEqual(1e-5 * normOf([expected]));
      expect(distance(weightsOf(model), raw)).toBeGreaterThan(1e-3);
      weightAverage?.restore();
      expect(weightsOf(model)).toEqual(raw);
    });

    it('are checkpointed and resumed', async () => {
      const options = { ...base, noiseMultiplier: 1, steps: 5, weightAverageDecay: 0.9, learningRate: 0.01 };
      const { before, after } = await interrupted(options, 3);
      expect(before.weightAverage?.updates).toBe(3);
      expect(after.weightAverage?.updates).toBe(5);
      const flat = (tensors: readonly tf.Tensor[] = []) =>
        Float64Array.from(tensors.flatMap((t) => [...t.dataSync()]));
      const far = distance(
        flat(before.weightAverage?.averagedWeights()),
        flat(after.weightAverage?.averagedWeights()),
      );
      // Two steps of Adam at this rate move no weight by more than 0.02·√10.
      expect(far).toBeGreaterThan(0);
      expect(far).toBeLessThan(0.5);
    });
  });

  describe('several views of an example', () => {
    const noisyView = (xs: tf.Tensor) => tf.add(xs, tf.randomUniform(xs.shape, -0.1, 0.1));

    it('move the step by no more than one: at most C, whatever the views', async () => {
      const C = 0.5;
      const run = async (rows: readonly (readonly number[])[], multiplicity: number) => {
        const model = makeModel();
        const start = weightsOf(model);
        await privateFit(
          model,
          {
            xs: tf.tensor2d(
              rows.map((row) => [...row]),
              [rows.length, WIDTH],
            ),
            ys: tf.tile(tf.tensor2d([[0, 1, 0]]), [rows.length, 1]),
          },
          {
            ...base,
            l2NormClip: C,
            noiseMultiplier: 0,
            expectedBatchSize: rows.length,
            steps: 1,
            optimizer: tf.train.sgd(rows.length),
            maxPhysicalBatch: 7,
            augmentation: {
              multiplicity,
              // Different for each view, the same in each run.
              views: (xs) =>
                tf.stack(
                  Array.from({ length: multiplicity }, (_, k) => tf.mul(xs, 1 + k)),
                  1,
                ),
            },
          },
        );
        return weightsOf(model).map((value, i) => value - start[i]!);
      };
      const rows = Array.from({ length: 5 }, (_, i) => [...normals(WIDTH, 60 + i, 3)]);
      for (const multiplicity of [1, 3]) {
        const whole = await run(rows, multiplicity);
        expect(normOf([whole])).toBeGreaterThan(C);
        const zeroed = (value: number) => [...rows.slice(0, 4), new Array<number>(WIDTH).fill(value)];
        // A row of NaN is an example that contributes nothing.
        const without = await run(zeroed(Number.NaN), multiplicity);
        expect(distance(whole, without)).toBeLessThanOrEqual(C * (1 + 1e-5));
        for (const value of [0, 100, -1e10, 3e38]) {
          const other = await run(zeroed(value), multiplicity);
          expect(distance(other, without)).toBeLessThanOrEqual(C * (1 + 1e-5));
        }
      }
    });

    it('are averaged before clipping: the gradient is that of the mean loss', () => {
      const model = makeModel();
      const [K, B] = [3, 4];
      const xs = tf.tensor3d(normals(B * K * WIDTH, 8), [B, K, WIDTH]);
      const ys = tf.tile(tf.tensor3d([[[0, 1, 0]]]), [B, K, 1]);
      const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const start = weightsOf(model);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 1e4,
        noiseMultiplier: 0,
        expectedBatchSize: B,
      });
      const rowLoss = (x: tf.Tensor, y: tf.Tensor) =>
        tfl.metrics.categoricalCrossentropy(
          tf.reshape(y, [-1, 3]),
          model.apply(tf.reshape(x, [-1, WIDTH])) as tf.Tensor,
        );
      const { grads, value } = tf.variableGrads(() => tf.mean(rowLoss(xs, ys)) as tf.Scalar, variables);
      value.dispose();
      const expected = Float64Array.from(variables.flatMap((v) => [...grads[v.name]!.dataSync()]));
      optimizer.minimize(() => averageOverViews(rowLoss(xs, ys), K), false, variables);
      const moved = weightsOf(model).map((weight, i) => start[i]! - weight);
      expect(normOf([expected])).toBeGreaterThan(0.01);
      expect(distance(moved, expected)).toBeLessThanOrEqual(1e-4 * normOf([expected]));
      expect(
        averageOverViews(
          tf.tensor2d([
            [1, 3],
            [5, 9],
          ]),
          2,
        ).arraySync(),
      ).toEqual([2, 7]);
    });

    it('trains with random views, at the same price', async () => {
      const { privacy, stopped } = await privateFit(makeModel(), makeData(), {
        ...base,
        noiseMultiplier: 1,
        steps: 3,
        optimizer: dpAdamBC({ learningRate: cosineRate }),
        augmentation: { multiplicity: 4, view: noisyView },
      });
      expect(stopped).toBe('completed');
      expect(privacy.event).toEqual(selfComposed({ count: 3, event: q(1) }));
    });

    it('keeps no tensor of the views', async () => {
      const [model, data] = [makeModel(), makeData()];
      const seen: number[] = [];
      await privateFit(model, data, {
        ...base,
        noiseMultiplier: 1,
        steps: 8,
        augmentation: { multiplicity: 2, view: noisyView },
        onStep: () => void seen.push(tf.memory().numTensors),
      });
      expect(seen[7]).toBe(seen[3]);
    });

    it('refuses views that mix examples, and views of another shape', async () => {
      const attempt = (augmentation: PrivateFitOptions['augmentation']) =>
        codeOf(
          privateFit(makeModel(), makeData(), {
            ...base,
            noiseMultiplier: 1,
            steps: 3,
            augmentation,
          } as PrivateFitOptions),
        );
      expect(await attempt({ multiplicity: 2, view: (xs) => tf.sub(xs, tf.mean(xs, 0)) })).toMatch(
        /^DP_CROSS_EXAMPLE/,
      );
      expect(
        await attempt({
          multiplicity: 2,
          view: (xs) => tf.add(tf.mul(xs, 0.9), tf.mul(tf.reverse(xs, 0), 0.1)),
        }),
      ).toMatch(/^DP_CROSS_EXAMPLE/);
      expect(await attempt({ multiplicity: 2, view: (xs) => tf.slice(xs, [0, 0], [-1, 2]) })).toMatch(
        /a view of shape/,
      );
      expect(await attempt({ multiplicity: 2, views: (xs) => tf.stack([xs, xs, xs], 1) })).toMatch(
        /views of shape \[.*2,4\]/,
      );
      expect(await attempt({ multiplicity: 0, view: noisyView })).toMatch(/multiplicity/);
      expect(await attempt({ multiplicity: 2 })).toMatch(/neither/);
      expect(() => averageOverViews(tf.zeros([5]), 2)).toThrow(/2 losses an example/);
      expect(() => averageOverViews(tf.zeros([2, 3]), 2)).toThrow(/shape/);
    });
  });

  describe('discrete noise', () => {
    const granularity = 2 ** -12;

    it('releases points of the grid, with noise of σC/B', () => {
      const size = 3000;
      const w = tf.variable(tf.zeros([size]), true);
      const x = tf.tensor2d(normals(2 * size, 3), [2, size]);
      const optimizer = dpOptimizer(tf.train.sgd(1), {
        l2NormClip: 1,
        noiseMultiplier: 2,
        expectedBatchSize: 4,
        noise: { kind: 'discrete-gaussian', granularity },
        seed: 'grid',
      });
      optimizer.minimize(() => tf.sum(tf.mul(x, w), 1), false, [w]);
      const values = [...w.dataSync()];
      expect(values.every((value) => Number.isInteger(value / granularity))).toBe(true);
      const sd = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / size);
      // A root mean square of 3,000: relative standard error 0.013; seven of them: 3e-12.
      expect(Math.abs(sd / 0.5 - 1)).toBeLessThan(0.1);
      tf.dispose([w, x]);
    });

    it('rounds to the grid: neighbours are C + γ√d apart at most', () => {
      const C = 0.01;
      const rows = [normals(WIDTH, 1), normals(WIDTH, 2), normals(WIDTH, 3, 100)];
      const sumOf = (count: number) => {
        const w = tf.variable(tf.zeros([WIDTH]), true);
        const x = tf.tensor2d(
          rows.slice(0, count).flatMap((row) => [...row]),
          [count, WIDTH],
        );
        const optimizer = dpOptimizer(tf.train.sgd(1), {
          l2NormClip: C,
          // The same seed, and so the same noise.
          noiseMultiplier: 1,
          expectedBatchSize: 1,
          noise: { kind: 'discrete-gaussian', granularity: 2 ** -9 },
          seed: 'neighbours',
        });
        optimizer.minimize(() => tf.sum(tf.mul(x, w), 1), false, [w]);
        const moved = Float64Array.from(w.dataSync());
        tf.dispose([w, x]);
        return moved;
      };
      expect(distance(sumOf(3), sumOf(2))).toBeLessThanOrEqual(C + 2 ** -9 * Math.sqrt(WIDTH));
    });

    it('is booked with grid, dimension and sensitivity, calibrated, kept and resumed', async () => {
      const noise = { kind: 'discrete-gaussian', granularity } as const;
      const options = { ...base, noise, targetEpsilon: 2, steps: 4, l2NormClip: 3 };
      const { after, runDirectory } = await interrupted(options, 2);
      const { noiseMultiplier, epsilon, event } = after.privacy;
      expect(epsilon.epsilon).toBeLessThanOrEqual(2);
      expect(epsilon.epsilon).toBeGreaterThan(1.99);
      expect(JSON.stringify(event)).toContain('"type":"vectorDiscreteGaussian"');
      const release = (event as unknown as { event: { event: Record<string, number> } }).event.event;
      const dimension = 5 * WIDTH + 5 + 3 * 5 + 3;
      expect(release).toMatchObject({ granularity, dimension, l2NormClip: 0.5 });
      expect(release.standardDeviation).toBeCloseTo(noiseMultiplier / 2, 12);
      const loaded = await loadRun(runDirectory);
      expect(loaded.config).toMatchObject({ noise, dimension });
      expect(claimOf(loaded).event).toEqual(event);
      const real = epsilonOf(selfComposed({ count: 4, event: q(noiseMultiplier) }), {
        delta: 1e-3,
        relation: 'add-or-remove-one',
      });
      expect(epsilon.epsilon).toBeGreaterThan(real.epsilon);
    });

    it('follows schedules, shuffled as well', async () => {
      const { privacy } = await privateFit(makeModel(), makeData(), {
        ...base,
        noise: { kind: 'discrete-gaussian' },
        sampler: 'shuffle',
        noiseMultiplier: linearSchedule({ from: 8, to: 4, steps: 7 }),
        l2NormClip: linearSchedule({ from: 2, to: 1, steps: 7 }),
        steps: 6,
      });
      expect(privacy.epsilon.epsilon).toBeLessThan(10);
      expect(privacy.epsilon.epsilon).toBeGreaterThan(0.1);
    });

    it('is refused with adaptive clipping, and off a power of two', () => {
      const make = (more: object) => () =>
        dpOptimizer(tf.train.sgd(1), { l2NormClip: 1, noiseMultiplier: 1, expectedBatchSize: 100, ...more });
      const noise = { kind: 'discrete-gaussian' };
      expect(make({ noise, clipping: adaptiveClipping() })).toThrow(/gaussian noise with adaptive clipping/);
      expect(make({ noise: { ...noise, granularity: 0.3 } })).toThrow(/power of two/);
      expect(make({ noise: { kind: 'laplace' } })).toThrow(/noise of kind/);
      expect(make({ noise })).not.toThrow();
    });
  });
});

const cosineRate = scheduleAt(cosineSchedule({ from: 0.01, to: 0.001, steps: 10 }), 0);

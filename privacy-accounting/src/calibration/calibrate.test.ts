import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deltaOf, epsilonOf } from '../epsilon-of.js';
import { type DpEvent, gaussian, laplace, poissonSampled, selfComposed } from '../events/index.js';
import type { AccountantChoice } from '../questions/index.js';
import { type CalibrateOptions, calibrate } from './calibrate.js';

const relation = 'add-or-remove-one' as const;
const dpSgd = (sigma: number, q: number, steps: number) =>
  selfComposed({
    count: steps,
    event: poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier: sigma }) }),
  });
const epsilonAt = (event: DpEvent, delta: number, accountant: AccountantChoice = 'rdp') =>
  epsilonOf(event, { delta, relation, accountant }).epsilon;

const logUniform = (from: number, to: number) =>
  fc.double({ min: Math.log(from), max: Math.log(to), noNaN: true }).map(Math.exp);

describe('calibrate', () => {
  it('finds the most steps: one more misses the target', () => {
    fc.assert(
      fc.property(
        logUniform(0.6, 20),
        logUniform(1e-3, 0.3),
        logUniform(0.5, 20),
        (noiseMultiplier, samplingProbability, epsilon) => {
          const one = epsilonAt(dpSgd(noiseMultiplier, samplingProbability, 1), 1e-5);
          fc.pre(one < epsilon);
          const given = { noiseMultiplier, samplingProbability, epsilon, delta: 1e-5, relation } as const;
          const { value, bound, misses, tolerance } = calibrate({
            find: 'steps',
            ...given,
            accountant: 'rdp',
          });
          const at = (steps: number) => epsilonAt(dpSgd(noiseMultiplier, samplingProbability, steps), 1e-5);
          expect(bound.epsilon).toBe(at(value));
          expect(at(value)).toBeLessThanOrEqual(epsilon);
          expect(at(value + 1)).toBeGreaterThan(epsilon);
          expect(misses).toEqual({ value: value + 1, epsilon: at(value + 1) });
          expect(tolerance).toBe(0);
        },
      ),
      { seed: 30, numRuns: 40 },
    );
  });

  it('finds the most steps by the whole privacy loss, as dp_accounting does on a coarser grid', () => {
    const { value, bound } = calibrate({
      find: 'steps',
      noiseMultiplier: 2,
      samplingProbability: 0.05,
      epsilon: 5,
      delta: 1e-6,
      relation,
    });
    expect(bound.accountant).toBe('pld');
    expect(Math.abs(value - 1396)).toBeLessThanOrEqual(2);
  });

  it('finds the largest sampling probability, erring to the private side', () => {
    const given = { noiseMultiplier: 2, steps: 10_000, epsilon: 4, delta: 1e-5, relation } as const;
    const { value, misses, tolerance } = calibrate({ find: 'samplingProbability', ...given });
    expect(Math.abs(value / 0.017194789014604164 - 1)).toBeLessThan(1e-3); // dp_accounting 0.6.0, grid 1e-3
    expect(tolerance).toBe(1e-5);
    expect(misses!.value / value - 1).toBeLessThanOrEqual(1e-5);
    expect(misses!.value).toBeGreaterThan(value);
    expect(misses!.epsilon).toBeGreaterThan(4);
    const coarse = calibrate({ find: 'samplingProbability', ...given, tolerance: 0.01 });
    expect(coarse.value).toBeLessThan(value * 1.0001);
    expect(coarse.value).toBeGreaterThan(value * 0.98);
  });

  it('finds batch and data-set sizes and epochs exactly, saw-teeth included', () => {
    // Every value is checked one by one: the answer is the extreme one that attains, not just a boundary.
    const epsilon = 3;
    const delta = 1e-5;
    const size = 300;
    for (const [sigma, epochs] of [
      [1.5, 2],
      [2, 5],
      [3, 17.5],
    ] as const) {
      const attains = (batch: number, n: number) =>
        epsilonAt(dpSgd(sigma, batch / n, Math.ceil((epochs * n) / batch)), delta) <= epsilon;
      const shared = { noiseMultiplier: sigma, epochs, epsilon, delta, relation, accountant: 'rdp' } as const;
      const batches = Array.from({ length: size }, (_, i) => i + 1).filter((batch) => attains(batch, size));
      const largest = calibrate({ find: 'expectedBatchSize', datasetSize: size, ...shared });
      expect(largest.value).toBe(batches.at(-1));
      const batch = 16;
      let smallest = batch;
      while (!attains(batch, smallest)) smallest++;
      const found = calibrate({ find: 'datasetSize', expectedBatchSize: batch, ...shared });
      expect(found.value).toBe(smallest);
      expect(found.misses).toMatchObject({ value: smallest - 1 });
      expect(found.misses!.epsilon).toBeGreaterThan(epsilon);
    }
    const plan = { noiseMultiplier: 1.5, expectedBatchSize: 16, datasetSize: 5000 };
    const { value, event } = calibrate({
      find: 'epochs',
      ...plan,
      epsilon,
      delta,
      relation,
      accountant: 'rdp',
    });
    expect(event).toEqual(dpSgd(1.5, 16 / 5000, Math.ceil((value * 5000) / 16)));
    expect(epsilonAt(event, delta)).toBeLessThanOrEqual(epsilon);
    expect(epsilonAt(dpSgd(1.5, 16 / 5000, Math.ceil(((value + 1) * 5000) / 16)), delta)).toBeGreaterThan(
      epsilon,
    );
  });

  it('asks for less noise, and allows more steps, when the target is larger', () => {
    fc.assert(
      fc.property(
        logUniform(0.3, 20),
        logUniform(1.001, 3),
        logUniform(1e-3, 1),
        logUniform(1e-9, 1e-3),
        (epsilon, factor, samplingProbability, delta) => {
          const shared = { samplingProbability, delta, relation, accountant: 'rdp' } as const;
          const sigma = (target: number) =>
            calibrate({ find: 'noiseMultiplier', steps: 500, ...shared, epsilon: target }).value;
          expect(sigma(epsilon * factor)).toBeLessThan(sigma(epsilon));
          const steps = (target: number) =>
            calibrate({ find: 'steps', noiseMultiplier: 60, ...shared, epsilon: target }).value;
          expect(steps(epsilon * factor)).toBeGreaterThanOrEqual(steps(epsilon));
          // One inverts the other: the steps that σ allows are the steps σ was made for.
          const noiseMultiplier = sigma(epsilon);
          expect(calibrate({ find: 'steps', noiseMultiplier, ...shared, epsilon }).value).toBe(500);
        },
      ),
      { seed: 31, numRuns: 25 },
    );
  });

  it('finds sizes at a fixed number of steps', () => {
    const shared = { noiseMultiplier: 1, steps: 1000, epsilon: 2, delta: 1e-5, relation } as const;
    const { value } = calibrate({ find: 'datasetSize', expectedBatchSize: 64, ...shared, accountant: 'rdp' });
    expect(epsilonAt(dpSgd(1, 64 / value, 1000), 1e-5)).toBeLessThanOrEqual(2);
    expect(epsilonAt(dpSgd(1, 64 / (value - 1), 1000), 1e-5)).toBeGreaterThan(2);
    const back = calibrate({ find: 'expectedBatchSize', datasetSize: value, ...shared, accountant: 'rdp' });
    expect(back.value).toBe(64);
  });

  it('finds a sampling probability with its whole number of steps, when epochs are given', () => {
    const shared = { noiseMultiplier: 1, epochs: 10, epsilon: 3, delta: 1e-5, relation } as const;
    const { value, event, bound } = calibrate({ find: 'samplingProbability', ...shared, accountant: 'rdp' });
    expect(event).toEqual(dpSgd(1, value, Math.ceil(10 / value)));
    expect(bound.epsilon).toBeLessThanOrEqual(3);
    // Within a tooth of the saw, and with fewer steps, more is too much.
    for (const factor of [1 + 1e-6, 1.001, 1.01, 1.1]) {
      const q = value * factor;
      expect(epsilonAt(dpSgd(1, q, Math.ceil(10 / q)), 1e-5)).toBeGreaterThan(3);
    }
  });

  it('reads ε and δ off', () => {
    const plan = { noiseMultiplier: 1.1, samplingProbability: 0.01, steps: 1000, relation } as const;
    const event = dpSgd(1.1, 0.01, 1000);
    const found = calibrate({ find: 'epsilon', ...plan, delta: 1e-5 });
    expect(found.value).toBe(epsilonOf(event, { delta: 1e-5, relation }).epsilon);
    expect(found.event).toEqual(event);
    expect(calibrate({ find: 'delta', event, epsilon: 1, relation }).value).toBe(
      deltaOf(event, { epsilon: 1, relation }).delta,
    );
    expect(() => calibrate({ find: 'epsilon', ...plan, epsilon: 3, delta: 1e-5 })).toThrow(
      /epsilon must be left out/,
    );
  });

  it('finds a parameter of one’s own', () => {
    const { value, find } = calibrate({
      find: { name: 'Laplace parameter', whole: false, privateSide: 'large', from: 0.01, to: 1e4 },
      makeEvent: (parameter) => selfComposed({ count: 100, event: laplace({ parameter }) }),
      epsilon: 2,
      delta: 1e-5,
      relation,
    });
    expect(find).toBe('Laplace parameter');
    expect(value).toBeLessThan(19.528822787106037 * 1.005); // dp_accounting 0.6.0
    expect(value).toBeGreaterThan(19);
    const whole = calibrate({
      find: { name: 'queries', whole: true, privateSide: 'small', from: 1, to: 10_000 },
      makeEvent: (count) => selfComposed({ count, event: gaussian({ noiseMultiplier: 20 }) }),
      epsilon: 1,
      delta: 1e-6,
      relation: 'replace-one',
    });
    const gaussians = (count: number) =>
      epsilonOf(selfComposed({ count, event: gaussian({ noiseMultiplier: 20 }) }), {
        delta: 1e-6,
        relation: 'replace-one',
      }).epsilon;
    expect(gaussians(whole.value)).toBeLessThanOrEqual(1);
    expect(gaussians(whole.value + 1)).toBeGreaterThan(1);
  });

  it('calibrates under replace-one, where only the privacy loss distribution has a bound', () => {
    const { value, bound, misses } = calibrate({
      find: 'noiseMultiplier',
      samplingProbability: 0.01,
      steps: 1000,
      epsilon: 2,
      delta: 1e-5,
      relation: 'replace-one',
      tolerance: 1e-4,
    });
    expect(bound).toMatchObject({ relation: 'replace-one', accountant: 'pld' });
    expect(bound.epsilon).toBeLessThanOrEqual(2);
    expect(misses!.epsilon).toBeGreaterThan(2);
    expect(value / misses!.value - 1).toBeLessThanOrEqual(1e-4);
  });

  const plan = { noiseMultiplier: 1, samplingProbability: 0.01, epsilon: 1, delta: 1e-5, relation } as const;
  it.each<[Record<string, unknown>, RegExp]>([
    [
      { find: 'steps', ...plan, noiseMultiplier: 0.1 },
      /epsilon 1 can't be reached with any steps: ε is still .* raise epsilon/,
    ],
    [
      { find: 'samplingProbability', ...plan, samplingProbability: undefined, steps: 1, noiseMultiplier: 50 },
      /epsilon 1 is met by any samplingProbability: ε is 0\.\d+ even at the samplingProbability 1/,
    ],
    [{ find: 'noiseMultiplier', ...plan, steps: 10 }, /noiseMultiplier must be left out/],
    [{ find: 'steps', ...plan, epochs: 3 }, /Give steps, or epochs, not both/],
    [
      { find: 'steps', ...plan, datasetSize: 3 },
      /Give samplingProbability, or expectedBatchSize and datasetSize, not both/,
    ],
    [{ find: 'steps', ...plan, noiseMultiplier: undefined }, /noiseMultiplier is missing/],
    [
      { find: 'steps', ...plan, samplingProbability: undefined, datasetSize: 100 },
      /expectedBatchSize is missing/,
    ],
    [
      { find: 'expectedBatchSize', ...plan, samplingProbability: undefined, steps: 1 },
      /datasetSize is missing/,
    ],
    [{ find: 'sigma', ...plan }, /find must be one of noiseMultiplier, steps/],
    [
      {
        find: { name: 'x' },
        epsilon: 1,
        delta: 1e-5,
        relation,
        makeEvent: () => gaussian({ noiseMultiplier: 1 }),
      },
      /find.whole must be/,
    ],
    [
      { find: { name: 'x', whole: true, privateSide: 'large', from: 1, to: 2 }, ...plan },
      /makeEvent must be/,
    ],
    [{ find: 'steps', ...plan, epsilon: 0 }, /epsilon must be a finite number above 0/],
    [{ find: 'steps', ...plan, delta: 2 }, /delta must be/],
    [{ find: 'steps', ...plan, accountant: 'clt' }, /clt only approximates/],
    [{ find: 'epsilon', ...plan, steps: 1, epsilon: undefined, accountant: 'clt' }, /clt only approximates/],
    [
      {
        find: 'steps',
        epsilon: 1,
        delta: 1e-5,
        relation,
        makeEvent: () => gaussian({ noiseMultiplier: 1 }),
        epochs: 3,
      },
      /epochs must be left out beside makeEvent/,
    ],
    [{ find: 'steps', ...plan, event: gaussian({ noiseMultiplier: 1 }) }, /event must be left out/],
    [
      { find: 'epsilon', delta: 1e-5, relation, event: gaussian({ noiseMultiplier: 1 }), steps: 3 },
      /steps must be left out beside event/,
    ],
    [{ find: 'steps', ...plan, tolerance: 0 }, /tolerance must be/],
    [
      { find: 'steps', ...plan, samplingProbability: 1.5 },
      /samplingProbability must be a number in \(0, 1\]/,
    ],
    [
      {
        find: 'datasetSize',
        ...plan,
        samplingProbability: undefined,
        expectedBatchSize: 10,
        epochs: 1,
        noiseMultiplier: 50,
      },
      /met by any datasetSize.* even at the datasetSize 10/,
    ],
  ])('refuses %j', (options, message) => {
    expect(() => calibrate({ accountant: 'rdp', ...options } as unknown as CalibrateOptions)).toThrow(
      message,
    );
  });
});

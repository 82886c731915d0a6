import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MatrixParticipation, type MatrixStrategy, matrixMechanism } from '../index.js';
import { matrixSensitivity, treeSensitivity } from './matrix-sensitivity.js';

function squaredSensitivity(
  strategy: MatrixStrategy,
  steps: number,
  participation: MatrixParticipation,
  path: string,
): number {
  return (
    matrixSensitivity(matrixMechanism({ noiseMultiplier: 1, steps, strategy, participation }), path) ** 2
  );
}

/** Every set of steps that `participation` allows, by trying all subsets. */
function patterns(steps: number, participation: MatrixParticipation): number[][] {
  const found: number[][] = [];
  for (let mask = 1; mask < 2 ** steps; mask++) {
    const chosen = Array.from({ length: steps }, (_, i) => i).filter((i) => (mask >> i) & 1);
    const gaps = chosen.slice(1).map((step, i) => step - chosen[i]!);
    const allowed =
      participation.type === 'single'
        ? chosen.length === 1
        : participation.type === 'fixed'
          ? chosen.length <= participation.participations && gaps.every((gap) => gap === participation.period)
          : chosen.length <= (participation.maxParticipations ?? steps) &&
            gaps.every((gap) => gap >= participation.separation);
    if (allowed) found.push(chosen);
  }
  return found;
}

/** max over patterns and signs of ‖C u‖², directly: contributions in one dimension, each ±1. */
function bruteForce(matrix: number[][], steps: number, participation: MatrixParticipation): number {
  let largest = 0;
  for (const chosen of patterns(steps, participation)) {
    for (let signs = 0; signs < 2 ** (chosen.length - 1); signs++) {
      const squared = matrix.reduce((sum, row) => {
        const entry = chosen.reduce((total, j, k) => total + ((signs >> k) & 1 ? -1 : 1) * (row[j] ?? 0), 0);
        return sum + entry * entry;
      }, 0);
      largest = Math.max(largest, squared);
    }
  }
  return largest;
}

const toeplitz = (steps: number, coefficient: (i: number) => number) =>
  Array.from({ length: steps }, (_, i) =>
    Array.from({ length: steps }, (_, j) => (i >= j ? coefficient(i - j) : 0)),
  );

const anyParticipation: fc.Arbitrary<MatrixParticipation> = fc.oneof(
  fc.constant({ type: 'single' as const }),
  fc.record({
    type: fc.constant('fixed' as const),
    participations: fc.integer({ min: 1, max: 5 }),
    period: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ type: fc.constant('minSeparation' as const), separation: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    type: fc.constant('minSeparation' as const),
    separation: fc.integer({ min: 1, max: 5 }),
    maxParticipations: fc.integer({ min: 1, max: 4 }),
  }),
);
const anySteps = fc.integer({ min: 1, max: 8 });

function isTightUpper(
  strategy: MatrixStrategy,
  steps: number,
  participation: MatrixParticipation,
  truth: number,
) {
  const squared = squaredSensitivity(strategy, steps, participation, 'event');
  expect(squared).toBeGreaterThanOrEqual(truth * (1 - 1e-15));
  expect(squared).toBeLessThanOrEqual(truth * (1 + 1e-12));
}

describe('squaredSensitivity is the worst of all patterns and signs', () => {
  it('for Toeplitz matrices', () => {
    fc.assert(
      fc.property(
        anySteps,
        fc.array(fc.double({ min: 0.01, max: 2, noNaN: true }), { minLength: 1, maxLength: 9 }),
        anyParticipation,
        (steps, list, participation) => {
          const coefficients = list.sort((a, b) => b - a);
          const matrix = toeplitz(steps, (i) => coefficients[i] ?? 0);
          const truth = bruteForce(matrix, steps, participation);
          isTightUpper({ type: 'toeplitz', coefficients }, steps, participation, truth);
        },
      ),
      { seed: 1, numRuns: 150 },
    );
  });

  it('for buffered linear Toeplitz matrices', () => {
    fc.assert(
      fc.property(
        anySteps,
        fc.array(
          fc.tuple(
            fc.double({ min: 0, max: 0.3, noNaN: true }),
            fc.double({ min: 0, max: 0.99, noNaN: true }),
          ),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        anyParticipation,
        (steps, buffers, participation) => {
          const outputScales = buffers.map(([scale]) => scale);
          const bufferDecays = buffers.map(([, decay]) => decay);
          const matrix = toeplitz(steps, (i) =>
            i === 0 ? 1 : buffers.reduce((sum, [scale, decay]) => sum + scale * decay ** (i - 1), 0),
          );
          const truth = bruteForce(matrix, steps, participation);
          isTightUpper({ type: 'blt', outputScales, bufferDecays }, steps, participation, truth);
        },
      ),
      { seed: 2, numRuns: 150 },
    );
  });

  it('for banded matrices with steps as far apart as their bands, and refuses closer ones', () => {
    fc.assert(
      fc.property(
        anySteps,
        fc.integer({ min: 1, max: 4 }),
        anyParticipation,
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 32, maxLength: 32 }),
        (steps, bands, participation, entries) => {
          const matrix = Array.from({ length: steps }, (_, i) =>
            Array.from({ length: steps }, (_, j) =>
              i >= j && i - j < bands ? entries[(i - j) * 8 + j]! : 0,
            ),
          );
          const squaredColumnNorms = Array.from({ length: steps }, (_, j) =>
            matrix.reduce((sum, row) => sum + row[j]! ** 2, 0),
          );
          const strategy = { type: 'banded', bands, squaredColumnNorms } as const;
          const apart =
            participation.type === 'single'
              ? steps
              : participation.type === 'fixed'
                ? participation.period
                : participation.separation;
          const several = patterns(steps, participation).some((chosen) => chosen.length > 1);
          if (apart < bands && several) {
            expect(() => squaredSensitivity(strategy, steps, participation, 'event')).toThrow(
              /^event: .*Separate them by at least the number of bands\.$/,
            );
          } else {
            isTightUpper(strategy, steps, participation, bruteForce(matrix, steps, participation));
          }
        },
      ),
      { seed: 3, numRuns: 150 },
    );
  });

  it('for trees, of which a pattern of one period is bounded by all patterns as far apart', () => {
    fc.assert(
      fc.property(anySteps, anyParticipation, (steps, participation) => {
        const nodes: number[][] = [];
        for (let size = 1; size <= steps; size *= 2) {
          for (let start = 0; start + size <= steps; start += size) {
            nodes.push(Array.from({ length: steps }, (_, j) => (j >= start && j < start + size ? 1 : 0)));
          }
        }
        const truth = bruteForce(nodes, steps, participation);
        if (participation.type !== 'fixed') isTightUpper({ type: 'tree' }, steps, participation, truth);
        else
          expect(squaredSensitivity({ type: 'tree' }, steps, participation, 'event')).toBeGreaterThanOrEqual(
            truth,
          );
      }),
      { seed: 4, numRuns: 100 },
    );
    expect(treeSensitivity([4096, 7]) ** 2).toBeCloseTo(13, 12);
    const far = { type: 'minSeparation', separation: 400, maxParticipations: 4 } as const;
    expect(squaredSensitivity({ type: 'tree' }, 2000, far, 'event')).toBeCloseTo(51, 12);
    expect(squaredSensitivity({ type: 'tree' }, 2 ** 53 - 1, { type: 'single' }, 'event')).toBeCloseTo(
      53,
      12,
    );
  });

  it('at the published values', () => {
    const banded = { type: 'banded', bands: 3, squaredColumnNorms: [4, 1, 2, 9, 3, 1, 1, 2] } as const;
    const far = { type: 'minSeparation', separation: 3 } as const;
    expect(Math.sqrt(squaredSensitivity(banded, 8, far, 'event'))).toBeCloseTo(3.872983346207417, 12);
    const coefficients = [1, 0.5, 0.375];
    const five = { type: 'minSeparation', separation: 10, maxParticipations: 5 } as const;
    expect(squaredSensitivity({ type: 'toeplitz', coefficients }, 100, five, 'event')).toBeCloseTo(
      6.953125,
      12,
    );
    // C[i, j] = λ^(i − j) is a BLT with one buffer.
    const lambda = { type: 'blt', outputScales: [0.9], bufferDecays: [0.9] } as const;
    const ten = { type: 'minSeparation', separation: 100, maxParticipations: 10 } as const;
    expect(squaredSensitivity(lambda, 1000, ten, 'event')).toBeCloseTo(52.634095346120134, 10);
  });

  it('or a refusal, when it would take too long', () => {
    const coefficients = Array.from({ length: 100_000 }, () => 1);
    const often = { type: 'minSeparation', separation: 1 } as const;
    expect(() => squaredSensitivity({ type: 'toeplitz', coefficients }, 1e15, often, 'event')).toThrow(
      /steps/,
    );
    for (const strategy of [
      { type: 'blt', outputScales: [0.1], bufferDecays: [0.5] },
      { type: 'tree' },
    ] as const) {
      expect(() => squaredSensitivity(strategy, 1e15, often, 'event')).toThrow(/^event: .*steps/);
    }
    const many = { type: 'minSeparation', separation: 1, maxParticipations: 400_000 } as const;
    expect(() => squaredSensitivity({ type: 'toeplitz', coefficients }, 1e6, many, 'event')).toThrow(
      /entries/,
    );
    const squaredColumnNorms = Array.from({ length: 100_000 }, () => 1);
    expect(() =>
      squaredSensitivity({ type: 'banded', bands: 1, squaredColumnNorms }, 100_000, often, 'event'),
    ).toThrow(/entries/);
  });
});

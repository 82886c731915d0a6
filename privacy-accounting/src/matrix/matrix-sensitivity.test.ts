import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bandedSensitivity,
  bltCoefficients,
  bltSensitivity,
  fixedEpochSensitivity,
  gramSensitivity,
  singleEpochTreeSquare,
  toeplitzSensitivity,
  treeNoRestartSquare,
  treeRestartSquare,
} from './index.js';

/** Every set of at most k of n steps, any two at least b apart. */
function patterns(n: number, b: number, k: number): number[][] {
  const all: number[][] = [[]];
  const extend = (chosen: number[], from: number) => {
    if (chosen.length === k) return;
    for (let i = from; i < n; i++) {
      const next = [...chosen, i];
      all.push(next);
      extend(next, i + b);
    }
  };
  extend([], 0);
  return all;
}

type Matrix = readonly (readonly number[])[];

function gramOf(c: Matrix): number[][] {
  const n = c[0]!.length;
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => c.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
  );
}

/** max ‖Σ ±C e_i‖ over all patterns, and signs (contributions along one line). */
function bruteForce(c: Matrix, b: number, k: number): number {
  const gram = gramOf(c);
  let largest = 0;
  for (const pattern of patterns(gram.length, b, k)) {
    for (let signs = 0; signs < 2 ** Math.max(0, pattern.length - 1); signs++) {
      const sign = (t: number) => ((signs >> t) & 1 ? -1 : 1);
      let square = 0;
      pattern.forEach((i, s) => {
        pattern.forEach((j, t) => {
          square += sign(s) * sign(t) * gram[i]![j]!;
        });
      });
      largest = Math.max(largest, square);
    }
  }
  return Math.sqrt(largest);
}

const toeplitz = (coefficients: readonly number[], n: number): Matrix =>
  Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => (i >= j ? (coefficients[i - j] ?? 0) : 0)),
  );

/** Equal, but for a rounding upwards. */
function expectJustAbove(got: number, exact: number): void {
  expect(got).toBeGreaterThanOrEqual(exact * (1 - 1e-14));
  expect(got).toBeLessThanOrEqual(exact * (1 + 1e-12));
}

const participation = fc.record({
  minSeparation: fc.integer({ min: 1, max: 5 }),
  maxParticipations: fc.integer({ min: 1, max: 4 }),
});
const entries = (min: number) => fc.integer({ min: min * 100, max: 200 }).map((x) => x / 100);

describe('bandedSensitivity', () => {
  it('is the largest norm over all patterns where their columns are orthogonal', () => {
    fc.assert(
      fc.property(
        participation,
        fc.array(fc.array(entries(-2), { minLength: 5, maxLength: 5 }), { minLength: 4, maxLength: 9 }),
        (part, rows) => {
          const n = rows.length;
          const c = rows.map((row, i) =>
            Array.from({ length: n }, (_, j) => (i >= j && i - j < part.minSeparation ? row[i - j]! : 0)),
          );
          const gram = gramOf(c);
          const exact = bruteForce(c, part.minSeparation, part.maxParticipations);
          const gramDiagonal = gram.map((row, i) => row[i]!);
          expectJustAbove(bandedSensitivity({ gramDiagonal, ...part }), exact);
          expectJustAbove(gramSensitivity({ gram, ...part }), exact);
        },
      ),
      { seed: 201, numRuns: 60 },
    );
  });

  it('has the values of opake-accounting 0.16.1', () => {
    const gramDiagonal = [4, 1, 2, 9, 3, 1, 1, 2];
    expectJustAbove(bandedSensitivity({ gramDiagonal, minSeparation: 3 }), 3.872983346207417);
    expectJustAbove(bandedSensitivity({ gramDiagonal, minSeparation: 3, maxParticipations: 1 }), 3);
  });
});

describe('gramSensitivity', () => {
  it('bounds every strategy matrix', () => {
    fc.assert(
      fc.property(
        participation,
        fc.array(fc.array(entries(-2), { minLength: 7, maxLength: 7 }), { minLength: 7, maxLength: 7 }),
        (part, c) => {
          const exact = bruteForce(c, part.minSeparation, part.maxParticipations);
          expect(gramSensitivity({ gram: gramOf(c), ...part })).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
        },
      ),
      { seed: 202, numRuns: 60 },
    );
  });

  it.each([
    [[[1, 2]], /gram\[0\] must be a row of 1/],
    [
      [
        [1, 0.5],
        [0.4, 1],
      ],
      /gram must be symmetric/,
    ],
    [
      [
        [1, 3],
        [3, 1],
      ],
      /positive semi-definite/,
    ],
    [[[-1]], /gram\[0\]\[0\] must be 0 or larger/],
  ])('refuses %j', (gram, message) => {
    expect(() => gramSensitivity({ gram, minSeparation: 1 })).toThrow(message);
  });
});

describe('toeplitzSensitivity', () => {
  it('is the largest norm over all patterns', () => {
    fc.assert(
      fc.property(
        participation,
        fc.integer({ min: 1, max: 9 }),
        fc.array(entries(0), { minLength: 1, maxLength: 9 }),
        (part, steps, values) => {
          const coefficients = [...values].sort((a, b) => b - a);
          const exact = bruteForce(toeplitz(coefficients, steps), part.minSeparation, part.maxParticipations);
          expectJustAbove(toeplitzSensitivity({ coefficients, steps, ...part }), exact);
        },
      ),
      { seed: 203, numRuns: 200 },
    );
  });

  it('grows with steps and participations, and falls with their separation', () => {
    const at = (steps: number, minSeparation: number, maxParticipations: number) =>
      toeplitzSensitivity({
        coefficients: Array.from({ length: 50 }, (_, i) => 1 / (i + 1)),
        steps,
        minSeparation,
        maxParticipations,
      });
    expect(at(100, 10, 5)).toBeGreaterThan(at(100, 10, 4));
    expect(at(100, 10, 5)).toBeLessThan(at(100, 9, 5));
    expect(at(60, 10, 9)).toBeLessThan(at(61, 10, 9));
  });

  it('has the value of opake-accounting 0.16.1', () => {
    const got = toeplitzSensitivity({
      coefficients: [1, 0.5, 0.375],
      steps: 100,
      minSeparation: 10,
      maxParticipations: 5,
    });
    expectJustAbove(got * got, 6.953125);
  });

  it('refuses coefficients that rise or are negative', () => {
    const at = (coefficients: number[]) => () =>
      toeplitzSensitivity({ coefficients, steps: 5, minSeparation: 1 });
    expect(at([1, 0.5, 0.6])).toThrow(/coefficients\[2\] must be at most the one before it, 0\.5, got 0\.6/);
    expect(at([1, -0.5])).toThrow(/coefficients\[1\] must be a number, 0 or larger/);
    expect(at([])).toThrow(/coefficients must be a list/);
  });
});

describe('bltSensitivity', () => {
  it('is that of its coefficients', () => {
    fc.assert(
      fc.property(
        participation,
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.3, noNaN: true })),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        (part, buffers) => {
          const blt = {
            bufferDecay: buffers.map(([theta]) => theta),
            outputScale: buffers.map(([, omega]) => omega),
            steps: 8,
          };
          const coefficients = Array.from(bltCoefficients(blt));
          const exact = bruteForce(toeplitz(coefficients, 8), part.minSeparation, part.maxParticipations);
          expectJustAbove(bltSensitivity({ ...blt, ...part }), exact);
        },
      ),
      { seed: 204, numRuns: 60 },
    );
  });

  it('is DP-λCGD for one buffer (opake-accounting 0.16.1)', () => {
    const got = bltSensitivity({
      bufferDecay: [0.9],
      outputScale: [0.9],
      steps: 1000,
      minSeparation: 100,
      maxParticipations: 10,
    });
    expectJustAbove(got * got, 52.634095346120134);
  });

  it('refuses coefficients whose worst participation is not known', () => {
    const at = (outputScale: number[]) => () =>
      bltSensitivity({ bufferDecay: [0.5, 0.1], outputScale, steps: 9, minSeparation: 2 });
    expect(at([0.5, -0.1])).not.toThrow();
    expect(at([0.2, -0.15])).toThrow(/Coefficient 2 of this BLT is 0\.085.*, after 0\.05/);
    expect(at([0.9, 0.9])).toThrow(/Coefficient 1 .* 1\.8, after 1/);
    expect(at([0.5])).toThrow(/outputScale must be 2 numbers/);
  });
});

describe('fixedEpochSensitivity', () => {
  it('is the largest norm over the first steps', () => {
    const c = toeplitz([1, 0.7, 0.5, 0.4, 0.3, 0.2], 6);
    const gram = gramOf(c);
    for (const epochs of [1, 2, 3, 6]) {
      const b = 6 / epochs;
      let exact = 0;
      for (let first = 0; first < b; first++) {
        const sum = c.map((row) => row.reduce((s, x, j) => s + (j % b === first ? x : 0), 0));
        exact = Math.max(exact, Math.hypot(...sum));
      }
      expectJustAbove(fixedEpochSensitivity({ gram, epochs }), exact);
    }
    expect(() => fixedEpochSensitivity({ gram, epochs: 4 })).toThrow(
      /epochs must be a whole number that divides the 6/,
    );
  });
});

describe('trees', () => {
  it('knows restarts: a level of one tree, or of each', () => {
    expect(singleEpochTreeSquare(1)).toBe(1);
    expect(singleEpochTreeSquare([100, 128, 3])).toBe(8);
    expect(singleEpochTreeSquare([127])).toBe(7);
    expect(treeRestartSquare([7])).toBe(3);
    expect(treeRestartSquare([1, 8, 0])).toBe(5);
    expect(() => treeRestartSquare([1.5])).toThrow(/stepCounts\[0\] must be a number, whole/);
  });

  it('counts, without restart, the participations below every complete node, over all patterns', () => {
    /** Complete dyadic intervals within [0, n). */
    const value = (n: number, pattern: readonly number[]) => {
      let square = 0;
      for (let size = 1; size <= n; size *= 2) {
        for (let start = 0; start + size <= n; start += size) {
          square += pattern.filter((i) => i >= start && i < start + size).length ** 2;
        }
      }
      return square;
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        (totalSteps, minSeparation, maxParticipations) => {
          const exact = patterns(totalSteps, minSeparation, maxParticipations).reduce(
            (best, pattern) => Math.max(best, value(totalSteps, pattern)),
            0,
          );
          expect(treeNoRestartSquare({ totalSteps, minSeparation, maxParticipations })).toBe(exact);
        },
      ),
      { seed: 205, numRuns: 60 },
    );
  });

  it('has the values of tensorflow_privacy (whose separation counts the steps between, one less)', () => {
    expect(treeNoRestartSquare({ totalSteps: 2000, maxParticipations: 4, minSeparation: 401 })).toBe(51);
    expect(treeNoRestartSquare({ totalSteps: 16, maxParticipations: 1, minSeparation: 1 })).toBe(5);
  });

  it('is a bound, in bounded time, where the exact value is out of reach', () => {
    for (const [totalSteps, maxParticipations, minSeparation] of [
      [1e5, 1e4, 1],
      [1e7, 50, 1e5],
    ] as const) {
      const got = treeNoRestartSquare({ totalSteps, maxParticipations, minSeparation });
      expect(got).toBeLessThanOrEqual(maxParticipations ** 2 * 24);
      // As many participations as fit, as close as allowed, are one pattern: the leaves and the root's level.
      expect(got).toBeGreaterThanOrEqual(maxParticipations);
    }
  }, 20_000);
});

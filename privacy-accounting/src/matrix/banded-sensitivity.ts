import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';

/** In which of the n steps one record may take part. */
export interface Participation {
  /** b ≥ 1: if it takes part in steps i < j, then j − i ≥ b. 1: it may take part in every step. */
  readonly minSeparation: number;
  /** k ≥ 1: in at most so many steps. By default only the separation limits it. */
  readonly maxParticipations?: number;
}

/** Checks a participation pattern; returns b, and the k that n steps have room for, ⌈n/b⌉ at most. */
export function requireParticipation(
  value: Participation,
  steps: number,
): { readonly minSeparation: number; readonly participations: number } {
  const whole = (x: number) => Number.isSafeInteger(x) && x >= 1;
  const expected = 'a whole number, 1 or larger';
  const minSeparation = requireNumber(value.minSeparation, 'minSeparation', expected, whole);
  const room = Math.ceil(steps / minSeparation);
  const limit =
    value.maxParticipations === undefined || value.maxParticipations === null
      ? room
      : requireNumber(value.maxParticipations, 'maxParticipations', expected, whole);
  return { minSeparation, participations: Math.min(room, limit) };
}

/** Covers a sum of n positive terms, each after at most k additions, and a square root. */
export function roundUpSum(value: number, terms: number): number {
  return value * (1 + (terms + 4) * Number.EPSILON);
}

/**
 * The L2 sensitivity of a banded strategy matrix C: √(max over patterns of Σ ‖C·e_i‖²), where `gramDiagonal`[i] =
 * ‖C·e_i‖² is the diagonal of CᵀC. Exact, rounded up, when columns that one record can take part in, those
 * `minSeparation` or more apart, are orthogonal: a lower-triangular C with at most `minSeparation` bands. The diagonal
 * can't tell; for any other C this is *too small*: use {@link gramSensitivity}.
 *
 * O(n·k) by dynamic programming: the best of i, i + 1, … is the best of i + 1, … or i and the best of i + b, ….
 *
 * Source: Choquette-Choo et al. 2023 (arXiv:2306.08153), Thm 2 and Alg. 3.
 *
 * @example
 * bandedSensitivity({ gramDiagonal: [4, 1, 2, 9, 3, 1, 1, 2], minSeparation: 3 }); // √15
 */
export function bandedSensitivity(
  options: Participation & { readonly gramDiagonal: readonly number[] },
): number {
  requireRecord(options, 'options', 'an object { gramDiagonal, minSeparation }');
  const diagonal = requireNumbers(options.gramDiagonal, 'gramDiagonal', (x) => x >= 0, '0 or larger');
  const { minSeparation, participations } = requireParticipation(options, diagonal.length);
  const square = bestPattern(diagonal, minSeparation, participations);
  return Math.sqrt(roundUpSum(square, participations));
}

/**
 * An upper bound on the L2 sensitivity of any strategy matrix C, from its Gram matrix `gram` = CᵀC (n rows): for each
 * row i the largest sum of absolute values over a pattern that i is in, then the largest sum of those over a pattern.
 * Where columns `minSeparation` or more apart are orthogonal it is exact, and equal to {@link bandedSensitivity} of
 * the diagonal.
 *
 * Source: Choquette-Choo et al. 2023 (arXiv:2306.08153), Alg. 4, there without the condition on i.
 *
 * @example
 * gramSensitivity({ gram: [[2, 1], [1, 1]], minSeparation: 1 }); // √5
 */
export function gramSensitivity(
  options: Participation & { readonly gram: readonly (readonly number[])[] },
): number {
  requireRecord(options, 'options', 'an object { gram, minSeparation }');
  const gram = requireGram(options.gram);
  const { minSeparation, participations } = requireParticipation(options, gram.length);
  const rows = gram.map((row, i) => {
    const others = row.map((x, j) => (Math.abs(j - i) < minSeparation ? 0 : Math.abs(x)));
    return row[i]! + bestPattern(others, minSeparation, participations - 1);
  });
  const square = bestPattern(rows, minSeparation, participations);
  return Math.sqrt(roundUpSum(square, 2 * participations));
}

/** The largest Σ weights over at most k indices that are pairwise at least b apart; weights ≥ 0. */
function bestPattern(weights: readonly number[], minSeparation: number, participations: number): number {
  const n = weights.length;
  // best[i]: the best of weights i, i + 1, … with as many participations as rounds so far.
  let best = new Float64Array(n + 1);
  for (let round = 0; round < participations; round++) {
    const next = new Float64Array(n + 1);
    let changed = false;
    for (let i = n - 1; i >= 0; i--) {
      const taken = weights[i]! + best[Math.min(n, i + minSeparation)]!;
      next[i] = Math.max(taken, next[i + 1]!);
      changed ||= next[i] !== best[i];
    }
    best = next;
    if (!changed) break;
  }
  return best[0]!;
}

/** A list of at least one number. */
export function requireNumbers(
  value: unknown,
  path: string,
  accepts: (x: number) => boolean,
  range: string,
): readonly number[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidArgument(path, 'a list of numbers', value);
  return Array.from(value, (x: unknown, i) =>
    requireNumber(x, `${path}[${i}]`, `a number, ${range}`, accepts),
  );
}

/** Products of numbers below its root may have been rounded to 0. */
const UNDERFLOW = 1e-300;

/** A square list of rows, symmetric as CᵀC is, up to rounding. */
export function requireGram(value: unknown): readonly (readonly number[])[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidArgument('gram', 'a list of rows', value);
  const rows = Array.from(value, (row: unknown, i) => {
    const numbers = requireNumbers(row, `gram[${i}]`, () => true, 'finite');
    if (numbers.length !== value.length) throw invalidArgument(`gram[${i}]`, `a row of ${value.length}`, row);
    return numbers;
  });
  for (const [i, row] of rows.entries()) {
    if (row[i]! < 0) throw invalidArgument(`gram[${i}][${i}]`, '0 or larger, being a squared norm', row[i]);
    for (let j = 0; j < i; j++) {
      // |CᵀC|ᵢⱼ ≤ the norms' product; the entries may differ by the rounding of a matrix product.
      const scale = Math.sqrt(row[i]!) * Math.sqrt(rows[j]![j]!) + UNDERFLOW;
      if (Math.abs(row[j]! - rows[j]![i]!) > 1e-6 * scale || Math.abs(row[j]!) > (1 + 1e-6) * scale) {
        throw invalidArgument('gram', 'symmetric and positive semi-definite, a product CᵀC', value);
      }
    }
  }
  return rows;
}

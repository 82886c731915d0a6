import { DpError } from './errors.js';

/** How a wrong value is named in an error: its type where the value alone would not tell, shortened if long. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `${value}n (a bigint)`;
  if (typeof value === 'string') {
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') {
    const keys = Object.keys(value).slice(0, 4).join(', ');
    return keys === '' ? 'an empty object' : `an object with ${keys}`;
  }
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
}

/** One sentence for every refused argument: what it must be, what came, and (optionally) what to do. */
export function invalidArgument(path: string, expected: string, got: unknown, remedy = ''): DpError {
  const advice = remedy === '' ? '' : ` ${remedy}`;
  return new DpError(
    'DP_INVALID_ARGUMENT',
    `${path} must be ${expected}, got ${describeValue(got)}.${advice}`,
  );
}

/** `value` if it is a finite number that `accepts` admits; otherwise an error that names `path`. */
export function requireNumber(
  value: unknown,
  path: string,
  expected: string,
  accepts: (value: number) => boolean,
  remedy = '',
): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || !accepts(value)) {
    throw invalidArgument(path, expected, value, remedy);
  }
  return value;
}

/** δ ∈ (0, 1). δ = 0 is refused: no Gaussian mechanism has a finite ε there. */
export function requireDelta(value: unknown, path = 'delta'): number {
  return requireNumber(
    value,
    path,
    'a number strictly between 0 and 1',
    (delta) => delta > 0 && delta < 1,
    'A usual choice is below 1 / (number of examples).',
  );
}

/** q ∈ (0, 1]. */
export function requireSamplingProbability(
  value: unknown,
  path = 'samplingProbability',
  remedy = '',
): number {
  return requireNumber(value, path, 'a number above 0 and at most 1', (q) => q > 0 && q <= 1, remedy);
}

/** ε ∈ [0, ∞). */
export function requireEpsilon(value: unknown, path = 'epsilon'): number {
  return requireNumber(value, path, 'a finite number, 0 or larger', (epsilon) => epsilon >= 0);
}

/** A whole number of repetitions, 0 … 2⁵³ − 1. */
export function requireCount(value: unknown, path: string): number {
  return requireNumber(
    value,
    path,
    'a whole number from 0 to 2^53 - 1',
    (count) => Number.isSafeInteger(count) && count >= 0,
  );
}

/** An options object, so that a missing one is named instead of surfacing as a TypeError. */
export function requireRecord(value: unknown, path: string, expected: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(path, expected, value);
  }
  return value as Record<string, unknown>;
}

/**
 * The member of `candidates` that `word` most likely meant, or undefined when none is close: the only one that it
 * abbreviates, or else the nearest in Levenshtein distance, case-insensitive, up to a third of its length (or 2).
 */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const longer = lower.length < 3 ? [] : candidates.filter((name) => name.toLowerCase().startsWith(lower));
  if (longer.length === 1) return longer[0];
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(lower, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

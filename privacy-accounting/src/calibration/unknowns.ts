import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import type { SearchRange } from './boundary-search.js';

/** The parameters of DP-SGD that can be searched for, by name. */
export type SearchedName =
  | 'noiseMultiplier'
  | 'steps'
  | 'epochs'
  | 'expectedBatchSize'
  | 'samplingProbability'
  | 'datasetSize';

/** What {@link calibrate} can find by name: parameters, and the two figures of the guarantee themselves. */
export type UnknownName = SearchedName | 'epsilon' | 'delta';

/** A parameter of one's own: what values it has, and which of them are private. */
export interface UnknownParameter {
  readonly name: string;
  /** Whether only whole numbers count. */
  readonly whole: boolean;
  /** Whether privacy grows with the value (`large`: noise) or falls with it (`small`: steps, sampling rates). */
  readonly privateSide: 'large' | 'small';
  /** The range that is searched, above 0. */
  readonly from: number;
  readonly to: number;
  /** Where the search starts: a typical value. The middle of the range, in logarithms, by default. */
  readonly start?: number;
}

/** A range to search, and how its ends are spoken of. */
export interface SearchedUnknown extends SearchRange {
  readonly name: string;
  readonly start: number;
}

/**
 * Ranges of the named parameters. Monotonicity, all else fixed, is a fact for noise (a Gaussian with more noise is one
 * with less and some added), for steps and epochs (a prefix of the releases), for the sampling rate (a sample of a
 * sample) and so for batch sizes and data sets at a fixed number of steps.
 */
const RANGES: Readonly<Record<SearchedName, Omit<SearchedUnknown, 'name'>>> = {
  noiseMultiplier: { whole: false, privateSide: 'large', from: 2 ** -20, to: 2 ** 40, start: 1 },
  steps: { whole: true, privateSide: 'small', from: 1, to: 2 ** 50, start: 1000 },
  epochs: { whole: true, privateSide: 'small', from: 1, to: 2 ** 40, start: 10 },
  expectedBatchSize: { whole: true, privateSide: 'small', from: 1, to: 2 ** 40, start: 256 },
  samplingProbability: { whole: false, privateSide: 'small', from: 2 ** -40, to: 1, start: 0.01 },
  datasetSize: { whole: true, privateSide: 'large', from: 1, to: 2 ** 50, start: 65_536 },
};

/** Every name that {@link calibrate} finds. */
export const UNKNOWN_NAMES: readonly UnknownName[] = Object.freeze([
  ...(Object.keys(RANGES) as SearchedName[]),
  'epsilon',
  'delta',
]);

/** The range of a named parameter, cut to what the others allow. */
export function namedUnknown(
  name: SearchedName,
  cut: Partial<Pick<SearchedUnknown, 'from' | 'to'>> = {},
): SearchedUnknown {
  const range = RANGES[name];
  const from = Math.max(range.from, cut.from ?? range.from);
  const to = Math.max(from, Math.min(range.to, cut.to ?? range.to));
  return { ...range, name, from, to, start: Math.min(to, Math.max(from, range.start)) };
}

/** A parameter of one's own, checked. */
export function requireUnknown(value: unknown): SearchedUnknown {
  const record = requireRecord(
    value,
    'find',
    `one of ${UNKNOWN_NAMES.join(', ')}, or { name, whole, privateSide, from, to }`,
  );
  const { name, whole, privateSide } = record;
  if (typeof name !== 'string' || name === '') throw invalidArgument('find.name', 'a name', name);
  if (typeof whole !== 'boolean') throw invalidArgument('find.whole', 'true or false', whole);
  if (privateSide !== 'large' && privateSide !== 'small') {
    throw invalidArgument('find.privateSide', '"large" or "small"', privateSide);
  }
  const kind = whole ? 'a whole number of at least 1' : 'a finite number above 0';
  const accepts = (x: number) => x > 0 && (!whole || Number.isSafeInteger(x));
  const from = requireNumber(record.from, 'find.from', kind, accepts);
  const to = requireNumber(
    record.to,
    'find.to',
    `${kind}, not below find.from`,
    (x) => accepts(x) && x >= from,
  );
  const start =
    record.start === undefined
      ? Math.sqrt(from) * Math.sqrt(to)
      : requireNumber(record.start, 'find.start', 'a number in the range', (x) => x >= from && x <= to);
  return { name, whole, privateSide, from, to, start: whole ? Math.round(start) : start };
}

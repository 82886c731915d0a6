import { DpError } from 'privacy-accounting';
import { type RandomWords, secureRandomWords } from '../noise/index.js';
import { MAX_DATASET_SIZE } from './arguments.js';
import type { BatchSampler } from './batch-sampler.js';
import { type PoissonState, resumePoisson } from './poisson-sampler.js';
import { resumeShuffle, type ShuffleState } from './shuffle-sampler.js';

/**
 * The sampler that a state was taken of, going on where it was: a shuffled epoch with its remaining batches in the
 * same order, Poisson sampling (which has no memory) with fresh draws. Words are never part of a state: what is drawn
 * from here on is new.
 *
 * @param state what {@link BatchSampler.state} gave, usually read back from JSON. Samplers of other packages restore
 *   their own.
 * @throws DpError `DP_CORRUPT` if it is not such a state: sizes that don't fit, an order that is no permutation, a
 *   position outside it. Nothing is repaired: a wrong order would let an example take part twice in an epoch.
 *
 * @example
 * const resumed = restoreSampler(JSON.parse(JSON.stringify(sampler.state())));
 */
export function restoreSampler(state: unknown, words: RandomWords = secureRandomWords()): BatchSampler {
  const fields = requireObject(state);
  if (fields.name === 'poisson') return resumePoisson(readPoisson(fields), words);
  if (fields.name === 'shuffle') return resumeShuffle(readShuffle(fields), words);
  throw corrupt('name', "'poisson' or 'shuffle' (other samplers restore their own state)", fields.name);
}

type Fields = Readonly<Record<string, unknown>>;

function readPoisson(fields: Fields): PoissonState {
  const datasetSize = requireInteger(fields, 'datasetSize', 1, MAX_DATASET_SIZE);
  const expectedBatchSize = requireInteger(fields, 'expectedBatchSize', 1, datasetSize);
  return { name: 'poisson', datasetSize, expectedBatchSize, secure: requireBoolean(fields, 'secure') };
}

function readShuffle(fields: Fields): ShuffleState {
  const datasetSize = requireInteger(fields, 'datasetSize', 1, MAX_DATASET_SIZE);
  const batchSize = requireInteger(fields, 'batchSize', 1, datasetSize);
  const cursor = requireInteger(fields, 'cursor', 0, datasetSize - 1);
  const midEpoch = cursor > 0;
  if (cursor % batchSize !== 0) throw corrupt('cursor', `a multiple of the batch size ${batchSize}`, cursor);
  const epochsBegun = requireInteger(fields, 'epochsBegun', midEpoch ? 1 : 0, Number.MAX_SAFE_INTEGER);
  const permutation = midEpoch
    ? requirePermutation(fields.permutation, datasetSize)
    : requireNull(fields.permutation);
  return {
    name: 'shuffle',
    datasetSize,
    batchSize,
    epochsBegun,
    cursor,
    permutation,
    secure: requireBoolean(fields, 'secure'),
  };
}

function requirePermutation(value: unknown, length: number): readonly number[] {
  const expected = `each index from 0 to ${length - 1} once, since an epoch is under way`;
  if (!Array.isArray(value)) throw corrupt('permutation', expected, value);
  if (value.length !== length) throw corrupt('permutation', expected, `${value.length} entries`);
  const seen = new Uint8Array(length);
  for (const index of value as readonly unknown[]) {
    const fresh = typeof index === 'number' && seen[index] === 0;
    if (!fresh) throw corrupt('permutation', expected, `a stray or repeated entry ${String(index)}`);
    seen[index] = 1;
  }
  return value as readonly number[];
}

function requireNull(value: unknown): null {
  if (value !== null) throw corrupt('permutation', 'null, since no epoch is under way', value);
  return value;
}

function requireInteger(fields: Fields, name: string, minimum: number, maximum: number): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw corrupt(name, `an integer from ${minimum} to ${maximum}`, value);
  }
  return value;
}

function requireBoolean(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw corrupt(name, 'true or false', value);
  return value;
}

function requireObject(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DpError('DP_CORRUPT', `Expected a sampler's state, an object, got ${describe(value)}.`);
  }
  return value as Fields;
}

function corrupt(field: string, expected: string, got: unknown): DpError {
  return new DpError(
    'DP_CORRUPT',
    `Expected ${field} of the sampler's state to be ${expected}, got ${describe(got)}. The state is damaged or of ` +
      'another version; go back to an intact checkpoint.',
  );
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

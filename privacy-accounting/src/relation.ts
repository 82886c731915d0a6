import { didYouMean, invalidArgument } from './arguments.js';

/**
 * Which pairs of data sets an ε compares. An ε without its relation means nothing: the same mechanism has
 * different ones, and the noise of one relation does not buy the guarantee of another.
 *
 * - `add-or-remove-one`: one example is present in one data set and absent from the other.
 * - `replace-one`: one example is exchanged for any other, a blank among them; the number of examples is public and
 *   equal. Whatever holds under it holds under replace-special.
 * - `replace-special` (zero-out): one example is exchanged for a blank that contributes nothing, so that the
 *   number of examples, and every other example's batch, stay as they are.
 */
export type NeighboringRelation = 'add-or-remove-one' | 'replace-one' | 'replace-special';

/** Every relation, in the order in which they are documented. */
export const NEIGHBORING_RELATIONS: readonly NeighboringRelation[] = Object.freeze([
  'add-or-remove-one',
  'replace-one',
  'replace-special',
]);

/** `value` if it names a relation; otherwise a DP_INVALID_ARGUMENT that lists them. */
export function requireRelation(value: unknown, path = 'relation'): NeighboringRelation {
  const relation = NEIGHBORING_RELATIONS.find((name) => name === value);
  if (relation !== undefined) return relation;
  const guess = typeof value === 'string' ? didYouMean(value, NEIGHBORING_RELATIONS) : undefined;
  throw invalidArgument(
    path,
    `one of ${NEIGHBORING_RELATIONS.join(', ')}`,
    value,
    guess === undefined
      ? 'There is no default: an ε is only meaningful with its relation.'
      : `Did you mean "${guess}"?`,
  );
}

/**
 * The L2 sensitivity of a sum of contributions clipped to norm C, in units of C: 1 when a contribution
 * appears, disappears or becomes zero; 2 when it is exchanged for another (‖g − g′‖ ≤ 2C).
 */
export function sensitivityInClips(relation: NeighboringRelation): 1 | 2 {
  return relation === 'replace-one' ? 2 : 1;
}

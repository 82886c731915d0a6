import type { NeighboringRelation } from '../../relation.js';

/**
 * How many steps of the relation that a claim `holds` for lead from any data set to any neighbour that is `asked` about;
 * undefined when no number of them is known to.
 *
 * - replace-one covers replace-special: a blank is a record that another may be exchanged for.
 * - add-or-remove-one covers replace-special: a blank counts as absent.
 * - An exchange is two steps of add-or-remove-one (take x out, put y in) and of replace-special (blank x out, then fill
 *   the blank with y). Two steps cost what a group of two does (`group-claims.ts`).
 * - Nothing else leads to data sets of another size.
 */
export function claimDistance(holds: NeighboringRelation, asked: NeighboringRelation): 1 | 2 | undefined {
  if (holds === asked) return 1;
  if (asked === 'replace-special') return 1;
  if (asked === 'replace-one') return 2;
  return undefined;
}

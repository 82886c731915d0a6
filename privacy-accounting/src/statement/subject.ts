import type { EpsilonBound } from '../bound.js';
import { DpError } from '../errors.js';
import type { NeighboringRelation } from '../relation.js';
import { formatCount } from './format-number.js';

/** The words for whom a bound protects, and from what question. */
export interface Subject {
  /** `example`, or `user (with at most 10 examples)`. */
  readonly each: string;
  /** Which data sets are compared. */
  readonly pairs: string;
  /** What an attacker wants to know. */
  readonly question: string;
  /** What he thinks likelier than he did: “was … sure *that* …”. */
  readonly belief: string;
  /** The others, whom he knows all about. */
  readonly others: string;
}

const EXAMPLE: Readonly<Record<NeighboringRelation, Omit<Subject, 'each' | 'others'>>> = {
  'add-or-remove-one': {
    pairs: 'data sets that differ in the presence of one example',
    question: 'whether one given example was used',
    belief: 'a given example was used',
  },
  'replace-one': {
    pairs: 'data sets of the same size in which one example is exchanged for any other',
    question: 'which of two given examples was used in one place',
    belief: 'it was one given example of two',
  },
  'replace-special': {
    pairs: 'data sets of the same size in which one example is blanked out',
    question: 'whether one given example was used or blanked out',
    belief: 'a given example was used, not blanked out',
  },
};

const USER: Readonly<Record<NeighboringRelation, Omit<Subject, 'each' | 'others'>>> = {
  'add-or-remove-one': {
    pairs: 'data sets that differ in the presence of all examples of one user',
    question: 'whether the examples of one given user were used',
    belief: 'the examples of a given user were used',
  },
  'replace-one': {
    pairs: 'data sets of the same size in which the examples of one user are exchanged for any others',
    question: 'which of two given users’ examples were used in one place',
    belief: 'it was one given user of two',
  },
  'replace-special': {
    pairs: 'data sets of the same size in which all examples of one user are blanked out',
    question: 'whether the examples of one given user were used or blanked out',
    belief: 'the examples of a given user were used, not blanked out',
  },
};

/** The words for the unit and the relation of a bound. */
export function subjectOf({ unit, contributions, relation }: EpsilonBound): Subject {
  if (unit !== 'user') {
    return { each: 'example', others: 'every other example', ...EXAMPLE[relation] };
  }
  if (contributions === undefined) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'result.contributions must be there for the unit user: how many examples a user has at most.',
    );
  }
  const has =
    contributions === 1 ? 'with one example' : `with at most ${formatCount(contributions)} examples`;
  return { each: `user (${has})`, others: 'the examples of every other user', ...USER[relation] };
}

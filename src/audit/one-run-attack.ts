import { DpError } from 'privacy-accounting';
import seedrandom from 'seedrandom';
import { balancedSplitPenalty, oneRunEpsilonLowerBound } from './one-run.js';
import type { EpsilonLowerBound } from './operating-point.js';
import { checkScores, type ScorePair } from './roc.js';

/**
 * How it was decided who is a member, which a one-run bound rests on.
 *
 * - `coins`: each example joined by a fair coin of its own. Nothing is lost.
 * - `split`: a uniformly random part of fixed size joined. The examples' memberships depend on each other, and
 *   the bound pays for it (`balancedSplitPenalty`); with δ > 0 and many examples it pays a lot. Prefer coins.
 */
export type MembershipAssignment = 'coins' | 'split';

/** ε from one trained model, by guessing the two ends of the ranking. */
export interface OneRunEvidence {
  readonly assignment: MembershipAssignment;
  /** Examples whose membership was at stake. */
  readonly coins: number;
  readonly guesses: number;
  readonly correct: number;
  readonly epsilonLowerBound: EpsilonLowerBound;
  /** The bound, had every guess been right. */
  readonly certifiableEpsilon: number;
}

export interface OneRunAttackOptions extends ScorePair {
  readonly assignment: MembershipAssignment;
  /** Share of the examples guessed at each end of the ranking, in (0, ½]. */
  readonly guessShare: number;
  readonly delta: number;
  /** Error that this bound may spend. */
  readonly alpha: number;
  /** Picks the examples that a split keeps, and breaks ties. */
  readonly seed: string;
}

/**
 * Ranks all examples by score, guesses that the highest share are members and the lowest share are not, and
 * bounds ε by the one-run theorem. The number of guesses depends on sizes alone; ties are broken by lot.
 *
 * A `split` keeps n members and n non-members at random, n being what could certify most: fewer examples, but
 * a smaller penalty. That choice, too, depends on sizes alone.
 */
export function oneRunAttack(options: OneRunAttackOptions): OneRunEvidence {
  checkScores(options);
  const { assignment, guessShare, delta, alpha } = options;
  if (!(guessShare > 0 && guessShare <= 0.5)) {
    throw new DpError('DP_INVALID_ARGUMENT', `guessShare: expected a number in (0, 0.5], got ${guessShare}.`);
  }
  const { members, nonMembers, spent } =
    assignment === 'coins' ? wholeSample(options) : balancedSample(options);
  const coins = members.length + nonMembers.length;
  const each = Math.floor(guessShare * coins);
  const correct = correctGuesses({ members, nonMembers, each, random: seedrandom(`${options.seed}:ties`) });
  const shared = { coins, guesses: 2 * each, delta, alpha: spent };
  return {
    assignment,
    coins,
    guesses: 2 * each,
    correct,
    epsilonLowerBound: {
      value: oneRunEpsilonLowerBound({ ...shared, correct }),
      delta,
      confidence: 1 - alpha,
      method: 'one-run',
      guarantee: 'exact',
    },
    certifiableEpsilon: oneRunEpsilonLowerBound({ ...shared, correct: 2 * each }),
  };
}

interface Sample {
  readonly members: Float64Array;
  readonly nonMembers: Float64Array;
  /** Error left to the theorem. */
  readonly spent: number;
}

function wholeSample({ memberScores, nonMemberScores, alpha }: OneRunAttackOptions): Sample {
  const coins = memberScores.length + nonMemberScores.length;
  const excess = Math.abs(memberScores.length - coins / 2);
  // Hoeffding: fair coins get this far from half with probability below 1e-9.
  if (excess > Math.sqrt((coins / 2) * Math.log(2e9))) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `assignment: expected about half of ${coins} examples to be members by fair coins, got ` +
        `${memberScores.length}. Use 'split' for members that were not drawn by coins.`,
    );
  }
  return {
    members: Float64Array.from(memberScores),
    nonMembers: Float64Array.from(nonMemberScores),
    spent: alpha,
  };
}

function balancedSample({
  memberScores,
  nonMemberScores,
  guessShare,
  delta,
  alpha,
  seed,
}: OneRunAttackOptions): Sample {
  const most = Math.min(memberScores.length, nonMemberScores.length);
  const spentBy = (n: number) => alpha * Math.exp(-balancedSplitPenalty(n));
  const certifiable = (n: number) => {
    const guesses = 2 * Math.floor(guessShare * 2 * n);
    return oneRunEpsilonLowerBound({ coins: 2 * n, guesses, correct: guesses, delta, alpha: spentBy(n) });
  };
  let kept = most;
  let best = certifiable(most);
  for (let n = Math.floor(most * 0.8); n >= 5; n = Math.floor(n * 0.8)) {
    const epsilon = certifiable(n);
    if (epsilon > best) [kept, best] = [n, epsilon];
  }
  const random = seedrandom(`${seed}:one-run`);
  return {
    members: sampleOf(memberScores, kept, random),
    nonMembers: sampleOf(nonMemberScores, kept, random),
    spent: spentBy(kept),
  };
}

function sampleOf(scores: ArrayLike<number>, n: number, random: () => number): Float64Array {
  const pool = Float64Array.from(scores);
  for (let i = 0; i < n; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.subarray(0, n);
}

/** Members among the `each` highest scores, and non-members among the `each` lowest. */
function correctGuesses({
  members,
  nonMembers,
  each,
  random,
}: Pick<Sample, 'members' | 'nonMembers'> & {
  readonly each: number;
  readonly random: () => number;
}): number {
  // The lot knows nothing of membership, so it is a coin of the attack's own: the theorem holds.
  const ranked = [
    ...Array.from(members, (score) => ({ score, member: true, lot: random() })),
    ...Array.from(nonMembers, (score) => ({ score, member: false, lot: random() })),
  ].sort((a, b) => (a.score === b.score ? a.lot - b.lot : b.score > a.score ? 1 : -1));
  let correct = 0;
  for (let i = 0; i < each; i++) {
    if (ranked[i]!.member) correct++;
    if (!ranked[ranked.length - 1 - i]!.member) correct++;
  }
  return correct;
}

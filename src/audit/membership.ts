import { DpError } from 'privacy-accounting';
import seedrandom from 'seedrandom';
import type { ClaimEvidence } from './claim.js';
import { checkConfidence, checkDelta } from './clopper-pearson.js';
import { type MembershipAssignment, type OneRunEvidence, oneRunAttack } from './one-run-attack.js';
import { type AuditDesign, type Halves, measurePoint, type OperatingPoint } from './operating-point.js';
import {
  type AucInterval,
  aucDeLong,
  aucHoeffding,
  checkScores,
  type RocCurve,
  rocCurve,
  type ScorePair,
} from './roc.js';

export interface MembershipOptions extends ScorePair {
  /** Target false-positive rates in (0, 1). Default [0.001, 0.01]. */
  readonly fprs?: readonly number[];
  /** Of every interval, and of the family of all thresholds together. Default 0.95. */
  readonly confidence?: number;
  /** Names the split into halves: the same seed and sizes give the same halves. Default 'audit'. */
  readonly seed?: string | number;
  /** Default 'one-model'. */
  readonly design?: AuditDesign;
  /** How members were chosen; matters to 'one-model' only. Default 'split'. */
  readonly assignment?: MembershipAssignment;
  /** Share of examples that the one-run bound guesses at each end of the ranking. Default 0.2. */
  readonly guessShare?: number;
  /** δ of the ε lower bounds. Default 1e-5; use the claim's own. */
  readonly delta?: number;
  /** How many thresholds share the error, if other attacks look at the same data too. Default: these. */
  readonly comparisons?: number;
  /** How many attacks share the error of the one-run bounds. Default 1. */
  readonly attacks?: number;
}

export interface MembershipResult {
  readonly members: number;
  readonly nonMembers: number;
  /** Sizes of the second half, where the operating points are measured. */
  readonly evaluation: { readonly members: number; readonly nonMembers: number };
  readonly design: AuditDesign;
  readonly seed: string;
  readonly comparisons: number;
  readonly points: readonly OperatingPoint[];
  /** null for independent trials, which need no such bound. */
  readonly oneRun: OneRunEvidence | null;
  readonly auc: { readonly exact: AucInterval; readonly asymptotic: AucInterval | null };
  readonly roc: RocCurve;
}

/**
 * What a result says against a claim: at each threshold the Clopper–Pearson bound and, for one model, the
 * one-run bound as well. Both have to exceed a claim to violate it.
 */
export function claimEvidence({ points, oneRun }: MembershipResult): ClaimEvidence[] {
  return points.flatMap((point) => {
    if (!point.resolvable) return [];
    const bounds = oneRun === null ? [point] : [point, oneRun];
    return [
      {
        epsilonLowerBounds: bounds.map(({ epsilonLowerBound }) => epsilonLowerBound.value),
        certifiableEpsilon: Math.min(...bounds.map(({ certifiableEpsilon }) => certifiableEpsilon)),
      },
    ];
  });
}

/**
 * Threshold membership inference: accuse an example when its score exceeds t, where t is fixed for each target
 * FPR on one half of the scores and TPR and FPR are measured on the other half.
 *
 * - Both sides are halved by a permutation seeded with `seed`, which sees no score.
 * - TPR and realised FPR carry two-sided Clopper–Pearson intervals at `confidence`, each on its own.
 * - Corners and their ε hold at `confidence` for all K = `comparisons` thresholds together: each spends
 *   (1 − confidence)/K (Bonferroni). K counts resolvable thresholds, which depends on sizes, never on scores.
 * - The AUC and the ROC need no threshold and use every score.
 * - A target FPR below 1/n₀ of either half's non-members is reported as unresolvable.
 *
 * For `one-model`, `oneRunAttack` bounds ε from all scores, at `confidence` for all `attacks` together.
 *
 * @example
 * const { points, auc } = membershipInference({ memberScores, nonMemberScores, fprs: [0.01], seed: 'audit-1' });
 * if (points[0]?.resolvable) console.log(points[0].tpr.lower, points[0].realisedFpr.upper);
 */
export function membershipInference(options: MembershipOptions): MembershipResult {
  const { fprs = [0.001, 0.01], confidence = 0.95, seed = 'audit', design = 'one-model' } = options;
  const { delta = 1e-5, assignment = 'split', guessShare = 0.2, attacks = 1 } = options;
  checkScores(options);
  checkConfidence(confidence);
  checkDelta(delta);
  const halves = splitHalves(options, String(seed));
  const resolvable = fprs.filter((fpr) => unresolvedReason(halves, fpr) === undefined).length;
  const comparisons = options.comparisons ?? Math.max(1, resolvable);
  if (!Number.isInteger(comparisons) || comparisons < resolvable || comparisons < 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `comparisons: expected an integer of at least ${Math.max(1, resolvable)}, the number of resolvable ` +
        `thresholds, got ${comparisons}.`,
    );
  }
  if (!Number.isInteger(attacks) || attacks < 1) {
    throw new DpError('DP_INVALID_ARGUMENT', `attacks: expected an integer of at least 1, got ${attacks}.`);
  }
  const alpha = (1 - confidence) / comparisons;
  const points = fprs.map((targetFpr): OperatingPoint => {
    const reason = unresolvedReason(halves, targetFpr);
    if (reason !== undefined) return { resolvable: false, targetFpr, reason };
    return measurePoint(halves, { targetFpr, confidence, alpha, delta, design });
  });
  return {
    members: options.memberScores.length,
    nonMembers: options.nonMemberScores.length,
    evaluation: { members: halves.second.members.length, nonMembers: halves.second.nonMembers.length },
    design,
    seed: String(seed),
    comparisons,
    points,
    oneRun:
      design === 'independent-trials'
        ? null
        : oneRunAttack({
            memberScores: options.memberScores,
            nonMemberScores: options.nonMemberScores,
            assignment,
            guessShare,
            delta,
            alpha: (1 - confidence) / attacks,
            seed: String(seed),
          }),
    auc: {
      exact: aucHoeffding(options, { confidence }),
      asymptotic: aucDeLong(options, { confidence }) ?? null,
    },
    roc: rocCurve(options),
  };
}

/** How many of `fprs` a sample of this size resolves: what `comparisons` has to count. */
export function countResolvable(nonMembers: number, fprs: readonly number[]): number {
  return fprs.filter((fpr) => fpr * Math.floor(nonMembers / 2) >= 1 - 1e-9).length;
}

/** Random halves of each side, in random order: position says nothing about the score. */
function splitHalves({ memberScores, nonMemberScores }: ScorePair, seed: string): Halves {
  if (memberScores.length < 2 || nonMemberScores.length < 2) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `membership inference: expected at least 2 members and 2 non-members to fix a threshold on one half and ` +
        `measure it on the other, got ${memberScores.length} and ${nonMemberScores.length}.`,
    );
  }
  const random = seedrandom(seed);
  const members = shuffled(memberScores, random);
  const nonMembers = shuffled(nonMemberScores, random);
  const middle = { members: members.length >> 1, nonMembers: nonMembers.length >> 1 };
  return {
    first: {
      members: members.subarray(0, middle.members),
      nonMembers: nonMembers.subarray(0, middle.nonMembers),
    },
    second: { members: members.subarray(middle.members), nonMembers: nonMembers.subarray(middle.nonMembers) },
  };
}

function shuffled(scores: ArrayLike<number>, random: () => number): Float64Array {
  const out = Float64Array.from(scores);
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

function unresolvedReason({ first, second }: Halves, fpr: number): string | undefined {
  const nonMembers = Math.min(first.nonMembers.length, second.nonMembers.length);
  if (!(fpr > 0 && fpr < 1)) {
    throw new DpError('DP_INVALID_ARGUMENT', `fprs: expected numbers in (0, 1), such as 0.01, got ${fpr}.`);
  }
  if (fpr * nonMembers >= 1 - 1e-9) return undefined;
  return (
    `A false-positive rate of ${fpr} needs at least ${2 * Math.ceil(1 / fpr - 1e-9)} non-members (half to set ` +
    `the threshold, half to measure it); there are ${first.nonMembers.length + second.nonMembers.length}.`
  );
}

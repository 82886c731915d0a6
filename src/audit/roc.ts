import erfcinv from '@stdlib/math-base-special-erfcinv';
import { DpError } from 'privacy-accounting';
import { checkConfidence } from './clopper-pearson.js';

/** Scores of both sides; larger means more like a member. −∞ is allowed (never accused), NaN and +∞ are not. */
export interface ScorePair {
  readonly memberScores: ArrayLike<number>;
  readonly nonMemberScores: ArrayLike<number>;
}

/**
 * The empirical ROC as the corners of its staircase, in counts: lowering the threshold walks from
 * (falsePositives[0], truePositives[0]) = (0, 0) to (nonMembers, members). A tie across both sides is one
 * slanted step: no threshold can stop inside it.
 */
export interface RocCurve {
  readonly falsePositives: readonly number[];
  readonly truePositives: readonly number[];
  readonly nonMembers: number;
  readonly members: number;
}

/** Area under the ROC, with an interval and what stands behind it. */
export interface AucInterval {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly confidence: number;
  readonly method: 'hoeffding' | 'delong-logit';
  readonly guarantee: 'exact' | 'asymptotic';
}

/**
 * ROC of the threshold rule over every threshold. Only corners are kept, so that the walk between two
 * kept points is straight and nothing is lost.
 */
export function rocCurve(pair: ScorePair): RocCurve {
  const sorted = sortedScores(pair);
  const falsePositives = [0];
  const truePositives = [0];
  let fp = 0;
  let tp = 0;
  let direction = Number.NaN;
  for (let i = 0; i < sorted.length; ) {
    const score = sorted[i]!.score;
    let stepFp = 0;
    let stepTp = 0;
    for (; i < sorted.length && sorted[i]!.score === score; i++) {
      if (sorted[i]!.member) stepTp++;
      else stepFp++;
    }
    const slope = Math.atan2(stepTp, stepFp);
    if (slope === direction && (stepTp === 0 || stepFp === 0)) {
      falsePositives.pop();
      truePositives.pop();
    }
    direction = slope;
    fp += stepFp;
    tp += stepTp;
    falsePositives.push(fp);
    truePositives.push(tp);
  }
  return { falsePositives, truePositives, nonMembers: fp, members: tp };
}

/**
 * The threshold t of the rule "accuse when score > t" that accuses as many non-members as FPR ≤ `fpr` allows:
 * the (⌊fpr·n₀⌋ + 1)-th largest score. Scores tied with t are not accused, so the rate on these scores never
 * exceeds `fpr`. For FPR below 1/n₀ it accuses none of them.
 */
export function thresholdAtFpr(nonMemberScores: ArrayLike<number>, fpr: number): number {
  if (!(fpr > 0 && fpr < 1)) {
    throw new DpError('DP_INVALID_ARGUMENT', `fpr: expected a number in (0, 1), such as 0.01, got ${fpr}.`);
  }
  const descending = Float64Array.from(nonMemberScores).sort().reverse();
  // 1e-9 absorbs the rounding of products such as 0.07 · 100.
  return descending[Math.floor(fpr * descending.length + 1e-9)]!;
}

/** How many scores lie strictly above `threshold`. */
export function countAbove(scores: ArrayLike<number>, threshold: number): number {
  let count = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > threshold) count++;
  return count;
}

/**
 * AUC = P(member score > non-member score) + ½ P(equal), over all pairs, with the distribution-free interval
 * AUC ± √(½ ln(2/α)(1/n₁ + 1/n₀)), α = 1 − confidence.
 *
 * Exact for independent scores: one member score moves the AUC by at most 1/n₁, one non-member score by
 * 1/n₀ (McDiarmid 1989). Wide, but never too narrow.
 */
export function aucHoeffding(pair: ScorePair, options: { readonly confidence: number }): AucInterval {
  checkConfidence(options.confidence);
  const { auc, members, nonMembers } = placements(pair);
  const radius = Math.sqrt(0.5 * Math.log(2 / (1 - options.confidence)) * (1 / members + 1 / nonMembers));
  return {
    value: auc,
    lower: Math.max(0, auc - radius),
    upper: Math.min(1, auc + radius),
    confidence: options.confidence,
    method: 'hoeffding',
    guarantee: 'exact',
  };
}

/**
 * AUC with DeLong's variance on the logit scale: logit(AUC) ± z·√var/(AUC(1 − AUC)).
 *
 * Asymptotic: the coverage tends to `confidence` as both samples grow (DeLong, DeLong &
 * Clarke-Pearson 1988). `undefined` where it says nothing: fewer than two scores a side, or a variance of zero
 * (a perfect attack, all scores equal).
 */
export function aucDeLong(
  pair: ScorePair,
  options: { readonly confidence: number },
): (AucInterval & { readonly variance: number }) | undefined {
  checkConfidence(options.confidence);
  const { auc, memberPlacements, nonMemberPlacements, members, nonMembers } = placements(pair);
  if (members < 2 || nonMembers < 2) return undefined;
  const variance =
    sampleVariance(memberPlacements) / members + sampleVariance(nonMemberPlacements) / nonMembers;
  if (!(variance > 0)) return undefined;
  const z = Math.SQRT2 * erfcinv(1 - options.confidence);
  const logit = Math.log(auc / (1 - auc));
  const radius = (z * Math.sqrt(variance)) / (auc * (1 - auc));
  return {
    value: auc,
    lower: 1 / (1 + Math.exp(radius - logit)),
    upper: 1 / (1 + Math.exp(-radius - logit)),
    confidence: options.confidence,
    method: 'delong-logit',
    guarantee: 'asymptotic',
    variance,
  };
}

/** Throws `DP_INVALID_ARGUMENT` for an empty side, a NaN or +∞. */
export function checkScores({ memberScores, nonMemberScores }: ScorePair): void {
  for (const [name, scores] of [
    ['memberScores', memberScores],
    ['nonMemberScores', nonMemberScores],
  ] as const) {
    if (scores.length === 0) {
      throw new DpError('DP_INVALID_ARGUMENT', `${name}: expected at least one score, got none.`);
    }
    for (let i = 0; i < scores.length; i++) {
      if (!(scores[i]! < Number.POSITIVE_INFINITY)) {
        throw new DpError(
          'DP_INVALID_ARGUMENT',
          `${name}[${i}]: expected a finite score or −∞ (never accused), got ${scores[i]}.`,
        );
      }
    }
  }
}

function sortedScores(pair: ScorePair): { readonly score: number; readonly member: boolean }[] {
  checkScores(pair);
  return [
    ...Array.from(pair.memberScores, (score) => ({ score, member: true })),
    ...Array.from(pair.nonMemberScores, (score) => ({ score, member: false })),
  ].sort((a, b) => (a.score === b.score ? 0 : b.score > a.score ? 1 : -1));
}

/** For each member the share of non-members below it, for each non-member the share of members above; ties ½. */
function placements(pair: ScorePair) {
  const sorted = sortedScores(pair);
  const members = pair.memberScores.length;
  const nonMembers = pair.nonMemberScores.length;
  const memberPlacements: number[] = [];
  const nonMemberPlacements: number[] = [];
  let membersAbove = 0;
  let nonMembersAbove = 0;
  for (let i = 0; i < sorted.length; ) {
    const score = sorted[i]!.score;
    let tiedMembers = 0;
    let tiedNonMembers = 0;
    for (; i < sorted.length && sorted[i]!.score === score; i++) {
      if (sorted[i]!.member) tiedMembers++;
      else tiedNonMembers++;
    }
    const below = nonMembers - nonMembersAbove - tiedNonMembers;
    for (let k = 0; k < tiedMembers; k++) memberPlacements.push((below + tiedNonMembers / 2) / nonMembers);
    for (let k = 0; k < tiedNonMembers; k++)
      nonMemberPlacements.push((membersAbove + tiedMembers / 2) / members);
    membersAbove += tiedMembers;
    nonMembersAbove += tiedNonMembers;
  }
  const auc = memberPlacements.reduce((sum, share) => sum + share, 0) / members;
  return { auc, memberPlacements, nonMemberPlacements, members, nonMembers };
}

function sampleVariance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

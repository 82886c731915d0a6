import { DpError } from 'privacy-accounting';
import { type ClaimEvidence, checkClaim, checkClaimAgainst, type PrivacyClaim } from './claim.js';
import { claimEvidence, countResolvable, type MembershipResult, membershipInference } from './membership.js';
import type { AuditDesign } from './operating-point.js';
import { type AttackResult, AUDIT_SCHEMA, type AuditGroup, type AuditResult, toExtended } from './result.js';
import { scoreHistogram } from './score-histogram.js';
import { logitConfidenceScores, membershipScores, type ScoreInput, type ScoreName } from './scores.js';

/** One attack: how examples are ranked, and which of them are attacked. */
export interface AttackSpec {
  readonly score: ScoreName;
  /** Default 'all'. 'ordinary' leaves the canaries out. */
  readonly on?: AuditGroup;
}

/** How an audit is run, whatever the scores come from. */
export interface AuditSettings {
  /** [n]: whether each example was in the training data. */
  readonly member: ArrayLike<number | boolean>;
  /** [n]: whether each example is a canary. Default: none is. */
  readonly canary?: ArrayLike<number | boolean>;
  /** Fixed before looking at any score. Default: loss and max-confidence on all; with canaries, loss on them. */
  readonly attacks?: readonly AttackSpec[];
  /** Target false-positive rates. Default [0.001, 0.01]. */
  readonly fprs?: readonly number[];
  /** Default 0.95. */
  readonly confidence?: number;
  /** Names the split into halves. Default 'audit'. Trying several seeds and keeping one voids the confidence. */
  readonly seed?: string | number;
  /** Default 'one-model'. */
  readonly design?: AuditDesign;
  /**
   * Whose membership was decided by a fair coin of its own; everyone else's by one random split. Default 'none'.
   * Coins for all give the strongest bounds.
   */
  readonly coins?: 'none' | 'canaries' | 'all';
  /** Share of examples that the one-run bound guesses at each end of the ranking. Default 0.2. */
  readonly guessShare?: number;
  /** The run's ε with δ and relation; absent for a model that promises nothing. */
  readonly claim?: PrivacyClaim | undefined;
  /** δ of the ε lower bounds when there is no claim. Default 1e-5. */
  readonly delta?: number;
  /** What was attacked, for people. */
  readonly subject?: string;
  /** Carried into the result's notes. */
  readonly notes?: readonly string[];
  /** ISO date of the result. Default: now. */
  readonly created?: string;
}

/**
 * Membership inference against model outputs, with a verdict on the claimed (ε, δ).
 *
 * `logits` is [n, classes] and `labels` is [n], the labels that the model was (or would have been) trained
 * with; `member` says who was. Members and non-members have to be a uniformly random split of one pool: with
 * any other difference between them (time, source, preprocessing) the attacks measure that difference.
 *
 * All thresholds share the error 1 − confidence, and so do all one-run bounds (Bonferroni); a violation needs
 * one of each, so it has that error too. See `membershipInference` for what
 * is exact, `checkClaimAgainst` for the verdict. Under replace-one, one model gives no verdict: whether an
 * example was in or out is not what that relation protects.
 *
 * @example
 * const audit = auditLogits({ logits, labels, classes: 10, member, canary, claim: bound, subject: 'run 7' });
 * process.exitCode = VERDICT_EXIT_CODE[audit.verdict.value];
 */
export function auditLogits(options: ScoreInput & AuditSettings): AuditResult {
  const { claim, fprs = [0.001, 0.01], confidence = 0.95, seed = 'audit', design = 'one-model' } = options;
  const { coins = 'none', guessShare = 0.2 } = options;
  const member = bits('member', options.member, options.labels.length);
  const canary = bits('canary', options.canary ?? new Uint8Array(member.length), member.length);
  if (claim !== undefined) checkClaim(claim);
  if (!(member.includes(0) && member.includes(1))) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `member: expected both members and non-members, got ${member.length} of one kind. Audit held-out examples ` +
        'of the same pool beside those that were trained on.',
    );
  }
  const notes = [...(options.notes ?? [])];
  const attacks = (options.attacks ?? defaultAttacks(member, canary, notes)).map(({ score, on = 'all' }) => ({
    score,
    on,
    members: pick(member, canary, on, 1),
    nonMembers: pick(member, canary, on, 0),
  }));
  if (attacks.length === 0) {
    throw new DpError('DP_INVALID_ARGUMENT', 'attacks: expected at least one attack, got an empty list.');
  }
  const comparisons = Math.max(
    1,
    attacks.reduce((sum, { nonMembers }) => sum + countResolvable(nonMembers.length, fprs), 0),
  );
  const drawn = logitConfidenceScores(options);
  if (drawn.nonFinite > 0) {
    notes.push(
      `${drawn.nonFinite} rows held a NaN or an infinity: scored as least confident, never accused.`,
    );
  }
  const evidence: ClaimEvidence[] = [];
  const results = attacks.map(({ score, on, members, nonMembers }): AttackResult => {
    const { values } = membershipScores(score, options);
    const result = membershipInference({
      memberScores: members.map((i) => values[i]!),
      nonMemberScores: nonMembers.map((i) => values[i]!),
      fprs,
      confidence,
      seed,
      design,
      delta: claim?.delta ?? options.delta ?? 1e-5,
      comparisons,
      assignment: coins === 'all' || (coins === 'canaries' && on === 'canaries') ? 'coins' : 'split',
      guessShare,
      attacks: attacks.length,
    });
    evidence.push(...claimEvidence(result));
    return toJson(score, on, result);
  });
  const groups = [...new Set(attacks.map(({ on }) => on))];
  const canaries = (bit: 0 | 1) => pick(member, canary, 'canaries', bit).length;
  return {
    schema: AUDIT_SCHEMA,
    created: options.created ?? new Date().toISOString(),
    subject: options.subject ?? 'a model',
    attacker: ATTACKER,
    design,
    assumptions: [...ASSUMPTIONS[design], ...(claim?.relation === 'replace-special' ? [BLANKED] : [])],
    seed: String(seed),
    confidence,
    multiplicity: {
      method: 'bonferroni',
      thresholds: comparisons,
      attacks: attacks.length,
      errorPerThreshold: (1 - confidence) / comparisons,
      errorPerAttack: (1 - confidence) / attacks.length,
    },
    coins,
    claim:
      claim === undefined
        ? null
        : {
            epsilon: toExtended(claim.epsilon),
            delta: claim.delta,
            relation: claim.relation,
            accountant: claim.accountant,
          },
    sample: {
      members: member.filter((bit) => bit === 1).length,
      nonMembers: member.filter((bit) => bit === 0).length,
      memberCanaries: canaries(1),
      nonMemberCanaries: canaries(0),
      classes: options.classes,
      nonFiniteRows: drawn.nonFinite,
    },
    attacks: results,
    histograms: groups.map((on) =>
      scoreHistogram(on, drawn.values, pick(member, canary, on, 1), pick(member, canary, on, 0)),
    ),
    verdict: judge(claim, evidence, design),
    notes,
  };
}

const ATTACKER =
  'Sees the trained model’s outputs for an example (logits) and knows its label, unless the attack says that ' +
  'it needs none. Sees no gradient, no intermediate model and no other training data.';

const ASSUMPTIONS: Readonly<Record<AuditDesign, string[]>> = {
  'one-model': [
    'Members and non-members were drawn at random from one pool, by fair coins where the audit says so.',
    'Rates and their intervals describe this one trained model on examples of this pool.',
    'The one-run bound on ε allows the scores to depend on each other through the model. The Clopper–Pearson ' +
      'bound does not: here it is an estimate. A claim counts as violated only when both exceed it.',
  ],
  'independent-trials': [
    'Every score comes from an independent run of the mechanism.',
    'Rates are averages over the randomness of the mechanism.',
  ],
};

const BLANKED =
  'Leaving an example out is taken to have the effect of blanking it, which the claim is about. That is so under ' +
  'Poisson sampling; under shuffled batches the others move up.';

function judge(
  claim: PrivacyClaim | undefined,
  evidence: readonly ClaimEvidence[],
  design: AuditDesign,
): AuditResult['verdict'] {
  if (claim?.relation === 'replace-one' && design === 'one-model' && Number.isFinite(claim.epsilon)) {
    return {
      value: 'inconclusive',
      reason:
        'The claim is about replacing one example by another; this attack tells examples that were in from ' +
        'examples that were left out, of which the claim says nothing directly.',
    };
  }
  const { verdict, reason } = checkClaimAgainst(claim, evidence);
  return { value: verdict, reason };
}

function toJson(score: ScoreName, on: AuditGroup, result: MembershipResult): AttackResult {
  const { falsePositives, truePositives } = result.roc;
  return {
    score,
    on,
    members: result.members,
    nonMembers: result.nonMembers,
    evaluation: { ...result.evaluation },
    points: result.points.map((point) =>
      point.resolvable
        ? {
            ...point,
            threshold: toExtended(point.threshold),
          }
        : { ...point },
    ),
    oneRun: result.oneRun,
    auc: result.auc,
    roc: { ...result.roc, falsePositives: [...falsePositives], truePositives: [...truePositives] },
  };
}

function defaultAttacks(member: Uint8Array, canary: Uint8Array, notes: string[]): AttackSpec[] {
  const attacks: AttackSpec[] = [{ score: 'loss' }, { score: 'max-confidence' }];
  if (!canary.includes(1)) return attacks;
  const sizes = ([1, 0] as const).map((bit) => pick(member, canary, 'canaries', bit).length);
  if (sizes.every((size) => size >= 2)) return [{ score: 'loss', on: 'canaries' }, ...attacks];
  notes.push('Too few canaries on one side to attack them on their own.');
  return attacks;
}

function pick(member: Uint8Array, canary: Uint8Array, on: AuditGroup, bit: 0 | 1): number[] {
  const indices: number[] = [];
  for (let i = 0; i < member.length; i++) {
    if (member[i] === bit && (on === 'all' || canary[i] === (on === 'canaries' ? 1 : 0))) indices.push(i);
  }
  return indices;
}

function bits(name: string, values: ArrayLike<number | boolean>, n: number): Uint8Array {
  if (values.length !== n) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${name}: expected one value for each of the ${n} labels, got ${values.length}.`,
    );
  }
  return Uint8Array.from(values, (value, i) => {
    const bit = Number(value);
    if (bit === 0 || bit === 1) return bit;
    throw new DpError('DP_INVALID_ARGUMENT', `${name}[${i}]: expected 0, 1 or a boolean, got ${value}.`);
  });
}

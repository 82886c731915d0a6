/**
 * Audit: attacks on a trained model, what they prove about its ε, and a verdict on the ε that was claimed.
 *
 * Not here: how a model is trained, and how a result is drawn (`../report`). An audit never changes a model, a
 * budget or a run. It is no proof of privacy: the best that it can say is "consistent".
 *
 * Invariants: a threshold is fixed on data that it is not measured on; the direction of an attack is fixed
 * before any score is seen; several thresholds share one error (Bonferroni); every statistic says exact,
 * asymptotic or estimate, and an exact one holds for the data it names; a rate that the sample cannot resolve
 * is no number. Results are computed from private data without noise: they are private values.
 */
export { type AttackSpec, type AuditSettings, auditLogits } from './audit-logits.js';
export { auditModel } from './audit-model.js';
export { loadAuditSet, saveAuditSet } from './audit-set.js';
export {
  AUDIT_SET_FILE,
  type AuditSet,
  type FeatureArray,
  type LoadedAuditSet,
} from './audit-set-manifest.js';
export { type CoinFlipCanaries, coinFlipCanaries, flipCoins, mislabel } from './canaries.js';
export {
  advantageCeiling,
  aucCeiling,
  type ClaimEvidence,
  checkClaimAgainst,
  type PrivacyClaim,
  tprCeiling,
  VERDICT_EXIT_CODE,
  type Verdict,
} from './claim.js';
export {
  type AttackCounts,
  attackCorner,
  type Count,
  clopperPearson,
  clopperPearsonEpsilon,
  clopperPearsonLower,
  clopperPearsonUpper,
  type RateInterval,
} from './clopper-pearson.js';
export {
  claimEvidence,
  type MembershipOptions,
  type MembershipResult,
  membershipInference,
} from './membership.js';
export { type ModelLogits, type ModelOutput, type ModelScoringOptions, modelLogits } from './model-logits.js';
export { balancedSplitPenalty, type OneRunCounts, oneRunEpsilonLowerBound, oneRunPValue } from './one-run.js';
export { type MembershipAssignment, type OneRunEvidence, oneRunAttack } from './one-run-attack.js';
export type {
  AuditDesign,
  EpsilonLowerBound,
  OperatingPoint,
  ResolvedPoint,
  UnresolvedPoint,
} from './operating-point.js';
export {
  type AttackResult,
  AUDIT_SCHEMA,
  type AuditGroup,
  type AuditResult,
  auditResultSchema,
  fromExtended,
  parseAuditResult,
  type ScoreHistogram,
  toExtended,
} from './result.js';
export {
  type AucInterval,
  aucDeLong,
  aucHoeffding,
  countAbove,
  type RocCurve,
  rocCurve,
  type ScorePair,
  thresholdAtFpr,
} from './roc.js';
export {
  confidenceScores,
  logitConfidenceScores,
  lossScores,
  maxConfidenceScores,
  membershipScores,
  type ScoreInput,
  type ScoreName,
  type Scores,
} from './scores.js';

import { type AuditSettings, auditLogits } from './audit-logits.js';
import { type ModelScoringOptions, modelLogits } from './model-logits.js';
import type { AuditResult } from './result.js';

/**
 * Membership-inference audit of a trained classifier: {@link modelLogits}, then `auditLogits`.
 *
 * `labels` is [n] of integers, the labels used in training (a canary's is its wrong one); `member` and `canary`
 * are [n]. The model and the tensors are only read.
 *
 * @example
 * const audit = await auditModel({ model, features: xs, labels, member, claim: optimizer.privacySpent({ delta: 1e-5 }) });
 * console.log(audit.verdict.value, audit.verdict.reason);
 */
export async function auditModel(
  options: ModelScoringOptions & AuditSettings & { readonly labels: ArrayLike<number> },
): Promise<AuditResult> {
  const { model, features, output, batchSize, notes = [], subject, ...settings } = options;
  const scored = await modelLogits({
    model,
    features,
    ...(output === undefined ? {} : { output }),
    ...(batchSize === undefined ? {} : { batchSize }),
  });
  return auditLogits({
    ...settings,
    logits: scored.logits,
    classes: scored.classes,
    subject: subject ?? model.name,
    notes: scored.note === undefined ? notes : [...notes, scored.note],
  });
}

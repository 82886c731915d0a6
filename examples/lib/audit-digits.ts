import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { secureRandomWords, shuffleSampler } from 'tfjs-privacy';
import {
  AUDIT_SET_FILE,
  type AuditSet,
  coinFlipCanaries,
  loadAuditSet,
  mislabel,
  saveAuditSet,
} from 'tfjs-privacy/audit';
import { CLASSES, type Digits, selectDigits } from '../data/mnist.js';
import { FEATURES, featuresOf, oneHot } from './features.js';
import type { TrainingTensors } from './train.js';

/** How many digits of the pool play which part. */
export interface AuditSizes {
  /** Mislabelled digits, each of which joins the training data if its own fair coin says so. */
  readonly canaries: number;
  /** Digits with their true label that are trained on. */
  readonly members: number;
  /** Mislabelled digits that no coin could let in: they tell what score a canary has that was left out. */
  readonly references: number;
  /** Digits with their true label that are not trained on. */
  readonly nonMembers: number;
}

/**
 * Deals digits of one securely shuffled pool to the parts of an audit.
 *
 * Members and non-members differ in the shuffle and the coins alone. The official test digits would not do: other
 * people wrote them, and an attack could tell the sources apart without any leak. Four hundred coins leave about two
 * hundred canaries out, too few to measure a false-positive rate of 0.1 %; the references are there for that.
 * The number of digits trained on depends on the coins: filling up to a round number would make each canary's
 * absence another digit's presence, which is not the relation that ε is stated for.
 */
export function drawAuditSet(pool: Digits, sizes: AuditSizes): AuditSet {
  const words = secureRandomWords();
  const parts = [sizes.canaries, sizes.references, sizes.members, sizes.nonMembers];
  const total = parts.reduce((sum, part) => sum + part, 0);
  const dealt = shuffleSampler({ datasetSize: pool.count, batchSize: total, words }).next();
  const digits = selectDigits(pool, dealt);
  const afterCanaries = sizes.canaries + sizes.references;
  const canaries = coinFlipCanaries({
    labels: digits.labels.subarray(0, sizes.canaries),
    classes: CLASSES,
    words,
  });
  const references = mislabel({
    labels: digits.labels.subarray(sizes.canaries, afterCanaries),
    classes: CLASSES,
    words,
  });
  return {
    features: [{ data: featuresOf(digits), shape: [total, FEATURES] }],
    labels: [...canaries.labels, ...references, ...digits.labels.subarray(afterCanaries)],
    member: Uint8Array.from({ length: total }, (_, i) =>
      i < sizes.canaries ? canaries.member[i]! : Number(i >= afterCanaries && i < total - sizes.nonMembers),
    ),
    canary: Uint8Array.from({ length: total }, (_, i) => Number(i < afterCanaries)),
    ids: Array.from(dealt, (index) => `train-${index}`),
    classes: CLASSES,
    coins: 'none',
  };
}

/** The audit set kept in a run directory, or else a new one that is kept there: who is a member is drawn once. */
export async function auditSetIn(directory: string, pool: Digits, sizes: AuditSizes): Promise<AuditSet> {
  if (existsSync(join(directory, AUDIT_SET_FILE))) return await loadAuditSet(directory);
  const set = drawAuditSet(pool, sizes);
  await saveAuditSet(directory, set);
  return set;
}

/** The features of everyone, to attack. The caller disposes them. */
export function auditTensor({ features: [matrix] }: AuditSet): tf.Tensor2D {
  return tf.tensor2d(matrix!.data as Float32Array, [matrix!.shape[0]!, FEATURES]);
}

/** What the audited models are trained on: the members. The caller disposes both tensors. */
export function membersOf(set: AuditSet): TrainingTensors {
  const indices = Array.from(set.member).flatMap((bit, i) => (bit === 1 ? [i] : []));
  return {
    xs: tf.tidy(() => tf.gather(auditTensor(set), tf.tensor1d(indices, 'int32'))),
    ys: oneHot(indices.map((i) => set.labels[i]!)),
  };
}

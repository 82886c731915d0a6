import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { secureRandomWords, shuffleSampler } from 'tfjs-privacy';
import {
  AUDIT_SET_FILE,
  type AuditSet,
  coinFlipCanaries,
  flipCoins,
  loadAuditSet,
  mislabel,
  saveAuditSet,
} from 'tfjs-privacy/audit';
import { CLASSES, type Digits, selectDigits } from '../data/mnist.js';
import { FEATURES, featuresOf, oneHot } from './features.js';
import type { TrainingTensors } from './train.js';

/** How many digits of the pool play which part. */
export interface AuditSizes {
  /** Mislabelled digits; a fair coin for each puts it into the training data or leaves it out. */
  readonly canaries: number;
  /** Digits with their true label, put in or left out in the same way. */
  readonly ordinary: number;
  /** Further digits of each kind that were never at stake; see {@link withReferences}. */
  readonly references: number;
}

/**
 * Draws digits from one securely shuffled pool and flips a fair coin for each: in or out of the training data.
 *
 * Members and non-members then differ in their coins alone. The official test digits would not do as non-members:
 * other people wrote them, and an attack could tell the sources apart without any leak. How many digits are
 * trained on depends on the coins, too: filling up to a round number would make the absence of one digit the
 * presence of another, which is not the relation that ε is stated for.
 */
export function drawAuditSet(pool: Digits, { canaries, ordinary }: AuditSizes): AuditSet {
  const words = secureRandomWords();
  const total = canaries + ordinary;
  const drawn = shuffleSampler({ datasetSize: pool.count, batchSize: total, words }).next();
  const digits = selectDigits(pool, drawn);
  const wrong = coinFlipCanaries({ labels: digits.labels.subarray(0, canaries), classes: CLASSES, words });
  return {
    features: [{ data: featuresOf(digits), shape: [total, FEATURES] }],
    labels: [...wrong.labels, ...digits.labels.subarray(canaries)],
    member: [...wrong.member, ...flipCoins({ count: ordinary, words })],
    canary: Uint8Array.from({ length: total }, (_, i) => Number(i < canaries)),
    ids: Array.from(drawn, idOf),
    classes: CLASSES,
    coins: 'all',
  };
}

/** The audit set kept in a run directory, or else a new one that is kept there: coins are flipped once a run. */
export async function auditSetIn(directory: string, pool: Digits, sizes: AuditSizes): Promise<AuditSet> {
  if (existsSync(join(directory, AUDIT_SET_FILE))) return await loadAuditSet(directory);
  const set = drawAuditSet(pool, sizes);
  await saveAuditSet(directory, set);
  return set;
}

/**
 * The audit set with digits from the rest of the pool that were never at stake: `count` mislabelled ones, as further
 * canaries, and `count` with their true label.
 *
 * About half of the canaries are left out, too few to set and to measure a threshold for a false-positive rate of
 * 0.1 %. The references can: they were drawn from the same pool and labelled in the same way. Within canaries, and
 * within ordinary digits, those that are in are then a random part, no longer one coin each; the audit is told so.
 */
export function withReferences(set: AuditSet, pool: Digits, count: number): AuditSet {
  const words = secureRandomWords();
  const taken = new Set(set.ids);
  const order = shuffleSampler({ datasetSize: pool.count, batchSize: pool.count, words }).next();
  const drawn = order.filter((index) => !taken.has(idOf(index))).subarray(0, 2 * count);
  const digits = selectDigits(pool, drawn);
  const total = set.labels.length + drawn.length;
  const features = new Float32Array(total * FEATURES);
  features.set(set.features[0]!.data);
  features.set(featuresOf(digits), set.labels.length * FEATURES);
  const wrong = mislabel({ labels: digits.labels.subarray(0, count), classes: CLASSES, words });
  return {
    features: [{ data: features, shape: [total, FEATURES] }],
    labels: [...Array.from(set.labels), ...wrong, ...digits.labels.subarray(count)],
    member: [...Array.from(set.member), ...drawn.map(() => 0)],
    canary: [...Array.from(set.canary!), ...drawn.map((_, i) => Number(i < count))],
    ids: [...set.ids!, ...Array.from(drawn, idOf)],
    classes: CLASSES,
    coins: 'none',
  };
}

function idOf(index: number): string {
  return `train-${index}`;
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

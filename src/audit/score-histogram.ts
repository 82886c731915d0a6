import type { AuditGroup, ScoreHistogram } from './result.js';

const BINS = 40;

/**
 * Counts of logit-scaled confidence for members and non-members, in 40 equal bins over the finite scores of
 * both. Rows scored −∞ are in no bin. A drawing, not evidence.
 */
export function scoreHistogram(
  on: AuditGroup,
  scores: Float64Array,
  members: readonly number[],
  nonMembers: readonly number[],
): ScoreHistogram {
  const finite = [...members, ...nonMembers].map((i) => scores[i]!).filter(Number.isFinite);
  let low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  let high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!(low < high)) [low, high] = finite.length > 0 ? [low - 0.5, high + 0.5] : [0, 1];
  const edges = Array.from({ length: BINS + 1 }, (_, k) => low + ((high - low) * k) / BINS);
  const counts = (indices: readonly number[]) => {
    const out = new Array<number>(BINS).fill(0);
    for (const i of indices) {
      const score = scores[i]!;
      if (!Number.isFinite(score)) continue;
      const bin = Math.min(BINS - 1, Math.floor(((score - low) / (high - low)) * BINS));
      out[bin] = out[bin]! + 1;
    }
    return out;
  };
  return { on, score: 'logit-confidence', edges, members: counts(members), nonMembers: counts(nonMembers) };
}

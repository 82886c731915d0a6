import { binomialUpperTail } from '../math/binomial-tail.js';
import type { NeighboringRelation } from '../relation.js';
import { revealedChoice } from './combined-pairs.js';
import type { DominatingPair } from './dominating-pair.js';
import { poissonGaussianExchangePair, poissonGaussianPair } from './gaussian-pairs.js';

/** Of the binomial probabilities below. */
const BINOMIAL_ERROR = 1e-11;

/**
 * A Gaussian of deviation σ = `noiseMultiplier` · C on a Poisson sample of rate q, of which a uniformly random `maxBatchSize`
 * = B records are kept when there are more; n = `datasetSize` records in the larger data set.
 *
 * Let x be the record that differs, S the sample of the n − 1 others, k = |S|.
 * - k < B, probability 1 − τ: nothing is dropped, x is there with probability q: the Poisson-sampled Gaussian.
 * - k ≥ B, τ = P[Bin(n − 1, q) ≥ B]: with x in the sample a random B-subset of k + 1 records is kept. Without x it is U ∪ {y},
 *   U a random (B − 1)-subset of S and y another of S; x takes y's place with probability c_k = qB/(k + 1). The law of
 *   (U, y) given k ≥ B is the same for every k (a uniform B-subset of the others), so that k can be averaged:
 *   c = E[c_k | k ≥ B] = (B/n)·P[Bin(n, q) ≥ B + 1]/τ. Given (U, y) this is a Poisson sample of rate c with a shift x − y of
 *   up to 2C.
 *   - add-or-remove-one: rate c, shift 2, against none.
 *   - replace-one: x − y against x′ − y, both up to 2.
 *   - replace-special: x − y, up to 2, against 0 − y, up to 1.
 * Which of the two cases it is may be revealed.
 *
 * Source: Ganesh 2025 (arXiv:2508.15089); the cases are bounded apart here, a little tighter than there.
 */
export function truncatedPoissonGaussianPair(options: {
  readonly relation: NeighboringRelation;
  readonly samplingProbability: number;
  readonly maxBatchSize: number;
  readonly datasetSize: number;
  readonly noiseMultiplier: number;
}): DominatingPair {
  const { relation, samplingProbability: q, maxBatchSize: b, datasetSize: n, noiseMultiplier } = options;
  const full = binomialUpperTail({ trials: n - 1, probability: q, atLeast: b });
  const displaced = binomialUpperTail({ trials: n, probability: q, atLeast: b + 1 });
  const rate = full > 0 ? Math.min(1, ((b / n) * displaced * (1 + BINOMIAL_ERROR)) / full) : 0;
  const exchange = (probability: number, there: number, here: number) =>
    poissonGaussianExchangePair({ samplingProbability: probability, noiseMultiplier, there, here });
  const free =
    relation === 'replace-one'
      ? exchange(q, 1, 1)
      : poissonGaussianPair({ samplingProbability: q, noiseMultiplier });
  const choices = [{ weight: 1 - full, pair: free }];
  if (rate > 0) {
    const crowded =
      relation === 'add-or-remove-one'
        ? poissonGaussianPair({ samplingProbability: rate, noiseMultiplier: noiseMultiplier / 2 })
        : exchange(rate, 2, relation === 'replace-one' ? 2 : 1);
    choices.push({ weight: full, pair: crowded });
  }
  const key = `truncated ${relation} ${q} ${b} ${n} ${noiseMultiplier}`;
  const pair = revealedChoice(key, choices);
  return {
    ...pair,
    relativeError: pair.relativeError + BINOMIAL_ERROR,
    lossRounding: pair.lossRounding + 4 * BINOMIAL_ERROR,
  };
}

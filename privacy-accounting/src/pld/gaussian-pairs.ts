import type { DominatingPair } from './dominating-pair.js';
import { gaussianMixturePair } from './pairs-gaussian.js';

const NOTHING = { means: [0], weights: [1] } as const;

/**
 * A sum plus Gaussian noise of deviation σ = `noiseMultiplier` sensitivities: N(1, σ²) against N(0, σ²). Every relation.
 */
export function gaussianPair(noiseMultiplier: number): DominatingPair {
  return gaussianMixturePair({
    key: `gaussian ${noiseMultiplier}`,
    p: { means: [1 / noiseMultiplier], weights: [1] },
    q: NOTHING,
    symmetric: true,
  });
}

/**
 * The same on a Poisson sample of rate q = `samplingProbability` < 1, add-or-remove-one and replace-special:
 * (1 − q)N(0, σ²) + qN(1, σ²) against N(0, σ²), and the reverse (Zhu, Dong & Wang 2022, arXiv:2106.08567, Thm 11).
 */
export function poissonGaussianPair(options: {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
}): DominatingPair {
  const { samplingProbability: rate, noiseMultiplier } = options;
  if (rate === 1) return gaussianPair(noiseMultiplier);
  return gaussianMixturePair({
    key: `poisson gaussian ${rate} ${noiseMultiplier}`,
    p: { means: [0, 1 / noiseMultiplier], weights: [1 - rate, rate] },
    q: NOTHING,
    symmetric: false,
  });
}

/**
 * The same where a record is exchanged for another: with s = noise deviation / norm of one record,
 *
 *   (1 − q)N(0, s²) + qN(a, s²) against (1 − q)N(0, s²) + qN(−b, s²),
 *
 * a and b being the largest norms of what one and what the other contributes, here `there` and `here` (1 and 1 for
 * replace-one).
 *
 * Proof that opposite contributions of full norm are worst, ε ≥ 0, γ = e^ε. Let x, x′ be the two contributions, in any
 * dimension, s = 1. The divergence is sup_E of q·N_x(E) − γq·N_x′(E) − (γ − 1)(1 − q)·N_0(E), attained at
 * E* = {g > (γ − 1)(1 − q)/q}, g = X − Z, X = e^{⟨x,y⟩ − |x|²/2}, Z = γe^{⟨x′,y⟩ − |x′|²/2}; on its boundary X ≥ Z > 0. By the
 * envelope theorem its derivative as x moves in direction u is the flux through the boundary into E*, of the sign of
 * ⟨u, ∇g⟩ = ⟨u, x⟩X − ⟨u, x′⟩Z where that has one sign, and the opposite as x′ moves. (i) Turn x, |x| fixed, until it points
 * against x′: u ⊥ x with ⟨u, x′⟩ ≤ 0 gives −⟨u, x′⟩Z ≥ 0. (ii) Then x = ae, x′ = −be: lengthening a gives aX + bZ ≥ 0, and
 * lengthening b gives −(−(aX + bZ)) ≥ 0. ∎ For ε < 0 exchange the two. (It is the pair that dp_accounting uses.)
 */
export function poissonGaussianExchangePair(options: {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly there: number;
  readonly here: number;
}): DominatingPair {
  const { samplingProbability: rate, noiseMultiplier, there, here } = options;
  const [a, b] = [there / noiseMultiplier, here / noiseMultiplier];
  const weights = rate === 1 ? [1] : [1 - rate, rate];
  return gaussianMixturePair({
    key: `poisson gaussian exchange ${rate} ${noiseMultiplier} ${there} ${here}`,
    p: { means: rate === 1 ? [a] : [0, a], weights },
    q: { means: rate === 1 ? [-b] : [0, -b], weights },
    symmetric: rate === 1 || there === here,
  });
}

/**
 * Σ pᵢN(cᵢ, σ²) against N(0, σ²), cᵢ ≥ 0, and the reverse: a record that counts cᵢ-fold with probability pᵢ
 * (Choquette-Choo et al. 2023, arXiv:2310.15526, Lemma 4.5; Ganesh 2024, arXiv:2401.10294, Thm 3.1).
 */
export function mixtureOfGaussiansPair(options: {
  readonly noiseMultiplier: number;
  readonly sensitivities: readonly number[];
  readonly probabilities: readonly number[];
}): DominatingPair {
  const { noiseMultiplier, sensitivities, probabilities } = options;
  const total = probabilities.reduce((sum, probability) => sum + probability, 0);
  const used = sensitivities
    .map((sensitivity, i) => ({ mean: sensitivity / noiseMultiplier, weight: probabilities[i]! / total }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => a.mean - b.mean);
  return gaussianMixturePair({
    key: `mixture ${noiseMultiplier} ${sensitivities.join()} ${probabilities.join()}`,
    p: { means: used.map(({ mean }) => mean), weights: used.map(({ weight }) => weight) },
    q: NOTHING,
    symmetric: used.length === 1,
  });
}

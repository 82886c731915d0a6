export { compareMechanisms, MECHANISM_KINDS, mechanismKey, mergeMechanisms } from './mechanism-order.js';

/**
 * What one release does to the pair of neighbours that is worst for it: a leaf that an accountant bounds as one unit.
 *
 * Two conventions hold for every kind.
 * - A mechanism was read *for a relation* ({@link readMechanisms}). Its noise is relative to the sensitivity under that
 *   relation: C under add-or-remove-one and replace-special, 2C under replace-one. The two exceptions say so.
 * - A bound of the kind must hold for both orders of the pair, and for every adaptive choice of the next mechanism.
 *
 * "Dominated by (P, Q)" means: for every e^ε the hockey-stick divergence of any two neighbours' outputs is at most that
 * of P and Q (Zhu, Dong & Wang 2022, arXiv:2106.08567, Def. 7). Domination survives adaptive composition (Thm 10).
 * Where noise is σ and the shift 1 it is written N(1, σ²) against N(0, σ²).
 */
export type Mechanism =
  | GaussianMechanism
  | LaplaceMechanism
  | DiscreteGaussianMechanism
  | DiscreteLaplaceMechanism
  | MixtureOfGaussiansMechanism
  | RandomizedResponseMechanism
  | ExponentialMechanism
  | ReportNoisyMaxMechanism
  | EpsilonDeltaMechanism
  | ZCdpMechanism
  | PoissonSampledMechanism
  | TruncatedPoissonGaussianMechanism
  | SampledWithoutReplacementGaussianMechanism
  | SampledWithReplacementGaussianMechanism
  | RandomAllocationGaussianMechanism
  | RepeatAndSelectMechanism
  | GnMaxMechanism;

/** The tag of a mechanism. */
export type MechanismKind = Mechanism['kind'];

/** A mechanism, and how often: a whole number from 1 to 2⁵³ − 1. */
export interface MechanismCount {
  readonly mechanism: Mechanism;
  readonly count: number;
}

/**
 * A sum plus Gaussian noise, on a Poisson sample of rate q = `samplingProbability` ∈ (0, 1] (1: no sampling).
 * σ = `noiseMultiplier` > 0, or 0 only where it underflowed, which reads as no noise at all.
 *
 * Pairs. q = 1: N(1, σ²) against N(0, σ²), every relation (Dong, Roth & Su 2022, Thm 2.7). q < 1, add-or-remove-one and
 * replace-special: (1 − q)N(0, σ²) + qN(1, σ²) against N(0, σ²), and the reverse (Zhu, Dong & Wang, Thm 11). q < 1,
 * replace-one: both neighbours sample the exchanged record, so that with s = 2σ = noise / C the pair is
 * (1 − q)N(0, s²) + qN(1, s²) against (1 − q)N(0, s²) + qN(−1, s²); no Rényi formula is known for it.
 *
 * `noise: 'discrete'`: some of the noise lives on a grid, in many dimensions. Only its Rényi divergences are bounded by
 * the continuous formulas (Canonne, Kamath & Steinke 2020, arXiv:2004.00010, Prop. 5); the pair above does *not*
 * dominate it. With q < 1 only whole orders of the sampled formula hold (see `atWholeOrders` of the rdp accountant).
 */
export interface GaussianMechanism {
  readonly kind: 'gaussian';
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly noise: 'continuous' | 'discrete';
}

/**
 * A sum plus Laplace noise in every coordinate, on a Poisson sample of rate q = `samplingProbability` ∈ (0, 1].
 * b = `parameter` > 0: the noise's scale / the L1 sensitivity under the relation.
 *
 * Pairs. q = 1: Lap(1, b) against Lap(0, b), every relation; in many dimensions too (an L1 shift spread over
 * coordinates is dominated by the same shift in one: δ(ε) of a composition of shifts Δ₁ ≤ Δ₂ is at most the δ of
 * Δ₂ at ε − Δ₁/b, which for ε ≥ 0 is that of Δ₁ + Δ₂). Pure ε = 1/b. q < 1 (add-or-remove-one and replace-special
 * only): (1 − q)Lap(0, b) + qLap(1, b) against Lap(0, b), and the reverse.
 */
export interface LaplaceMechanism {
  readonly kind: 'laplace';
  readonly samplingProbability: number;
  readonly parameter: number;
}

/**
 * A whole-number query plus discrete Gaussian noise in *one* dimension: P[z] ∝ exp(−z²/2σ²), σ = `sigma` > 0; it moves by
 * at most Δ = `sensitivity`, a whole number ≥ 1, under the relation (2Δ of the event under replace-one).
 * Pair: N_ℤ(Δ, σ²) against N_ℤ(0, σ²); smaller shifts are dominated because the noise is log-concave.
 * RDP(α) ≤ αΔ²/2σ² (Canonne, Kamath & Steinke 2020, Prop. 5); Δ²/2σ²-zCDP (Thm 4).
 */
export interface DiscreteGaussianMechanism {
  readonly kind: 'discreteGaussian';
  readonly sigma: number;
  readonly sensitivity: number;
}

/**
 * A whole-number query plus discrete Laplace (two-sided geometric) noise in one dimension: P[z] ∝ exp(−a|z|), a =
 * `parameter` > 0, an *inverse* scale; it moves by at most Δ = `sensitivity`, a whole number ≥ 1, under the relation.
 * Pair: DLap(Δ, a) against DLap(0, a). Pure ε = aΔ (Ghosh, Roughgarden & Sundararajan 2012).
 */
export interface DiscreteLaplaceMechanism {
  readonly kind: 'discreteLaplace';
  readonly parameter: number;
  readonly sensitivity: number;
}

/**
 * Σ pᵢ N(cᵢ, σ²) against N(0, σ²), and the reverse; cᵢ = `sensitivities` ≥ 0, sorted upwards and distinct, pᵢ =
 * `probabilities` > 0 with sum 1 (to within a few roundings; the pair is that of pᵢ/Σp), σ = `noiseMultiplier` in the
 * unit of the cᵢ. Add-or-remove-one and replace-special only.
 * Source: Choquette-Choo et al. 2023 (arXiv:2310.15526), § 4; Ganesh 2024 (arXiv:2401.10294), Thm 3.1.
 */
export interface MixtureOfGaussiansMechanism {
  readonly kind: 'mixtureOfGaussians';
  readonly noiseMultiplier: number;
  readonly sensitivities: readonly number[];
  readonly probabilities: readonly number[];
}

/**
 * One report of k = `buckets` ≥ 2 values: the truth with probability 1 − p, else a uniformly random bucket (the truth
 * among them); p = `noiseParameter` ∈ (0, 1]. Pair: the reports of two different truths, 1 − p + p/k and p/k swapped, and
 * p/k in each of the others. Pure ε = ln(1 + k(1 − p)/p).
 *
 * `against: 'blank'`: the other record reports a uniformly random bucket. Pair: a truth's report against that, and the
 * reverse. Pure ε = max(ln(1 + (k − 1)(1 − p)), −ln p). It is dominated by the pair of truths: a uniform report is a
 * mixture of theirs, and hockey-stick divergences are convex.
 */
export interface RandomizedResponseMechanism {
  readonly kind: 'randomizedResponse';
  readonly against: 'truth' | 'blank';
  readonly noiseParameter: number;
  readonly buckets: number;
}

/**
 * An exponential mechanism, ε = `epsilon` > 0 under the relation: ε-bounded-range, so that the log-ratio of two
 * neighbours' probabilities lies in an interval of *width* ε that contains 0. It is ε-DP and (ε²/8)-zCDP; two outcomes
 * dominate it: for some t ∈ [0, ε] the log-ratios are t and t − ε. Compositions take the worst t for each.
 * Source: Dong, Durfee & Rogers 2020 (arXiv:1909.13830), Lemma 3.2; Cesar & Rogers 2021 (arXiv:2005.07210), Lemma 3.2.
 */
export interface ExponentialMechanism {
  readonly kind: 'exponentialMechanism';
  readonly epsilon: number;
}

/**
 * The name of the largest score after noise of Laplace or exponential kind, ε = `epsilon` > 0 under the relation: ε-DP,
 * *not* bounded-range. (Gumbel noise is the exponential mechanism, and is read as that.)
 * Source: Dwork & Roth 2014, Claim 3.9 (Laplace); McKenna & Sheldon 2020 (arXiv:2010.12603), Thm 1, with Ding et al. 2021
 * (arXiv:2105.07260) (exponential: the same as permute-and-flip).
 */
export interface ReportNoisyMaxMechanism {
  readonly kind: 'reportNoisyMax';
  readonly noise: 'laplace' | 'exponential';
  readonly epsilon: number;
}

/**
 * Anything that is (ε, δ)-DP under the relation: ε = `epsilon` ≥ 0, δ = `delta` ∈ [0, 1), not both 0.
 * Pair: infinite loss with probability δ, else the two-point randomised response of ε.
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), § 3.
 */
export interface EpsilonDeltaMechanism {
  readonly kind: 'epsilonDelta';
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * Anything that is (ξ, ρ)-zCDP under the relation: RDP(α) ≤ ξ + ρα for every α > 1; ρ = `rho` ≥ 0, ξ = `xi` ≥ 0, not
 * both 0. Source: Bun & Steinke 2016 (arXiv:1605.02065), Def. 1.1 and § 8.
 */
export interface ZCdpMechanism {
  readonly kind: 'zCDP';
  readonly rho: number;
  readonly xi: number;
}

/** What the general Poisson-sampled mechanism may consist of: each with a pair under add-or-remove-one. */
export type SampleableMechanism =
  | GaussianMechanism
  | LaplaceMechanism
  | DiscreteGaussianMechanism
  | DiscreteLaplaceMechanism
  | ExponentialMechanism
  | ReportNoisyMaxMechanism
  | EpsilonDeltaMechanism;

/**
 * Several releases of *one* Poisson sample of rate q = `samplingProbability` ∈ (0, 1), which no simpler kind describes:
 * `parts` are merged and sorted, unsampled themselves, their noise continuous or one-dimensional. Add-or-remove-one and
 * replace-special only. If (P, Q) dominates the composition of the parts in the direction "removed", then
 * ((1 − q)Q + qP, Q) dominates this; and likewise (P, (1 − q)P + qQ) for "added" (Zhu, Dong & Wang 2022, Thm 11). Pure
 * parts of total ε: ln(1 + q(e^ε − 1)); (ε, δ)-DP: that, and qδ (Balle, Barthe & Gaboardi 2018, Thm 8).
 */
export interface PoissonSampledMechanism {
  readonly kind: 'poissonSampled';
  readonly samplingProbability: number;
  readonly parts: readonly { readonly mechanism: SampleableMechanism; readonly count: number }[];
}

/**
 * A Gaussian on a Poisson sample of rate q = `samplingProbability` ∈ (0, 1], of which a uniformly random subset of
 * `maxBatchSize` is kept when it is larger; `datasetSize` > maxBatchSize records in the larger of the two data sets.
 *
 * **σ = `noiseMultiplier` is relative to C under every relation**: where a batch is full a record displaces another, and
 * the sum moves by 2C under add-or-remove-one, too. Source: Ganesh 2025 (arXiv:2508.15089).
 */
export interface TruncatedPoissonGaussianMechanism {
  readonly kind: 'truncatedPoissonGaussian';
  readonly samplingProbability: number;
  readonly maxBatchSize: number;
  readonly datasetSize: number;
  readonly noiseMultiplier: number;
}

/**
 * A Gaussian on `sampleSize` different records drawn uniformly from `datasetSize`, sampleSize < datasetSize.
 *
 * **σ = `noiseMultiplier` is relative to 2C under replace-special, too** (and nothing else is read as this kind under
 * add-or-remove-one): where one neighbour draws the record, the other draws a different one. It is therefore the same
 * mechanism under replace-one and replace-special.
 * Source: Wang, Balle & Kasiviswanathan 2019 (arXiv:1808.00087), Thm 9 and 27; Balle, Barthe & Gaboardi 2018
 * (arXiv:1807.01647), Thm 9: δ(ln(1 + q(e^ε − 1))) ≤ q·δ_base(ε), q = sampleSize / datasetSize.
 */
export interface SampledWithoutReplacementGaussianMechanism {
  readonly kind: 'sampledWithoutReplacementGaussian';
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly noiseMultiplier: number;
}

/**
 * A Gaussian on `sampleSize` = m independent uniform draws from `datasetSize` = n records, so that a record may count
 * several times. σ = `noiseMultiplier` is relative to 2C under replace-one and replace-special, as above.
 * Source: Balle, Barthe & Gaboardi 2018, Thm 10: with q = 1 − (1 − 1/n)^m, δ(ln(1 + q(e^ε − 1))) ≤
 * Σ_{k ≥ 1} Bin(k; m, 1/n)·δ_k(ε), δ_k that of the group of k: a Gaussian of σ/k.
 */
export interface SampledWithReplacementGaussianMechanism {
  readonly kind: 'sampledWithReplacementGaussian';
  readonly datasetSize: number;
  readonly sampleSize: number;
  readonly noiseMultiplier: number;
}

/**
 * t = `steps` Gaussians; every record takes part in a uniformly random k = `selected` of them (1 ≤ k < t), independently
 * of all other records. Add-or-remove-one and replace-special only. The whole run of t steps is one mechanism. Pair: the
 * mixture over k-subsets S of N(1_S, σ²I) against N(0, σ²I), in t dimensions, and the reverse.
 * Source: Feldman & Shenfeld 2025 (arXiv:2502.08202), Chua et al. 2024 (arXiv:2412.16802).
 */
export interface RandomAllocationGaussianMechanism {
  readonly kind: 'randomAllocationGaussian';
  readonly steps: number;
  readonly selected: number;
  readonly noiseMultiplier: number;
}

/**
 * The best of a random number K of runs, each of which is the composition of `parts` (merged and sorted), of which only
 * the best's result is shown. K is Poisson of mean `mean` when `shape` is `poisson`; else truncated negative binomial
 * with η = `shape` > −1 (1: geometric, 0: logarithmic) and the mean `mean` ≥ 1 of K | K ≥ 1. `parts` is never empty.
 * Source: Papernot & Steinke 2022 (arXiv:2110.03620), Thm 2 (η), Thm 6 (Poisson).
 */
export interface RepeatAndSelectMechanism {
  readonly kind: 'repeatAndSelect';
  readonly parts: readonly MechanismCount[];
  readonly mean: number;
  readonly shape: number | 'poisson';
}

/**
 * One answer of PATE's noisy plurality whose votes were looked at: noise of deviation σ = `standardDeviation` on each
 * class's count, ln P[answer ≠ plurality] ≤ `logNonPlurality` ≤ 0. One record moves one teacher's vote.
 *
 * A bound from `logNonPlurality` depends on the private votes: it is itself private, and no guarantee for other data.
 * An accountant that gives one says so in its bound; RDP(α) ≤ α/σ² holds whatever the votes are (the answers without
 * `logNonPlurality` are read as Gaussians of multiplier σ/√2).
 * Source: Papernot et al. 2018 (arXiv:1802.08908), Prop. 8 and 10, Thm 6.
 */
export interface GnMaxMechanism {
  readonly kind: 'gnMax';
  readonly standardDeviation: number;
  readonly logNonPlurality: number;
}

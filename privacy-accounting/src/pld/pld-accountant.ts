import { requireDelta, requireEpsilon, requireNumber } from '../arguments.js';
import type { AccountantName, DeltaBound, EpsilonBound } from '../bound.js';
import { type AccountantOptions, ComposingAccountant } from '../composing-accountant.js';
import { type Mechanism, type MechanismCount, mechanismKey } from '../events/mechanisms/mechanism.js';
import { mergeAlike } from '../events/mechanisms/merge-alike.js';
import { RecentlyUsed } from '../math/recently-used.js';
import type { NeighboringRelation } from '../relation.js';
import { ComposedLoss } from './composed-loss.js';
import type { DominatingPair } from './dominating-pair.js';
import { gaussianPair } from './gaussian-pairs.js';
import { pairForMechanism } from './mechanism-pairs.js';
import type { PrivacyLoss } from './privacy-loss-distribution.js';
import type { PairCount } from './saddle-point.js';

/** Configuration of a {@link PldAccountant}. */
export interface PldAccountantOptions extends AccountantOptions {
  /**
   * The interval of the grid that privacy losses are put on, in nats. By default the grid is chosen for each question,
   * for a relative error of ε of about 2e-5; a fixed one makes answers comparable with other libraries' at 1e-4.
   */
  readonly valueDiscretizationInterval?: number;
}

/** Pairs are pure functions of a mechanism; a training loop asks for the same one again and again. */
const pairs = new RecentlyUsed<string, DominatingPair>(64);
/** Different mechanisms from which on those alike are bounded together. */
const MOST_DISTINCT = 128;

/**
 * Accounts with privacy loss distributions: the law of ln(dP/dQ) of each step is put on a grid, pessimistically ("connect
 * the dots"), and convolved. Both directions are composed apart and the worse is stated. Tight: ε of
 * DP-SGD is usually within 3e-5 of the truth, relatively, and within 6e-4 where rare large losses decide, down to δ = 1e-15.
 *
 * Bounds (Poisson-sampled) Gaussians under every relation, (sampled) Laplace, scalar discrete Gaussian and Laplace noise,
 * mixtures of Gaussians, randomized response, exponential mechanisms, (ε, δ) claims, truncated Poisson and
 * fixed-size samples of Gaussians, random allocation, composed at will. Discrete Gaussian noise on vectors is refused, and so is what has
 * Rényi bounds only. Upper bounds, truncation and rounding included.
 *
 * Answers are monotone up to the discretisation error: a larger composition can be charged 1e-4 less, relatively, where the
 * grid changes. The time that they take hardly depends on the number of steps: long compositions are computed in two stages.
 *
 * Source: Koskela, Jälkö & Honkela 2020 (arXiv:1906.03049); Doroshenko et al. 2022 (arXiv:2207.04380); Zhu, Dong & Wang
 * 2022 (arXiv:2106.08567).
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1.1 }) });
 * const accountant = new PldAccountant({ relation: 'add-or-remove-one' }).compose(step, 10_000);
 * accountant.getEpsilon(1e-5).epsilon; // 5.1926…
 */
export class PldAccountant extends ComposingAccountant {
  readonly name: AccountantName = 'pld';
  readonly #interval: number | undefined;
  readonly #certified: boolean;
  #composed:
    | {
        readonly of: readonly MechanismCount[];
        readonly loss: ComposedLoss;
        readonly warning: string | undefined;
      }
    | undefined;

  constructor(options: PldAccountantOptions) {
    super(options);
    const interval = options.valueDiscretizationInterval;
    this.#interval =
      interval === undefined
        ? undefined
        : requireNumber(interval, 'valueDiscretizationInterval', 'a number above 0', (h) => h > 0);
    this.#certified = new.target === CertifiedPldAccountant;
  }

  /** The privacy loss of everything composed so far: whole curves, trade-off functions, both directions. */
  get privacyLoss(): PrivacyLoss {
    return this.#compose().loss;
  }

  #compose() {
    if (this.#composed?.of !== this.mechanisms) {
      // What dominates is no longer attained: lower bounds need the mechanisms themselves.
      const most = this.#certified ? Number.POSITIVE_INFINITY : MOST_DISTINCT;
      const { parts, warning } = pairCounts(this.mechanisms, this.relation, most);
      const loss = new ComposedLoss(parts, {
        certified: this.#certified,
        ...(this.#interval === undefined ? {} : { interval: this.#interval }),
      });
      this.#composed = { of: this.mechanisms, loss, warning };
    }
    return this.#composed;
  }

  protected refusal(mechanism: Mechanism): string | undefined {
    const reading = pairForMechanism(mechanism, this.relation);
    if (reading.kind === 'none') return reading.reason;
    if (this.#certified && reading.kind === 'pair' && reading.isUpper) {
      return 'its pair is an upper bound, from which no lower one follows. Use the pld or rdp accountant.';
    }
    return undefined;
  }

  getEpsilon(delta: number): EpsilonBound {
    const target = requireDelta(delta);
    const reason = this.#reason();
    if (reason !== undefined) return this.bound(Number.POSITIVE_INFINITY, target, { warning: reason });
    const { upper } = this.privacyLoss.epsilon(target);
    return this.bound(upper, target, this.#details(upper));
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    const reason = this.#reason();
    if (reason !== undefined) return this.bound(target, 1, { warning: reason });
    const { upper } = this.privacyLoss.logDelta(target);
    const nothing = upper === Number.NEGATIVE_INFINITY && this.mechanisms.length === 0;
    const delta = nothing ? 0 : Math.min(1, Math.max(Number.MIN_VALUE, Math.exp(upper) * (1 + 2 ** -50)));
    return this.bound(target, delta, this.#details(0));
  }

  #details(epsilon: number): { readonly warning?: string } {
    if (epsilon === Number.POSITIVE_INFINITY) {
      return { warning: 'The privacy loss is infinite with a probability above δ: no finite ε holds.' };
    }
    const { loss, warning } = this.#compose();
    const warnings = [loss.warning, warning].filter((text) => text !== undefined);
    return warnings.length === 0 ? {} : { warning: warnings.join(' ') };
  }

  /** Why nothing is guaranteed, if so. */
  #reason(): string | undefined {
    if (this.notPrivate !== undefined) return `Not private: ${this.notPrivate}.`;
    for (const { mechanism } of this.mechanisms) {
      const reading = pairForMechanism(mechanism, this.relation);
      if (reading.kind === 'nonPrivate') return `Not private: ${reading.reason}.`;
    }
    return undefined;
  }
}

/** A lower and an upper bound on the same ε, or δ. */
export interface CertifiedBound<B> {
  readonly lower: B;
  readonly upper: B;
}

/**
 * The {@link PldAccountant} that also knows how far off it can be: {@link getEpsilonInterval} encloses the ε of the dominating
 * pairs, with every error inside: truncation, discretisation (from above by connecting the dots, from below by merging),
 * folding, the rounding of masses, transforms and powers. About twice the work.
 *
 * What the lower end means: no accountant that uses these dominating pairs can prove less. For Gaussian and Laplace
 * mechanisms, sampled or not, some neighbours attain the pair, so that no accountant can at all.
 *
 * @example
 * new CertifiedPldAccountant({ relation: 'add-or-remove-one' }).compose(step, 10_000).getEpsilonInterval(1e-5);
 */
export class CertifiedPldAccountant extends PldAccountant {
  override readonly name: AccountantName = 'certified-pld';

  /** lower ≤ ε(δ) ≤ upper. */
  getEpsilonInterval(delta: number): CertifiedBound<EpsilonBound> {
    const upper = this.getEpsilon(delta);
    const least = upper.epsilon === Number.POSITIVE_INFINITY ? 0 : this.privacyLoss.epsilon(delta).lower;
    const details = upper.warning === undefined ? {} : { warning: upper.warning };
    return { lower: this.bound(least, delta, { ...details, direction: 'lower' }), upper };
  }

  /** lower ≤ δ(ε) ≤ upper. */
  getDeltaInterval(epsilon: number): CertifiedBound<DeltaBound> {
    const upper = this.getDelta(epsilon);
    const log =
      this.mechanisms.length === 0 ? Number.NEGATIVE_INFINITY : this.privacyLoss.logDelta(epsilon).lower;
    const details = upper.warning === undefined ? {} : { warning: upper.warning };
    const least = Math.exp(log) * (1 - 2 ** -50);
    return { lower: this.bound(epsilon, least, { ...details, direction: 'lower' }), upper };
  }
}

/**
 * The pairs of mechanisms that have one; all unsampled Gaussians are one, μ² = Σ μᵢ² (Dong, Roth & Su 2022, Cor. 2), and
 * of more than `most` others those alike are bounded together.
 */
function pairCounts(
  mechanisms: readonly MechanismCount[],
  relation: NeighboringRelation,
  most: number,
): { readonly parts: readonly PairCount[]; readonly warning: string | undefined } {
  const unsampled = mechanisms.filter(({ mechanism }) => isUnsampled(mechanism));
  const others = mergeAlike(
    mechanisms.filter(({ mechanism }) => !isUnsampled(mechanism)),
    most,
  );
  const parts: PairCount[] = [];
  for (const { mechanism, count } of others.mechanisms) {
    const reading = pairForMechanism(mechanism, relation);
    if (reading.kind !== 'pair') continue;
    const pair = pairs.get(`${relation} ${mechanismKey(mechanism)}`, reading.pair);
    parts.push({ pair, count: count * (reading.times ?? 1) });
  }
  let squares = 0;
  for (const { mechanism, count } of unsampled) {
    if (mechanism.kind === 'gaussian') squares += count / mechanism.noiseMultiplier ** 2;
  }
  if (squares > 0) {
    const sigma = 1 / Math.sqrt(squares * (1 + (4 + unsampled.length) * Number.EPSILON));
    parts.unshift({ pair: pairs.get(`gaussian ${sigma}`, () => gaussianPair(sigma)), count: 1 });
  }
  return { parts, warning: others.warning };
}

function isUnsampled(mechanism: Mechanism): boolean {
  return (
    mechanism.kind === 'gaussian' && mechanism.samplingProbability === 1 && mechanism.noise === 'continuous'
  );
}

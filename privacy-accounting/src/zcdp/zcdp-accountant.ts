import { requireDelta, requireEpsilon } from '../arguments.js';
import type { DeltaBound, EpsilonBound } from '../bound.js';
import { ComposingAccountant } from '../composing-accountant.js';
import type { Mechanism } from '../events/mechanisms/mechanism.js';
import { composedDelta, deltaBeside } from '../rdp/approximate-delta.js';
import { epsilonOfZcdp, logDeltaOfZcdp } from './conversion.js';
import { type ZcdpCost, zcdpCost } from './mechanism-rho.js';

/**
 * Accounts in zero-concentrated DP: ρ (and ξ) add up, (ε, δ) follows from the best order. The currency of discrete
 * Gaussian releases, and a budget that is one number. For Gaussians it is as tight as the rdp accountant, which it is a
 * special case of; pure mechanisms cost it ε²/2, a little more than there.
 *
 * Bounds Gaussian, discrete Gaussian and vector discrete Gaussian releases without sampling, shuffled passes, trees
 * and matrix mechanisms (all of them Gaussians), pure and (ε, δ) mechanisms, zCDP events. δ's of mechanisms that have
 * their own count apart: 1 − Π(1 − δᵢ). Poisson-sampled Gaussians are refused. Upper bounds, rounded up.
 *
 * Source: Bun & Steinke 2016 (arXiv:1605.02065), Lemma 1.7 and Def. 8.1; Canonne, Kamath & Steinke 2020
 * (arXiv:2004.00010), Prop. 12.
 *
 * @example
 * new ZcdpAccountant({ relation: 'replace-special' })
 *   .compose(gaussian({ noiseMultiplier: 10 }), 200)
 *   .getEpsilon(1e-6).epsilon; // ρ = 1: 7.766…
 */
export class ZcdpAccountant extends ComposingAccountant {
  readonly name = 'zcdp';

  protected refusal(mechanism: Mechanism): string | undefined {
    if (zcdpCost(mechanism) !== undefined) return undefined;
    const what =
      mechanism.kind === 'gaussian' ? 'a Poisson-sampled Gaussian' : `a mechanism of kind ${mechanism.kind}`;
    return `${what} is not known to be zCDP with a useful ρ. Use the rdp or pld accountant.`;
  }

  /** ρ of everything composed so far, rounded up: 0 for nothing, ∞ when something is not private. */
  get rho(): number {
    return this.#cost().rho;
  }

  /** ξ of everything composed so far. */
  get xi(): number {
    return this.#cost().xi;
  }

  getEpsilon(delta: number): EpsilonBound {
    const target = requireDelta(delta);
    const cost = this.#cost();
    const rest = deltaBeside(target, cost.delta);
    const { value, order } =
      rest === undefined
        ? { value: Number.POSITIVE_INFINITY, order: 1 }
        : epsilonOfZcdp(cost.rho, cost.xi, rest);
    if (value < Number.POSITIVE_INFINITY) return this.bound(value, target, { order });
    return this.bound(value, target, { warning: this.#warning(cost, rest === undefined) });
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    const cost = this.#cost();
    const { value, order } = logDeltaOfZcdp(cost.rho, cost.xi, target);
    const own = value === Number.NEGATIVE_INFINITY ? 0 : Math.max(Number.MIN_VALUE, Math.exp(value));
    const delta = Math.min(1, own === 0 ? cost.delta : (own + cost.delta) * (1 + 4 * Number.EPSILON));
    if (delta < 1) return this.bound(target, delta, { order });
    return this.bound(target, delta, { warning: this.#warning(cost, false) });
  }

  #warning(cost: ZcdpCost, deltaSpent: boolean): string {
    if (this.notPrivate !== undefined) return `Not private: ${this.notPrivate}.`;
    if (deltaSpent) return `The mechanisms' own δ's add up to ${cost.delta}: no smaller δ has a finite ε.`;
    return cost.rho === Number.POSITIVE_INFINITY
      ? 'Not private: too little noise for a finite bound.'
      : 'No order gives a δ below 1.';
  }

  #cost(): ZcdpCost {
    if (this.notPrivate !== undefined) return { rho: Number.POSITIVE_INFINITY, xi: 0, delta: 0 };
    let [rho, xi] = [0, 0];
    const deltas: { delta: number; count: number }[] = [];
    for (const { mechanism, count } of this.mechanisms) {
      const cost = zcdpCost(mechanism)!;
      rho += count * cost.rho;
      xi += count * cost.xi;
      deltas.push({ delta: cost.delta, count });
    }
    const up = 1 + (this.mechanisms.length + 2) * Number.EPSILON;
    return { rho: rho * up, xi: xi * up, delta: composedDelta(deltas) };
  }
}

import { requireEpsilon } from '../arguments.js';
import type { DeltaBound, EpsilonBound } from '../bound.js';
import { ComposingAccountant } from '../composing-accountant.js';
import type { Mechanism } from '../events/mechanisms/mechanism.js';
import { requireTotalDelta } from './advanced-composition.js';
import { sumOfEpsilons } from './basic-composition.js';
import { finiteParametersOf, groupsOf, parameterRefusal } from './mechanism-parameters.js';

/**
 * Accounts for pure mechanisms by adding up their ε. What is E-differentially private in sum is also (ε, δ)-private with
 *
 *   δ = (e^E − e^ε)/(1 + e^E),  ε = E + ln(1 − δ(1 + e^{−E})),
 *
 * and that is what is answered: δ = 0 is allowed, and gives E itself.
 *
 * Bounds Laplace and discrete Laplace noise, randomized response, the exponential mechanism, report-noisy-max and (ε, 0)
 * events, Poisson-sampled or not. Upper bounds, rounded up. Beyond a few mechanisms the approximate and pld
 * accountants state much less at any δ above 0.
 *
 * Source: Dwork et al. 2006; Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 2.5 (randomized response is the worst).
 *
 * @example
 * const event = selfComposed({ count: 4, event: laplace({ parameter: 2 }) });
 * new PureAccountant({ relation: 'add-or-remove-one' }).compose(event).getEpsilon(0).epsilon; // 2
 */
export class PureAccountant extends ComposingAccountant {
  readonly name = 'pure';

  protected refusal(mechanism: Mechanism): string | undefined {
    const parameters = finiteParametersOf(mechanism);
    if (parameters === undefined) return parameterRefusal(mechanism);
    return parameters.delta === 0
      ? undefined
      : 'a mechanism with δ > 0 has no pure ε. Use the approximate accountant.';
  }

  /** ε at δ ∈ [0, 1). */
  getEpsilon(delta: number): EpsilonBound {
    const target = requireTotalDelta(delta);
    const total = this.#total();
    if (total === Number.POSITIVE_INFINITY) return this.bound(total, target, this.#warning());
    const gain = Math.log1p(-Math.min(1, target * (1 + Math.exp(-total))));
    const epsilon = total + gain + 4 * Number.EPSILON * (total - gain);
    return this.bound(gain === 0 ? total : Math.max(0, Math.min(total, epsilon)), target);
  }

  getDelta(epsilon: number): DeltaBound {
    const target = requireEpsilon(epsilon);
    const total = this.#total();
    if (total === Number.POSITIVE_INFINITY) return this.bound(target, 1, this.#warning());
    if (target >= total) return this.bound(target, 0);
    const gap = (target - total) * (1 + Number.EPSILON);
    const delta = (-Math.expm1(gap) / (1 + Math.exp(-total))) * (1 + 8 * Number.EPSILON);
    return this.bound(target, Math.min(1, delta));
  }

  #total(): number {
    if (this.notPrivate !== undefined) return Number.POSITIVE_INFINITY;
    return sumOfEpsilons(groupsOf(this.mechanisms)!);
  }

  #warning() {
    return { warning: `Not private: ${this.notPrivate ?? 'the sum of the ε is not finite'}.` };
  }
}

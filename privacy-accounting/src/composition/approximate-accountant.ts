import { requireDelta, requireEpsilon } from '../arguments.js';
import { type DeltaBound, type EpsilonBound, sealBound } from '../bound.js';
import { ComposingAccountant } from '../composing-accountant.js';
import type { Mechanism, MechanismCount } from '../events/mechanisms/mechanism.js';
import { advancedDeltaOf, advancedEpsilonOf } from './advanced-composition.js';
import { sumOfEpsilons } from './basic-composition.js';
import { finiteParametersOf, groupsOf, parameterRefusal } from './mechanism-parameters.js';
import { OptimalComposition } from './optimal-composition.js';
import { deltaLeft, deltaWith, type ParameterGroup } from './parameters.js';

/** The theorem that gave a bound: the simplest of those that state the smallest number. */
export type CompositionTheorem = 'basic' | 'advanced' | 'optimal';

/** Bounds of {@link ApproximateAccountant} say which theorem they are by. */
export interface CompositionBound {
  readonly composition: CompositionTheorem;
}

interface Composed {
  readonly from: readonly MechanismCount[];
  readonly groups: readonly ParameterGroup[];
  readonly optimal: OptimalComposition;
}

/**
 * Accounts for mechanisms of which (ε, δ) is all that is known, by basic, advanced and optimal composition, whichever
 * states the least. Optimal composition always does, except for rounding and for more different ε than can be listed.
 *
 * Bounds what the pure accountant bounds, and (ε, δ) events with δ > 0, Poisson-sampled or not. No accountant that knows
 * no more than (ε, δ) of each can state less; one that knows the mechanisms, such as pld, does. Upper bounds, rounded up.
 *
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 3.3–3.5; Murtagh & Vadhan 2016 (arXiv:1507.03113).
 *
 * @example
 * const event = selfComposed({ count: 20, event: epsilonDelta({ epsilon: 0.5, delta: 1e-8, relation: 'replace-one' }) });
 * new ApproximateAccountant({ relation: 'replace-one' }).compose(event).getEpsilon(1e-5); // ε 9.862…, composition optimal
 */
export class ApproximateAccountant extends ComposingAccountant {
  readonly name = 'approximate';
  #composed: Composed | undefined;

  protected refusal(mechanism: Mechanism): string | undefined {
    return finiteParametersOf(mechanism) === undefined ? parameterRefusal(mechanism) : undefined;
  }

  getEpsilon(delta: number): EpsilonBound & CompositionBound {
    const target = requireDelta(delta);
    if (this.notPrivate !== undefined) return this.#unbounded(Number.POSITIVE_INFINITY, target);
    const { groups, optimal } = this.#all();
    const { value, composition } = least(
      deltaLeft(target, groups) === undefined ? Number.POSITIVE_INFINITY : sumOfEpsilons(groups),
      advancedEpsilonOf(groups, target),
      optimal.epsilonAt(target),
    );
    const warning =
      value < Number.POSITIVE_INFINITY
        ? {}
        : { warning: `The mechanisms' own δs exceed δ = ${target}: no finite ε holds.` };
    return sealBound({ ...this.bound(value, target, warning), composition });
  }

  getDelta(epsilon: number): DeltaBound & CompositionBound {
    const target = requireEpsilon(epsilon);
    if (this.notPrivate !== undefined) return this.#unbounded(target, 1);
    const { groups, optimal } = this.#all();
    const { value, composition } = least(
      target >= sumOfEpsilons(groups) ? deltaWith(0, groups) : 1,
      advancedDeltaOf(groups, target),
      optimal.deltaAt(target),
    );
    return sealBound({ ...this.bound(target, value), composition });
  }

  #unbounded(epsilon: number, delta: number): EpsilonBound & CompositionBound {
    const warning = `Not private: ${this.notPrivate}.`;
    return sealBound({ ...this.bound(epsilon, delta, { warning }), composition: 'basic' });
  }

  #all(): Composed {
    const from = this.mechanisms;
    if (this.#composed?.from !== from) {
      const groups = groupsOf(from)!;
      this.#composed = { from, groups, optimal: new OptimalComposition(groups) };
    }
    return this.#composed;
  }
}

function least(
  basic: number,
  advanced: number,
  optimal: number,
): { readonly value: number; readonly composition: CompositionTheorem } {
  if (basic <= advanced && basic <= optimal) return { value: basic, composition: 'basic' };
  return advanced < optimal
    ? { value: advanced, composition: 'advanced' }
    : { value: optimal, composition: 'optimal' };
}

import { requireDelta, requireEpsilon, requireRecord } from './arguments.js';
import type { DeltaBound, EpsilonBound } from './bound.js';
import type { DpEvent } from './events/dp-event.js';
import { type AccountingOptions, Panel } from './questions/panel.js';

/**
 * An upper bound on ε (nats) at `delta` ∈ (0, 1) of everything in `event`, under `relation`. With `best` (the
 * default) the accountants that support the event bound it, and the smallest bound is returned: each is valid on its
 * own, so their minimum is. An exact accountant answers alone, and formulas do where their ε is beyond 700. The bound
 * says which accountant gave it.
 *
 * `accountant: 'clt'` alone answers with an approximation (and says so in `direction`); `best` never asks it. With
 * `accountant: 'pure'`, `delta` may be 0.
 *
 * Throws DP_UNSUPPORTED_EVENT, with each accountant's reason, when none can bound the event. An event that is not
 * private has ε = ∞ and a warning that says why.
 *
 * @example
 * const event = selfComposed({
 *   count: 14_063,
 *   event: poissonSampled({ samplingProbability: 0.00427, event: gaussian({ noiseMultiplier: 1.1 }) }),
 * });
 * epsilonOf(event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon;
 */
export function epsilonOf(
  event: DpEvent,
  options: AccountingOptions & { readonly delta: number },
): EpsilonBound {
  requireRecord(options, 'options', 'an object with delta and relation');
  const { accountant, delta } = options;
  // Pure mechanisms have an ε at δ = 0, and check δ themselves.
  if (accountant !== 'pure') requireDelta(delta);
  return new Panel(event, options).epsilon(delta);
}

/**
 * An upper bound on δ at `epsilon` ≥ 0 of everything in `event`, under `relation`; the counterpart of
 * {@link epsilonOf}.
 *
 * @example
 * deltaOf(gaussian({ noiseMultiplier: 3 }), { epsilon: 1, relation: 'replace-special' }).delta;
 */
export function deltaOf(
  event: DpEvent,
  options: AccountingOptions & { readonly epsilon: number },
): DeltaBound {
  requireRecord(options, 'options', 'an object with epsilon and relation');
  const target = requireEpsilon(options.epsilon);
  return new Panel(event, options).delta(target);
}

/** {@link epsilonOf} by its short name. */
export const epsilon = epsilonOf;

/** {@link deltaOf} by its short name. */
export const delta = deltaOf;

import type { PrivacyAccountant } from './accountant.js';
import { invalidArgument, requireDelta, requireEpsilon, requireRecord } from './arguments.js';
import type { AccountantName, DeltaBound, EpsilonBound } from './bound.js';
import { DpError } from './errors.js';
import type { DpEvent } from './events/dp-event.js';
import { parseEvent } from './events/parse.js';
import { GdpAccountant } from './gdp/index.js';
import { RdpAccountant } from './rdp/index.js';
import { type NeighboringRelation, requireRelation } from './relation.js';

/** An accountant by name, or `best`: the tightest bound among those that support the event. */
export type AccountantChoice = AccountantName | 'best';

const ACCOUNTANTS: Readonly<
  Record<AccountantName, new (o: { relation: NeighboringRelation }) => PrivacyAccountant>
> = { gdp: GdpAccountant, rdp: RdpAccountant };

/** The accountants there are, exact ones first. */
export const ACCOUNTANT_NAMES: readonly AccountantName[] = Object.freeze(
  Object.keys(ACCOUNTANTS) as AccountantName[],
);

/**
 * An upper bound on ε (nats) at `delta` ∈ (0, 1) of everything in `event`, under `relation`. With `best` (the
 * default) every accountant that supports the event bounds it, and the smallest bound is returned: each is valid
 * on its own, so their minimum is. The bound says which accountant gave it.
 *
 * Throws DP_UNSUPPORTED_EVENT, with each accountant's reason, when none can bound the event. An event that is not
 * private has ε = ∞ and a warning that says why.
 *
 * @example
 * const event = selfComposed({
 *   count: 14_063,
 *   event: poissonSampled({ samplingProbability: 0.00427, event: gaussian({ noiseMultiplier: 1.1 }) }),
 * });
 * epsilonOf(event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon; // 2.57…
 */
export function epsilonOf(
  event: DpEvent,
  options: {
    readonly delta: number;
    readonly relation: NeighboringRelation;
    readonly accountant?: AccountantChoice;
  },
): EpsilonBound {
  requireRecord(options, 'options', 'an object with delta and relation');
  const delta = requireDelta(options.delta);
  const bounds = accountantsFor(event, options).map((accountant) => accountant.getEpsilon(delta));
  return bounds.reduce((best, bound) => (bound.epsilon < best.epsilon ? bound : best));
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
  options: {
    readonly epsilon: number;
    readonly relation: NeighboringRelation;
    readonly accountant?: AccountantChoice;
  },
): DeltaBound {
  requireRecord(options, 'options', 'an object with epsilon and relation');
  const epsilon = requireEpsilon(options.epsilon);
  const bounds = accountantsFor(event, options).map((accountant) => accountant.getDelta(epsilon));
  return bounds.reduce((best, bound) => (bound.delta < best.delta ? bound : best));
}

/** The chosen accountants that support the event, each with it composed; at least one, or an error. */
function accountantsFor(
  event: DpEvent,
  options: { readonly relation: NeighboringRelation; readonly accountant?: AccountantChoice },
): readonly PrivacyAccountant[] {
  const admitted = parseEvent(event);
  const relation = requireRelation(options.relation);
  const choice = options.accountant ?? 'best';
  const names = choice === 'best' ? ACCOUNTANT_NAMES : ACCOUNTANT_NAMES.filter((name) => name === choice);
  if (names.length === 0) {
    throw invalidArgument('accountant', `one of best, ${ACCOUNTANT_NAMES.join(', ')}`, choice);
  }
  const candidates = names.map((name) => new ACCOUNTANTS[name]({ relation }));
  const reasons = candidates.map((accountant) => accountant.unsupportedReason(admitted));
  const able = candidates.filter((_, i) => reasons[i] === undefined);
  if (able.length === 0) {
    const sentences =
      [...new Set(reasons)].length === 1 ? [reasons[0]] : names.map((n, i) => `${n}: ${reasons[i]}`);
    throw new DpError('DP_UNSUPPORTED_EVENT', `No ε is known under ${relation}. ${sentences.join(' ')}`);
  }
  return able.map((accountant) => accountant.compose(admitted));
}

import type { PrivacyAccountant } from '../accountant.js';
import { invalidArgument, requireDelta, requireRecord } from '../arguments.js';
import type { AccountantName, BoundDirection, EpsilonBound } from '../bound.js';
import type { AccountantOptions } from '../composing-accountant.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import { CertifiedPldAccountant } from '../pld/index.js';
import { requireRelation } from '../relation.js';
import { ACCOUNTANT_NAMES, ACCOUNTANTS } from './accountant-table.js';

/** What one accountant says about an event, and why to trust it. */
export interface AccountantRow {
  readonly accountant: AccountantName;
  /** Its ε at the δ asked for; absent when it has none, and then `reason` says why. */
  readonly bound?: EpsilonBound;
  /** A lower bound on the same ε, from accountants that have one. */
  readonly lower?: EpsilonBound;
  readonly reason?: string;
  /** On which side of the truth its figures are. */
  readonly direction: BoundDirection;
  /** One sentence: what it proves, and what it loses. */
  readonly trust: string;
  /** Whether it is the smallest of the upper bounds: what `best` states, up to the cost of asking. */
  readonly tightest: boolean;
}

/**
 * ε at `delta` by every accountant, side by side: its bound, or why it has none; on which side of the truth it is; and
 * why to trust it. The smallest upper bound is marked; approximations and lower bounds never are.
 *
 * @example
 * for (const { accountant, bound, reason } of compareAccountants(event, { delta: 1e-5, relation: 'replace-special' }))
 *   console.log(accountant, bound?.epsilon ?? reason);
 */
export function compareAccountants(
  event: DpEvent,
  options: AccountantOptions & { readonly delta: number; readonly accountants?: readonly AccountantName[] },
): readonly AccountantRow[] {
  requireRecord(options, 'options', 'an object with delta and relation');
  const admitted = parseEvent(event);
  const delta = requireDelta(options.delta);
  const { contributions } = options;
  const made = {
    relation: requireRelation(options.relation),
    ...(contributions === undefined ? {} : { contributions }),
  };
  const asked = options.accountants?.map((name) => requireName(name)) ?? ACCOUNTANT_NAMES;
  const names = ACCOUNTANT_NAMES.filter((name) => asked.includes(name));
  const answers = names.map((name) => answer(ACCOUNTANTS[name].make(made), admitted, delta));
  const upper = answers.flatMap(({ bound }) => (bound?.direction === 'upper' ? [bound.epsilon] : []));
  const least = upper.reduce((min, epsilon) => Math.min(min, epsilon), Number.POSITIVE_INFINITY);
  return names.map((accountant, i) => {
    const { direction, trust } = ACCOUNTANTS[accountant];
    const { bound } = answers[i]!;
    const tightest = bound?.direction === 'upper' && bound.epsilon === least;
    return Object.freeze({ accountant, ...answers[i], direction, trust, tightest });
  });
}

function requireName(name: unknown): AccountantName {
  const known = ACCOUNTANT_NAMES.find((candidate) => candidate === name);
  if (known === undefined)
    throw invalidArgument('accountants', `names among ${ACCOUNTANT_NAMES.join(', ')}`, name);
  return known;
}

function answer(
  accountant: PrivacyAccountant,
  event: DpEvent,
  delta: number,
): Pick<AccountantRow, 'bound' | 'lower' | 'reason'> {
  const reason = accountant.unsupportedReason(event);
  if (reason !== undefined) return { reason };
  try {
    accountant.compose(event);
    if (accountant instanceof CertifiedPldAccountant) {
      const { lower, upper } = accountant.getEpsilonInterval(delta);
      return { bound: upper, lower };
    }
    return { bound: accountant.getEpsilon(delta) };
  } catch (error) {
    if (error instanceof DpError && error.code === 'DP_NUMERICAL') return { reason: error.message };
    throw error;
  }
}

import type { PrivacyAccountant } from '../accountant.js';
import { invalidArgument } from '../arguments.js';
import type { AccountantName, DeltaBound, EpsilonBound } from '../bound.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import { ACCOUNTANT_NAMES, ACCOUNTANTS, BEST_ORDER } from './accountant-table.js';

/** An accountant by name, or `best`: the tightest bound among those that support the event. */
export type AccountantChoice = AccountantName | 'best';

/** What is asked about an event, whatever the question. */
export interface AccountingOptions {
  readonly relation: NeighboringRelation;
  /** `best` by default. */
  readonly accountant?: AccountantChoice;
  /** The largest number of examples of one user: bounds then hold for a user. Without it they hold for an example. */
  readonly contributions?: number;
}

/**
 * The chosen accountants that bound one event, asked together: each bound is valid on its own, so their minimum is.
 * Accountants are made when first needed and keep what they computed, so that many questions about one event (a curve)
 * cost one composition.
 *
 * With `best` an exact accountant answers alone; grids are asked after formulas, and not where those reached 0, or where
 * their ε is beyond 700. An accountant that fails numerically is passed over while another one answers.
 */
export class Panel {
  readonly relation: NeighboringRelation;
  readonly #members: readonly PrivacyAccountant[];

  constructor(event: DpEvent, options: AccountingOptions & { readonly instantOnly?: boolean }) {
    const admitted = parseEvent(event);
    this.relation = requireRelation(options.relation);
    const choice = requireChoice(options.accountant ?? 'best');
    const names =
      choice === 'best'
        ? BEST_ORDER.filter((name) => !options.instantOnly || ACCOUNTANTS[name].cost === 'instant')
        : [choice];
    this.#members = membersFor(admitted, names, { ...options, relation: this.relation }, choice === 'best');
  }

  /** Whether a question may need a grid. */
  get usesGrid(): boolean {
    return this.#members.some(isGrid);
  }

  /** The smallest of the members' bounds on ε at `delta`. */
  epsilon(delta: number): EpsilonBound {
    return this.#least(
      (accountant) => accountant.getEpsilon(delta),
      ({ epsilon }) => epsilon,
    );
  }

  /** The smallest of the members' bounds on δ at `epsilon`. */
  delta(epsilon: number): DeltaBound {
    return this.#least(
      (accountant) => accountant.getDelta(epsilon),
      ({ delta }) => delta,
    );
  }

  #least<B extends EpsilonBound>(ask: (accountant: PrivacyAccountant) => B, size: (bound: B) => number): B {
    let least: B | undefined;
    let failure: unknown;
    for (const member of this.#members) {
      if (least !== undefined && (size(least) === 0 || (isGrid(member) && isVoid(least)))) break;
      try {
        const bound = ask(member);
        if (least === undefined || size(bound) < size(least)) least = bound;
      } catch (error) {
        if (!(error instanceof DpError && error.code === 'DP_NUMERICAL')) throw error;
        failure ??= error;
      }
    }
    if (least === undefined) throw failure;
    return least;
  }
}

/**
 * Beyond this ε, in nats, e^ε leaves float64 and nothing is protected: no grid is built to tell 900 from 1,000.
 * Formulas answer alone there.
 */
const LARGEST_GRID_EPSILON = 700;

/** `choice` if it is an accountant's name or `best`. */
function requireChoice(choice: unknown): AccountantChoice {
  if (choice === 'best' || ACCOUNTANT_NAMES.some((name) => name === choice))
    return choice as AccountantChoice;
  throw invalidArgument('accountant', `one of best, ${ACCOUNTANT_NAMES.join(', ')}`, choice);
}

const isGrid = ({ name }: PrivacyAccountant) => ACCOUNTANTS[name].cost === 'grid';

/** A finite ε that protects nothing. ∞ is another matter: the grid may know better than a formula that gives up. */
const isVoid = ({ epsilon }: EpsilonBound) =>
  epsilon > LARGEST_GRID_EPSILON && epsilon < Number.POSITIVE_INFINITY;

/** `choice` if what it answers is a bound: budgets are not kept, nor noise chosen, by approximations. */
export function requireBoundChoice(choice: unknown): AccountantChoice {
  const known = requireChoice(choice);
  if (known === 'best' || ACCOUNTANTS[known].direction === 'upper') return known;
  throw invalidArgument(
    'accountant',
    'one that gives bounds',
    choice,
    `${known} only approximates: nothing that is chosen by it is guaranteed. Use best.`,
  );
}

/** The accountants of `names` that support the event, with it composed; at least one, or an error with all reasons. */
function membersFor(
  event: DpEvent,
  names: readonly AccountantName[],
  { relation, contributions }: AccountingOptions,
  stopAtExact: boolean,
): readonly PrivacyAccountant[] {
  const members: PrivacyAccountant[] = [];
  const reasons: string[] = [];
  for (const name of names) {
    // Both are the same distribution: the certified one is for whoever asks for it, or where there is no other.
    if (name === 'certified-pld' && names.length > 1 && members.some((member) => member.name === 'pld'))
      continue;
    const { make, exact } = ACCOUNTANTS[name];
    const accountant = make({ relation, ...(contributions === undefined ? {} : { contributions }) });
    const reason = accountant.unsupportedReason(event);
    reasons.push(reason ?? '');
    if (reason !== undefined) continue;
    members.push(accountant.compose(event));
    if (exact && stopAtExact) break;
  }
  if (members.length > 0) return members;
  const sentences =
    new Set(reasons).size === 1 ? [reasons[0]] : names.map((name, i) => `${name}: ${reasons[i]}`);
  throw new DpError('DP_UNSUPPORTED_EVENT', `No ε is known under ${relation}. ${sentences.join(' ')}`);
}

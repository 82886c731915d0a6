import type { PrivacyAccountant } from './accountant.js';
import { requireRecord } from './arguments.js';
import { type AccountantName, type DeltaBound, type EpsilonBound, sealBound } from './bound.js';
import { DpError } from './errors.js';
import { MechanismComposition } from './events/composition.js';
import type { DpEvent } from './events/dp-event.js';
import { readGroup, requireGroupSize } from './events/for-group.js';
import type { Mechanism, MechanismCount } from './events/mechanisms/mechanism.js';
import { type MechanismReading, readMechanisms } from './events/mechanisms/read-mechanisms.js';
import { parseEvent } from './events/parse.js';
import { type NeighboringRelation, requireRelation } from './relation.js';

/** What every accountant is made with. */
export interface AccountantOptions {
  readonly relation: NeighboringRelation;
  /**
   * The largest number of examples that one user contributed, bounded before anything was released. With it bounds hold
   * for a user: all of a user's examples appear, disappear or are exchanged together, and what has no proof for that is
   * refused. Without it, bounds hold for an example. 1 is a user with one example.
   */
  readonly contributions?: number;
}

/** The parts of a bound that a subclass knows. */
export type BoundDetails = Partial<Pick<EpsilonBound, 'direction' | 'order' | 'warning'>>;

/**
 * An accountant that adds up mechanisms: it owns the record of what was composed, and decides what can be.
 *
 * A subclass says which mechanisms it bounds ({@link refusal}) and answers from {@link mechanisms}: merged, sorted, with
 * whole counts, so that every order and grouping of the same events gives the same bits. It never sees an event's
 * insides: what is sampled, joined or shuffled was read into mechanisms before.
 *
 * @example
 * class PureAccountant extends ComposingAccountant {
 *   readonly name = 'pure';
 *   protected refusal(mechanism: Mechanism) {
 *     return pureEpsilon(mechanism) === undefined ? 'has no pure ε. Use the pld accountant.' : undefined;
 *   }
 *   getEpsilon(delta: number) { … }
 * }
 */
export abstract class ComposingAccountant implements PrivacyAccountant {
  abstract readonly name: AccountantName;
  readonly relation: NeighboringRelation;
  /** How many examples a user has, when the unit is the user. */
  readonly contributions: number | undefined;
  readonly #composition = new MechanismComposition();
  #lastRead: { readonly event: DpEvent; readonly reading: MechanismReading } | undefined;

  constructor(options: AccountantOptions) {
    requireRecord(options, 'options', 'an object with a relation');
    this.relation = requireRelation(options.relation);
    this.contributions =
      options.contributions === undefined
        ? undefined
        : requireGroupSize(options.contributions, 'contributions');
  }

  abstract getEpsilon(delta: number): EpsilonBound;
  abstract getDelta(epsilon: number): DeltaBound;

  /**
   * Why this accountant has no bound for `mechanism` under its relation, as a sentence that says what would work;
   * undefined when it has one. It must not depend on what was composed before. The path is put in front.
   */
  protected abstract refusal(mechanism: Mechanism): string | undefined;

  /** Everything composed so far. The same array until more is composed, so that it can key what is derived from it. */
  protected get mechanisms(): readonly MechanismCount[] {
    return this.#composition.mechanisms;
  }

  /** Why there is no guarantee at all, if there is none: then ε = ∞, whatever the mechanisms. */
  protected get notPrivate(): string | undefined {
    return this.#composition.notPrivate;
  }

  get event(): DpEvent {
    return this.#composition.event;
  }

  supports(event: DpEvent): boolean {
    return this.unsupportedReason(event) === undefined;
  }

  unsupportedReason(event: DpEvent): string | undefined {
    const reading = this.#read(parseEvent(event));
    if (reading.kind === 'unsupported') return reading.reason;
    if (reading.kind === 'nonPrivate') return undefined;
    for (const { mechanism, path } of reading.mechanisms) {
      const reason = this.refusal(mechanism);
      if (reason !== undefined) return `${path}: ${reason}`;
    }
    return undefined;
  }

  compose(event: DpEvent, count = 1): this {
    const admitted = parseEvent(event);
    const reason = this.unsupportedReason(admitted);
    if (reason !== undefined) throw new DpError('DP_UNSUPPORTED_EVENT', reason);
    this.#composition.add(admitted, this.#read(admitted), count);
    return this;
  }

  /** A bound with this accountant's labels, frozen. The direction is `upper` unless `details` says otherwise. */
  protected bound(epsilon: number, delta: number, details: BoundDetails = {}): EpsilonBound {
    if (Number.isNaN(epsilon) || Number.isNaN(delta)) {
      throw new DpError(
        'DP_NUMERICAL',
        `The ${this.name} accountant's arithmetic left the range of float64: it has no bound for these parameters. Use another accountant.`,
      );
    }
    return sealBound({
      epsilon,
      delta,
      relation: this.relation,
      ...(this.contributions === undefined
        ? { unit: 'example' as const }
        : { unit: 'user' as const, contributions: this.contributions }),
      accountant: this.name,
      direction: 'upper',
      ...details,
    });
  }

  /** What the event amounts to, for the unit. A training loop composes the same object again and again. */
  #read(event: DpEvent): MechanismReading {
    if (this.#lastRead?.event === event) return this.#lastRead.reading;
    const reading = this.#readForUnit(event);
    this.#lastRead = { event, reading };
    return reading;
  }

  #readForUnit(event: DpEvent): MechanismReading {
    if (this.contributions === undefined) return readMechanisms(event, this.relation);
    const group = readGroup(event, this.contributions);
    return group.kind === 'unsupported' ? group : readMechanisms(group.event, this.relation);
  }
}

import { requireCount } from '../arguments.js';
import { DpError } from '../errors.js';
import { MechanismComposition } from '../events/composition.js';
import type { DpEvent } from '../events/dp-event.js';
import { readGroup } from '../events/for-group.js';
import { type Mechanism, type MechanismCount, mergeMechanisms } from '../events/mechanisms/mechanism.js';
import { type MechanismReading, readMechanisms } from '../events/mechanisms/read-mechanisms.js';
import { parseEvent } from '../events/parse.js';
import type { NeighboringRelation } from '../relation.js';

/** Whose privacy is accounted. */
export interface SpendingUnit {
  readonly relation: NeighboringRelation;
  readonly contributions?: number | undefined;
}

/** What was spent, and what it would be after one more event. Asking changes nothing. */
export class Spending {
  readonly #unit: SpendingUnit;
  readonly #refusal: (mechanism: Mechanism) => string | undefined;
  readonly #composition = new MechanismComposition();

  constructor(unit: SpendingUnit, refusal: (mechanism: Mechanism) => string | undefined) {
    this.#unit = unit;
    this.#refusal = refusal;
  }

  get mechanisms(): readonly MechanismCount[] {
    return this.#composition.mechanisms;
  }

  get event(): DpEvent {
    return this.#composition.event;
  }

  /** Why the event can't be measured, naming its path. Without privacy it can: it just never fits. */
  unsupportedReason(event: DpEvent): string | undefined {
    const reading = this.#read(parseEvent(event));
    if (reading.kind === 'unsupported') return reading.reason;
    if (reading.kind === 'nonPrivate') return undefined;
    for (const { mechanism, path } of reading.mechanisms) {
      const reason = this.#refusal(mechanism);
      if (reason !== undefined) return `${path}: ${reason}`;
    }
    return undefined;
  }

  /** All mechanisms with `count` repetitions of the event added; undefined if that would not be private at all. */
  after(event: DpEvent, count: number): readonly MechanismCount[] | undefined {
    const times = requireCount(count, 'count');
    const reason = this.unsupportedReason(event);
    if (reason !== undefined) throw new DpError('DP_UNSUPPORTED_EVENT', reason);
    const reading = this.#read(parseEvent(event));
    if (times === 0) return this.mechanisms;
    if (reading.kind !== 'mechanisms') return undefined;
    const added = reading.mechanisms.map(({ mechanism, count: each }) => ({
      mechanism,
      count: each * times,
    }));
    const merged = mergeMechanisms([...this.mechanisms, ...added]);
    return merged.every((part) => Number.isSafeInteger(part.count)) ? merged : undefined;
  }

  add(event: DpEvent, count: number): void {
    const admitted = parseEvent(event);
    this.#composition.add(admitted, this.#read(admitted), count);
  }

  #read(event: DpEvent): MechanismReading {
    const { relation, contributions } = this.#unit;
    if (contributions === undefined) return readMechanisms(event, relation);
    const group = readGroup(event, contributions);
    return group.kind === 'unsupported' ? group : readMechanisms(group.event, relation);
  }
}

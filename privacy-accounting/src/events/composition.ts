import { requireCount } from '../arguments.js';
import { DpError } from '../errors.js';
import type { DpEvent } from './dp-event.js';
import { composed, selfComposed } from './factories.js';
import { compareMechanisms, type MechanismCount, mechanismKey } from './mechanisms/mechanism.js';
import type { MechanismReading } from './mechanisms/read-mechanisms.js';

interface Entry {
  readonly event: DpEvent;
  count: number;
}

/**
 * The running record of an accountant: which events, how often, and what they amount to.
 *
 * Equal events are counted together, so that a training run of a million steps stays one entry. The mechanisms come out
 * sorted, each once, with whole counts: every order and grouping of the same events gives the same bits.
 */
export class MechanismComposition {
  readonly #entries = new Map<string, Entry>();
  readonly #mechanisms = new Map<string, MechanismCount>();
  readonly #keys = new WeakMap<DpEvent, string>();
  #notPrivate: string | undefined;
  #sorted: readonly MechanismCount[] | undefined;

  /** Adds `count` repetitions of an event that was read as `reading`, or throws and adds nothing. */
  add(event: DpEvent, reading: MechanismReading, count: number): void {
    const times = requireCount(count, 'count');
    const key = this.#keyOf(event);
    const total = requireCount((this.#entries.get(key)?.count ?? 0) + times, 'the total count');
    if (reading.kind === 'unsupported') throw new DpError('DP_UNSUPPORTED_EVENT', reading.reason);
    if (reading.kind === 'mechanisms') {
      // Collected first: a count that can't be held leaves the composition as it was.
      const updates = new Map<string, MechanismCount>();
      for (const { mechanism, count: each } of reading.mechanisms) {
        const id = mechanismKey(mechanism);
        const before = updates.get(id) ?? this.#mechanisms.get(id);
        const sum = (before?.count ?? 0) + requireCount(each * times, 'the total count');
        updates.set(id, { mechanism, count: requireCount(sum, 'the total count') });
      }
      for (const [id, update] of updates) this.#mechanisms.set(id, update);
    } else if (times > 0) {
      this.#notPrivate ??= reading.reason;
    }
    this.#entries.set(key, { event, count: total });
    this.#sorted = undefined;
  }

  /** Why there is no guarantee, if there is none. */
  get notPrivate(): string | undefined {
    return this.#notPrivate;
  }

  /** Everything released, each mechanism once, sorted. The same array until something is added. */
  get mechanisms(): readonly MechanismCount[] {
    this.#sorted ??= [...this.#mechanisms.values()]
      .filter(({ count }) => count > 0)
      .sort((a, b) => compareMechanisms(a.mechanism, b.mechanism));
    return this.#sorted;
  }

  /** Everything composed so far as one event; its interpretation is this composition's. */
  get event(): DpEvent {
    const parts = [...this.#entries.values()].map(({ event, count }) =>
      count === 1 ? event : selfComposed({ count, event }),
    );
    return parts.length === 1 ? parts[0]! : composed(parts);
  }

  #keyOf(event: DpEvent): string {
    let key = this.#keys.get(event);
    if (key === undefined) {
      key = JSON.stringify(event);
      this.#keys.set(event, key);
    }
    return key;
  }
}

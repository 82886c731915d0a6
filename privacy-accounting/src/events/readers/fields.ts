import { invalidArgument, requireNumber, requireSamplingProbability } from '../../arguments.js';
import type { DpEvent, DpEventType } from '../dp-event.js';

/** The fields of an event as they came in, nothing checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where an event is being read, and how to read what is inside it. */
export interface ReadContext {
  readonly path: string;
  /** `value`, the field or element `name` (`event`, `events[2]`), as an event. */
  child(value: unknown, name: string): DpEvent;
}

/** The fields that an event type has, in the order in which they are written, and how they are checked. */
export interface EventReader<E extends DpEvent> {
  readonly fields: readonly (keyof E & string)[];
  readonly read: (fields: Fields, context: ReadContext) => E;
}

/** A reader for each of some event types. */
export type EventReaders<T extends DpEventType> = {
  readonly [K in T]: EventReader<Extract<DpEvent, { readonly type: K }>>;
};

/** Lists longer than this are refused, so that no input can exhaust memory unnoticed. */
export const MAX_LIST_LENGTH = 1_000_000;

/** Reads the fields of one event by name, each error at `path.name`. */
export class FieldReader {
  readonly #fields: Fields;
  readonly #path: string;

  constructor(fields: Fields, { path }: { readonly path: string }) {
    this.#fields = fields;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  number(name: string, expected: string, accepts: (value: number) => boolean, remedy = ''): number {
    // + 0: JSON writes −0 as 0, and what is read back must be what was written.
    return requireNumber(this.#fields[name], `${this.#path}.${name}`, expected, accepts, remedy) + 0;
  }

  positive(name: string, remedy: string): number {
    return this.number(name, 'a finite number above 0', (value) => value > 0, remedy);
  }

  notNegative(name: string, remedy: string): number {
    return this.number(name, 'a finite number, 0 or larger', (value) => value >= 0, remedy);
  }

  /** The size of noise, where 0 is allowed and means what it says. */
  noise(name: string, remedy: string): number {
    return this.number(
      name,
      'a finite number, 0 (no noise, not private) or larger',
      (value) => value >= 0,
      remedy,
    );
  }

  whole(name: string, least: number, remedy: string): number {
    return this.number(
      name,
      `a whole number from ${least} to 2^53 - 1`,
      (value) => Number.isSafeInteger(value) && value >= least,
      remedy,
    );
  }

  samplingProbability(): number {
    const name = 'samplingProbability';
    return requireSamplingProbability(
      this.#fields[name],
      `${this.#path}.${name}`,
      'It is the expected batch size divided by the number of examples.',
    );
  }

  boolean(name: string, remedy: string): boolean {
    const value = this.#fields[name];
    if (typeof value !== 'boolean')
      throw invalidArgument(`${this.#path}.${name}`, 'true or false', value, remedy);
    return value;
  }

  string(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== 'string') throw invalidArgument(`${this.#path}.${name}`, 'a string', value);
    return value;
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#fields[name];
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) {
      throw invalidArgument(`${this.#path}.${name}`, `one of ${choices.join(', ')}`, value);
    }
    return choice;
  }

  /** A list of at least one number, each of which `accepts`, as a frozen copy. */
  numbers(
    name: string,
    expected: string,
    accepts: (value: number) => boolean,
    remedy: string,
  ): readonly number[] {
    const list = this.#fields[name];
    const path = `${this.#path}.${name}`;
    if (!Array.isArray(list) || list.length === 0 || list.length > MAX_LIST_LENGTH) {
      throw invalidArgument(path, `a list of 1 to ${MAX_LIST_LENGTH} numbers`, list, remedy);
    }
    // Array.from, not map: map would leave the holes of a sparse array.
    return Object.freeze(
      Array.from(list, (value, i) => requireNumber(value, `${path}[${i}]`, expected, accepts, remedy) + 0),
    );
  }
}

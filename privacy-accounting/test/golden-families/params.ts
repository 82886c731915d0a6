import { type NeighboringRelation, requireRelation } from 'privacy-accounting';
import { toNumber } from '../golden-check.js';

/** Answers by the keys of `expected`; a list or an object where `expected` has one. */
export type Answers = { readonly [key: string]: Answer };
export type Answer = number | readonly Answer[] | Answers;

/** How the cases of a family are answered. Undefined: this case is not answered, and is skipped. */
export type Family = (params: Params) => Answers | undefined;

/** Parameters of a case, read with their names in the errors. */
export class Params {
  readonly #params: Readonly<Record<string, unknown>>;
  readonly #asked: Readonly<Record<string, unknown>>;

  /** `asked`: the case's `expected`, of which only the names are read: some cases put their question there. */
  constructor(params: Readonly<Record<string, unknown>>, asked: Readonly<Record<string, unknown>> = {}) {
    this.#params = params;
    this.#asked = asked;
  }

  has(name: string): boolean {
    return this.#params[name] !== undefined && this.#params[name] !== null;
  }

  number(name: string, fallback?: number): number {
    if (!this.has(name) && fallback !== undefined) return fallback;
    return toNumber(this.#params[name], `params.${name}`);
  }

  /** A list of numbers; a number alone is a list of one. */
  numbers(name: string): number[] {
    const value = this.#params[name];
    if (typeof value === 'number') return [value];
    return this.#list(name).map((entry, i) => toNumber(entry, `params.${name}[${i}]`));
  }

  text(name: string, fallback: string): string {
    return this.has(name) ? String(this.#params[name]) : fallback;
  }

  part(name: string): Params {
    return new Params(this.#params[name] as Readonly<Record<string, unknown>>);
  }

  parts(name: string): Params[] {
    return this.#list(name).map((part) => new Params(part as Readonly<Record<string, unknown>>));
  }

  /** The same parameters, as those of a part of this type. */
  as(type: string): Params {
    return new Params({ ...this.#params, type }, this.#asked);
  }

  relation(fallback: NeighboringRelation = 'add-or-remove-one'): NeighboringRelation {
    return requireRelation(this.text('relation', fallback).replaceAll('_', '-'));
  }

  /** σ relative to the clipping norm, whatever the case's convention is. */
  sigma(relation: NeighboringRelation): number {
    const perSensitivity = /^(noise std \/|relative to) replace-one/.test(this.text('sigma_convention', ''));
    return this.number('sigma') * (perSensitivity && relation === 'replace-one' ? 2 : 1);
  }

  /** A list of orders if the case gives one; a name of some library's grid leaves ours. */
  orders(): { orders?: number[] } {
    return Array.isArray(this.#params.orders) ? { orders: this.numbers('orders') } : {};
  }

  /** The names in an object of `expected`, such as the false-positive rates that a curve is wanted at. */
  askedAt(name: string): string[] {
    const value = this.#asked[name];
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  }

  #list(name: string): readonly unknown[] {
    const value = this.#params[name];
    if (!Array.isArray(value)) throw new TypeError(`params.${name} must be a list`);
    return value;
  }
}

import { DpError } from '../errors.js';

/** A weight on e^{θL}: the direction of loss in which a question looks, and how far. */
export interface Tilt {
  /** θ ≥ 0 for the law of L under P, and for the law of −L under Q. */
  readonly remove: number;
  readonly add: number;
}

/** Whether errors may only raise the privacy loss, or only lower it. */
export type Side = 'pessimistic' | 'optimistic';

/**
 * The law of one step's privacy loss on a grid: mass `masses[i]` at `indices[i]·interval` nats (an index may occur more
 * than once), and `infinityMass` at ∞. A pessimistic law's hockey-stick divergence is at least the pair's at every ε,
 * an optimistic one's at most, in exact arithmetic with masses that are off by `relativeError`.
 */
export interface LossLaw {
  readonly interval: number;
  readonly indices: Float64Array;
  readonly masses: Float64Array;
  readonly infinityMass: number;
  readonly relativeError: number;
}

/** Collects a law from outcomes that come in order, adding up neighbours. */
export class LawBuilder {
  readonly #interval: number;
  #indices: Float64Array;
  #masses: Float64Array;
  #length = 0;
  #infinity = 0;

  constructor(interval: number, capacity: number) {
    this.#interval = interval;
    this.#indices = new Float64Array(capacity);
    this.#masses = new Float64Array(capacity);
  }

  add(index: number, mass: number): void {
    if (Number.isNaN(mass) || Number.isNaN(index)) {
      throw new DpError(
        'DP_NUMERICAL',
        'Expected privacy losses that float64 resolves, got some beyond its range: the noise is too small, relative to ' +
          'the sensitivity. Use the gdp or rdp accountant.',
      );
    }
    if (!(mass > 0)) return;
    for (let back = 1; back <= 2 && back <= this.#length; back++) {
      if (this.#indices[this.#length - back] === index) {
        this.#masses[this.#length - back]! += mass;
        return;
      }
    }
    if (this.#length === this.#indices.length) this.#grow();
    this.#indices[this.#length] = index;
    this.#masses[this.#length] = mass;
    this.#length++;
  }

  addAtInfinity(mass: number): void {
    this.#infinity += mass;
  }

  /** All of the mass so far, that at infinity included. */
  get total(): number {
    let total = this.#infinity;
    for (let i = 0; i < this.#length; i++) total += this.#masses[i]!;
    return total;
  }

  finish(relativeError: number): LossLaw {
    return {
      interval: this.#interval,
      indices: this.#indices.subarray(0, this.#length),
      masses: this.#masses.subarray(0, this.#length),
      infinityMass: this.#infinity,
      relativeError,
    };
  }

  #grow(): void {
    const capacity = 2 * this.#indices.length + 16;
    const indices = new Float64Array(capacity);
    const masses = new Float64Array(capacity);
    indices.set(this.#indices);
    masses.set(this.#masses);
    this.#indices = indices;
    this.#masses = masses;
  }
}

import type { NeighboringRelation } from './relation.js';

/** Which accountant proved a bound. */
export type AccountantName = 'rdp' | 'gdp';

interface BoundContext {
  /** Which pairs of data sets are compared. */
  readonly relation: NeighboringRelation;
  /** What one record is. The toolkit's unit is the example: a person with ten examples has ten. */
  readonly unit: 'example';
  readonly accountant: AccountantName;
  /** The true value is at most the stated one. */
  readonly direction: 'upper';
  /** The Rényi order that attained the bound, for `rdp`. */
  readonly order?: number;
  /** What limits the bound, if anything does. It stays valid. */
  readonly warning?: string;
}

/**
 * The mechanism is (ε, δ)-differentially private with the stated ε (nats, ≥ 0) at the given δ. ε = ∞ means that no
 * guarantee holds. `JSON.stringify` writes ∞ as the string `"inf"`, never as null.
 */
export interface EpsilonBound extends BoundContext {
  readonly epsilon: number;
  readonly delta: number;
}

/** The mechanism is (ε, δ)-differentially private with the stated δ ∈ [0, 1] at the given ε. */
export interface DeltaBound extends BoundContext {
  readonly epsilon: number;
  readonly delta: number;
}

/** A number as JSON can hold it: ∞ becomes `"inf"` (JSON.stringify alone would write null, which reads as none). */
export function jsonNumber(value: number): number | 'inf' {
  return value === Number.POSITIVE_INFINITY ? 'inf' : value;
}

function toJSON(this: EpsilonBound): Record<string, unknown> {
  return { ...this, epsilon: jsonNumber(this.epsilon), delta: jsonNumber(this.delta) };
}

/** Freezes a bound, and makes JSON.stringify write ε = ∞ as `"inf"`. */
export function sealBound<B extends EpsilonBound | DeltaBound>(bound: B): B {
  Object.defineProperty(bound, 'toJSON', { value: toJSON, enumerable: false });
  return Object.freeze(bound);
}

import type { NeighboringRelation } from './relation.js';

/**
 * Which accountant gave a bound. `clt` gives approximations only. Not every accountant answers every event.
 *
 * - `rdp`: Rényi divergences; `gdp`: exact for unsampled Gaussians; `zcdp`: concentrated DP.
 * - `pld`: the privacy loss distribution on a grid, pessimistic; `certified-pld`: the same with every error inside.
 * - `pure`: ε of pure mechanisms added up; `approximate`: (ε, δ) pairs by optimal or advanced composition.
 * - `clt`: the Gaussian limit of many sampled releases. It is no bound: it can be less than half of the true ε.
 */
export type AccountantName =
  | 'rdp'
  | 'gdp'
  | 'pld'
  | 'certified-pld'
  | 'clt'
  | 'zcdp'
  | 'pure'
  | 'approximate';

/**
 * On which side of the truth a figure is: `upper` bounds state at most too much loss, `lower` ones at most too little.
 * An `approximation` can be on either side, and guarantees nothing.
 */
export type BoundDirection = 'upper' | 'lower' | 'approximation';

/** What one record is: an example, or a user with all of their examples. */
export type PrivacyUnit = 'example' | 'user';

interface BoundContext {
  /** Which pairs of data sets are compared. */
  readonly relation: NeighboringRelation;
  /** Whose data the pair differs in. The default is the example: a person with ten examples has ten. */
  readonly unit: PrivacyUnit;
  /** The largest number of examples that one user has, when the unit is the user. */
  readonly contributions?: number;
  readonly accountant: AccountantName;
  readonly direction: BoundDirection;
  /** The Rényi order that attained the bound, for `rdp`. */
  readonly order?: number;
  /** What limits the bound, if anything does. It stays valid. */
  readonly warning?: string;
}

/**
 * The mechanism is (ε, δ)-differentially private with the stated ε (nats, ≥ 0) at the given δ, if the direction is
 * `upper`. ε = ∞ means that no guarantee holds. `JSON.stringify` writes ∞ as the string `"inf"`, never as null.
 */
export interface EpsilonBound extends BoundContext {
  readonly epsilon: number;
  readonly delta: number;
}

/** The mechanism is (ε, δ)-differentially private with the stated δ ∈ [0, 1] at the given ε, if `upper`. */
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

/** Mass of P and of Q on one set of outcomes. */
export interface PairMass {
  readonly p: number;
  readonly q: number;
}

/** An outcome (or several) of one privacy loss ln(p/q), with positive mass under both laws. */
export interface LossAtom extends PairMass {
  readonly loss: number;
}

/** Outcomes whose privacy loss is spread continuously. */
export interface LossContinuum {
  /** Infimum and supremum of the loss; −∞ and ∞ allowed. */
  readonly lowest: number;
  readonly highest: number;
  /** A finite loss range outside of which P and Q both have less than e^{−69} on the side that they favour. */
  readonly range: readonly [low: number, high: number];
  /**
   * P{a < L ≤ b} and Q{a < L ≤ b}, each to a *relative* error of `relativeError`, for −∞ ≤ a < b ≤ ∞. The cells of
   * successive calls with a common edge do not overlap and leave no gap: edges are rounded once, by less than
   * `lossRounding`.
   */
  cell(a: number, b: number): PairMass;
}

/**
 * A pair of laws (P, Q) whose hockey-stick divergence is at least that of the mechanism on any neighbouring data sets,
 * in the direction `remove` (or `replace`); the pair (Q, P) is that of the direction `add`. Composing pairs dominates
 * the composed mechanism, adaptive choices included (Zhu, Dong & Wang 2022, arXiv:2106.08567, Thm 10).
 */
export interface DominatingPair {
  /** Equal keys, equal pairs. */
  readonly key: string;
  /** (P, Q) and (Q, P) have the same privacy loss distribution. */
  readonly symmetric: boolean;
  readonly atoms: readonly LossAtom[];
  readonly continua: readonly LossContinuum[];
  /** Mass of P where Q has none, and of Q where P has none. */
  readonly singular: PairMass;
  /** A few hundred outcomes that resemble the pair: to plan with, never to bound with. */
  readonly sketch: readonly LossAtom[];
  /** If all losses are whole multiples of this, a grid that divides it has no discretisation error. */
  readonly lattice?: number;
  /** Of every stated mass. */
  readonly relativeError: number;
  /** Absolute error of every stated loss, in nats. */
  readonly lossRounding: number;
}

/** Nats: tails of the one-step laws below e^{−69} ≈ 1e-30 are moved to the safe side, not resolved. */
export const TAIL_EXPONENT = 69;

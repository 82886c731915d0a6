import { requireNumber, requireRecord } from '../arguments.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import { finiteRdpAt, type Outcome } from './finite-rdp.js';
import { requireOrder } from './gaussian-rdp.js';

/** Parameters of {@link randomizedResponseRdp}. */
export interface RandomizedResponseOptions {
  /** p ∈ [0, 1]: how likely the answer is drawn uniformly from all buckets instead of told. */
  readonly noiseParameter: number;
  /** k ≥ 1: how many answers there are. */
  readonly buckets: number;
  readonly relation: NeighboringRelation;
  readonly order: number;
}

/**
 * The Rényi divergence of order α > 1, in nats, of k-ary randomized response, exactly (rounded up): one record's answer
 * is told with probability 1 − p, else drawn uniformly from all k = `buckets` answers (the true one included).
 *
 * Under replace-one, between two answers. Under replace-special, between an answer and a blank, whose answer is
 * uniform: the larger of the two directions. Under add-or-remove-one the number of answers changes: there is no bound,
 * ∞. ∞ at p = 0 too; 0 at p = 1 or k = 1.
 *
 * Source: the definition of the divergence; Mironov 2017 (arXiv:1702.07476), Prop. 5 for k = 2.
 *
 * @example
 * randomizedResponseRdp({ noiseParameter: 0.5, buckets: 2, relation: 'replace-one', order: 2 }); // ln(7/3)
 */
export function randomizedResponseRdp(options: RandomizedResponseOptions): number {
  requireRecord(options, 'options', 'an object { noiseParameter, buckets, relation, order }');
  const p = requireNumber(
    options.noiseParameter,
    'noiseParameter',
    'a number from 0 to 1',
    (x) => x >= 0 && x <= 1,
  );
  const buckets = requireNumber(
    options.buckets,
    'buckets',
    'a whole number, 1 or larger',
    (k) => Number.isSafeInteger(k) && k >= 1,
  );
  return randomizedResponseRdpAt(p, buckets, requireRelation(options.relation), requireOrder(options.order));
}

const SMALLEST_SHARE = 1e-300;

/** {@link randomizedResponseRdp} of checked arguments. */
export function randomizedResponseRdpAt(
  p: number,
  buckets: number,
  relation: NeighboringRelation,
  order: number,
): number {
  if (relation === 'add-or-remove-one') return Number.POSITIVE_INFINITY;
  if (p === 1 || buckets === 1) return 0;
  // Where p/k leaves float64's range, no finite bound is of use.
  if (p / buckets < SMALLEST_SHARE) return Number.POSITIVE_INFINITY;
  const directions = relation === 'replace-one' ? [exchanged(p, buckets)] : blanked(p, buckets);
  return Math.max(...directions.map((outcomes) => finiteRdpAt(outcomes, order)));
}

/** One answer against another. The other k − 2 answers are equally likely under both. */
function exchanged(p: number, k: number): readonly Outcome[] {
  const loss = Math.log1p((k * (1 - p)) / p);
  return [
    { logMass: Math.log(p / k), loss },
    { logMass: Math.log(1 - p + p / k), loss: -loss },
  ];
}

/** An answer against a uniform one, and the other way round. */
function blanked(p: number, k: number): readonly (readonly Outcome[])[] {
  const told = Math.log1p((k - 1) * (1 - p));
  const other = Math.log(p);
  return [
    [
      { logMass: -Math.log(k), loss: told },
      { logMass: Math.log1p(-1 / k), loss: other },
    ],
    [
      { logMass: Math.log(1 - p + p / k), loss: -told },
      { logMass: Math.log(p) + Math.log1p(-1 / k), loss: -other },
    ],
  ];
}

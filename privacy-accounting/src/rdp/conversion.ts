import { invalidArgument, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';

/** A bound and the order that attained it. */
export interface AtOrder {
  readonly value: number;
  readonly order: number;
}

/** The improved conversion is not stable as α → 1 and never best there; only the KL bound is used below this. */
export const SMALLEST_CONVERTED_ORDER = 1.01;

/** Outward rounding: eight units in the last place of the largest quantity that went in. */
const SLACK = 8 * Number.EPSILON;

/**
 * ε at δ from one divergence r = RDP(α): the smaller of
 *
 *   r + ln((α−1)/α) − ln(δα)/(α−1)      (Canonne, Kamath & Steinke 2020, arXiv:2004.00010, Prop. 12)
 *   0 if δ² ≥ 1 − e^{−r}                (total variation ≤ √(1 − e^{−KL}), Bretagnolle & Huber 1979; KL ≤ r)
 *
 * rounded up, never below 0.
 */
export function epsilonAtOrder(order: number, rdp: number, delta: number): number {
  if (rdp === 0 || delta * delta + Math.expm1(-rdp) > 0) return 0;
  if (order === Number.POSITIVE_INFINITY) return rdp;
  if (order <= SMALLEST_CONVERTED_ORDER || delta === 0) return Number.POSITIVE_INFINITY;
  const shrink = Math.log1p(-1 / order);
  const tail = (Math.log(delta) + Math.log(order)) / (order - 1);
  // The two logarithms may cancel.
  const largest = (Math.log(order) - Math.log(delta)) / (order - 1);
  return Math.max(0, rdp + shrink - tail + SLACK * (rdp - shrink + largest));
}

/** ln δ at every ε from the total variation, ½ ln(1 − e^{−r}): the second bound of {@link epsilonAtOrder}. */
export function logDeltaByKl(rdp: number): number {
  return 0.5 * Math.log(-Math.expm1(-rdp));
}

/**
 * ln δ at ε by Prop. 12, (α−1)·(r − ε + ln((α−1)/α)) − ln α, rounded up. May exceed 0: it is convex in α, and
 * would not be if it were cut off. ∞ for orders up to 1.01.
 */
export function logDeltaByMoment(order: number, rdp: number, epsilon: number): number {
  if (rdp === 0) return Number.NEGATIVE_INFINITY;
  if (order <= SMALLEST_CONVERTED_ORDER) return Number.POSITIVE_INFINITY;
  if (order === Number.POSITIVE_INFINITY) {
    return rdp <= epsilon ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const shrink = Math.log1p(-1 / order);
  const slack = SLACK * ((order - 1) * (rdp + epsilon - shrink) + Math.log(order) + 1);
  return (order - 1) * (rdp - epsilon + shrink) - Math.log(order) + slack;
}

/** The smaller of the two bounds on ln δ, and of 0. */
export function logDeltaAtOrder(order: number, rdp: number, epsilon: number): number {
  return Math.min(0, logDeltaByKl(rdp), logDeltaByMoment(order, rdp, epsilon));
}

/**
 * The smallest ε at `delta` ∈ [0, 1) that a list of divergences proves, and the order that attained it.
 * Upper bound, rounded up; ∞ when no order proves anything. Orders are ≥ 1; those up to 1.01 prove only ε = 0.
 *
 * Source: Canonne, Kamath & Steinke 2020 (arXiv:2004.00010), Prop. 12; also Balle et al. 2020
 * (arXiv:1905.09982), Thm 21.
 *
 * @example
 * rdpToEpsilon({ orders: [2, 5, 10], rdp: [0.7, 2, 4.5], delta: 1e-6 }); // { epsilon: 4.828…, order: 5 }
 */
export function rdpToEpsilon(options: {
  readonly orders: readonly number[];
  readonly rdp: readonly number[];
  readonly delta: number;
}): { readonly epsilon: number; readonly order: number } {
  const { orders, rdp } = requireCurve(options);
  const delta = requireNumber(
    options.delta,
    'delta',
    'a number from 0 up to, not including, 1',
    (d) => d >= 0 && d < 1,
  );
  const best = smallest(orders, (order, i) => epsilonAtOrder(order, rdp[i]!, delta));
  return { epsilon: best.value, order: best.order };
}

/**
 * The smallest δ at `epsilon` ≥ 0 that a list of divergences proves, and the order that attained it. The
 * counterpart of {@link rdpToEpsilon}.
 *
 * @example
 * rdpToDelta({ orders: [2, 5, 10], rdp: [0.7, 2, 4.5], epsilon: 5 });
 */
export function rdpToDelta(options: {
  readonly orders: readonly number[];
  readonly rdp: readonly number[];
  readonly epsilon: number;
}): { readonly delta: number; readonly order: number } {
  const { orders, rdp } = requireCurve(options);
  const epsilon = requireEpsilon(options.epsilon);
  const best = smallest(orders, (order, i) => logDeltaAtOrder(order, rdp[i]!, epsilon));
  // What underflows is not 0.
  const least = best.value === Number.NEGATIVE_INFINITY ? 0 : Number.MIN_VALUE;
  return { delta: Math.max(least, Math.exp(best.value)), order: best.order };
}

/** The first order at which `value` is smallest. */
function smallest(orders: readonly number[], value: (order: number, i: number) => number): AtOrder {
  let best: AtOrder = { value: value(orders[0]!, 0), order: orders[0]! };
  for (let i = 1; i < orders.length; i++) {
    const candidate = value(orders[i]!, i);
    if (candidate < best.value) best = { value: candidate, order: orders[i]! };
  }
  return best;
}

function requireCurve(options: { readonly orders: readonly number[]; readonly rdp: readonly number[] }) {
  requireRecord(options, 'options', 'an object with orders and rdp');
  const { orders, rdp } = options;
  if (!Array.isArray(orders) || orders.length === 0)
    throw invalidArgument('orders', 'a list of orders', orders);
  if (!Array.isArray(rdp) || rdp.length !== orders.length) {
    throw invalidArgument('rdp', `a list of ${orders.length} divergences, one for each order`, rdp);
  }
  for (const [i, order] of orders.entries()) {
    if (typeof order !== 'number' || !(order >= 1)) {
      throw invalidArgument(`orders[${i}]`, 'a number, 1 or larger', order);
    }
    const divergence: unknown = rdp[i];
    if (typeof divergence !== 'number' || !(divergence >= 0)) {
      throw invalidArgument(`rdp[${i}]`, 'a number, 0 or larger', divergence);
    }
  }
  return { orders: orders as readonly number[], rdp: rdp as readonly number[] };
}

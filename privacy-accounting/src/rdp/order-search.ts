import { type AtOrder, SMALLEST_CONVERTED_ORDER } from './conversion.js';
import { DEFAULT_ORDERS, FINE_ORDER_COUNT, fineOrder, LARGEST_SEARCHED_ORDER } from './orders.js';

/** The result of a search, and whether it stopped at the end of what was allowed. */
export interface BestOrder extends AtOrder {
  readonly edge: 'lower' | 'upper' | undefined;
}

/** The best of exactly the given, ascending orders. `floor` is a value that no order can undercut. */
export function searchGrid(
  orders: readonly number[],
  value: (order: number) => number,
  floor: number,
): BestOrder {
  let best: AtOrder = { value: value(orders[0]!), order: orders[0]! };
  for (const order of orders) {
    const candidate = value(order);
    if (candidate < best.value) best = { value: candidate, order };
  }
  if (best.value <= floor) return { ...best, edge: undefined };
  const edge = best.order === orders.at(-1) ? 'upper' : best.order === orders[0] ? 'lower' : undefined;
  return { ...best, edge };
}

/**
 * The best of all orders, fine and default: some thirty evaluations.
 *
 * Every order gives a valid bound, so that the search could not do worse than be loose. It isn't: Prop. 12 reads
 * (α − 1)·ε = K(α) + (α − 1)ln(α − 1) − α ln α − ln δ with K(α) = (α − 1)·RDP(α) convex, as the rest is. So ln δ
 * is convex in α, and ε, a convex function over a positive linear one, has a single valley. The bound from the
 * Kullback–Leibler divergence is best at the smallest order, and is `atSmallest`.
 */
export function searchAll(atSmallest: number, value: (order: number) => number, floor: number): BestOrder {
  let best: AtOrder = { value: atSmallest, order: SMALLEST_CONVERTED_ORDER };
  if (best.value <= floor) return { ...best, edge: undefined };
  const bottom = bottomOfValley(value);
  for (const order of [bottom, ...defaultNeighbors(bottom)]) {
    const candidate = value(order);
    if (candidate < best.value) best = { value: candidate, order };
  }
  const { order } = best;
  const edge = order === LARGEST_SEARCHED_ORDER ? 'upper' : order <= fineOrder(0) ? 'lower' : undefined;
  return { ...best, edge };
}

/** The fine order at which `value`, which falls first and rises then, is smallest: by bisection on its slope. */
export function bottomOfValley(value: (order: number) => number): number {
  let low = 0;
  let high = FINE_ORDER_COUNT - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(fineOrder(middle)) <= value(fineOrder(middle + 1))) high = middle;
    else low = middle + 1;
  }
  return fineOrder(low);
}

/** The default orders on either side, so that the result is never looser than that of the default grid. */
function defaultNeighbors(order: number): readonly number[] {
  const above = DEFAULT_ORDERS.findIndex((candidate) => candidate >= order);
  return above < 0 ? DEFAULT_ORDERS.slice(-1) : DEFAULT_ORDERS.slice(Math.max(0, above - 1), above + 2);
}

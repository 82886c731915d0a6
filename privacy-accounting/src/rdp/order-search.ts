import { type AtOrder, SMALLEST_CONVERTED_ORDER } from './conversion.js';
import { FRACTIONAL_ORDER_LIMIT, LARGEST_SEARCHED_ORDER } from './orders.js';

/** The result of a search, and whether it stopped at the end of what was allowed. */
export interface BestOrder extends AtOrder {
  readonly edge: 'lower' | 'upper' | undefined;
}

/** Orders with their bounds, and the index of the smallest. */
function smallestOf(orders: readonly number[], value: (order: number) => number) {
  const values = orders.map(value);
  let index = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! < values[index]!) index = i;
  return { index, best: values[index]! };
}

/** The best of exactly the given, ascending orders. */
export function searchGrid(orders: readonly number[], value: (order: number) => number): BestOrder {
  const { index, best } = smallestOf(orders, value);
  const edge = index === orders.length - 1 ? 'upper' : index === 0 ? 'lower' : undefined;
  return { value: best, order: orders[index]!, edge };
}

/**
 * The best of the ascending grid, then of larger orders while these improve, then of the orders between the two
 * neighbours of the best. Every order gives a valid bound, so that the search needs no more than to be good.
 */
export function searchAround(
  grid: readonly number[],
  value: (order: number) => number,
  floor: number,
): BestOrder {
  const start = smallestOf(grid, value);
  let best: AtOrder = { value: start.best, order: grid[start.index]! };
  if (best.value <= floor) return { ...best, edge: undefined };
  let below = start.index === 0 ? SMALLEST_CONVERTED_ORDER * (1 + 1e-6) : grid[start.index - 1]!;
  let above = grid[start.index + 1] ?? best.order * 2;
  while (above > grid.at(-1)! && best.order < LARGEST_SEARCHED_ORDER) {
    const candidate = value(above);
    if (!(candidate < best.value)) break;
    below = best.order;
    best = { value: candidate, order: above };
    above *= 2;
  }
  above = Math.min(above, LARGEST_SEARCHED_ORDER);
  const refined = refine(below, above, best, value);
  const nearLowest = refined.order < SMALLEST_CONVERTED_ORDER * (1 + 1e-4);
  const edge = refined.order >= LARGEST_SEARCHED_ORDER ? 'upper' : nearLowest ? 'lower' : undefined;
  return { ...refined, edge };
}

/** Golden-section search on ln(α − 1), in which the bound is smooth and nearly quadratic about its minimum. */
function refine(below: number, above: number, grid: AtOrder, value: (order: number) => number): AtOrder {
  const golden = (Math.sqrt(5) - 1) / 2;
  let best = grid;
  const evaluate = (t: number) => {
    const exact = 1 + Math.exp(t);
    const order = exact > FRACTIONAL_ORDER_LIMIT ? Math.round(exact) : exact;
    const candidate = value(order);
    if (candidate < best.value) best = { value: candidate, order };
    return candidate;
  };
  let low = Math.log(below - 1);
  let high = Math.log(above - 1);
  let left = high - golden * (high - low);
  let right = low + golden * (high - low);
  let atLeft = evaluate(left);
  let atRight = evaluate(right);
  while (high - low > 2e-3) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - golden * (high - low);
      atLeft = evaluate(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + golden * (high - low);
      atRight = evaluate(right);
    }
  }
  return best;
}

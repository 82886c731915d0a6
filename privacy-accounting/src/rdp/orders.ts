import { invalidArgument, requireNumber } from '../arguments.js';
import { SMALLEST_CONVERTED_ORDER } from './conversion.js';

/**
 * 1.1 … 10.9 in steps of 0.1, 11 … 63, 128, 256, 512, 1024: the grid of dp_accounting, so that results are
 * comparable. The search covers these orders and many more.
 */
export const DEFAULT_ORDERS: readonly number[] = Object.freeze([
  ...Array.from({ length: 99 }, (_, i) => (11 + i) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  128,
  256,
  512,
  1024,
]);

/** Beyond this the search does not look; a minimum there carries a warning. */
export const LARGEST_SEARCHED_ORDER = 16_384;

/** Above this the search uses whole orders only: they are close enough together, and cheaper. */
const FRACTIONAL_ORDER_LIMIT = 32;

/** Fractional orders are 1 + e^{k/2048}, whole k: missing the best by half a step costs about 1e-6 of ε. */
const STEPS_PER_UNIT = 2048;
const FIRST_STEP = Math.floor(Math.log(SMALLEST_CONVERTED_ORDER - 1) * STEPS_PER_UNIT) + 1;
const FRACTIONAL_COUNT = Math.floor(Math.log(FRACTIONAL_ORDER_LIMIT - 1) * STEPS_PER_UNIT) - FIRST_STEP + 1;

/** How many orders {@link fineOrder} numbers. */
export const FINE_ORDER_COUNT = FRACTIONAL_COUNT + LARGEST_SEARCHED_ORDER - FRACTIONAL_ORDER_LIMIT;

/**
 * The i-th of the fixed, ascending orders among which the search refines: dense fractional ones from 1.01 to 32,
 * then every whole order. They are fixed, rather than converging on a different order for each query, so that a
 * bound is a minimum over the same orders whatever is asked (hence exactly monotone in δ and in the number of
 * steps), and so that divergences can be remembered.
 */
export function fineOrder(i: number): number {
  return i < FRACTIONAL_COUNT
    ? 1 + Math.exp((FIRST_STEP + i) / STEPS_PER_UNIT)
    : FRACTIONAL_ORDER_LIMIT + 1 + i - FRACTIONAL_COUNT;
}

/** Some of the fine orders and all default ones: for what may have several valleys. */
export const SPREAD_ORDERS: readonly number[] = Object.freeze(
  [
    ...new Set([
      SMALLEST_CONVERTED_ORDER,
      ...Array.from({ length: Math.ceil(FRACTIONAL_COUNT / 64) }, (_, i) => fineOrder(64 * i)),
      ...DEFAULT_ORDERS,
      ...Array.from({ length: 25 }, (_, i) => Math.round(64 * 2 ** (i / 3))),
      LARGEST_SEARCHED_ORDER,
    ]),
  ].sort((a, b) => a - b),
);

/** A user's own grid: ascending, without repeats, each in (1, 10⁶]. */
export function requireOrders(value: unknown): readonly number[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidArgument('orders', 'a list of at least one order', value);
  }
  const orders = Array.from(value, (order: unknown, i) =>
    requireNumber(order, `orders[${i}]`, 'a number above 1 and at most 1e6', (x) => x > 1 && x <= 1e6),
  );
  return Object.freeze([...new Set(orders)].sort((a, b) => a - b));
}

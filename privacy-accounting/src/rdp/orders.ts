import { invalidArgument, requireNumber } from '../arguments.js';

/**
 * The orders that are tried first: 1.1 … 10.9 in steps of 0.1, 11 … 63, 128, 256, 512, 1024 (the grid of
 * dp_accounting, so that results are comparable). The search then goes on between them.
 */
export const DEFAULT_ORDERS: readonly number[] = Object.freeze([
  ...Array.from({ length: 99 }, (_, i) => (11 + i) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  128,
  256,
  512,
  1024,
]);

/** Beyond this the default search does not look; a minimum there carries a warning. */
export const LARGEST_SEARCHED_ORDER = 16_384;

/** Above this the search uses whole orders only: they are close enough together, and cheaper. */
export const FRACTIONAL_ORDER_LIMIT = 32;

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

import { requireNumber } from '../arguments.js';

/** A relative tolerance, 1e-12 … 0.5: below, float64 has no room for two ends. */
export function requireTolerance(value: unknown): number {
  return requireNumber(
    value,
    'tolerance',
    'a number from 1e-12 to 0.5 (relative)',
    (t) => t >= 1e-12 && t <= 0.5,
  );
}

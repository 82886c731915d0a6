import type { RowLayout } from './layout.js';

/**
 * What is known of a tensor's dependence on the examples.
 *
 * - `public`: no example's data. Parameters, constants, and functions of them.
 * - `rows`: each element depends on one example only, the one that `layout` gives.
 * - `total`: a sum over examples of `rows` values, scaled by public numbers. Only a loss may be one.
 *
 * There is no fourth kind: what would mix examples is refused where it happens.
 */
export type Taint =
  | { readonly kind: 'public' }
  | { readonly kind: 'rows'; readonly layout: RowLayout }
  | { readonly kind: 'total' };

export const PUBLIC: Taint = { kind: 'public' };
export const TOTAL: Taint = { kind: 'total' };

export function rows(layout: RowLayout): Taint {
  return { kind: 'rows', layout };
}

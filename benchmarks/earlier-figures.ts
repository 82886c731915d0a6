import type { Machine } from './machine.js';

/** `older`, as it was read, if its figures are of the schema and machine of `newer`: others would mislead beside them. */
export function ifComparable<Figures extends { readonly schema: string; readonly machine: Machine }>(
  older: unknown,
  newer: Figures,
): Figures | undefined {
  const before = older as Figures | undefined;
  const comparable =
    before?.schema === newer.schema && JSON.stringify(before.machine) === JSON.stringify(newer.machine);
  return comparable ? before : undefined;
}

/** `older` with the rows of `newer` in the place of those with the same key, and the new ones at the end. */
export function mergeRows<Row>(
  older: readonly Row[],
  newer: readonly Row[],
  keyOf: (row: Row) => string,
): Row[] {
  const rows = new Map(older.map((row) => [keyOf(row), row]));
  for (const row of newer) rows.set(keyOf(row), row);
  return [...rows.values()];
}

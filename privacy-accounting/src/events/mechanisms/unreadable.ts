/** Raised inside a reading to leave it: the event has no sound one. Its message names the path; it escapes to no caller. */
export class Unreadable extends Error {}

/** a · b repetitions, exactly. */
export function multiplyCounts(a: number, b: number, path: string): number {
  const product = a * b;
  if (!Number.isSafeInteger(product)) {
    throw new Unreadable(`${path}: more than 2^53 - 1 repetitions in all can't be counted exactly.`);
  }
  return product;
}

/** Merging adds counts up: their sum must be held exactly, whatever is equal to what. */
export function requireCountableSum(parts: readonly { readonly count: number }[], path: string): void {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  if (Number.isSafeInteger(total)) return;
  throw new Unreadable(`${path}: more than 2^53 - 1 repetitions in all can't be counted exactly.`);
}

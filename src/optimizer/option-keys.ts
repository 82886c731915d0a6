import { DpError } from 'privacy-accounting';

/** Refuses option names that nobody reads: a misspelt one would leave a default in its place. */
export function refuseUnknownKeys(
  caller: string,
  options: object,
  known: Readonly<Record<string, true>>,
): void {
  const unknown = Object.keys(options).filter((key) => !Object.hasOwn(known, key));
  if (unknown.length === 0) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected options of ${caller} (${Object.keys(known).join(', ')}), got ${unknown.map((key) => `'${key}'`).join(', ')}.`,
  );
}

import { type DpEvent, nonPrivate } from 'privacy-accounting';

/** How some successive batches are released. */
export interface Release {
  /** What is released of one batch, e.g. `gaussian({ noiseMultiplier })`. */
  readonly event: DpEvent;
  /** How many batches in a row. */
  readonly count: number;
}

/** The same releases with equal events counted together, in the order of their first. */
export function mergeReleases(releases: readonly Release[]): Release[] {
  const merged = new Map<string, Release>();
  for (const { event, count } of releases) {
    if (count === 0) continue;
    const key = JSON.stringify(event);
    merged.set(key, { event, count: count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()];
}

/**
 * The release among these that protects least: every other one is this one and more noise. Gaussian releases are
 * ordered by their noise multiplier; among what can't be compared there is no such release, and the answer is one
 * that protects nothing.
 */
export function weakestRelease(events: readonly DpEvent[]): DpEvent {
  const [first, ...rest] = mergeReleases(events.map((event) => ({ event, count: 1 })));
  if (first === undefined) return nonPrivate({ reason: 'no release to compare' });
  if (rest.length === 0) return first.event;
  const all = [first, ...rest].map(({ event }) => event);
  const unprotected = all.find((event) => event.type === 'nonPrivate');
  if (unprotected !== undefined) return unprotected;
  const keys = all.map(comparable);
  if (keys.some((key) => key === undefined || key.like !== keys[0]?.like)) {
    return nonPrivate({ reason: 'batches of one epoch released in ways that cannot be compared' });
  }
  const noise = keys.map((key) => key?.noiseMultiplier as number);
  return all[noise.indexOf(Math.min(...noise))] as DpEvent;
}

/** What two releases must have in common to be ordered by their noise. */
function comparable(event: DpEvent): { readonly like: string; readonly noiseMultiplier: number } | undefined {
  if (event.type !== 'gaussian') return undefined;
  return { like: event.type, noiseMultiplier: event.noiseMultiplier };
}

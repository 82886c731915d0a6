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
 * The release among these that protects least. Gaussian releases are ordered by their noise multiplier: every other
 * one is this one and more noise. Discrete ones are ordered by theirs at the sensitivity with rounding inside, which is
 * all that accountants bound them by. Among what can't be compared there is no such release, and the answer is one that
 * protects nothing.
 */
export function weakestRelease(events: readonly DpEvent[]): DpEvent {
  const [first, ...rest] = mergeReleases(events.map((event) => ({ event, count: 1 })));
  if (first === undefined) return nonPrivate({ reason: 'no release to compare' });
  if (rest.length === 0) return first.event;
  const all = [first, ...rest].map(({ event }) => event);
  const unprotected = all.find((event) => event.type === 'nonPrivate');
  if (unprotected !== undefined) return unprotected;
  const noise = all.map(noiseMultipliers);
  // Less noise than every other, for one record zeroed and for one replaced.
  const least = [0, 1].map((k) => Math.min(...noise.map((pair) => pair?.[k] ?? Number.NaN)));
  const weakest = noise.findIndex((pair) => pair?.[0] === least[0] && pair?.[1] === least[1]);
  const alike = all.every((event) => event.type === all[0]?.type);
  if (alike && weakest >= 0) return all[weakest] as DpEvent;
  return nonPrivate({ reason: 'batches of one epoch released in ways that cannot be compared' });
}

/** Of one release, its noise over its sensitivity: where one record is added, removed or zeroed, and where replaced. */
function noiseMultipliers(event: DpEvent): readonly [number, number] | undefined {
  if (event.type === 'gaussian') return [event.noiseMultiplier, event.noiseMultiplier / 2];
  if (event.type !== 'vectorDiscreteGaussian') return undefined;
  const { standardDeviation, l2Sensitivity, l2NormClip } = event;
  return [standardDeviation / l2Sensitivity, standardDeviation / (l2Sensitivity + l2NormClip)];
}

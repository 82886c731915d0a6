import { requireCount } from '../arguments.js';
import { DpError } from '../errors.js';
import type { NeighboringRelation } from '../relation.js';
import type { DpEvent } from './dp-event.js';
import { composed, selfComposed } from './factories.js';
import { type GaussianRelease, readAsGaussians } from './sampled-gaussians.js';

interface Entry {
  readonly event: DpEvent;
  count: number;
}

/**
 * The running record of an accountant of Gaussians: which events, how often, and what they amount to.
 *
 * Equal events are counted together, so that a training run of a million steps stays one entry. The releases
 * come out sorted by (q, σ, kind of noise) with integer counts: every order and grouping of the same events gives the same
 * bits.
 */
export class GaussianComposition {
  readonly #relation: NeighboringRelation;
  readonly #entries = new Map<string, Entry>();
  readonly #releases = new Map<string, GaussianRelease>();
  readonly #keys = new WeakMap<DpEvent, string>();
  #notPrivate: string | undefined;
  #sorted: readonly GaussianRelease[] | undefined;

  constructor(relation: NeighboringRelation) {
    this.#relation = relation;
  }

  /** Adds `count` repetitions of an event, or throws and adds nothing. */
  add(event: DpEvent, count: number): void {
    const times = requireCount(count, 'count');
    const key = this.#keyOf(event);
    const total = requireCount((this.#entries.get(key)?.count ?? 0) + times, 'the total count');
    const reading = readAsGaussians(event, this.#relation);
    if (reading.kind === 'unsupported') throw new DpError('DP_UNSUPPORTED_EVENT', reading.reason);
    if (reading.kind === 'gaussians') {
      // Collected first: a count that can't be held leaves the composition as it was.
      const updates = new Map<string, GaussianRelease>();
      for (const release of reading.releases) {
        const id = releaseKey(release);
        const before = updates.get(id) ?? this.#releases.get(id);
        const sum = (before?.count ?? 0) + requireCount(release.count * times, 'the total count');
        updates.set(id, { ...release, count: requireCount(sum, 'the total count') });
      }
      for (const [id, release] of updates) this.#releases.set(id, release);
    } else if (times > 0) {
      this.#notPrivate ??= reading.reason;
    }
    this.#entries.set(key, { event, count: total });
    this.#sorted = undefined;
  }

  /** Why there is no guarantee, if there is none. */
  get notPrivate(): string | undefined {
    return this.#notPrivate;
  }

  /** Everything released, each (q, σ, kind of noise) once, sorted. */
  get releases(): readonly GaussianRelease[] {
    this.#sorted ??= [...this.#releases.values()]
      .filter(({ count }) => count > 0)
      .sort(
        (a, b) =>
          a.samplingProbability - b.samplingProbability ||
          a.noiseMultiplier - b.noiseMultiplier ||
          a.noise.localeCompare(b.noise),
      );
    return this.#sorted;
  }

  /** Everything composed so far as one event; its interpretation is this composition's. */
  get event(): DpEvent {
    const parts = [...this.#entries.values()].map(({ event, count }) =>
      count === 1 ? event : selfComposed({ count, event }),
    );
    return parts.length === 1 ? parts[0]! : composed(parts);
  }

  #keyOf(event: DpEvent): string {
    let key = this.#keys.get(event);
    if (key === undefined) {
      key = JSON.stringify(event);
      this.#keys.set(event, key);
    }
    return key;
  }
}

function releaseKey({ samplingProbability, noiseMultiplier, noise }: GaussianRelease): string {
  return `${samplingProbability} ${noiseMultiplier} ${noise}`;
}

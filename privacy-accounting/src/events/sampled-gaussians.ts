import { type NeighboringRelation, sensitivityInClips } from '../relation.js';
import type { DpEvent } from './dp-event.js';

/**
 * `count` releases of a Gaussian on Poisson samples of rate q = `samplingProbability` (1: no sampling), with
 * `noiseMultiplier` = noise standard deviation / sensitivity *under the relation it was read for*.
 */
export interface GaussianRelease {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly count: number;
  /** Where in the event the release was found, for messages. */
  readonly path: string;
}

/** What an event amounts to: Gaussian releases; nothing private; or something that is neither. */
export type GaussianReading =
  | { readonly kind: 'gaussians'; readonly releases: readonly GaussianRelease[] }
  | { readonly kind: 'nonPrivate'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

/** Raised inside the walk to leave it; never escapes this file. */
class Unreadable extends Error {}

interface Walk {
  readonly relation: NeighboringRelation;
  readonly releases: GaussianRelease[];
  notPrivate: string | undefined;
}

/**
 * Reads an event as a multiset of (Poisson-sampled) Gaussian releases under `relation`, exactly.
 *
 * Two equivalences are used, both exact for adaptive composition, because a sequence of Gaussians with
 * sensitivities Δᵢ and deviations σᵢ is dominated by one with μ² = Σ (Δᵢ/σᵢ)² (Dong, Roth & Su 2022, Cor. 2),
 * and dominance survives sampling:
 * - several Gaussians on one sample are one Gaussian with 1/σ² = Σ 1/σᵢ²;
 * - one pass over batches, each record in exactly one, is one Gaussian: the batches without the record are
 *   the same function of the past, and a random order of batches is a mixture over orders.
 */
export function readAsGaussians(event: DpEvent, relation: NeighboringRelation): GaussianReading {
  const walk: Walk = { relation, releases: [], notPrivate: undefined };
  try {
    visit(event, 'event', 1, walk);
  } catch (error) {
    if (error instanceof Unreadable) return { kind: 'unsupported', reason: error.message };
    throw error;
  }
  if (walk.notPrivate !== undefined) return { kind: 'nonPrivate', reason: walk.notPrivate };
  return { kind: 'gaussians', releases: walk.releases };
}

function visit(event: DpEvent, path: string, count: number, walk: Walk): void {
  switch (event.type) {
    case 'noOp':
      break;
    case 'nonPrivate':
      if (count > 0) walk.notPrivate ??= event.reason ?? 'no reason given';
      break;
    case 'gaussian':
      release(1, event, path, count, walk);
      break;
    case 'poissonSampled':
      // A sample that surely holds every record is the data set itself, under every relation.
      if (event.samplingProbability === 1) visit(event.event, `${path}.event`, count, walk);
      else release(event.samplingProbability, event.event, `${path}.event`, count, walk);
      break;
    case 'shuffled':
      if (walk.relation === 'add-or-remove-one') {
        throw new Unreadable(
          `${path}: a shuffled pass has no bound under add-or-remove-one, because removing one record moves ` +
            'the others between batches. Use replace-special or replace-one, or Poisson sampling.',
        );
      }
      release(1, event.event, `${path}.event`, count, walk);
      break;
    case 'composed':
      event.events.forEach((part, i) => {
        visit(part, `${path}.events[${i}]`, count, walk);
      });
      break;
    case 'selfComposed':
      visit(event.event, `${path}.event`, multiply(count, event.count, path), walk);
      break;
  }
}

function release(q: number, event: DpEvent, path: string, count: number, walk: Walk): void {
  const precision = precisionOf(event, path, walk, count > 0);
  if (count === 0 || precision === 0) return;
  const noiseMultiplier = 1 / Math.sqrt(precision) / sensitivityInClips(walk.relation);
  walk.releases.push({ samplingProbability: q, noiseMultiplier, count, path });
}

/** Σ 1/σ² over the Gaussians that are released together of one sample or batch; ∞ if one has no noise. */
function precisionOf(event: DpEvent, path: string, walk: Walk, counts: boolean): number {
  switch (event.type) {
    case 'noOp':
      return 0;
    case 'nonPrivate':
      if (counts) walk.notPrivate ??= event.reason ?? 'no reason given';
      return 0;
    case 'gaussian':
      if (event.noiseMultiplier === 0 && counts) {
        walk.notPrivate ??= 'a sum was released without noise (noiseMultiplier 0)';
      }
      return event.noiseMultiplier ** -2;
    case 'composed':
      return event.events.reduce(
        (sum, part, i) => sum + precisionOf(part, `${path}.events[${i}]`, walk, counts),
        0,
      );
    case 'selfComposed': {
      const each = precisionOf(event.event, `${path}.event`, walk, counts && event.count > 0);
      return event.count === 0 ? 0 : event.count * each;
    }
    case 'poissonSampled':
    case 'shuffled':
      throw new Unreadable(
        `${path}: ${event.type} inside a sample or a pass is not supported; only Gaussian releases and their ` +
          'compositions are. Put the composition outside the sampling.',
      );
  }
}

function multiply(a: number, b: number, path: string): number {
  const product = a * b;
  if (!Number.isSafeInteger(product)) {
    throw new Unreadable(`${path}: more than 2^53 - 1 repetitions in all can't be counted exactly.`);
  }
  return product;
}

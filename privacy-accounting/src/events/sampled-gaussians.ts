import { type NeighboringRelation, sensitivityInClips } from '../relation.js';
import type { DpEvent } from './dp-event.js';
import { discreteNoiseMultiplier } from './vector-discrete-gaussian.js';

/**
 * `count` releases of a Gaussian on Poisson samples of rate q = `samplingProbability` (1: no sampling), with
 * `noiseMultiplier` = noise standard deviation / sensitivity *under the relation it was read for*.
 */
export interface GaussianRelease {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  /**
   * `discrete` if any of the noise is: on a grid, in as many dimensions as the event says. Such a release is *not*
   * dominated by the continuous Gaussian of the same multiplier; only its Rényi divergences are bounded by those
   * (Canonne, Kamath & Steinke 2020, arXiv:2004.00010, Prop. 5, Thm 14). An accountant must ask.
   */
  readonly noise: 'continuous' | 'discrete';
  readonly count: number;
  /** Where in the event the release was found, for messages. */
  readonly path: string;
}

/** What an event amounts to: (discrete) Gaussian releases; nothing private; or something that is neither. */
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
 * Two equivalences are used, both exact for adaptive composition of continuous Gaussians, because a sequence of them
 * with sensitivities Δᵢ and deviations σᵢ is dominated by one with μ² = Σ (Δᵢ/σᵢ)² (Dong, Roth & Su 2022, Cor. 2),
 * and dominance survives sampling. Of discrete ones the Rényi divergences add up alike, which does not survive
 * sampling: several releases of one sample, one of them discrete, are unsupported.
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
    case 'vectorDiscreteGaussian':
      release(1, event, path, path, count, walk);
      break;
    case 'poissonSampled':
      // A sample that surely holds every record is the data set itself, under every relation.
      if (event.samplingProbability === 1) visit(event.event, `${path}.event`, count, walk);
      else release(event.samplingProbability, event.event, `${path}.event`, path, count, walk);
      break;
    case 'shuffled':
      if (walk.relation === 'add-or-remove-one') {
        throw new Unreadable(
          `${path}: a shuffled pass has no bound under add-or-remove-one, because removing one record moves ` +
            'the others between batches. Use replace-special or replace-one, or Poisson sampling.',
        );
      }
      release(1, event.event, `${path}.event`, path, count, walk);
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

/** Books `count` joint releases of everything in `event` (at `path`) on samples of rate q taken at `sampledAt`. */
function release(
  q: number,
  event: DpEvent,
  path: string,
  sampledAt: string,
  count: number,
  walk: Walk,
): void {
  const joint: Joint[] = [];
  collectJoint(event, path, 1, count > 0, walk, joint);
  if (count === 0 || joint.length === 0) return;
  const noise = joint.some((part) => part.noise === 'discrete') ? 'discrete' : 'continuous';
  if (q < 1 && noise === 'discrete' && (joint.length > 1 || joint[0]!.count > 1)) {
    throw new Unreadable(
      `${sampledAt}: no bound is known for several releases of one Poisson sample when one has discrete noise. ` +
        'Release it alone, or use Gaussian noise.',
    );
  }
  const noiseMultiplier = jointMultiplier(joint);
  walk.releases.push({ samplingProbability: q, noiseMultiplier, noise, count, path: sampledAt });
}

/** `count` Gaussians among those released together, of one σ = deviation / sensitivity under the walk's relation. */
interface Joint {
  readonly sigma: number;
  readonly noise: GaussianRelease['noise'];
  readonly count: number;
}

/** σ of the one Gaussian that is worth all of them, 1/σ² = Σ countᵢ/σᵢ²; scaled, and sorted so that order is nothing. */
function jointMultiplier(joint: Joint[]): number {
  joint.sort((a, b) => a.sigma - b.sigma || a.count - b.count);
  const smallest = joint[0]!.sigma;
  if (smallest === 0 || (joint.length === 1 && joint[0]!.count === 1)) return smallest;
  return (
    smallest / Math.sqrt(joint.reduce((sum, { sigma, count }) => sum + count * (smallest / sigma) ** 2, 0))
  );
}

/** Lists the Gaussians that are released together of one sample or batch. */
function collectJoint(
  event: DpEvent,
  path: string,
  count: number,
  counts: boolean,
  walk: Walk,
  joint: Joint[],
): void {
  switch (event.type) {
    case 'noOp':
      break;
    case 'nonPrivate':
      if (counts) walk.notPrivate ??= event.reason ?? 'no reason given';
      break;
    case 'gaussian':
      if (!counts) break;
      if (event.noiseMultiplier === 0)
        walk.notPrivate ??= 'a sum was released without noise (noiseMultiplier 0)';
      joint.push({
        sigma: event.noiseMultiplier / sensitivityInClips(walk.relation),
        noise: 'continuous',
        count,
      });
      break;
    case 'vectorDiscreteGaussian':
      if (!counts) break;
      if (event.standardDeviation === 0)
        walk.notPrivate ??= 'a sum was released without noise (standardDeviation 0)';
      joint.push({ sigma: discreteNoiseMultiplier(event, walk.relation), noise: 'discrete', count });
      break;
    case 'composed':
      event.events.forEach((part, i) => {
        collectJoint(part, `${path}.events[${i}]`, count, counts, walk, joint);
      });
      break;
    case 'selfComposed': {
      const times = multiply(count, event.count, path);
      collectJoint(event.event, `${path}.event`, times, counts && event.count > 0, walk, joint);
      break;
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

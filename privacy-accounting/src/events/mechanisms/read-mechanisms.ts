import type { NeighboringRelation } from '../../relation.js';
import { sensitivityInClips } from '../../relation.js';
import type {
  CyclicPoissonEvent,
  DpEvent,
  MatrixMechanismEvent,
  RepeatAndSelectEvent,
  SingleEpochTreeAggregationEvent,
} from '../dp-event.js';
import type { SamplingEvent } from '../sampling-events.js';
import { readLeaf, unsampledGaussian } from './leaf-mechanisms.js';
import { matrixSensitivity, treeSensitivity } from './matrix-sensitivity.js';
import { type MechanismCount, mergeMechanisms } from './mechanism.js';
import { readBatch } from './read-batch.js';
import { joinGaussians, sampledRelease, samplerRefusal } from './sampled-release.js';
import { multiplyCounts, requireCountableSum, Unreadable } from './unreadable.js';

/** A mechanism, how often (1 or more times), and where in the event it was found, for messages. */
export interface ReadMechanism extends MechanismCount {
  readonly path: string;
}

/** What an event amounts to: mechanisms; nothing private; or something that has no sound reading. */
export type MechanismReading =
  | { readonly kind: 'mechanisms'; readonly mechanisms: readonly ReadMechanism[] }
  | { readonly kind: 'nonPrivate'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

/**
 * Reads an event as a multiset of mechanisms under `relation`: the one interpreter of event trees. Every accountant
 * bounds its result, mechanism by mechanism, and never looks at events.
 *
 * The reading loses nothing but what it says. Exact equivalences:
 * - several Gaussians on one sample or batch (a sum and a count, say) are one with 1/σ² = Σ 1/σᵢ²;
 * - one pass over batches, each record in exactly one, is one release of a batch: the batches without the record are
 *   the same function of the past, and a random order of batches is a mixture over orders;
 * - a sample of everything is no sample; a tree or a matrix is one Gaussian; cyclic sampling is a shorter run of DP-SGD.
 *
 * `unsupported` names the path, and says what would work. It wins over `nonPrivate`. What happens zero times adds
 * nothing, but must be readable.
 */
export function readMechanisms(event: DpEvent, relation: NeighboringRelation): MechanismReading {
  try {
    return readAt(event, 'event', relation);
  } catch (error) {
    if (error instanceof Unreadable) return { kind: 'unsupported', reason: error.message };
    throw error;
  }
}

type Found = Exclude<MechanismReading, { readonly kind: 'unsupported' }>;

interface Walk {
  readonly relation: NeighboringRelation;
  readonly found: ReadMechanism[];
  notPrivate: string | undefined;
}

function readAt(event: DpEvent, path: string, relation: NeighboringRelation): Found {
  const walk: Walk = { relation, found: [], notPrivate: undefined };
  visit(event, path, 1, walk);
  if (walk.notPrivate !== undefined) return { kind: 'nonPrivate', reason: walk.notPrivate };
  return { kind: 'mechanisms', mechanisms: walk.found };
}

/** Books `count` releases of `event`. */
function visit(event: DpEvent, path: string, count: number, walk: Walk): void {
  switch (event.type) {
    case 'composed':
      event.events.forEach((part, i) => {
        visit(part, `${path}.events[${i}]`, count, walk);
      });
      break;
    case 'selfComposed':
      visit(event.event, `${path}.event`, multiplyCounts(count, event.count, path), walk);
      break;
    case 'poissonSampled':
      // A sample that surely holds every record is the data set itself, under every relation.
      if (event.samplingProbability === 1) visit(event.event, `${path}.event`, count, walk);
      else visitSampled(event, path, count, walk);
      break;
    case 'truncatedPoissonSampled':
    case 'sampledWithoutReplacement':
    case 'sampledWithReplacement':
    case 'shuffled':
    case 'randomAllocation':
      visitSampled(event, path, count, walk);
      break;
    case 'cyclicPoisson':
      visitCyclic(event, path, count, walk);
      break;
    case 'singleEpochTreeAggregation':
    case 'matrixMechanism':
      visitMatrix(event, path, count, walk);
      break;
    case 'repeatAndSelect':
      visitRepeats(event, path, count, walk);
      break;
    case 'mixtureOfGaussians':
    case 'gnMax': {
      const leaf = readLeaf(event, path, walk.relation);
      if (!('notPrivate' in leaf)) {
        book(
          leaf.mechanisms.map((mechanism) => ({ mechanism, count: 1 })),
          path,
          count,
          walk,
        );
      } else if (count > 0) {
        walk.notPrivate ??= leaf.notPrivate;
      }
      break;
    }
    default:
      book(joinGaussians(batch(event, path, walk.relation, count, walk)), path, count, walk);
  }
}

/** What `event` releases of one sample or batch; what is not private is noted, if it happens. */
function batch(
  event: DpEvent,
  path: string,
  relation: NeighboringRelation,
  count: number,
  walk: Walk,
): readonly MechanismCount[] {
  const { parts, notPrivate } = readBatch(event, path, relation);
  if (count > 0) walk.notPrivate ??= notPrivate;
  return parts;
}

function book(parts: readonly MechanismCount[], path: string, count: number, walk: Walk): void {
  if (count === 0) return;
  for (const part of parts) {
    walk.found.push({
      mechanism: part.mechanism,
      count: multiplyCounts(part.count, count, path),
      path,
    });
  }
}

function visitSampled(event: SamplingEvent, path: string, count: number, walk: Walk): void {
  const { relation } = walk;
  const refusal = samplerRefusal(event, relation);
  if (refusal !== undefined) throw new Unreadable(`${path}: ${refusal}`);
  // With or without a blank in the sample is with or without the record: claims must hold for that.
  const inside =
    event.type === 'poissonSampled' && relation === 'replace-special' ? 'add-or-remove-one' : relation;
  const parts = batch(event.event, `${path}.event`, inside, count, walk);
  if (parts.length === 0) return;
  book(sampledRelease(event, parts, relation, path), path, count, walk);
}

/** ⌈iterations / bands⌉ Poisson-sampled Gaussians: Choquette-Choo et al. 2023 (arXiv:2306.08153), Thm 4. */
function visitCyclic(event: CyclicPoissonEvent, path: string, count: number, walk: Walk): void {
  const { samplingProbability, noiseMultiplier, iterations, bands } = event;
  const partial = iterations % bands;
  const rounds = (iterations - partial) / bands + (partial > 0 ? 1 : 0);
  if (count === 0 || rounds === 0) return;
  if (noiseMultiplier === 0) {
    walk.notPrivate ??= 'a sum was released without noise (noiseMultiplier 0)';
    return;
  }
  const sigma = noiseMultiplier / sensitivityInClips(walk.relation);
  book(
    [{ mechanism: { ...unsampledGaussian(sigma), samplingProbability }, count: rounds }],
    path,
    count,
    walk,
  );
}

/** One Gaussian of σ / sens, rounded down. */
function visitMatrix(
  event: SingleEpochTreeAggregationEvent | MatrixMechanismEvent,
  path: string,
  count: number,
  walk: Walk,
): void {
  if (walk.relation === 'add-or-remove-one') {
    throw new Unreadable(
      `${path}: ${event.type} has no bound under add-or-remove-one, because removing one record moves the others ` +
        'between steps. Use replace-special or replace-one.',
    );
  }
  if (event.noiseMultiplier === 0) {
    if (count > 0) walk.notPrivate ??= 'a sum was released without noise (noiseMultiplier 0)';
    return;
  }
  const sensitivity =
    event.type === 'matrixMechanism' ? matrixSensitivity(event, path) : treeSensitivity(event.stepCounts);
  if (sensitivity === 0) return;
  const sigma =
    (event.noiseMultiplier / (sensitivity * sensitivityInClips(walk.relation))) * (1 - 2 * Number.EPSILON);
  book([{ mechanism: unsampledGaussian(sigma), count: 1 }], path, count, walk);
}

function visitRepeats(event: RepeatAndSelectEvent, path: string, count: number, walk: Walk): void {
  const base = readAt(event.event, `${path}.event`, walk.relation);
  if (count === 0) return;
  if (base.kind === 'nonPrivate') {
    walk.notPrivate ??= base.reason;
    return;
  }
  requireCountableSum(base.mechanisms, path);
  const parts = mergeMechanisms(base.mechanisms);
  if (parts.length === 0) return;
  const { mean, shape } = event;
  book([{ mechanism: { kind: 'repeatAndSelect', parts, mean, shape }, count: 1 }], path, count, walk);
}

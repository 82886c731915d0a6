import { requireNumber, requireRecord } from '../arguments.js';
import { DpError } from '../errors.js';
import { binomialProbabilities } from './binomial-probabilities.js';
import type { DpEvent } from './dp-event.js';
import {
  adaptiveClip,
  composed,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponentialMechanism,
  gaussian,
  gnMax,
  laplace,
  matrixMechanism,
  mixtureOfGaussians,
  nonPrivate,
  repeatAndSelect,
  reportNoisyMax,
  selfComposed,
  shuffled,
  singleEpochTreeAggregation,
  vectorDiscreteGaussian,
  zCDP,
} from './factories.js';
import { groupEpsilonDelta, groupZCdp } from './group-claims.js';
import { readBatch } from './mechanisms/read-batch.js';
import { joinGaussians } from './mechanisms/sampled-release.js';
import { Unreadable } from './mechanisms/unreadable.js';
import { parseEvent } from './parse.js';

/** Groups larger than this are refused: the binomial of their sampled members would no longer be exact. */
export const MAX_GROUP_SIZE = 10_000;

/** Covers the rounding of a division, downwards. */
const DOWN = 1 - 2 * Number.EPSILON;

/** The event that a group sees, or why there is none. */
export type GroupReading =
  | { readonly kind: 'event'; readonly event: DpEvent }
  | { readonly kind: 'unsupported'; readonly reason: string };

/** `value` if it is a group size: a whole number from 1 to {@link MAX_GROUP_SIZE}. */
export function requireGroupSize(value: unknown, path: string): number {
  return requireNumber(
    value,
    path,
    `a whole number from 1 to ${MAX_GROUP_SIZE}`,
    (size) => Number.isSafeInteger(size) && size >= 1 && size <= MAX_GROUP_SIZE,
    'It is the largest number of examples that one user contributed.',
  );
}

/**
 * The event whose privacy for *one* record bounds that of `event` for `size` records at once: all of them added,
 * removed, blanked or exchanged. User-level privacy, when no user has more than `size` records.
 *
 * Contributions add up, so that Gaussian, Laplace, discrete noise, trees and matrices have `size` times the sensitivity.
 * A Poisson-sampled Gaussian becomes a mixture of Gaussians with Binomial(size, q) sensitivities (Ganesh 2024,
 * arXiv:2401.10294, Thm 3.1), which holds under add-or-remove-one and replace-special; claims follow a path of `size`
 * steps (Vadhan 2017, Lemma 2.2; Bun & Steinke 2016, Prop. 27). In a shuffled pass the worst is that all of the group's
 * records share a batch: Σ mⱼ² ≤ (Σ mⱼ)² for Gaussians, and Laplace noise pays Σ mⱼ.
 *
 * What has no proof is refused with DP_UNSUPPORTED_EVENT: other samplings than these, and other noise on a sample.
 *
 * @example
 * const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 2 }) });
 * forGroup(selfComposed({ count: 1000, event: step }), { size: 4 }); // mixtureOfGaussians, 0 … 4, 1000 times
 */
export function forGroup(event: DpEvent, options: { readonly size: number }): DpEvent {
  requireRecord(options, 'options', 'an object with a size');
  const size = requireGroupSize(options.size, 'size');
  const reading = readGroup(parseEvent(event), size);
  if (reading.kind === 'unsupported') throw new DpError('DP_UNSUPPORTED_EVENT', reading.reason);
  return reading.event;
}

/** As {@link forGroup}, of an event that was parsed; a refusal is a value. */
export function readGroup(event: DpEvent, size: number): GroupReading {
  if (size === 1) return { kind: 'event', event };
  try {
    return { kind: 'event', event: enlarge(event, 'event', size) };
  } catch (error) {
    if (error instanceof Unreadable) return { kind: 'unsupported', reason: error.message };
    throw error;
  }
}

function enlarge(event: DpEvent, path: string, size: number): DpEvent {
  switch (event.type) {
    case 'noOp':
    case 'nonPrivate':
    case 'unsupported':
      return event;
    case 'composed':
      return composed(event.events.map((part, i) => enlarge(part, `${path}.events[${i}]`, size)));
    case 'selfComposed':
      return selfComposed({ count: event.count, event: enlarge(event.event, `${path}.event`, size) });
    case 'repeatAndSelect':
      // It bounds any pair of data sets by what its base does to that pair.
      return repeatAndSelect({ ...event, event: enlarge(event.event, `${path}.event`, size) });
    case 'gaussian':
      return gaussian({ noiseMultiplier: shrink(event.noiseMultiplier, size) });
    case 'adaptiveClip':
      return adaptiveClip({
        noiseMultiplier: shrink(event.noiseMultiplier, size),
        countStandardDeviation: shrink(event.countStandardDeviation, size),
      });
    case 'laplace':
      return laplace({ parameter: shrink(event.parameter, size) });
    case 'discreteGaussian':
      return discreteGaussian({ sigma: event.sigma, sensitivity: grow(event.sensitivity, size, path) });
    case 'discreteLaplace':
      return discreteLaplace({
        parameter: event.parameter,
        sensitivity: grow(event.sensitivity, size, path),
      });
    case 'vectorDiscreteGaussian': {
      const l2NormClip = event.l2NormClip * size;
      // The sum is rounded once, however many of its terms differ.
      const l2Sensitivity = event.l2Sensitivity + event.l2NormClip * (size - 1);
      return vectorDiscreteGaussian({ ...event, l2NormClip, l2Sensitivity: l2Sensitivity / DOWN });
    }
    case 'singleEpochTreeAggregation':
      return singleEpochTreeAggregation({
        ...event,
        noiseMultiplier: shrink(event.noiseMultiplier, size),
      });
    case 'matrixMechanism':
      // ‖C Σ uᵢ‖ ≤ Σ ‖C uᵢ‖: records of one group may take part in different steps.
      return matrixMechanism({ ...event, noiseMultiplier: shrink(event.noiseMultiplier, size) });
    case 'randomizedResponse':
      // Reports are made one for each record: `size` of them change.
      return selfComposed({ count: size, event });
    case 'exponentialMechanism':
      return exponentialMechanism({ ...event, epsilon: finite(event.epsilon * size, path) / DOWN });
    case 'reportNoisyMax':
      return reportNoisyMax({ ...event, parameter: shrink(event.parameter, size) });
    case 'epsilonDelta': {
      const { epsilon, delta } = groupEpsilonDelta(event, size);
      if (delta >= 1) {
        return nonPrivate({ reason: `nothing is left of δ = ${event.delta} for a group of ${size}` });
      }
      return epsilonDelta({ ...event, epsilon: finite(epsilon, path), delta });
    }
    case 'zCDP': {
      const { rho, xi } = groupZCdp(event, size);
      return zCDP({ ...event, rho: finite(rho, path), xi: finite(xi, path) });
    }
    case 'gnMax':
      if (event.logNonPlurality !== undefined) break;
      // At most as many votes move as there are records.
      return gnMax({ standardDeviation: shrink(event.standardDeviation, size) });
    case 'shuffled':
      return shuffled({ event: enlargeInPass(event.event, `${path}.event`, size) });
    case 'poissonSampled':
      if (event.samplingProbability === 1) return enlarge(event.event, `${path}.event`, size);
      return enlargeSampled(event.samplingProbability, event.event, path, size);
    case 'mixtureOfGaussians':
    case 'truncatedPoissonSampled':
    case 'sampledWithoutReplacement':
    case 'sampledWithReplacement':
    case 'randomAllocation':
    case 'cyclicPoisson':
      break;
  }
  throw new Unreadable(
    `${path}: no bound is known for a group of ${size} records and ${event.type}. Bound contributions to one record ` +
      'for each user, or use Gaussian noise, Poisson-sampled or unsampled.',
  );
}

/** What is released of a batch of a pass: the group's records may share one, or not. */
function enlargeInPass(event: DpEvent, path: string, size: number): DpEvent {
  switch (event.type) {
    case 'composed':
      return composed(event.events.map((part, i) => enlargeInPass(part, `${path}.events[${i}]`, size)));
    case 'selfComposed':
      return selfComposed({ count: event.count, event: enlargeInPass(event.event, `${path}.event`, size) });
    case 'vectorDiscreteGaussian':
      // Each batch that holds some of the records is rounded once: Σ (mⱼC + r)² ≤ (Σ mⱼ(C + r))².
      return vectorDiscreteGaussian({
        ...event,
        l2NormClip: event.l2NormClip * size,
        l2Sensitivity: (event.l2Sensitivity * size) / DOWN,
      });
    case 'noOp':
    case 'nonPrivate':
    case 'unsupported':
    case 'gaussian':
    case 'adaptiveClip':
    case 'laplace':
    case 'randomizedResponse':
      return enlarge(event, path, size);
    default:
      throw new Unreadable(
        `${path}: no bound is known for a group of ${size} records and ${event.type} in a pass over batches. Use ` +
          'Gaussian or Laplace noise.',
      );
  }
}

/** Gaussians on one Poisson sample: how many of the group's records it holds is binomial. */
function enlargeSampled(q: number, event: DpEvent, path: string, size: number): DpEvent {
  const reading = readBatch(event, `${path}.event`, 'add-or-remove-one');
  if (reading.notPrivate !== undefined) return nonPrivate({ reason: reading.notPrivate });
  if (reading.parts.length === 0) return composed([]);
  const [first, ...others] = joinGaussians(reading.parts);
  const joined = first!.mechanism;
  if (others.length > 0 || joined.kind !== 'gaussian' || joined.noise === 'discrete') {
    throw new Unreadable(
      `${path}: no bound is known for a group of ${size} records and other than continuous Gaussian noise on a ` +
        'Poisson sample. Bound contributions to one record for each user, or use Gaussian noise.',
    );
  }
  const { noiseMultiplier } = joined;
  if (noiseMultiplier === 0) return nonPrivate({ reason: 'too little noise for a finite bound' });
  const probabilities = binomialProbabilities(size, q);
  return mixtureOfGaussians({
    noiseMultiplier,
    sensitivities: probabilities.map((_, k) => k),
    probabilities,
  });
}

function shrink(noise: number, size: number): number {
  // A power of two divides exactly.
  const exact = (size & (size - 1)) === 0;
  return (noise / size) * (exact ? 1 : DOWN);
}

function grow(sensitivity: number, size: number, path: string): number {
  if (Number.isSafeInteger(sensitivity * size)) return sensitivity * size;
  throw new Unreadable(`${path}: a sensitivity above 2^53 - 1 can't be held exactly. Use a coarser unit.`);
}

function finite(value: number, path: string): number {
  if (value < Number.POSITIVE_INFINITY) return value;
  throw new Unreadable(`${path}: the group's ε is larger than any number.`);
}

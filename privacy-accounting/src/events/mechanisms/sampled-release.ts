import { type NeighboringRelation, sensitivityInClips } from '../../relation.js';
import type { SamplingEvent } from '../sampling-events.js';
import { unsampledGaussian } from './leaf-mechanisms.js';
import {
  type GaussianMechanism,
  type Mechanism,
  type MechanismCount,
  mergeMechanisms,
  type PoissonSampledMechanism,
} from './mechanism.js';
import { requireCountableSum, Unreadable } from './unreadable.js';

type SamplingType = SamplingEvent['type'];

/** A Gaussian, continuous or discrete, and how often it was released of one sample. */
interface GaussianCount {
  readonly mechanism: GaussianMechanism;
  readonly count: number;
}

const isGaussian = (part: MechanismCount): part is GaussianCount => part.mechanism.kind === 'gaussian';

/**
 * Of what is released of one batch: the Gaussians among it as one, 1/σ² = Σ countᵢ/σᵢ²; the rest as it is. Exact for
 * continuous Gaussians, adaptive ones too (Dong, Roth & Su 2022, Cor. 2); of discrete ones the Rényi divergences add up
 * alike. Scaled, and sorted so that order is nothing.
 */
export function joinGaussians(parts: readonly MechanismCount[]): readonly MechanismCount[] {
  const gaussians = parts
    .filter(isGaussian)
    .sort((a, b) => a.mechanism.noiseMultiplier - b.mechanism.noiseMultiplier || a.count - b.count);
  if (gaussians.length === 0) return parts;
  const noise = gaussians.some(({ mechanism }) => mechanism.noise === 'discrete') ? 'discrete' : 'continuous';
  const joined = unsampledGaussian(jointMultiplier(gaussians), noise);
  return [{ mechanism: joined, count: 1 }, ...parts.filter((part) => !isGaussian(part))];
}

/** σ of the one Gaussian that is worth all of the sorted ones. */
function jointMultiplier(sorted: readonly GaussianCount[]): number {
  const smallest = sorted[0]!.mechanism.noiseMultiplier;
  if (smallest === 0 || (sorted.length === 1 && sorted[0]!.count === 1)) return smallest;
  return (
    smallest /
    Math.sqrt(
      sorted.reduce(
        (sum, { mechanism, count }) => sum + count * (smallest / mechanism.noiseMultiplier) ** 2,
        0,
      ),
    )
  );
}

/** Whether several Gaussians, one of them discrete, are among `parts`: their joint release does not survive sampling. */
const mixesDiscrete = (parts: readonly MechanismCount[]) =>
  parts.some(({ mechanism }) => mechanism.kind === 'gaussian' && mechanism.noise === 'discrete') &&
  (parts.length > 1 || parts[0]!.count > 1);

/** `parts`, all released of one Poisson sample of rate q < 1, as one mechanism. `parts` is not empty. */
function poissonSample(
  samplingProbability: number,
  parts: readonly MechanismCount[],
  relation: NeighboringRelation,
  path: string,
): Mechanism {
  if (mixesDiscrete(parts)) {
    throw new Unreadable(
      `${path}: no bound is known for several releases of one Poisson sample when one has discrete noise. ` +
        'Release it alone, or use Gaussian noise.',
    );
  }
  const joined = joinGaussians(parts);
  const [first] = joined;
  const alone = joined.length === 1 && first!.count === 1 ? first!.mechanism : undefined;
  if (alone?.kind === 'gaussian') return { ...alone, samplingProbability };
  if (relation === 'replace-one') {
    throw new Unreadable(
      `${path}: under replace-one only Gaussian noise has a bound on a Poisson sample. Use add-or-remove-one or ` +
        'replace-special.',
    );
  }
  if (alone?.kind === 'laplace') return { ...alone, samplingProbability };
  const sampled = joined.map(({ mechanism, count }) => {
    switch (mechanism.kind) {
      case 'gaussian':
      case 'laplace':
      case 'discreteGaussian':
      case 'discreteLaplace':
      case 'exponentialMechanism':
      case 'reportNoisyMax':
      case 'epsilonDelta':
        return { mechanism, count };
      default:
        throw new Unreadable(
          `${path}: no bound is known for ${mechanism.kind} on a Poisson sample. Put it outside the sampling.`,
        );
    }
  });
  requireCountableSum(sampled, path);
  return {
    kind: 'poissonSampled',
    samplingProbability,
    // Merging keeps what each part is.
    parts: mergeMechanisms(sampled) as PoissonSampledMechanism['parts'],
  };
}

/** The one continuous Gaussian that `parts` amount to, σ relative to the sensitivity under `relation`. */
function onlyGaussian(
  parts: readonly MechanismCount[],
  sampler: SamplingType,
  path: string,
): GaussianMechanism {
  const joined = joinGaussians(parts);
  const [first] = joined;
  if (
    joined.length === 1 &&
    first!.mechanism.kind === 'gaussian' &&
    first!.mechanism.noise === 'continuous'
  ) {
    return first!.mechanism;
  }
  throw new Unreadable(
    `${path}: ${sampler} has a bound for continuous Gaussian noise only. Release the sum with Gaussian noise, or use ` +
      'poissonSampled.',
  );
}

/** Why what a sampler chooses has no bound under `relation`, whatever it is; undefined when it may have one. */
export function samplerRefusal(event: SamplingEvent, relation: NeighboringRelation): string | undefined {
  const fixedSize = event.type === 'sampledWithoutReplacement' || event.type === 'sampledWithReplacement';
  if (fixedSize && relation === 'add-or-remove-one') {
    return (
      `${event.type} has no bound under add-or-remove-one, where the number of records, which is public, would differ. ` +
      'Use replace-one or replace-special, or Poisson sampling.'
    );
  }
  if (event.type === 'shuffled' && relation === 'add-or-remove-one') {
    return (
      'a shuffled pass has no bound under add-or-remove-one, because removing one record moves ' +
      'the others between batches. Use replace-special or replace-one, or Poisson sampling.'
    );
  }
  if (event.type === 'randomAllocation' && relation === 'replace-one' && event.selected < event.steps) {
    return 'randomAllocation has no bound under replace-one. Use add-or-remove-one or replace-special.';
  }
  return undefined;
}

/** What `parts`, all released of one sample or batch of `event`, amount to. `parts` is not empty. */
export function sampledRelease(
  event: SamplingEvent,
  parts: readonly MechanismCount[],
  relation: NeighboringRelation,
  path: string,
): readonly MechanismCount[] {
  const once = (mechanism: Mechanism): readonly MechanismCount[] => [{ mechanism, count: 1 }];
  const gaussian = () => onlyGaussian(parts, event.type, path);
  // Exact: a product by 1 or 2.
  const relativeToClip = () => gaussian().noiseMultiplier * sensitivityInClips(relation);
  switch (event.type) {
    case 'shuffled':
      return joinGaussians(parts);
    case 'poissonSampled':
      return once(poissonSample(event.samplingProbability, parts, relation, path));
    case 'truncatedPoissonSampled': {
      const { samplingProbability, maxBatchSize, datasetSize } = event;
      // A batch that can't be too large is not truncated.
      if (maxBatchSize >= datasetSize) return once({ ...gaussian(), samplingProbability });
      return once({
        kind: 'truncatedPoissonGaussian',
        samplingProbability,
        maxBatchSize,
        datasetSize,
        noiseMultiplier: relativeToClip(),
      });
    }
    case 'sampledWithoutReplacement':
    case 'sampledWithReplacement': {
      const { datasetSize, sampleSize } = event;
      const without = event.type === 'sampledWithoutReplacement';
      // Every record surely, and once: the data set itself.
      if (without && sampleSize === datasetSize) return once(gaussian());
      const kind = without ? 'sampledWithoutReplacementGaussian' : 'sampledWithReplacementGaussian';
      // Where one neighbour draws the record, the other draws a different one: 2C under replace-special, too.
      return once({ kind, datasetSize, sampleSize, noiseMultiplier: relativeToClip() / 2 });
    }
    case 'randomAllocation': {
      const { steps, selected } = event;
      const mechanism = gaussian();
      if (selected === steps) return [{ mechanism, count: steps }];
      const { noiseMultiplier } = mechanism;
      return once({ kind: 'randomAllocationGaussian', steps, selected, noiseMultiplier });
    }
  }
}

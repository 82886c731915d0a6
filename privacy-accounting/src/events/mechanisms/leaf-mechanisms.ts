import { type NeighboringRelation, sensitivityInClips } from '../../relation.js';
import type { DpEvent, MixtureOfGaussiansEvent, ReportNoisyMaxEvent } from '../dp-event.js';
import { groupEpsilonDelta, groupZCdp } from '../group-claims.js';
import { discreteNoiseMultiplier } from '../vector-discrete-gaussian.js';
import { claimDistance } from './claim-distance.js';
import type { GaussianMechanism, Mechanism } from './mechanism.js';
import { Unreadable } from './unreadable.js';

/** Events that are one release by themselves, without other events inside. */
export type LeafEvent = Extract<
  DpEvent,
  {
    readonly type:
      | 'gaussian'
      | 'laplace'
      | 'discreteGaussian'
      | 'discreteLaplace'
      | 'mixtureOfGaussians'
      | 'vectorDiscreteGaussian'
      | 'adaptiveClip'
      | 'randomizedResponse'
      | 'exponentialMechanism'
      | 'reportNoisyMax'
      | 'epsilonDelta'
      | 'zCDP'
      | 'gnMax';
  }
>;

/** What one event releases of the records that it sees: mechanisms (none: it reveals nothing), or no privacy at all. */
export type LeafReading = { readonly mechanisms: readonly Mechanism[] } | { readonly notPrivate: string };

const NOTHING: LeafReading = { mechanisms: [] };

/** Covers the roundings of a few operations, up or down. */
const SLACK = 8 * Number.EPSILON;

/** A Gaussian of the whole data set: σ relative to the sensitivity. */
export function unsampledGaussian(
  noiseMultiplier: number,
  noise: GaussianMechanism['noise'] = 'continuous',
): GaussianMechanism {
  return { kind: 'gaussian', samplingProbability: 1, noiseMultiplier, noise };
}

/** Reads an event without sampling, under `relation`. Throws Unreadable, with `path`, when it has no sound reading. */
export function readLeaf(event: LeafEvent, path: string, relation: NeighboringRelation): LeafReading {
  const clips = sensitivityInClips(relation);
  switch (event.type) {
    case 'gaussian':
      if (event.noiseMultiplier === 0) return withoutNoise('sum', 'noiseMultiplier');
      return { mechanisms: [unsampledGaussian(event.noiseMultiplier / clips)] };
    case 'vectorDiscreteGaussian':
      if (event.standardDeviation === 0) return withoutNoise('sum', 'standardDeviation');
      return { mechanisms: [unsampledGaussian(discreteNoiseMultiplier(event, relation), 'discrete')] };
    case 'adaptiveClip':
      if (event.noiseMultiplier === 0) return withoutNoise('sum', 'noiseMultiplier');
      if (event.countStandardDeviation === 0) return withoutNoise('count', 'countStandardDeviation');
      // The sum moves by C, the count by 1/2; both by twice that when a record is exchanged.
      return {
        mechanisms: [event.noiseMultiplier, 2 * event.countStandardDeviation].map((sigma) =>
          unsampledGaussian(sigma / clips),
        ),
      };
    case 'laplace':
      if (event.parameter === 0) return withoutNoise('sum', 'parameter');
      return {
        mechanisms: [{ kind: 'laplace', samplingProbability: 1, parameter: event.parameter / clips }],
      };
    case 'discreteGaussian':
      if (event.sigma === 0) return withoutNoise('query', 'sigma');
      return {
        mechanisms: [
          { kind: event.type, sigma: event.sigma, sensitivity: wholeSensitivity(event, clips, path) },
        ],
      };
    case 'discreteLaplace':
      return {
        mechanisms: [
          { kind: event.type, parameter: event.parameter, sensitivity: wholeSensitivity(event, clips, path) },
        ],
      };
    case 'mixtureOfGaussians':
      return readMixture(event, path, relation);
    case 'randomizedResponse': {
      const { noiseParameter, buckets } = event;
      if (relation === 'add-or-remove-one') {
        throw new Unreadable(
          `${path}: randomizedResponse has no bound under add-or-remove-one: the number of reports tells whether ` +
            'one is missing. Use replace-one or replace-special.',
        );
      }
      if (buckets === 1 || noiseParameter === 1) return NOTHING;
      if (noiseParameter === 0) return { notPrivate: 'true values were reported (noiseParameter 0)' };
      const against = relation === 'replace-special' ? 'blank' : 'truth';
      return { mechanisms: [{ kind: event.type, against, noiseParameter, buckets }] };
    }
    case 'exponentialMechanism': {
      const epsilon = event.epsilon * stepsOf(event, path, relation);
      return epsilon === 0 ? NOTHING : { mechanisms: [{ kind: event.type, epsilon: finite(epsilon, path) }] };
    }
    case 'reportNoisyMax':
      if (event.parameter === 0) return withoutNoise('largest score', 'parameter');
      return { mechanisms: [readNoisyMax(event, path, clips)] };
    case 'epsilonDelta': {
      const { epsilon, delta } = groupEpsilonDelta(event, stepsOf(event, path, relation));
      if (delta >= 1) return { notPrivate: `nothing is left of a claim at δ = ${event.delta} for two steps` };
      if (epsilon === 0 && delta === 0) return NOTHING;
      return { mechanisms: [{ kind: event.type, epsilon: finite(epsilon, path), delta }] };
    }
    case 'zCDP': {
      const { rho, xi } = groupZCdp(event, stepsOf(event, path, relation));
      if (rho === 0 && xi === 0) return NOTHING;
      return { mechanisms: [{ kind: event.type, rho: finite(rho, path), xi: finite(xi, path) }] };
    }
    case 'gnMax': {
      const { standardDeviation, logNonPlurality } = event;
      if (standardDeviation === 0) return withoutNoise('plurality', 'standardDeviation');
      // One vote moves from one class to another: √2 in L2, whatever happened to the record.
      const gaussian = unsampledGaussian((standardDeviation / Math.SQRT2) * (1 - SLACK));
      return {
        mechanisms: [
          logNonPlurality === undefined ? gaussian : { kind: event.type, standardDeviation, logNonPlurality },
        ],
      };
    }
  }
}

function withoutNoise(what: string, field: string): LeafReading {
  return { notPrivate: `a ${what} was released without noise (${field} 0)` };
}

function wholeSensitivity(event: { readonly sensitivity: number }, clips: number, path: string): number {
  const sensitivity = event.sensitivity * clips;
  if (Number.isSafeInteger(sensitivity)) return sensitivity;
  throw new Unreadable(`${path}: a sensitivity above 2^53 - 1 can't be held exactly. Use a coarser unit.`);
}

/** Sizes sorted, equal ones together, impossible ones left out: the same mechanism for every way to write it. */
function readMixture(
  event: MixtureOfGaussiansEvent,
  path: string,
  relation: NeighboringRelation,
): LeafReading {
  if (relation === 'replace-one') {
    throw new Unreadable(
      `${path}: mixtureOfGaussians has no bound under replace-one, where both neighbours are mixtures. ` +
        'Use add-or-remove-one or replace-special.',
    );
  }
  const weights = new Map<number, number>();
  event.sensitivities.forEach((sensitivity, i) => {
    const probability = event.probabilities[i]!;
    if (probability > 0) weights.set(sensitivity, (weights.get(sensitivity) ?? 0) + probability);
  });
  const sizes = [...weights.keys()].sort((a, b) => a - b);
  if (sizes.at(-1) === 0) return NOTHING;
  if (event.noiseMultiplier === 0) return withoutNoise('sum', 'noiseMultiplier');
  return {
    mechanisms: [
      {
        kind: event.type,
        noiseMultiplier: event.noiseMultiplier,
        sensitivities: sizes,
        probabilities: sizes.map((size) => weights.get(size)!),
      },
    ],
  };
}

function readNoisyMax(event: ReportNoisyMaxEvent, path: string, clips: number): Mechanism {
  const { noise, parameter, monotone } = event;
  // An exchange is a removal and an addition: two steps, each of which moves monotone scores one way.
  const epsilon = finite((((monotone ? 1 : 2) * clips) / parameter) * (1 + SLACK), path);
  return noise === 'gumbel'
    ? { kind: 'exponentialMechanism', epsilon }
    : { kind: 'reportNoisyMax', noise, epsilon };
}

/** Steps from one neighbour to the other, of the relation that the claim holds for. */
function stepsOf(
  event: Extract<LeafEvent, { readonly relation: NeighboringRelation }>,
  path: string,
  relation: NeighboringRelation,
): 1 | 2 {
  const steps = claimDistance(event.relation, relation);
  if (steps !== undefined) return steps;
  throw new Unreadable(
    `${path}: ${event.type} is claimed under ${event.relation}, which says nothing about ${relation}. ` +
      `State what was proved under ${relation}.`,
  );
}

function finite(value: number, path: string): number {
  if (value < Number.POSITIVE_INFINITY) return value;
  throw new Unreadable(`${path}: its ε is larger than any number. State it as nonPrivate.`);
}

import type { DpEvent, MatrixMechanismEvent } from '../events/dp-event.js';
import { formatCount, formatNumber } from './format-number.js';

/** Lists of more parts than this are summed up by their number. */
const LISTED = 4;

/** What was done, as a noun phrase that can follow “It covers …”. */
export function describeRelease(event: DpEvent): string {
  switch (event.type) {
    case 'noOp':
      return 'nothing';
    case 'nonPrivate':
      return `a release without protection${event.reason === undefined ? '' : ` (${event.reason})`}`;
    case 'unsupported':
      return `a release that no accountant knows (${event.reason})`;
    case 'gaussian':
      return `a sum with Gaussian noise of multiplier ${formatNumber(event.noiseMultiplier)}`;
    case 'laplace':
      return `a sum with Laplace noise of scale ${formatNumber(event.parameter)} times the L1 clipping norm`;
    case 'discreteGaussian':
      return (
        `a whole-number query of sensitivity ${formatCount(event.sensitivity)} with discrete Gaussian noise of ` +
        `parameter ${formatNumber(event.sigma)}`
      );
    case 'discreteLaplace':
      return (
        `a whole-number query of sensitivity ${formatCount(event.sensitivity)} with discrete Laplace noise of ` +
        `inverse scale ${formatNumber(event.parameter)}`
      );
    case 'mixtureOfGaussians': {
      const largest = event.sensitivities.reduce((max, size) => Math.max(max, size), 0);
      return (
        `a sum of contributions of random size, at most ${formatNumber(largest)}, with Gaussian noise of multiplier ` +
        formatNumber(event.noiseMultiplier)
      );
    }
    case 'vectorDiscreteGaussian': {
      const { standardDeviation, l2NormClip, granularity, dimension } = event;
      return (
        `a sum of ${formatCount(dimension)} coordinates on a grid of ${formatNumber(granularity / l2NormClip)} of the ` +
        `clipping norm with discrete Gaussian noise of multiplier ${formatNumber(standardDeviation / l2NormClip)}`
      );
    }
    case 'adaptiveClip':
      return (
        `a sum with Gaussian noise of multiplier ${formatNumber(event.noiseMultiplier)} and the count of unclipped ` +
        `examples with Gaussian noise of standard deviation ${formatNumber(event.countStandardDeviation)}`
      );
    case 'randomizedResponse':
      return (
        `a report of ${formatCount(event.buckets)} possible values for each example, random with probability ` +
        formatNumber(event.noiseParameter)
      );
    case 'exponentialMechanism':
      return `a choice by the exponential mechanism of ε = ${formatNumber(event.epsilon)} under ${event.relation}`;
    case 'reportNoisyMax':
      return (
        `the best of several candidates by ${event.monotone ? 'monotone ' : ''}scores with ${NOISE_NAMES[event.noise]} ` +
        `noise of scale ${formatNumber(event.parameter)} times their sensitivity`
      );
    case 'epsilonDelta':
      return (
        `a mechanism that is differentially private with ε = ${formatNumber(event.epsilon)} and ` +
        `δ = ${formatNumber(event.delta)} under ${event.relation}`
      );
    case 'zCDP': {
      const xi = event.xi === 0 ? '' : ` and ξ = ${formatNumber(event.xi)}`;
      return `a mechanism of zero-concentrated privacy ρ = ${formatNumber(event.rho)}${xi} under ${event.relation}`;
    }
    case 'repeatAndSelect':
      return (
        `the best of a random number of runs (${formatNumber(event.mean)} on average), each of ` +
        nested(event.event)
      );
    case 'gnMax':
      return (
        'the plurality of teachers’ votes with Gaussian noise of standard deviation ' +
        `${formatNumber(event.standardDeviation)} on each count`
      );
    case 'poissonSampled':
      return `${describeRelease(event.event)} on a Poisson sample of probability ${formatNumber(event.samplingProbability)}`;
    case 'truncatedPoissonSampled':
      return (
        `${describeRelease(event.event)} on a Poisson sample of probability ` +
        `${formatNumber(event.samplingProbability)}, cut to at most ${formatCount(event.maxBatchSize)} of ` +
        `${formatCount(event.datasetSize)} examples`
      );
    case 'sampledWithoutReplacement':
      return (
        `${describeRelease(event.event)} on a random ${formatCount(event.sampleSize)} of ` +
        `${formatCount(event.datasetSize)} examples`
      );
    case 'sampledWithReplacement':
      return (
        `${describeRelease(event.event)} on ${formatCount(event.sampleSize)} draws, repetitions included, from ` +
        `${formatCount(event.datasetSize)} examples`
      );
    case 'shuffled':
      return `one pass over batches, of each ${describeRelease(event.event)}`;
    case 'randomAllocation':
      return (
        `${formatCount(event.steps)} steps, each example in ${formatCount(event.selected)} of them at random, of each ` +
        describeRelease(event.event)
      );
    case 'cyclicPoisson':
      return (
        `${formatCount(event.iterations)} steps of a matrix mechanism of ${formatCount(event.bands)} bands with ` +
        `Gaussian noise of multiplier ${formatNumber(event.noiseMultiplier)} (relative to its largest column) on ` +
        `cyclic Poisson samples of probability ${formatNumber(event.samplingProbability)}`
      );
    case 'singleEpochTreeAggregation': {
      const steps = event.stepCounts.reduce((sum, count) => sum + count, 0);
      const trees =
        event.stepCounts.length === 1 ? 'one tree' : `${formatCount(event.stepCounts.length)} trees`;
      return (
        `${formatCount(steps)} steps of one epoch, added up in ${trees} with Gaussian noise of multiplier ` +
        `${formatNumber(event.noiseMultiplier)} in each node`
      );
    }
    case 'matrixMechanism':
      return (
        `${formatCount(event.steps)} steps of a ${STRATEGY_NAMES[event.strategy.type]} matrix mechanism with Gaussian ` +
        `noise of multiplier ${formatNumber(event.noiseMultiplier)}, each example in ${participation(event)}`
      );
    case 'composed': {
      if (event.events.length === 0) return 'nothing';
      const listed = event.events.slice(0, LISTED).map(describeRelease);
      const rest = event.events.length - listed.length;
      return [...listed, ...(rest > 0 ? [`${formatCount(rest)} more releases`] : [])].join('; and ');
    }
    case 'selfComposed':
      return `${formatCount(event.count)} × ${nested(event.event)}`;
  }
}

const NOISE_NAMES = { gumbel: 'Gumbel', laplace: 'Laplace', exponential: 'exponential' } as const;

const STRATEGY_NAMES = {
  banded: 'banded',
  toeplitz: 'Toeplitz',
  blt: 'buffered linear Toeplitz',
  tree: 'tree',
} as const;

function nested(event: DpEvent): string {
  return event.type === 'composed' ? `(${describeRelease(event)})` : describeRelease(event);
}

function participation({ participation: pattern }: MatrixMechanismEvent): string {
  switch (pattern.type) {
    case 'single':
      return 'at most one step';
    case 'fixed':
      return `${formatCount(pattern.participations)} steps, ${formatCount(pattern.period)} apart`;
    case 'minSeparation': {
      const most =
        pattern.maxParticipations === undefined
          ? 'steps'
          : `at most ${formatCount(pattern.maxParticipations)} steps`;
      return `${most} that are at least ${formatCount(pattern.separation)} apart`;
    }
  }
}

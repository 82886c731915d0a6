import { DpError } from '../../errors.js';
import type { NoiseEvent } from '../noise-events.js';
import { readVectorDiscreteGaussian } from '../vector-discrete-gaussian.js';
import { type EventReaders, FieldReader } from './fields.js';

/** How far probabilities may be from adding up to 1: the rounding of decimals and of computed binomials. */
const SUM_TOLERANCE = 1e-12;

const WHOLE_SENSITIVITY = 'It is the most that one record moves the whole-number query.';

/** Readers of the events that add noise to what records contribute. */
export const NOISE_READERS: EventReaders<NoiseEvent['type']> = {
  gaussian: {
    fields: ['noiseMultiplier'],
    read: (fields, context) => ({
      type: 'gaussian',
      noiseMultiplier: new FieldReader(fields, context).noise(
        'noiseMultiplier',
        'It is the standard deviation of the noise divided by the clipping norm.',
      ),
    }),
  },
  laplace: {
    fields: ['parameter'],
    read: (fields, context) => ({
      type: 'laplace',
      parameter: new FieldReader(fields, context).noise(
        'parameter',
        'It is the scale of the noise divided by the L1 norm of one contribution.',
      ),
    }),
  },
  discreteGaussian: {
    fields: ['sigma', 'sensitivity'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'discreteGaussian',
        sigma: of.noise('sigma', 'It is the parameter of the noise, in the unit of the query.'),
        sensitivity: of.whole('sensitivity', 1, WHOLE_SENSITIVITY),
      };
    },
  },
  discreteLaplace: {
    fields: ['parameter', 'sensitivity'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'discreteLaplace',
        parameter: of.positive('parameter', 'It is the inverse scale a in P[z] ∝ exp(-a|z|).'),
        sensitivity: of.whole('sensitivity', 1, WHOLE_SENSITIVITY),
      };
    },
  },
  mixtureOfGaussians: {
    fields: ['noiseMultiplier', 'sensitivities', 'probabilities'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      const noiseMultiplier = of.noise('noiseMultiplier', 'It is in the unit of the sensitivities.');
      const sensitivities = of.numbers(
        'sensitivities',
        'a finite number, 0 or larger',
        (value) => value >= 0,
        'They are the sizes that one record’s contribution may have.',
      );
      const probabilities = of.numbers(
        'probabilities',
        'a number from 0 to 1',
        (value) => value >= 0 && value <= 1,
        'They are the probabilities of the sensitivities.',
      );
      if (probabilities.length !== sensitivities.length) {
        throw new DpError(
          'DP_INVALID_ARGUMENT',
          `${context.path}.probabilities must be as many as the sensitivities, got ${probabilities.length} for ${sensitivities.length}.`,
        );
      }
      const sum = probabilities.reduce((total, probability) => total + probability, 0);
      if (Math.abs(sum - 1) > SUM_TOLERANCE) {
        throw new DpError(
          'DP_INVALID_ARGUMENT',
          `${context.path}.probabilities must add up to 1, got ${sum}. Give what is missing to the sensitivity that it belongs to.`,
        );
      }
      return { type: 'mixtureOfGaussians', noiseMultiplier, sensitivities, probabilities };
    },
  },
  vectorDiscreteGaussian: {
    fields: ['granularity', 'dimension', 'standardDeviation', 'l2NormClip', 'l2Sensitivity'],
    read: (fields, { path }) => readVectorDiscreteGaussian(fields, path),
  },
  adaptiveClip: {
    fields: ['noiseMultiplier', 'countStandardDeviation'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'adaptiveClip',
        noiseMultiplier: of.noise(
          'noiseMultiplier',
          'It is that of the sum alone: the standard deviation of its noise divided by the clipping norm.',
        ),
        countStandardDeviation: of.noise(
          'countStandardDeviation',
          'It is that of the noise on the count of unclipped examples, each counted as plus or minus 1/2.',
        ),
      };
    },
  },
};

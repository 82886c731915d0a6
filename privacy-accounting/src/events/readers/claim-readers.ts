import { invalidArgument } from '../../arguments.js';
import { requireRelation } from '../../relation.js';
import type { ClaimEvent } from '../claim-events.js';
import { type EventReaders, FieldReader } from './fields.js';

/** Readers of the events that choose, report or claim. */
export const CLAIM_READERS: EventReaders<ClaimEvent['type']> = {
  randomizedResponse: {
    fields: ['noiseParameter', 'buckets'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'randomizedResponse',
        noiseParameter: of.number(
          'noiseParameter',
          'a number from 0 (the truth, not private) to 1',
          (p) => p >= 0 && p <= 1,
          'It is the probability of a uniformly random report.',
        ),
        buckets: of.whole('buckets', 1, 'It is the number of values that a report can have.'),
      };
    },
  },
  exponentialMechanism: {
    fields: ['epsilon', 'relation'],
    read: (fields, context) => ({
      type: 'exponentialMechanism',
      epsilon: new FieldReader(fields, context).notNegative(
        'epsilon',
        'A candidate of score u is chosen with probability ∝ exp(ε u / 2Δ).',
      ),
      relation: requireRelation(fields.relation, `${context.path}.relation`),
    }),
  },
  reportNoisyMax: {
    fields: ['noise', 'parameter', 'monotone'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'reportNoisyMax',
        noise: of.oneOf('noise', ['gumbel', 'laplace', 'exponential']),
        parameter: of.noise('parameter', 'It is the scale of the noise divided by the scores’ sensitivity.'),
        monotone: of.boolean('monotone', 'It says whether one record moves all scores in one direction.'),
      };
    },
  },
  epsilonDelta: {
    fields: ['epsilon', 'delta', 'relation'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'epsilonDelta',
        epsilon: of.notNegative('epsilon', 'It is the ε that was proved, in nats.'),
        delta: of.number('delta', 'a number from 0 to below 1', (delta) => delta >= 0 && delta < 1),
        relation: requireRelation(fields.relation, `${context.path}.relation`),
      };
    },
  },
  zCDP: {
    fields: ['rho', 'xi', 'relation'],
    read: (fields, context) => {
      // Only a missing ξ is 0: null is how JSON writes ∞.
      const of = new FieldReader({ ...fields, xi: fields.xi === undefined ? 0 : fields.xi }, context);
      return {
        type: 'zCDP',
        rho: of.notNegative('rho', 'The divergence of order α is at most ξ + ρα.'),
        xi: of.notNegative('xi', 'The divergence of order α is at most ξ + ρα.'),
        relation: requireRelation(fields.relation, `${context.path}.relation`),
      };
    },
  },
  repeatAndSelect: {
    fields: ['mean', 'shape', 'event'],
    read: (fields, context) => {
      const { shape } = fields;
      if (shape !== 'poisson' && !(typeof shape === 'number' && Number.isFinite(shape) && shape > -1)) {
        throw invalidArgument(
          `${context.path}.shape`,
          'a finite number above -1, or "poisson"',
          shape,
          '1 is the geometric distribution, 0 the logarithmic.',
        );
      }
      const of = new FieldReader(fields, context);
      return {
        type: 'repeatAndSelect',
        mean:
          shape === 'poisson'
            ? of.positive('mean', 'It is the expected number of runs.')
            : of.number(
                'mean',
                'a finite number of at least 1',
                (mean) => mean >= 1,
                'It is the expected number of runs, at least one of which takes place.',
              ),
        shape: shape === 'poisson' ? shape : shape + 0,
        event: context.child(fields.event, 'event'),
      };
    },
  },
  gnMax: {
    fields: ['standardDeviation', 'logNonPlurality'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      const standardDeviation = of.noise(
        'standardDeviation',
        'It is that of the noise on each class’s count of votes.',
      );
      if (fields.logNonPlurality === undefined) return { type: 'gnMax', standardDeviation };
      const logNonPlurality = of.number(
        'logNonPlurality',
        'a finite number, 0 or less',
        (log) => log <= 0,
        'It bounds ln P[the answer is not the plurality].',
      );
      return { type: 'gnMax', standardDeviation, logNonPlurality };
    },
  },
};

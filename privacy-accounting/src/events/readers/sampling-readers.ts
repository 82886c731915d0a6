import { invalidArgument } from '../../arguments.js';
import type { SamplingEvent } from '../sampling-events.js';
import { type EventReaders, FieldReader } from './fields.js';

/** Readers of the events that choose the records that another event sees. */
export const SAMPLING_READERS: EventReaders<SamplingEvent['type']> = {
  poissonSampled: {
    fields: ['samplingProbability', 'event'],
    read: (fields, context) => ({
      type: 'poissonSampled',
      samplingProbability: new FieldReader(fields, context).samplingProbability(),
      event: context.child(fields.event, 'event'),
    }),
  },
  truncatedPoissonSampled: {
    fields: ['samplingProbability', 'maxBatchSize', 'datasetSize', 'event'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'truncatedPoissonSampled',
        samplingProbability: of.samplingProbability(),
        maxBatchSize: of.whole('maxBatchSize', 1, 'It is the largest number of records that a batch keeps.'),
        datasetSize: of.whole('datasetSize', 1, 'It is the number of records, which is public.'),
        event: context.child(fields.event, 'event'),
      };
    },
  },
  sampledWithoutReplacement: {
    fields: ['datasetSize', 'sampleSize', 'event'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      const datasetSize = of.whole('datasetSize', 1, 'It is the number of records, which is public.');
      const sampleSize = of.whole('sampleSize', 1, 'It is the number of different records in a sample.');
      if (sampleSize > datasetSize) {
        throw invalidArgument(
          `${context.path}.sampleSize`,
          `at most datasetSize = ${datasetSize}`,
          sampleSize,
          'A sample without replacement holds different records.',
        );
      }
      return {
        type: 'sampledWithoutReplacement',
        datasetSize,
        sampleSize,
        event: context.child(fields.event, 'event'),
      };
    },
  },
  sampledWithReplacement: {
    fields: ['datasetSize', 'sampleSize', 'event'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'sampledWithReplacement',
        datasetSize: of.whole('datasetSize', 1, 'It is the number of records, which is public.'),
        sampleSize: of.whole('sampleSize', 1, 'It is the number of draws.'),
        event: context.child(fields.event, 'event'),
      };
    },
  },
  shuffled: {
    fields: ['event'],
    read: ({ event }, { child }) => ({ type: 'shuffled', event: child(event, 'event') }),
  },
  randomAllocation: {
    fields: ['steps', 'selected', 'event'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      const steps = of.whole('steps', 1, 'It is the number of steps of one round.');
      const selected = of.whole('selected', 1, 'It is the number of steps that each record takes part in.');
      if (selected > steps) {
        throw invalidArgument(`${context.path}.selected`, `at most steps = ${steps}`, selected);
      }
      return { type: 'randomAllocation', steps, selected, event: context.child(fields.event, 'event') };
    },
  },
};

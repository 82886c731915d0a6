import '@tensorflow/tfjs-backend-cpu';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { layersOf } from './layer-tree.js';

const { layers } = tfl;

it('finds every layer once, by its path, and knows what is wrapped', () => {
  const dense = layers.dense({ units: 2, inputShape: [3, 4], name: 'dense' });
  const inner = tfl.sequential({ layers: [dense], name: 'inner' });
  const input = tfl.input({ shape: [3, 4], name: 'in' });
  const once = inner.apply(input) as tfl.SymbolicTensor;
  const each = layers.timeDistributed({ layer: layers.dense({ units: 4, name: 'd' }), name: 'each' });
  const twice = inner.apply(each.apply(once)) as tfl.SymbolicTensor;
  const rnn = layers.simpleRNN({ units: 1, recurrentInitializer: 'zeros', name: 'rnn' }) as tfl.RNN;
  const both = layers.bidirectional({ layer: rnn, mergeMode: 'concat', name: 'both' });
  const model = tfl.model({ inputs: input, outputs: both.apply(twice) as tfl.SymbolicTensor });
  expect(layersOf(model).map(({ path, wrapped }) => `${path}${wrapped ? ' (wrapped)' : ''}`)).toEqual([
    'in',
    'inner',
    ...inner.layers.map(({ name }) => `inner/${name}`),
    'each',
    'each/d (wrapped)',
    'both',
    'both/forward_rnn (wrapped)',
    'both/backward_rnn (wrapped)',
  ]);
});

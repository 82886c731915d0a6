/** ConvLSTM2D: two convolutions a step, each filter in four blocks of columns, used at every step. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { expectByRule } from './convolution-problems.js';
import { regression, sequential } from './layers-problem.js';
import { oneExampleGradients } from './one-example-loop.js';
import { normal } from './seeded-data.js';

type Options = Partial<Parameters<typeof tfl.layers.convLstm2d>[0]>;
const layer = (options: Options) =>
  tfl.layers.convLstm2d({
    filters: 2,
    kernelSize: 2,
    recurrentInitializer: 'glorotNormal',
    inputShape: [3, 5, 4, 2],
    ...options,
  } as Parameters<typeof tfl.layers.convLstm2d>[0]);

const variants: Record<string, Options> = {
  'the last state': {},
  'every state': { returnSequences: true },
  'padding same, kernel 3': { padding: 'same', kernelSize: 3 },
  'strides of 2': { strides: 2 },
  'an oblong kernel without bias': { kernelSize: [1, 3], useBias: false },
  'backwards, other activations': { goBackwards: true, activation: 'relu', recurrentActivation: 'sigmoid' },
};

/** A 2×2 filter's taps at places `rows` × `rows` of a 3×3 one. */
const PLACES = { dilated: [0, 2], plain: [1, 2] } as const;

/** The gradients of a dilated layer by an undilated one, whose 3×3 filters are zero between the taps. */
function dilatedProblem() {
  const images = normal([3, 3, 5, 4, 2], 1);
  const problem = regression(sequential([layer({ padding: 'same', dilationRate: 2 })]), [images]);
  const wide = regression(sequential([layer({ padding: 'same', kernelSize: 3 })]), [images]);
  const indexOf = (rows: readonly number[], width: number) =>
    rows.flatMap((row) =>
      rows.flatMap((column) => Array.from({ length: width }, (_, k) => (row * 3 + column) * width + k)),
    );
  const places = problem.variables.map((from, v) => {
    const to = wide.variables[v]!;
    if (from.rank !== 4) {
      to.assign(from);
      return undefined;
    }
    const index = indexOf(v === 0 ? PLACES.dilated : PLACES.plain, from.size / 4);
    const values = new Float32Array(to.size);
    from.dataSync().forEach((value, k) => {
      values[index[k]!] = value;
    });
    to.assign(tf.tensor(values, to.shape));
    return index;
  });
  const gradients = oneExampleGradients(wide).map((parts) =>
    parts.map((part, v) => (places[v] ? Float64Array.from(places[v], (k) => part[k]!) : part)),
  );
  return { problem, gradients };
}

eachBackend((backend) => {
  describe('convLstm2d', () => {
    it.each(Object.entries(variants))('%s', (_, options) => {
      expectByRule(regression(sequential([layer(options)]), [normal([3, 3, 5, 4, 2], 1)]));
    });

    it('padding same, dilated', () => {
      const { problem, gradients } = dilatedProblem();
      expectByRule(problem, { gradients });
    });

    // The wasm backend refuses this layer's data format forwards already.
    it.skipIf(backend === 'wasm')('channels first', () => {
      const options: Options = { dataFormat: 'channelsFirst', padding: 'same', inputShape: [3, 2, 4, 5] };
      expectByRule(regression(sequential([layer(options)]), [normal([3, 3, 2, 4, 5], 1)]));
    });

    it('two layers, below a dense one', () => {
      const model = sequential([
        layer({ returnSequences: true }),
        tfl.layers.convLstm2d({ filters: 2, kernelSize: 2, recurrentInitializer: 'glorotNormal' }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectByRule(regression(model, [normal([3, 3, 5, 4, 2], 1)]));
    });
  });
});

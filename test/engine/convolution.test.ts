import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { regression, sequential, weightsOf } from './layers-problem.js';
import { expectEqualsLoop, expectEqualsLoopOrRefused, oneExampleGradients } from './one-example-loop.js';
import { normal, oneHot, variable } from './seeded-data.js';

const conv = (options: Partial<Parameters<typeof tfl.layers.conv2d>[0]>) =>
  tfl.layers.conv2d({ filters: 3, kernelSize: 3, ...options });

eachBackend((backend) => {
  describe('convolutions', () => {
    const kernels: (number | [number, number])[] = [1, 2, 3, 4, 5, [1, 3], [4, 2]];
    const strides: (number | [number, number])[] = [1, 2, 3, [1, 2]];
    // XNNPACK returns zeros for 'same' with a stride beyond the kernel, so that wasm computes another function.
    const smallest = (size: number | [number, number]) => Math.min(...[size].flat());
    const largest = (size: number | [number, number]) => Math.max(...[size].flat());
    const grid = kernels.flatMap((kernelSize) =>
      strides.flatMap((stride) =>
        (['valid', 'same'] as const)
          .filter(
            (padding) => backend !== 'wasm' || padding === 'valid' || largest(stride) <= smallest(kernelSize),
          )
          .map((padding) => ({ kernelSize, padding, stride })),
      ),
    );

    it.each(grid)('kernel $kernelSize, padding $padding, stride $stride on a 6×7 image', (shape) => {
      const model = sequential([
        conv({
          kernelSize: shape.kernelSize,
          padding: shape.padding,
          strides: shape.stride as number,
          inputShape: [6, 7, 2],
        }),
      ]);
      expectEqualsLoop(regression(model, [normal([2, 6, 7, 2], 1)]));
    });

    // tfjs-node has no numeric padding. With an oblong kernel tfjs itself mistakes the output's shape.
    const numeric =
      backend === 'tensorflow'
        ? [[0, 1]]
        : [
            [0, 1],
            [1, 1],
            [2, 1],
            [1, 2],
            [2, 3],
            [4, 2],
          ];
    it.each(numeric)('numeric padding %i, stride %i', (pad, stride) => {
      const filter = variable([3, 3, 2, 3], 1);
      const bias = variable([3], 2);
      expectEqualsLoop({
        data: [normal([4, 6, 5, 2], 3)],
        variables: [filter, bias],
        loss: ([x]) => {
          const y = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride!, pad!, 'NHWC', 1, 'floor');
          return tf.mean(tf.square(tf.add(y, bias)), [1, 2, 3]);
        },
      });
    });

    if (backend !== 'tensorflow') {
      it('explicit padding, a width of its own for each edge', () => {
        const filter = variable([3, 3, 2, 2], 1);
        const pad: tf.backend_util.ExplicitPadding = [
          [0, 0],
          [1, 2],
          [0, 1],
          [0, 0],
        ];
        expectEqualsLoop({
          data: [normal([3, 5, 4, 2], 3)],
          variables: [filter],
          loss: ([x]) => {
            const y = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, pad);
            return tf.mean(tf.square(y), [1, 2, 3]);
          },
        });
      });
    }

    it.each([
      ['one channel in, many out', 1, 6],
      ['many channels in, one out', 6, 1],
      ['five in, four out', 5, 4],
    ])('%s', (_, channels, filters) => {
      const model = sequential([
        conv({ filters, activation: 'relu', inputShape: [5, 5, channels] }),
        conv({ filters: 2, kernelSize: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([4, 5, 5, channels], 1)]));
    });

    it.each(['relu', 'elu', 'tanh', 'sigmoid', 'relu6'] as const)('activation %s, stacked', (activation) => {
      const model = sequential([
        conv({ activation, padding: 'same', inputShape: [5, 6, 2] }),
        conv({ activation, strides: 2 }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 5, 6, 2], 1)]));
    });

    it('without bias', () => {
      const model = sequential([
        conv({ useBias: false, activation: 'relu', inputShape: [5, 5, 2] }),
        conv({ useBias: false, kernelSize: 1 }),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 5, 5, 2], 1)]));
    });

    it.each([2, 3])(
      'dilation %i, which tfjs cannot differentiate, is exact or refused by name',
      (dilation) => {
        const filter = variable([2, 2, 2, 3], 1);
        const data = [normal([3, 6, 5, 2], 3)];
        // The oracle: a sum of shifted images, each times its own 2×3 matrix.
        const shifted = ([x]: readonly tf.Tensor[]) => {
          const [high, wide] = [6 - dilation, 5 - dilation];
          const taps = [0, 1].flatMap((row) => [0, 1].map((column) => [row, column] as const));
          const terms = taps.map(([row, column]) => {
            const image = tf.slice(x!, [0, row * dilation, column * dilation, 0], [-1, high, wide, 2]);
            const matrix = tf.reshape(tf.slice(filter, [row, column, 0, 0], [1, 1, 2, 3]), [2, 3]);
            return tf.reshape(tf.matMul(tf.reshape(image, [-1, 2]), matrix as tf.Tensor2D), [
              -1,
              high,
              wide,
              3,
            ]);
          });
          return tf.mean(tf.square(tf.addN(terms)), [1, 2, 3]);
        };
        const gradients = oneExampleGradients({ data, variables: [filter], loss: shifted });
        const loss = ([x]: readonly tf.Tensor[]) => {
          const y = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'valid', 'NHWC', dilation);
          return tf.mean(tf.square(y), [1, 2, 3]);
        };
        expectEqualsLoopOrRefused({ data, variables: [filter], loss }, /conv2d/i, { gradients });
      },
    );

    it.each([1, 2, 7])('a classifier with pooling at batch size %i, as a mean', (batch) => {
      const model = sequential([
        conv({ filters: 4, activation: 'relu', padding: 'same', inputShape: [8, 8, 1] }),
        tfl.layers.maxPooling2d({ poolSize: 2 }),
        conv({ filters: 5, kernelSize: [2, 3], activation: 'relu' }),
        tfl.layers.averagePooling2d({ poolSize: 2, strides: 1 }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 3 }),
      ]);
      expectEqualsLoop({
        data: [normal([batch, 8, 8, 1], 1), oneHot([batch], 3, 2)],
        variables: weightsOf(model),
        loss: ([x, y]) => {
          const logits = model.apply(x!) as tf.Tensor;
          return tf.losses.softmaxCrossEntropy(y!, logits, undefined, 0, tf.Reduction.MEAN);
        },
      });
    });

    const pools = [
      { poolSize: [2, 2], strides: [2, 2] },
      { poolSize: [2, 2], strides: [1, 1] },
      { poolSize: [3, 3], strides: [2, 2] },
      { poolSize: [2, 1], strides: [2, 1] },
      { poolSize: [1, 2], strides: [1, 2] },
    ].flatMap((pool) => [
      { ...pool, image: [6, 4, 2] },
      { ...pool, image: [5, 5, 1] },
    ]);
    // The wasm backend's own MaxPoolGrad is wrong for most shapes and depends on the place in the batch.
    it.each(pools)(
      'max pooling $poolSize by $strides of $image: exact, or refused',
      ({ poolSize, strides, image }) => {
        const size = { poolSize: poolSize as [number, number], strides: strides as [number, number] };
        const model = sequential([
          conv({ kernelSize: 1, inputShape: image }),
          tfl.layers.maxPooling2d(size),
          tfl.layers.flatten(),
          tfl.layers.dense({ units: 2 }),
        ]);
        const problem = regression(model, [normal([3, ...image], 1)]);
        if (backend !== 'wasm') expectEqualsLoop(problem);
        else expectEqualsLoopOrRefused(problem, /maxpool/i);
      },
    );

    it.each(pools)('average pooling $poolSize by $strides of $image', ({ poolSize, strides, image }) => {
      const size = { poolSize: poolSize as [number, number], strides: strides as [number, number] };
      const model = sequential([
        conv({ kernelSize: 1, inputShape: image }),
        tfl.layers.averagePooling2d(size),
      ]);
      expectEqualsLoop(regression(model, [normal([3, ...image], 1)]));
    });

    it('zero padding, cropping, global pooling', () => {
      const model = sequential([
        tfl.layers.zeroPadding2d({ padding: [1, 2], inputShape: [4, 5, 2] }),
        conv({}),
        tfl.layers.cropping2D({
          cropping: [
            [1, 0],
            [0, 2],
          ],
        }),
        conv({ filters: 4, kernelSize: 2 }),
        tfl.layers.globalAveragePooling2d({}),
      ]);
      expectEqualsLoop(regression(model, [normal([3, 4, 5, 2], 1)]));
    });

    it('upsampling', () => {
      const model = sequential([
        conv({ kernelSize: 2, inputShape: [3, 4, 2] }),
        tfl.layers.upSampling2d({ size: [2, 2] }),
        conv({ kernelSize: 2 }),
      ]);
      const problem = regression(model, [normal([3, 3, 4, 2], 1)]);
      if (backend !== 'cpu') return void expectEqualsLoop(problem);
      // The cpu backend's own gradient of ResizeNearestNeighbor mixes the rows of a batch: seen, not trusted.
      expect(() => expectEqualsLoop(problem)).toThrow(expect.objectContaining({ code: 'DP_SELF_CHECK' }));
    });

    it('a residual block: one activation used by two convolutions and an addition', () => {
      const input = tfl.input({ shape: [5, 5, 3] });
      const first = conv({ padding: 'same', activation: 'relu' }).apply(input) as tfl.SymbolicTensor;
      const second = conv({ padding: 'same' }).apply(first) as tfl.SymbolicTensor;
      const shortcut = conv({ kernelSize: 1 }).apply(input) as tfl.SymbolicTensor;
      const sum = tfl.layers.add().apply([first, second, shortcut]) as tfl.SymbolicTensor;
      const model = tfl.model({ inputs: input, outputs: sum });
      expectEqualsLoop(regression(model, [normal([3, 5, 5, 3], 1)]));
    });

    it('one filter used twice in a stack', () => {
      const filter = variable([3, 3, 2, 2], 1);
      const once = (x: tf.Tensor) => tf.tanh(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'));
      expectEqualsLoop({
        data: [normal([4, 5, 5, 2], 3)],
        variables: [filter],
        loss: ([x]) => tf.mean(tf.square(once(once(x!))), [1, 2, 3]),
      });
    });

    it.each([
      { kernelSize: 3, padding: 'valid', strides: 1 },
      { kernelSize: 4, padding: 'same', strides: 2 },
      { kernelSize: 2, padding: 'same', strides: 1, useBias: false },
    ] as const)('conv1d with kernel $kernelSize, padding $padding, stride $strides', (options) => {
      const model = sequential([
        tfl.layers.conv1d({ filters: 4, activation: 'relu', inputShape: [9, 2], ...options }),
        tfl.layers.conv1d({ filters: 2, kernelSize: 2 }),
      ]);
      expectEqualsLoop(regression(model, [normal([4, 9, 2], 1)]));
    });

    // No backend but cpu and tensorflow can differentiate these filters; there they go through the fallback.
    if (backend !== 'wasm') {
      it.each([
        [
          'depthwise',
          tfl.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, inputShape: [5, 6, 2] }),
        ],
        ['separable', tfl.layers.separableConv2d({ kernelSize: 3, filters: 4, inputShape: [5, 6, 2] })],
        [
          'transposed',
          tfl.layers.conv2dTranspose({ kernelSize: 3, filters: 2, strides: 2, inputShape: [5, 6, 2] }),
        ],
      ])('%s, which has no rule', (_, layer) => {
        const model = sequential([layer, tfl.layers.flatten(), tfl.layers.dense({ units: 2 })]);
        expectEqualsLoop(regression(model, [normal([3, 5, 6, 2], 1)]));
      });

      it('conv3d, which has no rule', () => {
        const model = sequential([
          tfl.layers.conv3d({ kernelSize: 2, filters: 2, inputShape: [3, 4, 3, 2] }),
        ]);
        expectEqualsLoop(regression(model, [normal([3, 3, 4, 3, 2], 1)]));
      });
    } else {
      it('a depthwise convolution, whose gradient the backend lacks, throws', () => {
        const model = sequential([tfl.layers.depthwiseConv2d({ kernelSize: 3, inputShape: [5, 6, 2] })]);
        const problem = regression(model, [normal([3, 5, 6, 2], 1)]);
        expect(() => expectEqualsLoop(problem)).toThrow(/depthwise/i);
      });
    }
  });
});

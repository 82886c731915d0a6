/** Kernels that find, count, move or fill by position: what stays inside the example passes, what does not is named. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { expectEqualsLoop } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const batch = 4;
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));
const float = (x: tf.Tensor) => tf.cast(x, 'float32');
const integer = (x: tf.Tensor) => tf.cast(tf.clipByValue(tf.abs(tf.round(tf.mul(x, 2))), 0, 3), 'int32');

/** Functions of x [B, 4], before a product with the weights. The kernel's name is in the error of the second. */
interface Pair {
  readonly kernel: RegExp;
  readonly apart: (x: Matrix) => tf.Tensor;
  readonly mixing: Record<string, (x: Matrix) => tf.Tensor>;
}

const image = (x: tf.Tensor) => tf.reshape(x, [-1, 2, 2, 1]) as tf.Tensor4D;
const flat = (x: tf.Tensor) => tf.reshape(x, [-1, 4]);
const shiftRight = [1, 0, -1, 0, 1, 0, 0, 0];

const pairs: Record<string, Pair> = {
  'the largest of each row': {
    kernel: /TopK/,
    apart: (x) => tf.sub(x, tf.mean(tf.topk(x, 2).values, 1, true)),
    mixing: {
      'of the batch': (x) => tf.sub(x, tf.transpose(tf.topk(tf.transpose(x), 1).values)),
    },
  },
  'their places': {
    kernel: /TopK/,
    apart: (x) => tf.add(x, float(tf.topk(x, 4).indices)),
    mixing: {
      'in the batch': (x) => tf.add(x, float(tf.transpose(tf.topk(tf.transpose(x), batch).indices))),
    },
  },
  'a public table, looked up by two coordinates': {
    kernel: /GatherNd/,
    apart: (x) => {
      const table = tf.reshape(tf.sin(tf.range(0, 16)), [4, 4]);
      const pairs = tf.reshape(integer(x), [-1, 2, 2]);
      return tf.add(x, tf.tile(tf.gatherND(table, pairs), [1, 2]));
    },
    mixing: {
      'rows of the batch by coordinates': (x) =>
        tf.add(x, tf.gatherND(x, tf.slice(integer(x), [0, 0], [-1, 1]))),
      'the batch as coordinates': (x) =>
        tf.add(x, tf.gatherND(tf.reshape(tf.range(0, 256), [4, 4, 4, 4]), tf.transpose(integer(x)))),
    },
  },
  'counts of each row': {
    kernel: /Bincount/,
    apart: (x) => tf.mul(x, tf.add(1, float(tf.denseBincount(integer(x) as Matrix, [], 4)))),
    mixing: {
      'of a column': (x) =>
        tf.mul(
          x,
          float(
            tf.denseBincount(
              tf.reshape(tf.slice(integer(x) as Matrix, [0, 0], [-1, 1]), [-1]) as tf.Tensor1D,
              [],
              4,
            ),
          ),
        ),
      'with a weight for each place': (x) =>
        tf.mul(x, tf.denseBincount(integer(x) as Matrix, tf.reshape(tf.range(0, 16), [4, 4]) as Matrix, 4)),
    },
  },
  'ranks among public numbers': {
    kernel: /SearchSorted/,
    apart: (x) =>
      tf.add(x, tf.reshape(float(tf.searchSorted(tf.tensor1d([-1, 0, 1]), tf.reshape(x, [-1]))), [-1, 4])),
    mixing: {
      'ranks in the batch': (x) => {
        const sorted = tf.reshape(tf.slice(tf.cumsum(tf.abs(x), 1), [0, 0], [-1, 1]), [1, -1]);
        const places = tf.searchSorted(sorted, tf.reshape(x, [1, -1]));
        return tf.add(x, tf.reshape(float(places), [-1, 4]));
      },
    },
  },
  'images in blocks, and back': {
    kernel: /SpaceToBatchND|BatchToSpaceND/,
    apart: (x) => {
      const zero = [
        [0, 0],
        [0, 0],
      ];
      const blocks = tf.tanh(tf.spaceToBatchND(image(x), [2, 2], zero));
      return flat(tf.batchToSpaceND(blocks, [2, 2], zero));
    },
    mixing: {
      'one image of four examples': (x) => {
        const zero = [
          [0, 0],
          [0, 0],
        ];
        const merged = tf.batchToSpaceND(tf.reshape(x, [-1, 2, 2, 1]), [2, 2], zero);
        return tf.add(x, tf.reshape(tf.sum(merged), [1, 1]));
      },
      'the batch for a row of pixels': (x) =>
        flat(
          tf.spaceToBatchND(
            tf.reshape(x, [1, 4, 4, 1]),
            [2, 1],
            [
              [0, 0],
              [0, 0],
            ],
          ),
        ),
    },
  },
  'depth to space': {
    kernel: /DepthToSpace/,
    apart: (x) => flat(tf.depthToSpace(tf.reshape(x, [-1, 1, 1, 4]) as tf.Tensor4D, 2)),
    mixing: {
      'with the batch for rows': (x) => flat(tf.depthToSpace(tf.reshape(x, [1, -1, 1, 4]) as tf.Tensor4D, 2)),
    },
  },
  'mirrored images': {
    kernel: /FlipLeftRight/,
    apart: (x) => flat(tf.image.flipLeftRight(image(x))),
    mixing: {
      'with the batch for columns': (x) =>
        flat(tf.image.flipLeftRight(tf.reshape(x, [1, 4, -1, 1]) as tf.Tensor4D)),
    },
  },
  spectra: {
    kernel: /FFT/,
    apart: (x) => tf.add(x, tf.abs(tf.spectral.fft(tf.complex(x, tf.zerosLike(x))))),
    mixing: {
      'of the batch': (x) => {
        const turned = tf.transpose(x);
        return tf.add(x, tf.transpose(tf.real(tf.spectral.fft(tf.complex(turned, tf.zerosLike(turned))))));
      },
    },
  },
  'bits that two numbers share': {
    kernel: /BitwiseAnd/,
    apart: (x) => tf.add(x, float(tf.bitwiseAnd(integer(x), tf.reverse(integer(x), 1)))),
    mixing: {
      'with the number of the place': (x) =>
        tf.add(x, float(tf.bitwiseAnd(integer(x), tf.cast(tf.reshape(tf.range(0, 16), [4, 4]), 'int32')))),
    },
  },
  'one of two conditions': {
    kernel: /LogicalXor|LogicalAnd|LogicalOr/,
    apart: (x) => tf.mul(x, float(tf.logicalXor(tf.greater(x, 0), tf.less(x, 1)))),
    mixing: {
      'one of them by place': (x) =>
        tf.mul(x, float(tf.logicalXor(tf.greater(x, 0), tf.greater(tf.reshape(tf.range(0, 16), [4, 4]), 7)))),
    },
  },
  'a choice for each row': {
    kernel: /Select/,
    apart: (x) => tf.where(tf.tile(tf.greater(tf.slice(x, [0, 0], [-1, 1]), 0), [1, 4]), x, tf.square(x)),
    mixing: {
      'by the place in the batch': (x) =>
        tf.where(tf.tile(tf.tensor2d([[1], [0], [1], [0]], [4, 1], 'bool'), [1, 4]), x, tf.square(x)),
      'by the place, one condition a row': (x) =>
        tf.where(tf.tensor2d([[1], [0], [1], [0]], [4, 1], 'bool'), x, tf.square(x)),
    },
  },
};

/** Kernels that no example may take part in. */
const never: Record<string, readonly [RegExp, (x: Matrix) => tf.Tensor]> = {
  'boxes cropped out of images of any place': [
    /CropAndResize/,
    (x) =>
      flat(
        tf.image.cropAndResize(
          image(x),
          tf.tensor2d(new Array<number[]>(4).fill([0, 0, 1, 1])),
          tf.tensor1d([1, 2, 3, 0], 'int32'),
          [2, 2],
        ),
      ),
  ],
  'images moved, which the cpu backend does wrongly beyond the first': [
    /Transform/,
    (x) => flat(tf.image.transform(image(x), tf.tensor2d([shiftRight]), 'nearest')),
  ],
  'rows scattered': [
    /ScatterNd/,
    (x) => tf.scatterND(tf.tensor2d([[1], [0], [3], [2]], [4, 1], 'int32'), x, [4, 4]),
  ],
  'rows written over others': [
    /TensorScatterUpdate/,
    (x) => tf.tensorScatterUpdate(x, tf.tensor2d([[1]], [1, 1], 'int32'), tf.ones([1, 4])),
  ],
  'segments of the batch added': [
    /UnsortedSegmentSum/,
    (x) => tf.unsortedSegmentSum(x, tf.tensor1d([0, 0, 1, 1], 'int32'), 4),
  ],
  'a diagonal matrix of the batch': [/Diag/, (x) => tf.diag(tf.reshape(tf.slice(x, [0, 0], [-1, 1]), [-1]))],
  'a histogram of the batch': [
    /Bincount/,
    (x) =>
      tf.add(
        x,
        float(
          tf.bincount(
            tf.reshape(tf.slice(integer(x) as Matrix, [0, 0], [-1, 1]), [-1]) as tf.Tensor1D,
            [] as unknown as tf.Tensor1D,
            4,
          ),
        ),
      ),
  ],
  'distinct values': [
    /Unique/,
    (x) => tf.add(x, tf.reshape(float(tf.unique(tf.reshape(x, [-1])).indices), [4, 4])),
  ],
  'draws by the weights of each row': [/Multinomial/, (x) => tf.add(x, float(tf.multinomial(x, 4, 3)))],
};

const missing = /lacks|not registered|Cannot compute gradient|defines no gradient/;

eachBackend(() => {
  const problemOf = (f: (x: Matrix) => tf.Tensor) => {
    const w = variable([4, 3], 1);
    return {
      data: [normal([batch, 4], 2)],
      variables: [w],
      loss: ([x]: readonly tf.Tensor[]) => power(tf.matMul(f(x as Matrix) as Matrix, w as Matrix)),
    };
  };
  const refusalOf = (f: (x: Matrix) => tf.Tensor): { code: string; message: string } => {
    const { data, variables, loss } = problemOf(f);
    try {
      new PerExampleEngine().clippedSum(() => loss(data), variables, { l2NormClip: 1 });
    } catch (error) {
      return error as { code: string; message: string };
    }
    return { code: 'accepted', message: '' };
  };

  describe.each(Object.entries(pairs))('%s', (_, { kernel, apart, mixing }) => {
    it('accepted, and exact', () => {
      const problem = problemOf(apart);
      try {
        expectEqualsLoop(problem);
      } catch (error) {
        // Some backends have no such kernel; the engine then says so.
        if (!missing.test((error as Error).message)) throw error;
      }
    });

    it.each(Object.entries(mixing))('refused: %s', (_name, f) => {
      const { code, message } = refusalOf(f);
      if (missing.test(message)) return;
      expect(['DP_CROSS_EXAMPLE', 'DP_UNSUPPORTED_OP'], message).toContain(code);
      expect(message).toMatch(kernel);
      expect(message, 'seen by the proof, not by the experiment').not.toMatch(/replacing one example/);
    });
  });

  describe('positions in the whole batch', () => {
    it.each(Object.entries(never))('%s: refused', (_, [kernel, f]) => {
      const { code, message } = refusalOf(f);
      expect(['DP_CROSS_EXAMPLE', 'DP_UNSUPPORTED_OP'], message).toContain(code);
      expect(message).toMatch(kernel);
    });

    it('of public numbers alone: accepted', () => {
      const diagonal = (x: Matrix) => tf.matMul(x, tf.diag(tf.tensor1d([1, 2, 3, 4])) as Matrix);
      const scattered = (x: Matrix) =>
        tf.add(x, tf.scatterND(tf.tensor2d([[1], [3]], [2, 1], 'int32'), tf.tensor1d([5, 7]), [4]));
      for (const f of [diagonal, scattered]) {
        const { code, message } = refusalOf(f);
        if (!missing.test(message)) expect(code, message).toBe('accepted');
      }
    });
  });
});

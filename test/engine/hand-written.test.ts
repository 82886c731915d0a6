import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { expectEqualsLoop, expectEqualsLoopOrRefused, oneExampleGradients } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));

/** How a parameter [3, 4], or parameters, can meet data [B, 3] on the way to outputs of each example. */
const meetings: Record<string, (x: Matrix, w: tf.Variable[]) => tf.Tensor> = {
  x·W: (x, [w]) => tf.matMul(x, w as Matrix),
  'x·Wᵀ by transposeB': (x, [w]) => tf.matMul(x, tf.transpose(w!) as Matrix, false, true),
  'x·W, x transposed twice': (x, [w]) => tf.matMul(tf.transpose(x), w as Matrix, true, false),
  '(Wᵀ·xᵀ)ᵀ, the variable on the left': (x, [w]) => tf.transpose(tf.matMul(w as Matrix, x, true, true)),
  '(Wᵀ·xᵀ)ᵀ through a transposed view': (x, [w]) =>
    tf.transpose(tf.matMul(tf.transpose(w as Matrix), tf.transpose(x))),
  'W reshaped': (x, [w]) => tf.matMul(x, tf.reshape(w!, [4, 3]) as Matrix, false, true),
  'half of W': (x, [w]) => tf.matMul(x, tf.slice(w as Matrix, [0, 1], [3, 2])),
  'W split and put together in another order': (x, [w]) => {
    const [left, right] = tf.split(w as Matrix, 2, 1);
    return tf.add(tf.matMul(x, tf.concat([right!, left!], 1)), tf.matMul(x, w as Matrix));
  },
  'W cast and cloned': (x, [w]) => tf.matMul(x, tf.clone(tf.cast(w!, 'float32')) as Matrix),
  'W tiled': (x, [w]) => tf.matMul(x, tf.tile(w as Matrix, [1, 2])),
  'a function of W alone': (x, [w]) => tf.matMul(x, tf.tanh(tf.mul(w!, 2)) as Matrix),
  'W normalised': (x, [w]) => tf.matMul(x, tf.div(w!, tf.norm(w!)) as Matrix),
  'W·V before meeting the data': (x, [w, v]) => tf.matMul(x, tf.matMul(w as Matrix, v as Matrix)),
  'x·W·V, a low-rank product': (x, [w, v]) => tf.matMul(tf.matMul(x, w as Matrix), v as Matrix),
  'W twice: x·W·Wᵀ': (x, [w]) => tf.matMul(tf.tanh(tf.matMul(x, w as Matrix)), w as Matrix, false, true),
  'W three times, once transposed': (x, [w]) => {
    const once = tf.tanh(tf.matMul(x, w as Matrix)) as Matrix;
    const back = tf.tanh(tf.matMul(once, w as Matrix, false, true)) as Matrix;
    return tf.matMul(back, w as Matrix);
  },
  'W for two inputs at once': (x, [w]) =>
    tf.add(tf.matMul(x, w as Matrix), tf.matMul(tf.sin(x), w as Matrix)),
  'a form xᵀ·M·x': (x, [w, v]) => {
    const square = tf.matMul(w as Matrix, v as Matrix);
    return tf.mul(tf.add(tf.matMul(x, square), 2), x);
  },
  'W as a bias of every example': (x, [w]) => tf.add(tf.reshape(x, [-1, 3, 1]), w!),
  'W scales every example': (x, [w]) => tf.mul(tf.reshape(x, [-1, 3, 1]), w!),
  'W is subtracted from, and divides': (x, [w]) => {
    const wide = tf.reshape(x, [-1, 3, 1]);
    return tf.add(tf.sub(w!, wide), tf.div(wide, tf.add(tf.square(w!), 1)));
  },
  'W as a vector, by tf.dot': (x, [w]) => tf.dot(x, tf.reshape(tf.slice(w!, [0, 0], [3, 1]), [3])),
};

/** Those of the variables that the function reads. */
function readBy(f: () => tf.Tensor, variables: readonly tf.Variable[]): tf.Variable[] {
  const { grads } = tf.variableGrads(() => tf.sum(f()) as tf.Scalar, [...variables]);
  return variables.filter((variable) => grads[variable.name] != null);
}

eachBackend((backend) => {
  describe('functions over variables', () => {
    it.each(Object.entries(meetings))('%s', (_, meet) => {
      const variables = [variable([3, 4], 1), variable([4, 3], 2)];
      const data = [normal([5, 3], 3)];
      const loss = ([x]: readonly tf.Tensor[]) => power(meet(x as Matrix, variables));
      expectEqualsLoop({ data, variables: readBy(() => loss(data), variables), loss });
    });

    it.each([3, 4, 5])('%i examples, a number of rows or columns of W too', (batch) => {
      const variables = [variable([3, 4], 1), variable([4, 3], 2)];
      for (const name of ['x·W', '(Wᵀ·xᵀ)ᵀ, the variable on the left', 'W twice: x·W·Wᵀ'] as const) {
        const data = [normal([batch, 3], 3)];
        const loss = ([x]: readonly tf.Tensor[]) => power(meetings[name]!(x as Matrix, variables));
        expectEqualsLoop({ data, variables: readBy(() => loss(data), variables), loss });
      }
    });

    it.each([
      ['a matrix', [3, 4]],
      ['a matrix of rank 3', [1, 3, 4]],
    ])('[B, 2, 5, 3] times %s, whose broadcast tfjs cannot differentiate', (_, shape) => {
      const w = variable(shape, 1);
      const data = [normal([4, 2, 5, 3], 2)];
      const flat = ([x]: readonly tf.Tensor[]) => {
        const y = tf.matMul(tf.reshape(x!, [-1, 3]) as Matrix, tf.reshape(w, [3, 4]) as Matrix);
        return power(tf.reshape(y, [-1, 2, 5, 4]));
      };
      const gradients = oneExampleGradients({ data, variables: [w], loss: flat });
      const loss = ([x]: readonly tf.Tensor[]) => power(tf.matMul(x as Matrix, w as unknown as Matrix));
      expectEqualsLoopOrRefused({ data, variables: [w], loss }, /matmul/i, { gradients });
    });

    it('a matrix on the left of every example, whose broadcast tfjs cannot differentiate', () => {
      const w = variable([4, 5], 1);
      const data = [normal([3, 5, 2], 2)];
      const onTheRight = ([x]: readonly tf.Tensor[]) => {
        const rows = tf.reshape(tf.transpose(x!, [0, 2, 1]), [-1, 5]) as Matrix;
        return power(tf.reshape(tf.matMul(rows, w as Matrix, false, true), [-1, 2, 4]));
      };
      const gradients = oneExampleGradients({ data, variables: [w], loss: onTheRight });
      const loss = ([x]: readonly tf.Tensor[]) =>
        power(tf.matMul(tf.expandDims(w, 0) as tf.Tensor3D, x as tf.Tensor3D));
      expectEqualsLoopOrRefused({ data, variables: [w], loss }, /matmul|expanddims/i, { gradients });
    });

    it('a row picked from W by a public index', () => {
      const w = variable([4, 3], 1);
      const problem = {
        data: [normal([5, 3], 2)],
        variables: [w],
        loss: ([x]: readonly tf.Tensor[]) => power(tf.mul(x!, tf.gather(w, tf.tensor1d([2], 'int32')))),
      };
      if (backend !== 'wasm') return void expectEqualsLoop(problem);
      expectEqualsLoopOrRefused(problem, /gather/i);
    });

    it.each(['scalar', 'broadcast row', 'full row'])('gain and bias: %s', (kind) => {
      const shape = { scalar: [], 'broadcast row': [1, 3], 'full row': [3] }[kind]!;
      const [gain, bias] = [variable(shape, 1), variable(shape, 2)];
      expectEqualsLoop({
        data: [normal([5, 3], 3)],
        variables: [gain, bias],
        loss: ([x]) => power(tf.add(tf.mul(x!, gain), bias)),
      });
    });

    it('a bias per step and a bias per unit on [B, T, d] with B = T = d', () => {
      const [perStep, perUnit] = [variable([3, 1], 1), variable([3], 2)];
      expectEqualsLoop({
        data: [normal([3, 3, 3], 3)],
        variables: [perStep, perUnit],
        loss: ([x]) => power(tf.add(tf.mul(tf.add(x!, perStep), perUnit), perUnit)),
      });
    });

    it('a parameter of the loss alone: a learned temperature', () => {
      const [w, temperature] = [variable([3, 4], 1), variable([], 2)];
      expectEqualsLoop({
        data: [normal([5, 3], 3)],
        variables: [w, temperature],
        loss: ([x]) => {
          const logits = tf.mul(tf.matMul(x as Matrix, w as Matrix), tf.exp(temperature));
          return tf.neg(firstColumn(tf.logSoftmax(logits)));
        },
      });
    });

    it('self-attention inside each example, projections tied', () => {
      const [query, value] = [variable([3, 4], 1), variable([3, 4], 2)];
      expectEqualsLoop({
        data: [normal([4, 5, 3], 3)],
        variables: [query, value],
        loss: ([x]) => {
          const project = (w: tf.Variable) =>
            tf.reshape(tf.matMul(tf.reshape(x!, [-1, 3]) as Matrix, w as Matrix), [-1, 5, 4]) as tf.Tensor3D;
          const [q, v] = [project(query), project(value)];
          const weights = tf.softmax(tf.div(tf.matMul(q, q, false, true), 2));
          return power(tf.matMul(weights, v));
        },
      });
    });

    it('two heads of attention, by reshape and transpose', () => {
      const [query, key, out] = [variable([4, 6], 1), variable([4, 6], 2), variable([6, 2], 3)];
      expectEqualsLoop({
        data: [normal([3, 5, 4], 3)],
        variables: [query, key, out],
        loss: ([x]) => {
          const heads = (w: tf.Variable) => {
            const flat = tf.matMul(tf.reshape(x!, [-1, 4]) as Matrix, w as Matrix);
            return tf.transpose(tf.reshape(flat, [-1, 5, 2, 3]), [0, 2, 1, 3]);
          };
          const q = heads(query) as tf.Tensor4D;
          const k = heads(key) as tf.Tensor4D;
          const mixed = tf.matMul(tf.softmax(tf.matMul(q, k, false, true)), k);
          const merged = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, 6]);
          return power(tf.reshape(tf.matMul(merged as Matrix, out as Matrix), [-1, 5, 2]));
        },
      });
    });

    it('examples whose gradient is exactly zero', () => {
      const w = variable([3, 2], 1);
      const x = tf.tensor2d([0, 0, 0, 1, 2, 3, 0, 0, 0, -1, 0, 2], [4, 3]);
      const gradients = expectEqualsLoop({
        data: [x],
        variables: [w],
        loss: ([rows]) => power(tf.matMul(rows as Matrix, w as Matrix)),
      });
      expect(Math.max(...gradients[0]![0]!.map(Math.abs))).toBe(0);
    });

    it('gradients of very different size', () => {
      const w = variable([3, 2], 1);
      const scales = tf.tensor2d([1e-6, 1e-3, 1, 1e3, 1e6], [5, 1]);
      expectEqualsLoop({
        data: [normal([5, 3], 2), scales],
        variables: [w],
        loss: ([x, scale]) => meanOfExample(tf.mul(tf.square(tf.matMul(x as Matrix, w as Matrix)), scale!)),
      });
    });
  });
});

function firstColumn(matrix: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.slice(matrix, [0, 0], [-1, 1]), [-1]);
}

/**
 * Functions in which one example reaches another one's loss, by paths that a masked back-propagation sees and by
 * paths that it does not. Each must be refused, with a message that names the operation or the layer.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample, sequential, weightsOf } from './layers-problem.js';
import { integers, normal, oneHot, variable } from './seeded-data.js';

type Matrix = tf.Tensor2D;
type Build = () => { readonly f: () => tf.Tensor; readonly variables: readonly tf.Variable[] };

const [batch, features, units] = [4, 3, 2];

/** A linear model with squared error in which `change` may touch inputs, outputs and losses. */
function linear(change: {
  readonly inputs?: (x: Matrix) => tf.Tensor;
  readonly outputs?: (z: Matrix, x: Matrix) => tf.Tensor;
  readonly losses?: (losses: tf.Tensor1D, x: Matrix, y: Matrix) => tf.Tensor;
  readonly labels?: (y: Matrix) => tf.Tensor;
}): Build {
  return () => {
    const w = variable([features, units], 1);
    const [x, y] = [normal([batch, features], 2) as Matrix, oneHot([batch], units, 3) as Matrix];
    const f = () => {
      const input = (change.inputs?.(x) ?? x) as Matrix;
      const z = tf.matMul(input, w as Matrix);
      const output = change.outputs?.(z as Matrix, x) ?? z;
      const losses = meanOfExample(tf.squaredDifference(output, change.labels?.(y) ?? y)) as tf.Tensor1D;
      return change.losses?.(losses, x, y) ?? losses;
    };
    return { f, variables: [w] };
  };
}

function ofLayers(
  shape: readonly number[],
  layers: () => tfl.layers.Layer[],
  trained?: (model: tfl.LayersModel) => tf.Variable[],
): Build {
  return () => {
    const model = sequential(layers());
    const x = normal([batch, ...shape], 2);
    const f = () => meanOfExample(tf.square(model.apply(x, { training: true }) as tf.Tensor));
    return { f, variables: trained ? trained(model) : weightsOf(model) };
  };
}

const shift = (x: tf.Tensor) => {
  const rest = new Array<number>(x.rank - 1).fill(-1);
  const zeros = rest.map(() => 0);
  return tf.concat([
    tf.slice(x, [1, ...zeros], [x.shape[0]! - 1, ...rest]),
    tf.slice(x, [0, ...zeros], [1, ...rest]),
  ]);
};
/** An operation with a gradient of one's own. */
const customised =
  (value: (x: tf.Tensor) => tf.Tensor, gradient: (dy: tf.Tensor) => tf.Tensor) => (z: tf.Tensor) =>
    tf.customGrad((x) => ({ value: value(x as tf.Tensor), gradFunc: gradient }))(z);
const overBatch = (op: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.transpose(op(tf.transpose(x)));
const { dense, batchNormalization, conv2d } = tfl.layers;

const refused: Record<string, Record<string, readonly [Build, RegExp]>> = {
  'statistics of the batch': {
    'input centred by its batch mean': [linear({ inputs: (x) => tf.sub(x, tf.mean(x, 0)) }), /mean|sum/i],
    'input centred by its batch mean, kept dimensions': [
      linear({ inputs: (x) => tf.sub(x, tf.mean(x, 0, true)) }),
      /mean|sum/i,
    ],
    'input divided by the batch maximum': [linear({ inputs: (x) => tf.div(x, tf.max(x)) }), /max/i],
    'input divided by the norm of the batch': [
      linear({ inputs: (x) => tf.div(x, tf.norm(x)) }),
      /sum|sqrt|norm/i,
    ],
    'output centred by tf.moments': [
      linear({ outputs: (z) => tf.sub(z, tf.moments(z, 0, true).mean) }),
      /mean|sum/i,
    ],
    'labels smoothed by the batch': [
      linear({ labels: (y) => tf.add(tf.mul(0.9, y), tf.mul(0.1, tf.mean(y, 0))) }),
      /mean|sum/i,
    ],
    'a threshold at the batch mean': [
      linear({ inputs: (x) => tf.mul(x, tf.cast(tf.greater(x, tf.mean(x, 0)), 'float32')) }),
      /mean|sum/i,
    ],
    'the batch mean behind a gate that is zero': [
      () => {
        const [w, gate] = [variable([features, units], 1), tf.variable(tf.scalar(0))];
        const x = normal([batch, features], 2) as Matrix;
        const f = () => {
          const z = tf.matMul(x, w as Matrix);
          return tf.mean(tf.square(tf.add(z, tf.mul(gate, tf.mean(z, 0)))), 1);
        };
        return { f, variables: [w, gate] };
      },
      /mean|sum/i,
    ],
    'the batch mean times the constant zero': [
      linear({ outputs: (z) => tf.add(z, tf.mul(0, tf.mean(z, 0))) }),
      /mean|sum/i,
    ],
    'the batch minimum, by stacking': [
      linear({ inputs: (x) => tf.sub(x, tf.stack(new Array<tf.Tensor>(batch).fill(tf.min(x, 0)))) }),
      /min/i,
    ],
    'a mixture weighted by a softmax over the batch': [
      linear({ losses: (l) => tf.mul(l, tf.softmax(l)) }),
      /softmax/i,
    ],
    'the logarithm of a sum of exponentials over the batch': [
      linear({ outputs: (z) => tf.sub(z, tf.logSumExp(z, 0, true)) }),
      /max|sum/i,
    ],
    'the product over the batch': [linear({ inputs: (x) => tf.mul(x, tf.prod(x, 0)) }), /prod/i],
    'whether any example is positive': [
      linear({ inputs: (x) => tf.mul(x, tf.cast(tf.any(tf.greater(x, 0), 0), 'float32')) }),
      /any/i,
    ],
    'the largest example, by argMax and gather': [
      linear({ inputs: (x) => tf.sub(x, tf.gather(x, tf.argMax(tf.sum(x, 1), 0))) }),
      /argmax|gather/i,
    ],
  },
  'divisors that the batch decides': {
    'the class count': [
      linear({ losses: (l, _, y) => tf.div(l, tf.add(1, tf.sum(tf.slice(y, [0, 0], [-1, 1])))) }),
      /sum/i,
    ],
    'tf.losses by its weights that are not zero': [
      linear({
        losses: (l, x) => {
          const weights = tf.cast(tf.greater(tf.sum(x, 1), 0), 'float32');
          return tf.losses.computeWeightedLoss(l, weights);
        },
      }),
      /sum|div/i,
    ],
    'tf.losses by the sum of its weights': [
      linear({ losses: (l, x) => tf.losses.computeWeightedLoss(l, tf.abs(tf.sum(x, 1)), tf.Reduction.MEAN) }),
      /sum|div/i,
    ],
    'the number of examples, read off the shape': [
      linear({ losses: (l) => tf.div(tf.sum(l), l.shape[0]) }),
      /div/i,
    ],
    'each loss by a count of ones': [linear({ losses: (l) => tf.div(l, tf.sum(tf.onesLike(l))) }), /./],
    'the steps that count in all examples together': [
      linear({ losses: (l, x) => tf.div(tf.sum(l), tf.sum(tf.cast(tf.greater(x, 0), 'float32'))) }),
      /div/i,
    ],
    'the root of the sum': [linear({ losses: (l) => tf.sqrt(tf.sum(l)) }), /sqrt/i],
    'the logarithm of the mean': [linear({ losses: (l) => tf.log(tf.mean(l)) }), /log/i],
    'a mean times a mean': [linear({ losses: (l, x) => tf.mul(tf.mean(l), tf.mean(tf.square(x))) }), /mul/i],
    'the worst example alone': [linear({ losses: (l) => tf.max(l) }), /max/i],
  },
  'rows out of their place': {
    'the next example by slice and concat': [linear({ inputs: (x) => shift(x) }), /slice|concat/i],
    'labels of the next example': [linear({ labels: (y) => shift(y) }), /slice|concat/i],
    'losses that compare neighbours': [
      linear({ losses: (l) => tf.squaredDifference(l, shift(l)) }),
      /slice|concat/i,
    ],
    reversed: [linear({ inputs: (x) => tf.reverse(x, 0) }), /reverse/i],
    'gathered in another order': [
      linear({ inputs: (x) => tf.gather(x, tf.tensor1d([1, 2, 3, 0], 'int32')) }),
      /gather/i,
    ],
    'gathered by ids in the data': [
      () => {
        const w = variable([features, units], 1);
        const [x, ids] = [normal([batch, features], 2), tf.tensor1d([3, 3, 0, 1], 'int32')];
        return {
          f: () => tf.mean(tf.square(tf.matMul(tf.gather(x, ids) as Matrix, w as Matrix)), 1),
          variables: [w],
        };
      },
      /gather/i,
    ],
    'unstacked and stacked in another order': [
      linear({ inputs: (x) => tf.stack([...tf.unstack(x)].reverse()) }),
      /unpack|unstack|pack/i,
    ],
    'split and put together in another order': [
      linear({ inputs: (x) => tf.concat([...tf.split(x, 2)].reverse()) }),
      /split|concat/i,
    ],
    'split into unequal parts and put together in another order': [
      linear({ inputs: (x) => tf.concat([...tf.split(x, [1, 3])].reverse()) }),
      /split|concat/i,
    ],
    'tiled and cut': [
      linear({ inputs: (x) => tf.slice(tf.tile(x, [2, 1]), [1, 0], [batch, -1]) }),
      /tile|slice/i,
    ],
    'padded and cut': [
      linear({
        inputs: (x) =>
          tf.slice(
            tf.pad(x, [
              [1, 0],
              [0, 0],
            ]),
            [0, 0],
            [batch, -1],
          ),
      }),
      /pad|slice/i,
    ],
    'every second example, twice': [
      linear({
        inputs: (x) =>
          tf.concat([tf.stridedSlice(x, [0], [batch], [2]), tf.stridedSlice(x, [1], [batch], [2])]),
      }),
      /slice|concat/i,
    ],
    'one loss for all examples but the last': [
      linear({ losses: (l) => tf.slice(l, [0], [batch - 1]) }),
      /slice/i,
    ],
    'cumulative sums': [linear({ inputs: (x) => tf.cumsum(x, 0) }), /cumsum/i],
    'cumulative sums of losses': [linear({ losses: (l) => tf.cumsum(l, 0) }), /cumsum/i],
    'the two largest of the batch': [
      linear({ inputs: (x) => tf.add(x, tf.sum(tf.topk(tf.transpose(x), 2).values)) }),
      /topk/i,
    ],
    'sorted along the batch': [linear({ inputs: overBatch((x) => tf.topk(x, batch, true).values) }), /topk/i],
    'the rank of the worst example': [
      linear({ losses: (l) => tf.mul(l, tf.cast(tf.argMax(l, 0), 'float32')) }),
      /argmax/i,
    ],
    'scattered to other places': [
      linear({ losses: (l) => tf.scatterND(tf.tensor2d([[1], [2], [3], [0]], [4, 1], 'int32'), l, [batch]) }),
      /scatter/i,
    ],
    'drawn at random by weights of the batch': [
      linear({
        losses: (l, x) =>
          tf.mul(l, tf.cast(tf.multinomial(tf.sum(x, 1) as tf.Tensor1D, batch, 3), 'float32')),
      }),
      /multinomial|reshape/i,
    ],
  },
  'products over the batch': {
    X·Xᵀ: [linear({ outputs: (z, x) => tf.matMul(tf.matMul(x, x, false, true), z) }), /matmul/i],
    'softmax(X·Xᵀ)·X, attention across examples': [
      linear({ outputs: (z) => tf.matMul(tf.softmax(tf.matMul(z, z, false, true)), z) }),
      /matmul|softmax/i,
    ],
    Xᵀ·X: [linear({ inputs: (x) => tf.matMul(x, tf.matMul(x, x, true, false)) }), /matmul/i],
    'in-batch negatives: a contrastive loss': [
      linear({
        losses: (_, x) => {
          const similar = tf.matMul(x, x, false, true);
          return tf.neg(tf.sum(tf.mul(tf.logSoftmax(similar), tf.eye(batch)), 1));
        },
        outputs: (z) => z,
      }),
      /matmul|softmax/i,
    ],
    'contrast between outputs': [
      linear({ outputs: (z) => tf.slice(tf.matMul(z, z, false, true), [0, 0], [batch, units]) }),
      /matmul/i,
    ],
    'a softmax over the batch axis': [linear({ outputs: overBatch((z) => tf.softmax(z)) }), /softmax/i],
    'a convolution that takes the batch for a row of pixels': [
      () => {
        const filter = variable([1, 3, features, units], 1);
        const x = normal([batch, features], 2);
        const f = () => {
          const image = tf.reshape(x, [1, 1, batch, features]) as tf.Tensor4D;
          const z = tf.conv2d(image, filter as tf.Tensor4D, 1, 'same');
          return tf.mean(tf.square(tf.reshape(z, [batch, units])), 1);
        };
        return { f, variables: [filter] };
      },
      /conv2d/i,
    ],
    'pooling over the batch': [
      linear({
        inputs: (x) =>
          tf.reshape(tf.avgPool(tf.reshape(x, [1, batch, features, 1]) as tf.Tensor4D, [3, 1], 1, 'same'), [
            batch,
            features,
          ]),
      }),
      /pool/i,
    ],
    'a recurrent layer over the batch': [
      ofLayers([features], () => [
        tfl.layers.reshape({ targetShape: [features, 1], inputShape: [features] }),
        new BatchAsTime({}),
        tfl.layers.simpleRNN({ units: 2, recurrentInitializer: 'glorotNormal', returnSequences: true }),
        new TimeAsBatch({}),
      ]),
      /./,
    ],
  },
  'shapes that mislead': {
    'rows scrambled by a reshape': [
      () => {
        const w = variable([2, units], 1);
        const x = normal([batch, 6, 2], 2);
        const f = () => {
          const scrambled = tf.reshape(x, [6, batch, 2]);
          const z = tf.matMul(tf.reshape(scrambled, [-1, 2]) as Matrix, w as Matrix);
          return tf.mean(tf.square(tf.reshape(z, [6, batch, units])), [0, 2]);
        };
        return { f, variables: [w] };
      },
      /reshape|mean|sum/i,
    ],
    'two halves of each example taken for examples': [
      () => {
        const w = variable([features, units], 1);
        const x = normal([batch, 2 * features], 2);
        const halves = () => tf.reshape(x, [2 * batch, features]) as Matrix;
        return { f: () => tf.mean(tf.square(tf.matMul(halves(), w as Matrix)), 1), variables: [w] };
      },
      /batch|examples/i,
    ],
    'two batches of different size in one loss': [
      () => {
        const w = variable([features, units], 1);
        const [x, more] = [normal([batch, features], 2), normal([2 * batch, features], 3)];
        const loss = (rows: tf.Tensor) => tf.mean(tf.square(tf.matMul(rows as Matrix, w as Matrix)));
        return { f: () => tf.add(loss(x), loss(more)), variables: [w] };
      },
      /batch/i,
    ],
    'two losses, [B] and [B, T] with T = B, broadcast': [
      () => {
        const w = variable([features, 2], 1);
        const [x, xs] = [normal([batch, features], 2), normal([batch, batch, features], 3)];
        const f = () => {
          const one = tf.mean(tf.square(tf.matMul(x as Matrix, w as Matrix)), 1);
          const flat = tf.matMul(tf.reshape(xs, [-1, features]) as Matrix, w as Matrix);
          const many = tf.mean(tf.square(tf.reshape(flat, [batch, batch, 2])), 2);
          return tf.mean(tf.add(one, many));
        };
        return { f, variables: [w] };
      },
      /add/i,
    ],
    'labels [B] against outputs [B, B]': [
      () => {
        const w = variable([features, batch], 1);
        const [x, y] = [normal([batch, features], 2), normal([batch], 3)];
        const f = () => tf.mean(tf.squaredDifference(tf.matMul(x as Matrix, w as Matrix), y), 1);
        return { f, variables: [w] };
      },
      /squareddifference/i,
    ],
    'labels [B, 1] against outputs [B], which broadcast to [B, B]': [
      () => {
        const w = variable([features, 1], 1);
        const [x, y] = [normal([batch, features], 2), normal([batch, 1], 3)];
        const f = () => {
          const z = tf.reshape(tf.matMul(x as Matrix, w as Matrix), [batch]);
          return tf.mean(tf.squaredDifference(z, y));
        };
        return { f, variables: [w] };
      },
      /squareddifference/i,
    ],
    'data for weights: a captured matrix [B, k] on the right of [B, d = B]': [
      () => {
        const w = variable([units, units], 1);
        const [x, projection] = [normal([batch, batch], 2), normal([batch, units], 3)];
        const f = () =>
          tf.mean(tf.square(tf.matMul(tf.matMul(x as Matrix, projection as Matrix), w as Matrix)), 1);
        return { f, variables: [w] };
      },
      /matmul/i,
    ],
    'a captured table of T = B positions added to [B, T, d]': [
      () => {
        const w = variable([features, units], 1);
        const [x, positions] = [normal([batch, batch, features], 2), normal([batch, features], 3)];
        const f = () => {
          const rows = tf.reshape(tf.add(x, positions), [-1, features]) as Matrix;
          return tf.mean(tf.square(tf.reshape(tf.matMul(rows, w as Matrix), [batch, batch, units])), [1, 2]);
        };
        return { f, variables: [w] };
      },
      /add/i,
    ],
    'a captured tensor without a batch axis, such as a mean computed outside': [
      () => {
        const w = variable([features, units], 1);
        const x = normal([batch, features], 2) as Matrix;
        const mean = tf.mean(x, 0);
        return {
          f: () => tf.mean(tf.square(tf.matMul(tf.sub(x, mean) as Matrix, w as Matrix)), 1),
          variables: [w],
        };
      },
      /sub|captured|\[3\]/i,
    ],
    'a captured tensor [1, d] without a batch axis': [
      () => {
        const w = variable([features, units], 1);
        const x = normal([batch, features], 2) as Matrix;
        const mean = tf.mean(x, 0, true);
        return {
          f: () => tf.mean(tf.square(tf.matMul(tf.sub(x, mean) as Matrix, w as Matrix)), 1),
          variables: [w],
        };
      },
      /sub|captured|\[1,3\]/i,
    ],
  },
  'layers that mix': {
    'batchNormalization between dense layers': [
      ofLayers([features], () => [
        dense({ units: 3, inputShape: [features] }),
        batchNormalization(),
        dense({ units: 2 }),
      ]),
      /batchnorm/i,
    ],
    'batchNormalization first': [
      ofLayers([features], () => [batchNormalization({ inputShape: [features] }), dense({ units: 2 })]),
      /batchnorm/i,
    ],
    'frozen batchNormalization': [
      ofLayers([features], () => {
        const norm = batchNormalization();
        norm.trainable = false;
        return [dense({ units: 3, inputShape: [features] }), norm, dense({ units: 2 })];
      }),
      /batchnorm/i,
    ],
    'frozen batchNormalization before frozen layers': [
      ofLayers(
        [features],
        () => [batchNormalization({ inputShape: [features] }), dense({ units: 3 }), dense({ units: 2 })],
        (model) => weightsOf(model).slice(-2),
      ),
      /batchnorm/i,
    ],
    'batchNormalization on images': [
      ofLayers([4, 4, 2], () => [
        conv2d({ filters: 2, kernelSize: 2, inputShape: [4, 4, 2] }),
        batchNormalization({ axis: 3 }),
        tfl.layers.flatten(),
        dense({ units: 2 }),
      ]),
      /batchnorm/i,
    ],
    'a stateful LSTM': [
      ofLayers([2, features], () => [
        tfl.layers.lstm({
          units: 2,
          recurrentInitializer: 'glorotNormal',
          stateful: true,
          batchInputShape: [batch, 2, features],
        }),
        dense({ units: 2 }),
      ]),
      /stateful|lstm|state/i,
    ],
  },
  'state written inside the loss': {
    'a variable that is trained': [
      () => {
        const w = variable([features, units], 1);
        const x = normal([batch, features], 2) as Matrix;
        const f = () => {
          const z = tf.matMul(x, w as Matrix);
          w.assign(tf.mul(w, 0.9));
          return tf.mean(tf.square(z), 1);
        };
        return { f, variables: [w] };
      },
      /assign|state|variable/i,
    ],
    'a running mean': [
      () => {
        const [w, running] = [variable([features, units], 1), tf.variable(tf.zeros([features]), false)];
        const x = normal([batch, features], 2) as Matrix;
        const f = () => {
          running.assign(tf.add(tf.mul(running, 0.9), tf.mul(tf.mean(x, 0), 0.1)));
          return tf.mean(tf.square(tf.matMul(tf.sub(x, running) as Matrix, w as Matrix)), 1);
        };
        return { f, variables: [w] };
      },
      /assign|state|variable|mean/i,
    ],
    'a running mean that this step does not read': [
      () => {
        const [w, running] = [variable([features, units], 1), tf.variable(tf.zeros([features]), false)];
        const x = normal([batch, features], 2) as Matrix;
        const f = () => {
          const losses = tf.mean(tf.square(tf.matMul(tf.sub(x, running) as Matrix, w as Matrix)), 1);
          running.assign(tf.mean(x, 0));
          return losses;
        };
        return { f, variables: [w] };
      },
      /assign|state|variable|mean/i,
    ],
    'a running mean behind a tidy': [
      () => {
        const [w, running] = [variable([features, units], 1), tf.variable(tf.zeros([features]), false)];
        const x = normal([batch, features], 2) as Matrix;
        const f = () => {
          tf.tidy(() => running.assign(tf.mean(x, 0)));
          return tf.mean(tf.square(tf.matMul(x, w as Matrix)), 1);
        };
        return { f, variables: [w] };
      },
      /assign|state|variable|mean/i,
    ],
  },
  'state made from data inside the loss': {
    'a variable that starts at the batch mean': [
      linear({ inputs: (x) => tf.sub(x, tf.variable(tf.mean(x, 0), false)) }),
      /variable|mean|state/i,
    ],
    'a variable that is thrown away before the end': [
      linear({
        inputs: (x) => {
          const mean = tf.variable(tf.mean(x, 0), false);
          const centred = tf.sub(x, mean);
          mean.dispose();
          return centred;
        },
      }),
      /variable|mean|state/i,
    ],
    'a tensor kept for the next batch': [
      linear({ outputs: (z) => tf.keep(tf.clone(z)) }),
      /keep|memory|state/i,
    ],
  },
  'gradients that the tape cannot vouch for': {
    'a custom gradient that mixes': [
      linear({
        outputs: customised(
          (x) => tf.clone(x),
          (dy) => tf.add(dy, tf.mean(dy, 0)),
        ),
      }),
      /./,
    ],
    'a custom gradient that does not': [
      linear({
        outputs: customised(
          (x) => tf.square(x),
          (dy) => dy,
        ),
      }),
      /custom/i,
    ],
    'a custom gradient of a copy': [
      linear({
        outputs: customised(
          (x) => tf.clone(x),
          (dy) => tf.mul(dy, 3),
        ),
      }),
      /custom/i,
    ],
    'a custom gradient whose value mixes': [
      linear({
        outputs: customised(
          (x) => tf.sub(x, tf.mean(x, 0)),
          (dy) => dy,
        ),
      }),
      /./,
    ],
    'a custom gradient under the name of an operation that has a rule': [
      linear({
        outputs: (z) =>
          tf.tidy('fusedMatMul__op', () =>
            customised(
              (x) => tf.clone(x),
              (dy) => tf.add(dy, tf.mean(dy, 0)),
            )(z),
          ),
      }),
      /./,
    ],
    'a penalty on the gradient of the batch': [
      linear({
        losses: (l, x) => {
          const inner = (v: tf.Tensor) => tf.sum(tf.square(tf.matMul(x, v as Matrix)));
          return tf.add(l, tf.sum(tf.square(tf.grad(inner)(tf.ones([features, units])))));
        },
      }),
      /./,
    ],
    'a step on the batch inside the loss, as in meta-learning': [
      () => {
        const w = variable([features, units], 1);
        const x = normal([batch, features], 2) as Matrix;
        const inner = (v: tf.Tensor) => tf.sum(tf.square(tf.matMul(x, v as Matrix)));
        const f = () => {
          const adapted = tf.sub(w, tf.mul(0.1, tf.grad(inner)(w))) as Matrix;
          return tf.mean(tf.square(tf.matMul(x, adapted)), 1);
        };
        return { f, variables: [w] };
      },
      /./,
    ],
    "the norm of the batch's gradient, by variableGrads": [
      () => {
        const w = variable([features, units], 1);
        const x = normal([batch, features], 2) as Matrix;
        const losses = () => tf.mean(tf.square(tf.matMul(x, w as Matrix)), 1);
        const f = () => {
          const { grads } = tf.variableGrads(() => tf.mean(losses()) as tf.Scalar, [w]);
          return tf.mul(losses(), tf.add(1, tf.sum(grads[w.name]!)));
        };
        return { f, variables: [w] };
      },
      /./,
    ],
  },
};

class BatchAsTime extends tfl.layers.Layer {
  static className = 'BatchAsTime';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.transpose([inputs].flat()[0]!, [1, 0, 2]);
  }
}
class TimeAsBatch extends BatchAsTime {
  static override className = 'TimeAsBatch';
}

function refusalOf(f: () => tf.Tensor, variables: readonly tf.Variable[]): { code: string; message: string } {
  try {
    new PerExampleEngine().clippedSum(f, variables, { l2NormClip: 1 });
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: 'accepted', message: 'the engine accepted a function that mixes examples' };
}

eachBackend(() => {
  describe.each(Object.entries(refused))('refuses %s', (_, cases) => {
    it.each(Object.entries(cases))('%s', (_name, [build, message]) => {
      const { f, variables } = build();
      const refusal = refusalOf(f, variables);
      expect(['DP_CROSS_EXAMPLE', 'DP_UNSUPPORTED_OP'], refusal.message).toContain(refusal.code);
      expect(refusal.message).toMatch(message);
    });
  });

  describe('refuses mixing', () => {
    it('on every step, not only on the first', () => {
      const w = variable([features, units], 1);
      const x = normal([batch, features], 2) as Matrix;
      let mixes = false;
      const f = () =>
        tf.mean(tf.square(tf.matMul((mixes ? tf.sub(x, tf.mean(x, 0)) : x) as Matrix, w as Matrix)), 1);
      const engine = new PerExampleEngine();
      engine.clippedSum(f, [w], { l2NormClip: 1 });
      mixes = true;
      expect(() => engine.clippedSum(f, [w], { l2NormClip: 1 })).toThrow(
        expect.objectContaining({ code: 'DP_CROSS_EXAMPLE' }),
      );
    });

    it('by rows in another order on a later step, with the same operations', () => {
      const w = variable([features, units], 1);
      const x = normal([batch, features], 2) as Matrix;
      const orders = [
        [0, 1, 2, 3],
        [1, 0, 3, 2],
      ].map((order) => tf.tensor1d(order, 'int32'));
      for (const order of orders) {
        const f = () => tf.mean(tf.square(tf.matMul(tf.gather(x, order) as Matrix, w as Matrix)), 1);
        expect(() => new PerExampleEngine().clippedSum(f, [w], { l2NormClip: 1 })).toThrow(/gather/i);
      }
    });

    it('by a custom gradient that begins to mix on a later step', () => {
      const w = variable([features, units], 1);
      const x = normal([batch, features], 2) as Matrix;
      let mixes = false;
      const copy = customised(
        (z) => tf.clone(z),
        (dy) => (mixes ? tf.add(dy, tf.mean(dy, 0)) : dy),
      );
      const engine = new PerExampleEngine();
      const step = () =>
        engine.clippedSum(() => tf.mean(tf.square(copy(tf.matMul(x, w as Matrix))), 1), [w], {
          l2NormClip: 1,
        });
      expect(() => {
        step();
        mixes = true;
        step();
      }).toThrow(expect.objectContaining({ code: expect.stringMatching(/^DP_/) }));
    });

    it('of losses that are not one an example', () => {
      const w = variable([features, units], 1);
      const [x, cube] = [normal([batch, features], 2) as Matrix, normal([batch, batch, features], 3)];
      const wrong: (() => tf.Tensor)[] = [
        () => tf.square(tf.matMul(x, w as Matrix)),
        () => tf.mean(tf.square(x), 1),
        () => tf.scalar(1),
        () => {
          const z = tf.matMul(tf.reshape(cube, [-1, features]) as Matrix, w as Matrix);
          return tf.mean(tf.square(tf.reshape(z, [batch, batch, units])), [0, 2]);
        },
      ];
      for (const f of wrong) {
        expect(() => new PerExampleEngine().clippedSum(f, [w], { l2NormClip: 1 })).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^DP_(INVALID_ARGUMENT|CROSS_EXAMPLE)$/) }),
        );
      }
    });

    it('of ids looked up in a table and compared across the batch', () => {
      const table = variable([5, 3], 1);
      const ids = integers([batch, 2], 5, 2) as tf.Tensor2D;
      const f = () => {
        const rows = tf.mean(tf.gather(table, ids), 1);
        return tf.sum(tf.square(tf.sub(rows, shift(rows))), 1);
      };
      expect(() => new PerExampleEngine().clippedSum(f, [table], { l2NormClip: 1 })).toThrow(/slice|concat/i);
    });
  });
});

import * as tf from '@tensorflow/tfjs-core';

interface NativeBackend {
  executeSingleOutput(name: string, attributes: readonly unknown[], inputs: readonly tf.Tensor[]): tf.Tensor;
  readonly binding: Readonly<Record<string, number>>;
}

/** TensorFlow kernels that tfjs does not wrap, reached through the native backend; undefined on any other. */
function nativeBackend(): NativeBackend | undefined {
  if (tf.getBackend() !== 'tensorflow') return undefined;
  const backend = tf.backend() as unknown as Partial<NativeBackend>;
  const { binding } = backend;
  const known = ['TF_ATTR_TYPE', 'TF_ATTR_BOOL', 'TF_ATTR_INT', 'TF_ATTR_STRING', 'TF_FLOAT', 'TF_INT32'];
  return typeof backend.executeSingleOutput === 'function' &&
    known.every((name) => binding?.[name] !== undefined)
    ? (backend as NativeBackend)
    : undefined;
}

export const hasNativeOps = (): boolean => nativeBackend() !== undefined;

/** ‖row‖ of each row of `tensor`, [rows], in one pass where squaring and summing take two. */
export function rowNorms(tensor: tf.Tensor): tf.Tensor1D | undefined {
  const backend = nativeBackend();
  if (backend === undefined || tensor.rank < 2) return undefined;
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT, TF_INT32 } = backend.binding;
  const axes = tf.tensor1d(
    Array.from({ length: tensor.rank - 1 }, (_, i) => i + 1),
    'int32',
  );
  return backend.executeSingleOutput(
    'EuclideanNorm',
    [
      { name: 'keep_dims', type: TF_ATTR_BOOL, value: false },
      { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
      { name: 'Tidx', type: TF_ATTR_TYPE, value: TF_INT32 },
    ],
    [tensor, axes],
  ) as tf.Tensor1D;
}

/** The gradient of ReLU in one pass. */
export function reluGradient(gradient: tf.Tensor, features: tf.Tensor): tf.Tensor | undefined {
  const backend = nativeBackend();
  if (backend === undefined) return undefined;
  const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  return backend.executeSingleOutput(
    'ReluGrad',
    [{ name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT }],
    [gradient, features],
  );
}

/** Σ of the rows of `values` that share an id, [rows, width]: half the time of UnsortedSegmentSum. */
export function scatterSum(ids: tf.Tensor1D, values: tf.Tensor2D, rows: number): tf.Tensor2D | undefined {
  const backend = nativeBackend();
  if (backend === undefined) return undefined;
  const { TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = backend.binding;
  return tf.tidy(() =>
    backend.executeSingleOutput(
      'ScatterNd',
      [
        { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
        { name: 'Tindices', type: TF_ATTR_TYPE, value: TF_INT32 },
      ],
      [
        tf.reshape(tf.cast(ids, 'int32'), [ids.size, 1]),
        values,
        tf.tensor1d([rows, values.shape[1]], 'int32'),
      ],
    ),
  ) as tf.Tensor2D;
}

/** `blocks[:, places]`: [images, places, width] of [images, blocks, width], of a native backend. */
export function gatherBlocks(blocks: tf.Tensor3D, places: Int32Array): tf.Tensor3D {
  const backend = nativeBackend() as NativeBackend;
  const { TF_ATTR_TYPE, TF_ATTR_INT, TF_FLOAT, TF_INT32 } = backend.binding;
  return tf.tidy(() =>
    backend.executeSingleOutput(
      'GatherV2',
      [
        { name: 'batch_dims', type: TF_ATTR_INT, value: 0 },
        { name: 'Tparams', type: TF_ATTR_TYPE, value: TF_FLOAT },
        { name: 'Tindices', type: TF_ATTR_TYPE, value: TF_INT32 },
        { name: 'Taxis', type: TF_ATTR_TYPE, value: TF_INT32 },
      ],
      [blocks, tf.tensor1d(places, 'int32'), tf.scalar(1, 'int32')],
    ),
  ) as tf.Tensor3D;
}

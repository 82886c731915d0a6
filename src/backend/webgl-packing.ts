import * as tf from '@tensorflow/tfjs-core';

/**
 * WebGL kernels that pack 2×2 elements into a pixel let strangers meet. A packed function is applied to the padding of
 * an odd matrix as well, where it leaves f(0) or NaN, and a product of two such matrices adds that padding up: in tfjs
 * 4.22, exp(A)·exp(B) with 7 columns is 1 too large. And a packed clip leaves all four elements unclipped where one is
 * NaN: an example's gradient then depends on the example in the next row.
 */
const PACKED_FUNCTIONS = [
  'WEBGL_PACK_NORMALIZATION',
  'WEBGL_PACK_CLIP',
  'WEBGL_PACK_DEPTHWISECONV',
  'WEBGL_PACK_BINARY_OPERATIONS',
  'WEBGL_PACK_UNARY_OPERATIONS',
] as const;
/** Products that apply a function to what they pack. Products stay packed otherwise: they fill padding with zeros. */
const FUSED = ['_FusedMatMul', 'FusedConv2D'] as const;

interface PackingBackend {
  readonly texData: { get(id: object): { readonly isPacked?: boolean } };
  unpackTensor(info: tf.TensorInfo): tf.TensorInfo;
  disposeIntermediateTensorInfo(info: tf.TensorInfo): void;
}

const unpacking = new WeakSet<tf.KernelFunc>();

/** Turns off, for the whole page, the packed kernels of the webgl backend that are wrong at padding. */
export function unpackElements(): void {
  for (const flag of PACKED_FUNCTIONS) tf.env().set(flag, false);
  for (const name of FUSED) {
    const kernel = tf.getKernel(name, 'webgl');
    if (kernel == null || unpacking.has(kernel.kernelFunc)) continue;
    const kernelFunc: tf.KernelFunc = (params) => {
      const out = kernel.kernelFunc(params) as tf.TensorInfo;
      const backend = params.backend as unknown as PackingBackend;
      if (backend.texData.get(out.dataId).isPacked !== true) return out;
      const unpacked = backend.unpackTensor(out);
      backend.disposeIntermediateTensorInfo(out);
      return unpacked;
    };
    unpacking.add(kernelFunc);
    tf.unregisterKernel(name, 'webgl');
    tf.registerKernel({ ...kernel, kernelFunc });
  }
}

/** Data and weights for tests: deterministic, the same on every backend, and never exactly zero by default. */
import * as tf from '@tensorflow/tfjs-core';

/** Uniform numbers in (0, 1) by mulberry32: good enough to fill a test, and nothing else. */
export function uniforms(seed: number): () => number {
  let state = (seed * 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
}

export function normals(count: number, seed: number, scale = 1): Float32Array {
  const next = uniforms(seed);
  return Float32Array.from({ length: count }, () => {
    return scale * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  });
}

export function normal<S extends number[]>(shape: S, seed: number, scale = 1): tf.Tensor {
  return tf.tensor(normals(tf.util.sizeFromShape(shape), seed, scale), shape, 'float32');
}

export function variable(shape: number[], seed: number, scale = 0.5): tf.Variable {
  const initial = normal(shape, seed, scale);
  const made = tf.variable(initial, true);
  initial.dispose();
  return made;
}

export function integers(shape: number[], below: number, seed: number): tf.Tensor {
  const next = uniforms(seed);
  const values = Int32Array.from({ length: tf.util.sizeFromShape(shape) }, () => Math.floor(next() * below));
  return tf.tensor(values, shape, 'int32');
}

export function oneHot(shape: number[], classes: number, seed: number): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.oneHot(integers(shape, classes, seed) as tf.Tensor1D, classes), 'float32'));
}

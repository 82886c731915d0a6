import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { unpackElements } from './webgl-packing.js';

/**
 * Whether what a backend returns can be believed. The guarantee of a step rests on norms and sums that agree, and a
 * backend can break that without a word: a GPU that stores float16, or whose shaders drop NaN, or a WebGL context
 * that the browser took away, which from then on reads as zeros.
 */

/** Rows that no norm may survive: NaN, infinity, and a number whose square overflows. */
const SPOILED = [Number.NaN, Number.POSITIVE_INFINITY, 1e30];
/** Wide enough that the webgl backend computes on the device; it handles small tensors on the host. */
const WIDTH = 256;
/** What the engine's rounding margin allows a norm. */
const TOLERANCE = 2 ** -20;
/** Backends that compute in the process's own memory: there is nothing to lose. */
const ON_HOST: readonly string[] = ['cpu', 'wasm', 'tensorflow'];

/** The backends found faithful, with the settings that they were found so under. */
const faithful = new WeakMap<tf.KernelBackend, string>();

/** The active backend; a named error where there is none that could compute now. */
export function activeBackend(): tf.KernelBackend {
  try {
    return tf.backend();
  } catch (cause) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected a tfjs backend that has started, got: ${String(cause instanceof Error ? cause.message : cause)} ` +
        'Call `await selectBackend()` before training.',
      { cause },
    );
  }
}

/**
 * Requires float32 arithmetic that keeps NaN and infinity from the active backend. Computes a known norm and a known
 * sum on it once, and again when its precision is set anew.
 *
 * @throws DpError `DP_NUMERICAL` otherwise.
 */
export function requireFaithfulBackend(): void {
  const backend = activeBackend();
  if (webglContext(backend) !== undefined) unpackElements();
  const settings = precisionSettings();
  if (faithful.get(backend) === settings) return;
  if (webglContext(backend) !== undefined) requireLiveBackend(backend);
  const fault = arithmeticFault();
  if (fault !== undefined) {
    throw new DpError(
      'DP_NUMERICAL',
      `Expected a backend that computes in float32 and keeps NaN and infinity, got ${tf.getBackend()}, which ${fault}. ` +
        "Norms and sums would not agree: use another, such as `await selectBackend({ prefer: 'wasm' })`.",
    );
  }
  faithful.set(backend, settings);
}

/**
 * Requires that a backend still holds what was put into it, from when it started until now.
 *
 * A WebGL context that dies takes its objects along, also where the browser restores the context itself: the
 * backend's first buffer is there exactly if the context never died. A backend that is unknown here is made to
 * compute something known.
 *
 * @throws DpError `DP_BACKEND_LOST` otherwise.
 */
export function requireLiveBackend(backend: tf.KernelBackend = activeBackend()): void {
  const context = webglContext(backend);
  const alive =
    context !== undefined
      ? !context.gl.isContextLost() && context.gl.isBuffer(context.vertexBuffer)
      : backend !== activeBackend() || ON_HOST.includes(tf.getBackend()) || arithmeticFault() === undefined;
  if (alive) return;
  throw new DpError(
    'DP_BACKEND_LOST',
    'Expected the backend to hold its tensors until the end of training, got one whose device was lost: a WebGL ' +
      'context that the browser took away, for want of memory or after a crash of the graphics driver. What lay there, ' +
      'the weights too, reads as zeros. Nothing of this step was released. Load the weights that were saved last, and ' +
      "train on another backend, such as `await selectBackend({ prefer: 'wasm' })`.",
  );
}

/** What is wrong with the active backend's arithmetic, to complete "got NAME, which …"; undefined where it is sound. */
export function arithmeticFault(): string | undefined {
  if (webglContext(tf.backend()) !== undefined) unpackElements();
  return precisionFault() ?? neighbourFault();
}

/** Odd shapes, whose padding must not add up, and a NaN that must not reach the row beside it. */
function neighbourFault(): string | undefined {
  const [rows, width] = [5, 31];
  const values = Float32Array.from({ length: rows * width }, (_, k) => Math.sin(k + 1));
  values[width] = Number.NaN;
  const [product, clipped] = tf.tidy(() => {
    const matrix = tf.tensor2d(values, [rows, width]);
    const other = tf.exp(tf.slice(matrix, [2, 0], [3, width])) as tf.Tensor2D;
    const fused = tf.fused.matMul({
      a: other,
      b: tf.eye(width),
      bias: tf.zeros([width]),
      activation: 'sigmoid',
    });
    const products = [tf.matMul(other, other, false, true), tf.matMul(fused, fused, false, true)];
    return [tf.concat(products).dataSync(), tf.clipByValue(matrix, -0.5, 0.5).dataSync()] as const;
  });
  const activations = [(x: number) => Math.exp(x), (x: number) => 1 / (1 + Math.exp(-Math.exp(x)))];
  for (const [k, activation] of activations.entries()) {
    let expected = 0;
    for (const value of values.slice(2 * width, 3 * width)) expected += activation(value) ** 2;
    const got = product[9 * k] as number;
    if (!(Math.abs(got - expected) < 0.01))
      return `computed ${got} for a product of ${expected}, by its padding`;
  }
  const off = values.findIndex((x, k) => {
    const expected = Math.max(-0.5, Math.min(0.5, x));
    return !Number.isNaN(x) && !(Math.abs((clipped[k] as number) - expected) < TOLERANCE);
  });
  return off < 0 ? undefined : `clipped ${values[off]} to ${clipped[off]} beside a NaN`;
}

function precisionFault(): string | undefined {
  const sound = Float32Array.from({ length: WIDTH }, (_, k) => 1 + Math.sin(k + 1) / 3);
  const rows = SPOILED.map((value) => sound.map((x, k) => (k === WIDTH / 2 ? value : x)));
  const weight = Math.fround(1 / 3);
  const read = tf.tidy(() => {
    const matrix = tf.tensor2d(Float32Array.from([sound, ...rows].flatMap((row) => [...row])), [4, WIDTH]);
    const vector = tf.slice(matrix, [0, 0], [1, WIDTH]);
    const sums = tf.matMul(tf.tensor2d([weight], [1, 1]), vector);
    return tf.concat([tf.sum(tf.square(matrix), 1), tf.reshape(sums, [WIDTH])]).dataSync();
  });
  const square = sound.reduce((sum, x) => sum + x * x, 0);
  if (!isClose(read[0], square)) return `computed ${read[0]} for a sum of squares of ${square}`;
  for (const [k, value] of SPOILED.entries()) {
    if (Number.isFinite(read[1 + k])) return `computed ${read[1 + k]} for a norm with ${value} in it`;
  }
  const off = sound.findIndex((x, k) => !isClose(read[4 + k], weight * x));
  return off < 0
    ? undefined
    : `computed ${read[4 + off]} for a product of ${weight * (sound[off] as number)}`;
}

function isClose(got: number | undefined, expected: number): boolean {
  return got !== undefined && Math.abs(got - expected) <= TOLERANCE * Math.abs(expected);
}

/** The flags that may change a WebGL backend's precision while it runs; flags that nobody has read are absent. */
function precisionSettings(): string {
  const flags = tf.env().getFlags();
  return `${flags.WEBGL_RENDER_FLOAT32_ENABLED},${flags.WEBGL_FORCE_F16_TEXTURES}`;
}

interface WebglContext {
  readonly gl: Pick<WebGLRenderingContext, 'isContextLost' | 'isBuffer'>;
  readonly vertexBuffer: WebGLBuffer;
}

function webglContext(backend: tf.KernelBackend): WebglContext | undefined {
  const { gpgpu } = backend as { readonly gpgpu?: Partial<WebglContext> };
  return gpgpu?.gl !== undefined && gpgpu.vertexBuffer !== undefined ? (gpgpu as WebglContext) : undefined;
}

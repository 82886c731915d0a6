import * as tf from '@tensorflow/tfjs-core';

/**
 * Where a filter goes, one number a spatial axis: output o reads input o·stride + t·dilation − before at tap t.
 *
 * The output's extents are read off the output itself, not computed again: with numeric padding and an oblong
 * filter tfjs takes both from the filter's height, and with dimRoundingMode they are the caller's choice. `before`
 * may be negative: in three dimensions tfjs's 'same' cuts an input that the strides do not use up.
 */
export interface Geometry {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly output: readonly number[];
}

/** What to add (or, where negative, to cut off) at both ends of an axis. */
type Margin = readonly [number, number];

/** Margins that make the filter's positions those of a convolution without padding. */
function marginsOf(g: Geometry): Margin[] {
  return g.input.map((extent, axis) => {
    const before = g.before[axis] as number;
    const stride = g.strides[axis] as number;
    const last = ((g.output[axis] as number) - 1) * stride;
    const after = last + reachOf(g, axis) - before - extent;
    // Fewer elements than a stride beyond the last position make no further one.
    return [before, after < 0 && -after < stride ? 0 : after];
  });
}

/** Elements from the first tap of a filter to its last. */
function reachOf(g: Geometry, axis: number): number {
  return ((g.kernel[axis] as number) - 1) * (g.dilations[axis] as number) + 1;
}

/** `x` [images, …input, channels], padded or cut so that the output is its convolution without padding. */
export function fitted(x: tf.Tensor, g: Geometry): tf.Tensor {
  return withMargins(x, marginsOf(g));
}

/** The gradient of `fitted`: what was padded is cut off, and what was cut off gets zeros. */
export function unfitted(gradient: tf.Tensor, g: Geometry): tf.Tensor {
  const margins = marginsOf(g).map(([before, after]): Margin => [-before, -after]);
  return withMargins(gradient, margins);
}

export function fittedShape(x: tf.Tensor, g: Geometry): number[] {
  const margins = marginsOf(g);
  return x.shape.map((extent, axis) => {
    const [before, after] = margins[axis - 1] ?? [0, 0];
    return extent + before + after;
  });
}

function withMargins(x: tf.Tensor, margins: readonly Margin[]): tf.Tensor {
  const all: readonly Margin[] = [[0, 0], ...margins, [0, 0]];
  let cut = x;
  if (all.some(([before, after]) => before < 0 || after < 0)) {
    const begin = all.map(([before]) => Math.max(0, -before));
    const size = all.map(
      ([, after], axis) => (x.shape[axis] as number) - (begin[axis] as number) + Math.min(0, after),
    );
    cut = tf.slice(x, begin, size);
  }
  const add = all.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  return add.every(([before, after]) => before + after === 0) ? cut : padded(cut, add);
}

/** Zero padding; the webgl backend pads at most four axes at once. */
function padded(x: tf.Tensor, add: readonly [number, number][]): tf.Tensor {
  if (x.rank <= 4) return tf.pad(x, [...add]);
  const [images, depth, ...rest] = x.shape as [number, number, ...number[]];
  const planes = tf.pad(tf.reshape(x, [images * depth, ...rest]), [[0, 0], ...add.slice(2)]);
  const plane = planes.shape.slice(1);
  const stacked = tf.pad(tf.reshape(planes, [images, depth, planes.size / (images * depth)]), [
    [0, 0],
    add[1] as [number, number],
    [0, 0],
  ]);
  return tf.reshape(stacked, [images, stacked.shape[1] as number, ...plane]);
}

/**
 * The gradient of a convolution's input by one more convolution: of δ, with zeros between its elements where the
 * filter strode over them, by the filter turned round. Asks for no backward kernel, and takes any dilation.
 *
 * `correlate` convolves without padding, at stride 1 and with the dilations of `g`.
 */
export function inputByCorrelation(
  delta: tf.Tensor,
  g: Geometry,
  correlate: (delta: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const margins = g.input.map((extent, axis): Margin => {
    const before = g.before[axis] as number;
    const spread = (g.output[axis] as number) * (g.strides[axis] as number);
    return [reachOf(g, axis) - 1 - before, extent + before - spread];
  });
  return correlate(withMargins(spreadOut(delta, g.strides), margins));
}

/** Zeros behind each element: [images, …output, channels] as [images, …output·stride, channels]. */
function spreadOut(delta: tf.Tensor, strides: readonly number[]): tf.Tensor {
  let spread = delta;
  strides.forEach((stride, a) => {
    if (stride === 1) return;
    const shape = spread.shape.slice();
    const behind = shape.slice(a + 2).reduce((product, extent) => product * extent, 1);
    const elements = tf.reshape(spread, [spread.size / behind, 1, behind]);
    shape[a + 1] = (shape[a + 1] as number) * stride;
    spread = tf.reshape(
      tf.pad(elements, [
        [0, 0],
        [0, stride - 1],
        [0, 0],
      ]),
      shape,
    );
  });
  return spread;
}

/** The filter [...kernel, in, out] turned round along all of its spatial axes at once, as [taps, in, out]. */
export function turnedRound(filter: tf.Tensor): tf.Tensor3D {
  const [inputs, outputs] = filter.shape.slice(-2) as [number, number];
  return tf.reverse(tf.reshape(filter, [-1, inputs, outputs]), 0) as tf.Tensor3D;
}

/**
 * Where the examples lie inside a tensor.
 *
 * A tensor is row-major, so one number locates the batch however often it was reshaped: `inner`, the count of
 * elements between one example and the next. The element at flat index f belongs to example
 * ⌊f / inner⌋ mod B. A reshape keeps `inner`; [B, T, d] and its flattening [B·T, d] both have inner = T·d,
 * and [T, B, d] has inner = d. Everything here is arithmetic on shapes; no tensor is read.
 */
export interface RowLayout {
  readonly inner: number;
  /** The axis that holds the batch, where the operation told; with one example, shapes alone leave it open. */
  readonly axis?: number;
}

/** The axis of a shape that holds the batch, alone or merged with others (outer · B · block elements). */
export interface BatchAxis {
  readonly axis: number;
  /** Repetitions of the whole batch along the axis: T in a time-major [T·B, d]. */
  readonly outer: number;
  /** Consecutive entries of one example along the axis: T in a batch-major [B·T, d]. */
  readonly block: number;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Elements behind one step along `axis`. */
export function strideOf(shape: readonly number[], axis: number): number {
  return sizeOf(shape.slice(axis + 1));
}

/** The axis that holds the batch, or undefined where the batch straddles axes (after an odd reshape). */
export function batchAxisOf(
  shape: readonly number[],
  layout: RowLayout,
  batch: number,
): BatchAxis | undefined {
  const axes = layout.axis === undefined ? shape.keys() : [layout.axis];
  for (const axis of axes) {
    const stride = strideOf(shape, axis);
    const extent = shape[axis] as number;
    if (layout.inner % stride !== 0) continue;
    const block = layout.inner / stride;
    if (extent % (block * batch) !== 0) continue;
    return { axis, outer: extent / (block * batch), block };
  }
  return undefined;
}

/** The layout of a tensor of `shape` whose batch lies along `axis` in blocks of `block`. */
export function layoutAt(shape: readonly number[], axis: number, block: number): RowLayout {
  return { inner: block * strideOf(shape, axis), axis };
}

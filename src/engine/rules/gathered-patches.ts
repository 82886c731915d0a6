import * as tf from '@tensorflow/tfjs-core';
import { gatherBlocks, hasNativeOps } from '../native-ops.js';
import type { Geometry } from './geometry.js';
import { joinedByUnitFilters } from './unit-filters.js';

/**
 * Patches by one gather of contiguous blocks, on the native backend, where that takes a third of the time of slices.
 *
 * A block is what one tap of the filter meets: the channels of one pixel. Where these are few, a convolution with unit
 * filters first joins what rows of the filter meet, and a block is that. Which way is cheapest follows from the costs of
 * a block, a number and a product, as measured on two cores.
 */
const NANOSECONDS = { block: 3, number: 0.4, product: 1 / 60 };

/** Where the taps of a filter go in an image that is fitted to it. */
export type Window = Pick<Geometry, 'kernel' | 'strides' | 'dilations' | 'output'>;
type Pair = readonly [number, number];

/** [images, positions, kh·kw·channels] of a fitted image, or undefined where unit filters alone, or slices, serve better. */
export function gatheredPatches(image: tf.Tensor4D, window: Window): tf.Tensor3D | undefined {
  if (!hasNativeOps()) return undefined;
  const [images, height, width, channels] = image.shape;
  const [kh, kw] = window.kernel as Pair;
  const [sh, sw] = window.strides as Pair;
  const [outHeight, outWidth] = window.output as Pair;
  const positions = images * outHeight * outWidth;
  const rows = kh % sh === 0 ? sh : 1;
  const joined = { step: rows === sh ? sh : 1, size: rows * kw * channels };
  const heightOfJoined = Math.floor((height - rows) / joined.step) + 1;
  const undilated = window.dilations.every((dilation) => dilation === 1);
  const costs = {
    units: costOfUnits(positions, kh * kw * channels),
    pixels: costOfGather(positions * kh * kw, channels),
    joined: undilated
      ? costOfUnits(images * heightOfJoined * outWidth, joined.size) +
        costOfGather((positions * kh) / rows, joined.size)
      : Number.POSITIVE_INFINITY,
  };
  if (costs.units <= Math.min(costs.pixels, costs.joined)) return undefined;
  if (costs.pixels <= costs.joined) return gathered(image, window, width);
  const ofRows = joinedByUnitFilters(image, { kernel: [rows, kw], strides: [joined.step, sw] });
  const down = { ...window, kernel: [kh / rows, 1], strides: [sh / joined.step, 1] };
  return gathered(ofRows, down, ofRows.shape[2]);
}

function costOfGather(blocks: number, size: number): number {
  return blocks * (NANOSECONDS.block + size * NANOSECONDS.number);
}

function costOfUnits(positions: number, width: number): number {
  return positions * width * (NANOSECONDS.number + width * NANOSECONDS.product);
}

/** The blocks [images, positions, taps · channels] that a window meets in an image so many pixels wide. */
function gathered(image: tf.Tensor4D, window: Window, width: number): tf.Tensor3D | undefined {
  const [images, height, , channels] = image.shape;
  const places = placesOf(window, width);
  const blocks = gatherBlocks(tf.reshape(image, [images, height * width, channels]), places);
  const [outHeight, outWidth] = window.output as Pair;
  return tf.reshape(blocks, [images, outHeight * outWidth, -1]) as tf.Tensor3D;
}

/** Tables of places, which every step asks for again. */
const known = new Map<string, Int32Array>();
const MOST_KNOWN = 32;

/** For each position of the window, and each of its taps, the pixel that it meets, row by row. */
function placesOf(window: Window, width: number): Int32Array {
  const { kernel, strides, dilations, output } = window;
  const key = JSON.stringify([kernel, strides, dilations, output, width]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const [kh, kw] = kernel as Pair;
  const [sh, sw] = strides as Pair;
  const [dh, dw] = dilations as Pair;
  const [outHeight, outWidth] = output as Pair;
  const places = new Int32Array(outHeight * outWidth * kh * kw);
  let at = 0;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let a = 0; a < kh; a++) {
        for (let b = 0; b < kw; b++) places[at++] = (y * sh + a * dh) * width + x * sw + b * dw;
      }
    }
  }
  if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value as string);
  known.set(key, places);
  return places;
}

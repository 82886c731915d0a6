import { readFile } from 'node:fs/promises';
import { DpError } from 'tfjs-privacy';

/** An array of bytes as an IDX file holds it. */
export interface IdxArray {
  /** Sizes, outermost first: [n] for labels, [n, rows, columns] for images. */
  readonly shape: readonly number[];
  /** Row-major, one byte an element. */
  readonly data: Uint8Array;
}

/** The third byte of the magic number of arrays of unsigned bytes. */
const UNSIGNED_BYTE = 0x08;

/**
 * Reads a file in the IDX format of the MNIST digits: four bytes of magic number (0, 0, element type, number of
 * dimensions), one big-endian 32-bit size a dimension, then the elements.
 *
 * `shape` states what the caller relies on; null stands for "any number". What does not agree is an error:
 * nothing is cut or padded to fit.
 *
 * @throws DpError `DP_IO` when the file cannot be read; `DP_CORRUPT`, naming the file, what was expected and what
 * came, for a wrong magic number, wrong sizes, or a file that is shorter or longer than its header says.
 *
 * @example
 * const { shape, data } = await readIdx('train-images-idx3-ubyte', { shape: [null, 28, 28] });
 */
export async function readIdx(
  file: string,
  { shape: wanted }: { readonly shape: readonly (number | null)[] },
): Promise<IdxArray> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new DpError('DP_IO', `${file}: expected an IDX file, could not read it: ${cause.message}.`, {
      cause,
    });
  });
  const corrupt = (expected: string, got: string) =>
    new DpError('DP_CORRUPT', `${file}: expected ${expected}, got ${got}. Install the file again.`);

  const headerSize = 4 + 4 * wanted.length;
  if (bytes.length < headerSize) {
    throw corrupt(`a header of ${headerSize} bytes`, `a file of ${bytes.length} bytes`);
  }
  const magic = (UNSIGNED_BYTE << 8) | wanted.length;
  if (bytes.readUInt32BE(0) !== magic) {
    throw corrupt(
      `the magic number ${hex(magic)} (unsigned bytes, ${wanted.length} dimensions)`,
      hex(bytes.readUInt32BE(0)),
    );
  }
  const shape = wanted.map((_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  if (wanted.some((size, axis) => size !== null && size !== shape[axis])) {
    throw corrupt(`sizes [${wanted.map((size) => size ?? 'any')}]`, `[${shape}]`);
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== headerSize + size) {
    throw corrupt(
      `${headerSize + size} bytes for sizes [${shape}]`,
      `${bytes.length}: the file is ${bytes.length < headerSize + size ? 'truncated' : 'too long'}`,
    );
  }
  return { shape, data: new Uint8Array(bytes.buffer, bytes.byteOffset + headerSize, size) };
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

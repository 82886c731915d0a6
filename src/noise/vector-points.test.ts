import { afterEach, describe, expect, it, vi } from 'vitest';
import { gaussianSource, MAX_STANDARD_DEVIATION, MIN_STANDARD_DEVIATION } from './gaussian-source.js';
import { plainPoints } from './plain-points.js';
import type { RandomWords } from './random-words.js';
import { seededRandomWords } from './seeded-words.js';
import { vectorPoints } from './vector-points.js';
import { ROWS_AT, UNRESOLVED_AT, zigguratModule } from './ziggurat-module.js';
import { BLOCK_POINTS, BLOCK_WORDS, SAFE_BELOW, type ZigguratPoints } from './ziggurat-points.js';
import { LAYERS } from './ziggurat-tables.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The bits of what `place` leaves: the samples, and where there are none. */
function placed(points: ZigguratPoints, words: Uint32Array, first: number, count: number, sd: number) {
  points.words.set(words);
  const out = new Float32Array(count + 2).fill(7);
  const unresolved = Array.from({ length: points.place(first, out, 1, 1 + count, sd) }, (_, k) => {
    const i = points.unresolved[k]!;
    out[1 + i] = Number.NaN;
    return i;
  });
  const kept = Buffer.from(points.words.buffer, points.words.byteOffset, points.words.byteLength);
  return { bits: Buffer.from(out.buffer).toString('hex'), unresolved, kept: kept.toString('hex') };
}

function expectSame(words: Uint32Array, first: number, count: number, sd: number): number {
  const expected = placed(plainPoints(), words, first, count, sd);
  const points = vectorPoints()!;
  // Once more, with what the first call left in memory.
  for (let call = 0; call < 2; call++) expect(placed(points, words, first, count, sd)).toEqual(expected);
  return expected.unresolved.length;
}

function seededBlock(seed: number): Uint32Array {
  const words = new Uint32Array(BLOCK_WORDS);
  seededRandomWords(seed).fill(words);
  return words;
}

/** Words whose fraction is the integer `high` and a half, nearly, in a layer. */
const pair = (layer: number, high: number, low: number) => [((high << 8) | layer) >>> 0, low >>> 0];

describe('the points of the WebAssembly module equal those of JavaScript, bit for bit', () => {
  it.each([1, 1.1, 3.7e-9, 2 ** -30, MIN_STANDARD_DEVIATION, MAX_STANDARD_DEVIATION])(
    'over whole blocks of random words, times %d',
    (sd) => {
      for (let seed = 0; seed < 5; seed++) {
        const unresolved = expectSame(seededBlock(seed), 0, BLOCK_POINTS, sd);
        // About one in 67.
        expect(unresolved).toBeGreaterThan(70);
        expect(unresolved).toBeLessThan(190);
      }
    },
  );

  it.each([1, 2, 3, 4, 5, 63, 64, 65, 1001, BLOCK_POINTS - 1])('for %d points, from anywhere', (count) => {
    for (const first of [0, 2, 4, 6, 7000, BLOCK_WORDS - 2 * count]) {
      if (first + 2 * count <= BLOCK_WORDS) expectSame(seededBlock(count), first, count, 1.1);
    }
  });

  it('at the ends of both words in every layer, and on both sides of every safe bound', () => {
    const ends = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
    const words: number[] = [];
    for (let layer = 0; layer < LAYERS; layer++) {
      const bound = SAFE_BELOW[layer]!;
      const whole = Math.floor(bound);
      const part = Math.round((bound - whole) * 2 ** 32) - 2 ** 31;
      for (const high of [0, -1, 2 ** 23 - 1, -(2 ** 23), whole, -whole - 1]) {
        for (const low of ends) words.push(...pair(layer, high, low));
      }
      for (let step = -3; step <= 3; step++) {
        words.push(...pair(layer, whole, part + step), ...pair(layer, -whole - 1, ~(part + step)));
      }
    }
    for (let from = 0; from < words.length; from += BLOCK_WORDS) {
      const block = new Uint32Array(BLOCK_WORDS);
      block.set(words.slice(from, from + BLOCK_WORDS));
      for (const sd of [1, 1.1, 1e-20]) expectSame(block, 0, BLOCK_POINTS, sd);
    }
  });

  it('when no point is safe, and when all are', () => {
    const none = new Uint32Array(BLOCK_WORDS).fill(255);
    expect(expectSame(none, 0, BLOCK_POINTS, 1)).toBe(BLOCK_POINTS);
    expect(expectSame(none, BLOCK_WORDS - 6, 3, 1)).toBe(3);
    expect(expectSame(new Uint32Array(BLOCK_WORDS), 0, BLOCK_POINTS, 1)).toBe(0);
  });

  it('when the standard deviation changes from call to call, and for two of them in turns', () => {
    const [a, b] = [vectorPoints()!, vectorPoints()!];
    const words = seededBlock(1);
    for (const sd of [1, 2.5, 1, 0.1]) {
      const expected = placed(plainPoints(), words, 0, 1000, sd);
      expect(placed(a, words, 0, 1000, sd)).toEqual(expected);
      expect(placed(b, words, 0, 1000, 3 * sd)).toEqual(placed(plainPoints(), words, 0, 1000, 3 * sd));
    }
  });

  it('even if a generator writes over all of the memory that its array is a part of', () => {
    const careless: RandomWords = {
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        const all = new Uint32Array(out.buffer);
        const some = seededBlock(4);
        for (let i = 0; i < all.length; i++) all[i] = some[i % BLOCK_WORDS]!;
      },
    };
    const [vector, plain] = [new Float32Array(20_000), new Float32Array(20_000)];
    gaussianSource(careless).fill(vector, 1.1);
    withoutWebAssembly(() => gaussianSource(careless)).fill(plain, 1.1);
    expect(Buffer.from(vector.buffer).equals(Buffer.from(plain.buffer))).toBe(true);
  });
});

describe('the module', () => {
  it('is small enough to be compiled synchronously everywhere: Chromium’s old limit was 4 KB', () => {
    const compile = vi.spyOn(WebAssembly, 'Module');
    const module = zigguratModule();
    expect((compile.mock.calls[0]![0] as Uint8Array).length).toBeLessThan(1024);
    expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toEqual(['memory', 'place']);
  });

  it('has a memory of 128 KiB, which holds what it writes', () => {
    const { buffer } = vectorPoints()!.words;
    expect(buffer.byteLength).toBe(131_072);
    expect(UNRESOLVED_AT + 2 * (BLOCK_POINTS + 4)).toBeLessThanOrEqual(buffer.byteLength);
  });

  it('is compiled once, whatever the number of sources', async () => {
    vi.resetModules();
    const compile = vi.spyOn(WebAssembly, 'Module');
    const { vectorPoints } = await import('./vector-points.js');
    for (let i = 0; i < 3; i++) expect(vectorPoints()).toBeDefined();
    expect(compile).toHaveBeenCalledTimes(1);
  });
});

/** What `make` returns if there is no WebAssembly while it runs. */
function withoutWebAssembly<T>(make: () => T): T {
  vi.stubGlobal('WebAssembly', undefined);
  try {
    return make();
  } finally {
    vi.unstubAllGlobals();
  }
}

describe('gaussianSource with and without WebAssembly', () => {
  it('gives the same samples of the same words, bit for bit, over many blocks and sizes', () => {
    const vector = gaussianSource(seededRandomWords(11));
    const plain = withoutWebAssembly(() => gaussianSource(seededRandomWords(11)));
    for (const size of [0, 1, 2, 3, 5, 8191, 8192, 8193, 0, 33_333, 300_000, 7, 16_384]) {
      for (const sd of [1.1, 4e-3]) {
        const [a, b] = [new Float32Array(size), new Float32Array(size)];
        vector.fill(a, sd);
        plain.fill(b, sd);
        expect(Buffer.from(a.buffer).equals(Buffer.from(b.buffer)), `${size} samples`).toBe(true);
        expect(vector.wordsConsumed).toBe(plain.wordsConsumed);
      }
    }
  });

  it('writes no more than it is asked for, also into shared memory', () => {
    for (const size of [1, 2, 3, 5, 8190, 20_001]) {
      const out = new Float32Array(new SharedArrayBuffer(4 * (size + 2)));
      gaussianSource(seededRandomWords(2)).fill(out.subarray(1, 1 + size), 1);
      expect([out[0], out[size + 1]]).toEqual([0, 0]);
      expect(out.subarray(1, 1 + size).includes(0)).toBe(false);
    }
  });

  it.each([
    ['there is none', () => vi.stubGlobal('WebAssembly', undefined)],
    ['a policy forbids to compile', () => refuse('Module')],
    ['there is no memory for another instance', () => refuse('Instance')],
  ])('falls back where %s', async (_, forbid) => {
    vi.resetModules();
    forbid();
    const { vectorPoints } = await import('./vector-points.js');
    expect(vectorPoints()).toBeUndefined();
    const { gaussianSource } = await import('./gaussian-source.js');
    const out = new Float32Array(10_000);
    gaussianSource(seededRandomWords(1)).fill(out, 1);
    expect(out.includes(0)).toBe(false);
  });
});

function refuse(what: 'Module' | 'Instance'): void {
  const { Module, Instance } = WebAssembly;
  class Refused {
    constructor() {
      throw new RangeError('refused');
    }
  }
  vi.stubGlobal('WebAssembly', { Module, Instance, [what]: Refused });
}

describe('the memory of a source, after fill', () => {
  /** A source of seeded words, and a copy of its memory but for the rows, which hold no secret. */
  function watched(refuseCall = 0) {
    const words = seededRandomWords(6);
    let memory: ArrayBufferLike | undefined;
    let block = new Uint32Array();
    let calls = 0;
    const source = gaussianSource({
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        if (out.length === BLOCK_WORDS) memory = out.buffer;
        if (++calls === refuseCall) throw new Error('no entropy');
        words.fill(out);
        if (out.length === BLOCK_WORDS) block = out.slice();
      },
    });
    return {
      source,
      /** The words of the last block. */
      block: () => block,
      look() {
        const bytes = new Uint8Array(memory!.slice(0));
        bytes.fill(0, ROWS_AT, UNRESOLVED_AT);
        return bytes;
      },
    };
  }

  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [1001, 1001],
    [BLOCK_POINTS - 1, BLOCK_POINTS - 1],
    [2 * BLOCK_POINTS + 5, 5],
  ])('holds neither words nor samples of %d, but the words to come', (size, ofLastBlock) => {
    const { source, look, block } = watched();
    source.fill(new Float32Array(size), 1.1);
    const unspent = new Uint8Array(block().fill(0, 0, 2 * ofLastBlock).buffer);
    const bytes = look();
    expect(Buffer.from(bytes.buffer, 0, unspent.length).equals(unspent)).toBe(true);
    expect(bytes.subarray(unspent.length).every((byte) => byte === 0)).toBe(true);
  });

  it('holds nothing after whole blocks', () => {
    const { source, look } = watched();
    source.fill(new Float32Array(3 * BLOCK_POINTS), 1.1);
    expect(look().every((byte) => byte === 0)).toBe(true);
  });

  it('holds nothing when drawing further words fails half-way', () => {
    // The first call is for the block, the second for an edge.
    const { source, look } = watched(2);
    expect(() => source.fill(new Float32Array(BLOCK_POINTS), 1.1)).toThrow('no entropy');
    expect(look().every((byte) => byte === 0)).toBe(true);
  });
});

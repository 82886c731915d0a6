import { describe, expect, it } from 'vitest';
import {
  type GaussianSource,
  gaussianSource,
  MAX_STANDARD_DEVIATION,
  MIN_STANDARD_DEVIATION,
} from './gaussian-source.js';
import type { RandomWords } from './random-words.js';
import { secureRandomWords } from './secure-words.js';
import { seededRandomWords } from './seeded-words.js';
import { EDGES, HEIGHTS, TAIL_START } from './ziggurat-tables.js';

const MAIN_BLOCK = 16_384;

function sample(source: GaussianSource, count: number, standardDeviation = 1): Float32Array {
  const out = new Float32Array(count);
  source.fill(out, standardDeviation);
  return out;
}

/** All words differ: a bijection of the counter (the finalizer of MurmurHash3), so a word used twice shows. */
class DistinctWords implements RandomWords {
  readonly secure = false;
  wordsConsumed = 0;
  readonly log: Uint32Array[] = [];
  readonly blocks: Uint32Array[] = [];

  fill(out: Uint32Array): void {
    for (let i = 0; i < out.length; i++) {
      let h = ++this.wordsConsumed;
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      out[i] = h ^ (h >>> 16);
    }
    this.log.push(out.slice());
    this.blocks.push(out);
  }
}

/**
 * The ziggurat in its plainest form, over a record of words: the oracle. Its two cursors only move forward, so it
 * can't use a word twice. (Two, since the source takes the words of edges and tail from a block of their own.)
 */
class OracleZiggurat {
  readonly #main: number[];
  readonly #edge: number[];
  #mainNext = 0;
  #edgeNext = 0;

  constructor(log: readonly Uint32Array[]) {
    this.#main = log.filter((block) => block.length === MAIN_BLOCK).flatMap((block) => [...block]);
    this.#edge = log.filter((block) => block.length !== MAIN_BLOCK).flatMap((block) => [...block]);
  }

  get wordsUsed(): number {
    return this.#mainNext + this.#edgeNext;
  }

  next(): number {
    let high = this.#main[this.#mainNext++]!;
    let low = this.#main[this.#mainNext++]!;
    for (;;) {
      if (this.#edgeNext > this.#edge.length) throw new Error('The source took fewer words than the oracle.');
      const layer = high % 256;
      // The source reads the low word as signed, so its top bit counts the other way round.
      const bits = (BigInt(high >>> 8) << 32n) | BigInt((low ^ 0x80000000) >>> 0);
      const negative = bits >= 1n << 55n;
      // Two's complement; the magnitude is (k + ½) / 2⁵⁵ of the layer's width.
      const k = negative ? (1n << 56n) - 1n - bits : bits;
      const magnitude = ((Number(k) + 0.5) / 2 ** 55) * EDGES[layer]!;
      const sign = negative ? -1 : 1;
      if (magnitude < EDGES[layer + 1]!) return sign * magnitude;
      if (layer === 0) return sign * this.#tail();
      const height = HEIGHTS[layer]! + this.#unit() * (HEIGHTS[layer + 1]! - HEIGHTS[layer]!);
      if (height < Math.exp(-(magnitude ** 2) / 2)) return sign * magnitude;
      high = this.#edge[this.#edgeNext++]!;
      low = this.#edge[this.#edgeNext++]!;
    }
  }

  #tail(): number {
    for (;;) {
      const x = -Math.log(this.#unit()) / TAIL_START;
      const y = -Math.log(this.#unit());
      if (2 * y > x * x) return TAIL_START + x;
    }
  }

  #unit(): number {
    const high = this.#edge[this.#edgeNext++]! >>> 6;
    const low = this.#edge[this.#edgeNext++]! >>> 6;
    return (high * 2 ** 26 + low + 0.5) / 2 ** 52;
  }
}

describe('gaussianSource uses each word once', () => {
  const sizes = [1, 10, 8191, 8192, 8193, 100_000, 0, 3, 33_333];

  it('makes every sample from words of its own: equal to an oracle that only moves forward', () => {
    const words = new DistinctWords();
    const source = gaussianSource(words);
    const samples = sizes.flatMap((size) => [...sample(source, size)]);
    const oracle = new OracleZiggurat(words.log);
    const misses = samples.filter((x) => Math.abs(x - oracle.next()) > 1e-6 * Math.abs(x)).length;
    expect(misses).toBe(0);
    expect(source.wordsConsumed).toBe(oracle.wordsUsed);
  });

  it('requests at least two words a sample, all of them different', () => {
    const words = new DistinctWords();
    const source = gaussianSource(words);
    let samples = 0;
    for (const size of sizes) {
      sample(source, size);
      samples += size;
      expect(source.wordsConsumed).toBeGreaterThanOrEqual(2 * samples);
      expect(words.wordsConsumed).toBeGreaterThanOrEqual(source.wordsConsumed);
    }
    const all = words.log.flatMap((block) => [...block]);
    expect(all.length).toBe(words.wordsConsumed);
    expect(new Set(all).size).toBe(all.length);
  });

  it('keeps no used word in memory after a call', () => {
    const words = new DistinctWords();
    sample(gaussianSource(words), 1000);
    const main = words.blocks.find((block) => block.length === MAIN_BLOCK)!;
    expect(main.subarray(0, 2000).every((word) => word === 0)).toBe(true);
    expect(main.subarray(2000)).not.toContain(0);
  });

  it('uses no word again when the generator fails half-way and the call is repeated', () => {
    const healthy = new DistinctWords();
    let calls = 0;
    const failing: RandomWords = {
      secure: false,
      wordsConsumed: 0,
      // The first call fills the main block, the second is for an edge.
      fill(out) {
        if (++calls === 2) throw new Error('no entropy');
        healthy.fill(out);
      },
    };
    const source = gaussianSource(failing);
    const before = new Float32Array(4096);
    expect(() => source.fill(before, 1)).toThrow('no entropy');
    const after = sample(source, 4096);
    const seen = new Set(before.filter((x) => x !== 0));
    expect(after.filter((x) => seen.has(x)).length).toBeLessThan(10);
  });
});

describe('gaussianSource is reproducible only when asked', () => {
  it('repeats with a seed, however the samples are split into calls, and says that it is not secure', () => {
    const whole = gaussianSource(seededRandomWords(5));
    expect(whole.secure).toBe(false);
    const expected = sample(whole, 50_000);
    const split = gaussianSource(seededRandomWords(5));
    const pieces = [1, 2, 9997, 20_000, 19_999, 1].flatMap((size) => [...sample(split, size)]);
    expect(pieces).toEqual([...expected]);
  });

  it('differs from call to call, from source to source and from seed to seed', () => {
    const source = gaussianSource(seededRandomWords(5));
    const first = sample(source, 1000);
    expect(sample(source, 1000)).not.toEqual(first);
    expect(sample(gaussianSource(seededRandomWords(6)), 1000)).not.toEqual(first);
    const secure = gaussianSource(secureRandomWords());
    expect(secure.secure).toBe(true);
    expect(sample(secure, 1000)).not.toEqual(sample(secure, 1000));
    expect(sample(secure, 1000)).not.toEqual(sample(gaussianSource(secureRandomWords()), 1000));
  });

  it('keeps two sources of different scale apart', () => {
    const one = gaussianSource(seededRandomWords(1));
    const thousand = gaussianSource(seededRandomWords(1));
    for (let call = 0; call < 5; call++) {
      const small = sample(one, 300, 1);
      const large = sample(thousand, 300, 1000);
      small.forEach((x, i) => {
        expect(Math.abs(large[i]! / x - 1000)).toBeLessThan(1000 * 3e-7);
      });
    }
  });
});

describe('the standard deviation', () => {
  it('0 writes exact zeros and takes no words', () => {
    const words = new DistinctWords();
    const source = gaussianSource(words);
    const out = new Float32Array(100).fill(7);
    source.fill(out, 0);
    expect(out).toEqual(new Float32Array(100));
    expect(words.wordsConsumed).toBe(0);
    expect(source.wordsConsumed).toBe(0);
  });

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    MIN_STANDARD_DEVIATION / 2,
    MAX_STANDARD_DEVIATION * 2,
    Number.MIN_VALUE,
    undefined,
    '1',
  ])('refuses %s and writes nothing', (standardDeviation) => {
    const out = new Float32Array(4).fill(7);
    expect(() => gaussianSource(seededRandomWords(1)).fill(out, standardDeviation as number)).toThrow(
      expect.objectContaining({ code: 'DP_INVALID_ARGUMENT' }),
    );
    expect(out).toEqual(new Float32Array(4).fill(7));
  });

  it.each([MIN_STANDARD_DEVIATION, 1e-20, 1e20, MAX_STANDARD_DEVIATION])(
    'is honoured at %d: the same samples as at 1, scaled',
    (standardDeviation) => {
      const scaled = sample(gaussianSource(seededRandomWords(3)), 20_000, standardDeviation);
      const unit = sample(gaussianSource(seededRandomWords(3)), 20_000);
      const errors = unit.map((x, i) => Math.abs(scaled[i]! / standardDeviation / x - 1));
      expect(Math.max(...errors)).toBeLessThan(3e-7);
    },
  );

  it('refuses an array that is not of 32-bit floats', () => {
    const source = gaussianSource(seededRandomWords(1));
    expect(() => source.fill(new Float64Array(2) as unknown as Float32Array, 1)).toThrow(/Float32Array/);
  });
});

describe('resolution', () => {
  it('uses all 24 bits of float32: the last bit of the mantissa is a fair coin', () => {
    const samples = sample(gaussianSource(seededRandomWords(9)), 2 ** 20);
    const bits = new Uint32Array(samples.buffer);
    const ones = bits.reduce((sum, word) => sum + (word & 1), 0);
    // Hoeffding: P(|ones − n/2| ≥ 3.3 √n) ≤ 2 exp(−2 · 3.3²) = 7e-10.
    expect(Math.abs(ones - 2 ** 19)).toBeLessThan(3.3 * 2 ** 10);
  });

  it('negates exactly when all bits but the layer are complemented', () => {
    // Safe points only: nothing of the edge block is used, so words and samples correspond one to one.
    const fixed = (complement: boolean): RandomWords => ({
      secure: false,
      wordsConsumed: 0,
      fill(out) {
        for (let i = 0; i < out.length; i += 2) {
          const high = (Math.imul(i, 0x9e3779b1) & 0x0fffff00) | 200;
          out[i] = complement ? high ^ 0xffffff00 : high;
          out[i + 1] = complement ? ~Math.imul(i, 0x85ebca6b) : Math.imul(i, 0x85ebca6b);
        }
      },
    });
    const plus = sample(gaussianSource(fixed(false)), 8192);
    const minus = sample(gaussianSource(fixed(true)), 8192);
    expect(minus).toEqual(plus.map((x) => -x));
    expect(plus.every((x) => x > 0)).toBe(true);
  });
});

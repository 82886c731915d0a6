import { describe, expect, it, vi } from 'vitest';
import { chachaModule, KEYSTREAM_AT } from './chacha-module.js';
import { chachaWords, instantiate, setState } from './chacha-words.js';

const hex = (words: Uint32Array) =>
  [...new Uint8Array(words.buffer, words.byteOffset, words.byteLength)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
const words = (text: string) =>
  new Uint32Array(Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex')).buffer);

/** Block `b` of groups of four interleaved blocks, in RFC 8439's order. */
const block = (keystream: Uint32Array, b: number) =>
  Uint32Array.from({ length: 16 }, (_, w) => keystream[64 * (b >> 2) + 4 * w + (b & 3)]!);

describe('the ChaCha20 module', () => {
  it('gives the keystream blocks of RFC 8439, A.1, vectors 1 and 2 (zero key, counters 0 and 1)', () => {
    const chacha = instantiate()!;
    setState(new Uint32Array(chacha.memory.buffer, 0, 64), new Uint32Array(8));
    chacha.fill(2);
    const keystream = new Uint32Array(chacha.memory.buffer, KEYSTREAM_AT, 128);
    expect(hex(block(keystream, 0))).toBe(
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7' +
        'da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    );
    expect(hex(block(keystream, 1))).toBe(
      '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed' +
        '29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    );
  });

  it('gives the block of RFC 8439, §2.3.2 (key, nonce and counter set), in each of the four places', () => {
    const chacha = instantiate()!;
    const state = new Uint32Array(chacha.memory.buffer, 0, 64);
    setState(state, words('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'));
    for (let lane = 0; lane < 4; lane++) {
      state[4 * 12 + lane] = 1;
      [0x09000000, 0x4a000000, 0].forEach((word, i) => {
        state[4 * (13 + i) + lane] = word;
      });
    }
    chacha.fill(1);
    const keystream = new Uint32Array(chacha.memory.buffer, KEYSTREAM_AT, 64);
    for (let lane = 0; lane < 4; lane++) {
      expect(hex(block(keystream, lane))).toBe(
        '10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e' +
          'd2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e',
      );
    }
  });

  it('is small enough to be compiled synchronously everywhere: Chromium’s old limit was 4 KB', () => {
    expect(WebAssembly.Module.exports(chachaModule()).map(({ name }) => name)).toEqual(['memory', 'fill']);
  });

  it('equals a plain ChaCha20 for a random key and every block of 64 KiB', () => {
    const key = words('f0e1d2c3b4a5968778695a4b3c2d1e0f0112233445566778899aabbccddeeff0');
    const out = new Uint32Array(16_384);
    chachaWords((random) => random.set(key))!(out);
    for (const counter of [0, 1, 2, 3, 4, 5, 100, 255, 256, 1022, 1023]) {
      expect(block(out, counter)).toEqual(plainBlock(key, counter));
    }
  });
});

describe('words of ChaCha20', () => {
  const counting = () => {
    let calls = 0;
    const keys: Uint32Array[] = [];
    const entropy = (out: Uint32Array) => {
      keys.push(out);
      out.fill(++calls);
    };
    return { entropy, keys, calls: () => calls };
  };

  it.each([0, 1, 63, 64, 65, 4096, 16_383, 16_384, 16_385, 50_000])(
    'fill %d words, no more and no less',
    (count) => {
      const guarded = new Uint32Array(count + 2);
      chachaWords(counting().entropy)!(guarded.subarray(1, 1 + count));
      expect([guarded[0], guarded[count + 1]]).toEqual([0, 0]);
      // Of 50,000 words none is zero but with probability 1.2e-5, decided by the fixed keys.
      expect(guarded.subarray(1, 1 + count).includes(0)).toBe(false);
    },
  );

  it('take a new key for each 64 KiB and each call, and wipe it', () => {
    const { entropy, keys, calls } = counting();
    const generate = chachaWords(entropy)!;
    generate(new Uint32Array(40_000));
    expect(calls()).toBe(3);
    generate(new Uint32Array(3));
    expect(calls()).toBe(4);
    for (const key of keys) expect(key).toEqual(new Uint32Array(8));
  });

  it('leave nothing in memory, even after an error', () => {
    const memories: WebAssembly.Memory[] = [];
    const { Instance } = WebAssembly;
    vi.spyOn(WebAssembly, 'Instance').mockImplementation(function (this: unknown, module) {
      const instance = new Instance(module);
      memories.push((instance.exports as unknown as { memory: WebAssembly.Memory }).memory);
      return instance;
    } as (module: WebAssembly.Module) => WebAssembly.Instance);
    let fail = false;
    const generate = chachaWords((out) => {
      out.fill(9);
      if (fail) throw new Error('no entropy');
    })!;
    vi.restoreAllMocks();
    generate(new Uint32Array(20_000));
    fail = true;
    expect(() => generate(new Uint32Array(10))).toThrow('no entropy');
    expect(memories.length).toBe(1);
    expect(new Uint8Array(memories[0]!.buffer).every((byte) => byte === 0)).toBe(true);
  });

  it('are none where the platform compiles no WebAssembly', () => {
    vi.spyOn(WebAssembly, 'Module').mockImplementation(() => {
      throw new Error('refused by Content Security Policy');
    });
    expect(chachaWords(() => {})).toBeUndefined();
    vi.restoreAllMocks();
  });
});

/** RFC 8439, §2.3, as it is written. */
function plainBlock(key: Uint32Array, counter: number): Uint32Array {
  const start = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, ...key, counter, 0, 0, 0);
  const x = start.slice();
  const rotate = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));
  const quarter = (a: number, b: number, c: number, d: number) => {
    for (const [p, q, r, bits] of [
      [a, b, d, 16],
      [c, d, b, 12],
      [a, b, d, 8],
      [c, d, b, 7],
    ] as const) {
      x[p]! += x[q]!;
      x[r] = rotate(x[r]! ^ x[p]!, bits);
    }
  };
  for (let i = 0; i < 10; i++) {
    for (let j = 0; j < 4; j++) quarter(j, 4 + j, 8 + j, 12 + j);
    for (let j = 0; j < 4; j++) quarter(j, 4 + ((j + 1) % 4), 8 + ((j + 2) % 4), 12 + ((j + 3) % 4));
  }
  return x.map((value, i) => value + start[i]!);
}

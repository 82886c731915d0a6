import {
  advance,
  again,
  assemble,
  type Code,
  constant,
  END,
  get,
  I32,
  LOOP,
  load,
  set,
  shuffle,
  store,
  V128,
  vector,
} from './assembly.js';

/**
 * The ChaCha20 block function (RFC 8439, §2.3) for four blocks at a time, as a WebAssembly module with 128-bit
 * vectors: assembled instruction by instruction, so that there is no binary to be trusted. About 1 KB.
 *
 * Memory: at 0 the sixteen words of the initial state, each four times (one for each of the four blocks, whose
 * counters differ); the keystream from {@link KEYSTREAM_AT} on, in groups of four blocks: word w of block b of a
 * group lies at 4·w + b. `fill(groups)` writes so many groups and adds 4 to the counters after each.
 */
export function chachaModule(): WebAssembly.Module {
  const locals = [
    [2, I32],
    [16, V128],
  ] as const;
  return assemble({ name: 'fill', parameters: 1, results: 0, pages: MEMORY_PAGES, locals, code: code() });
}

/** Bytes before the keystream. */
export const KEYSTREAM_AT = 256;

/** Bytes of a group: four blocks. */
export const GROUP_BYTES = 256;

const MEMORY_PAGES = 2;

/** What `chachaModule` exports. */
export interface ChachaExports {
  readonly memory: WebAssembly.Memory;
  readonly fill: (groups: number) => void;
}

const GROUPS = 0;
const OUT = 1;
const ROUNDS = 2;
/** Local of the i-th word of the working state. */
const word = (i: number) => 3 + i;

const ADD = vector(0xae);
const XOR = vector(0x51);
const OR = vector(0x50);
const SHIFT_LEFT = vector(0xab);
const SHIFT_RIGHT = vector(0xad);
/** A vector of four times the same i32. */
const SPLAT = vector(0x11);

/** Rotates a local's four words to the left, whole bytes by a shuffle. */
function rotate(local: number, bits: number): Code {
  if (bits % 8 !== 0) {
    const left = [...get(local), ...constant(bits), ...SHIFT_LEFT];
    return [...left, ...get(local), ...constant(32 - bits), ...SHIFT_RIGHT, ...OR, ...set(local)];
  }
  const lanes = Array.from({ length: 16 }, (_, i) => (i & 12) | ((i - bits / 8) & 3));
  return [...get(local), ...get(local), ...shuffle(lanes), ...set(local)];
}

/** a += b; d = (d ^ a) <<< bits. */
const step = (a: number, b: number, d: number, bits: number): Code => [
  ...[...get(a), ...get(b), ...ADD, ...set(a)],
  ...[...get(d), ...get(a), ...XOR, ...set(d)],
  ...rotate(d, bits),
];

/** RFC 8439, §2.1. */
function quarterRound(...words: readonly [number, number, number, number]): Code {
  const [a, b, c, d] = words.map(word) as [number, number, number, number];
  return [...step(a, b, d, 16), ...step(c, d, b, 12), ...step(a, b, d, 8), ...step(c, d, b, 7)];
}

function code(): Code {
  const all = Array.from({ length: 16 }, (_, i) => i);
  const stateAt = (i: number) => [...constant(0), ...load(16 * i)];
  return [
    ...[...constant(0), ...set(OUT)],
    ...LOOP,
    ...all.flatMap((i) => [...stateAt(i), ...set(word(i))]),
    ...[...constant(10), ...set(ROUNDS)],
    ...LOOP,
    ...quarterRound(0, 4, 8, 12),
    ...quarterRound(1, 5, 9, 13),
    ...quarterRound(2, 6, 10, 14),
    ...quarterRound(3, 7, 11, 15),
    ...quarterRound(0, 5, 10, 15),
    ...quarterRound(1, 6, 11, 12),
    ...quarterRound(2, 7, 8, 13),
    ...quarterRound(3, 4, 9, 14),
    ...again(ROUNDS),
    ...END,
    ...all.flatMap((i) => [
      ...get(OUT),
      ...[...get(word(i)), ...stateAt(i), ...ADD],
      ...store(KEYSTREAM_AT + 16 * i),
    ]),
    // The counters are word 12.
    ...[...constant(0), ...stateAt(12), ...constant(4), ...SPLAT, ...ADD, ...store(16 * 12)],
    ...advance(OUT, GROUP_BYTES),
    ...again(GROUPS),
    ...END,
  ];
}

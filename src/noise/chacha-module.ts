/**
 * The ChaCha20 block function (RFC 8439, §2.3) for four blocks at a time, as a WebAssembly module with 128-bit
 * vectors: assembled here, instruction by instruction, so that there is no binary to be trusted. About 1 KB.
 *
 * Memory: at 0 the sixteen words of the initial state, each four times (one for each of the four blocks, whose
 * counters differ); the keystream from {@link KEYSTREAM_AT} on, in groups of four blocks: word w of block b of a
 * group lies at 4·w + b. `fill(groups)` writes so many groups and adds 4 to the counters after each.
 */
export function chachaModule(): WebAssembly.Module {
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(1, [1, 0x60, 1, I32, 0]), // one type: (i32) → ()
      ...section(3, [1, 0]),
      ...section(5, [1, 0, MEMORY_PAGES]),
      ...section(7, [2, ...name('memory'), 2, 0, ...name('fill'), 0, 0]),
      ...section(10, [1, ...sized(body())]),
    ]),
  );
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

const I32 = 0x7f;
const V128 = 0x7b;

type Code = readonly number[];

const GROUPS = 0;
const OUT = 1;
const ROUNDS = 2;
/** Local of the i-th word of the working state. */
const word = (i: number) => 3 + i;

const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const tee = (local: number): Code => [0x22, local];
const constant = (value: number): Code => [0x41, ...signed(value)];
const load = (offset: number): Code => [0xfd, 0x00, 4, ...unsigned(offset)];
const store = (offset: number): Code => [0xfd, 0x0b, 4, ...unsigned(offset)];
const ADD: Code = [0xfd, 0xae, 0x01];
const XOR: Code = [0xfd, 0x51];
const OR: Code = [0xfd, 0x50];
const SHIFT_LEFT: Code = [0xfd, 0xab, 0x01];
const SHIFT_RIGHT: Code = [0xfd, 0xad, 0x01];
const I32_ADD: Code = [0x6a];
const LOOP: Code = [0x03, 0x40];
const END: Code = [0x0b];
/** Repeats the innermost loop as long as the counter, one less, is not 0. */
const again = (counter: number): Code => [...get(counter), ...constant(1), 0x6b, ...tee(counter), 0x0d, 0];

/** Rotates a local's four words to the left, whole bytes by a shuffle. */
function rotate(local: number, bits: number): Code {
  if (bits % 8 !== 0) {
    const left = [...get(local), ...constant(bits), ...SHIFT_LEFT];
    return [...left, ...get(local), ...constant(32 - bits), ...SHIFT_RIGHT, ...OR, ...set(local)];
  }
  const lanes = Array.from({ length: 16 }, (_, i) => (i & 12) | ((i - bits / 8) & 3));
  return [...get(local), ...get(local), 0xfd, 0x0d, ...lanes, ...set(local)];
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

function body(): Code {
  const all = Array.from({ length: 16 }, (_, i) => i);
  const stateAt = (i: number) => [...constant(0), ...load(16 * i)];
  return [
    ...[2, 2, I32, 16, V128],
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
    // The counters are word 12; i32x4.splat is 0xfd 0x11.
    ...[...constant(0), ...stateAt(12), ...constant(4), 0xfd, 0x11, ...ADD, ...store(16 * 12)],
    ...[...get(OUT), ...constant(GROUP_BYTES), ...I32_ADD, ...set(OUT)],
    ...again(GROUPS),
    ...END,
    ...END,
  ];
}

/** LEB128 of an integer ≥ 0. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of an integer ≥ 0. */
function signed(value: number): Code {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >>> 7)];
}

const sized = (content: Code): Code => [...unsigned(content.length), ...content];
const section = (id: number, content: Code): Code => [id, ...sized(content)];
const name = (text: string): Code => sized([...text].map((letter) => letter.charCodeAt(0)));

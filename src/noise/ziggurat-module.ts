import {
  advance,
  again,
  assemble,
  type Code,
  constant,
  END,
  get,
  I32,
  I32_ADD,
  IF,
  LOOP,
  load,
  set,
  shuffle,
  signed,
  store,
  tee,
  unsigned,
  V128,
  vector,
} from './assembly.js';
import { BLOCK_POINTS, BLOCK_WORDS, HALF_STEP } from './ziggurat-points.js';
import { LAYERS } from './ziggurat-tables.js';

/**
 * The ziggurat's hot loop, four points at a time, as a WebAssembly module with 128-bit vectors: assembled instruction
 * by instruction, so that there is no binary to be trusted. Below 1 KB.
 *
 * `place(from, turns)` reads 4·turns pairs of words from the byte `from` on, and writes as many samples from
 * {@link SAMPLES_AT} on: the same bits as {@link plainPoints}, since what is rounded (the sum of the two words' parts, the
 * product with the unit, its conversion to float32) is rounded from the same numbers in the same order. It returns how
 * many points need a closer look; which, is written from {@link UNRESOLVED_AT} on, in 16 bits each and rising. What
 * stands in their places is not a sample.
 *
 * WebAssembly has no bounds checks to pay for, and a vector holds two points in float64. A row of the table is one
 * load. One turn in 17 has unresolved points; the branch costs less than to write four places at every turn.
 */
export function zigguratModule(): WebAssembly.Module {
  const locals = [
    [3, I32],
    [11, V128],
  ] as const;
  return assemble({ name: 'place', parameters: 2, results: 1, pages: MEMORY_PAGES, locals, code: code() });
}

/** Points of a turn. */
export const TURN = 4;

/** The block of words is at address 0; samples follow. */
export const SAMPLES_AT = 4 * BLOCK_WORDS;
/** Two float64 for each layer, from here on: the unit, scaled, and the bound on a safe fraction. */
export const ROWS_AT = SAMPLES_AT + 4 * BLOCK_POINTS;
/** The standard deviation for which the rows were scaled, a float64. */
export const SCALE_AT = ROWS_AT + 16 * LAYERS;
export const UNRESOLVED_AT = SCALE_AT + 16;
const MEMORY_PAGES = 2;

/** What `zigguratModule` exports. */
export interface ZigguratExports {
  readonly memory: WebAssembly.Memory;
  readonly place: (from: number, turns: number) => number;
}

const FROM = 0;
const TURNS = 1;
/** Index of the turn's first point. */
const POINT = 2;
const COUNT = 3;
/** Bit b is 1 if the turn's point b is unresolved. */
const BITS = 4;
const A = 5;
const B = 6;
const FRACTIONS = 7;
/** Locals of the two pairs of a turn: their samples in float32, and whether they are safe. */
const SAMPLES = [8, 9] as const;
const SAFE = [10, 11] as const;
/** Locals of constants. */
const HIGH_MASK = 12;
const HIGH_OFFSET = 13;
const LOW_PATTERN = 14;
const LOW_OFFSET = 15;

const I64X2_SHIFT_RIGHT = vector(0xcd);
const F32X4_DEMOTE_F64X2 = vector(0x5e);
const F64X2_ABS = vector(0xec);
const F64X2_ADD = vector(0xf0);
const F64X2_SUBTRACT = vector(0xf1);
const F64X2_MULTIPLY = vector(0xf2);
const F64X2_LESS = vector(0x49);
const F64X2_SPLAT = vector(0x14);
const AND = vector(0x4e);
const XOR = vector(0x51);
const I64X2_SPLAT = vector(0x12);
const I64X2_BITMASK = vector(0xc4);
const I32X4_BITMASK = vector(0xa4);
const I32_NOT_EQUAL: Code = [0x47];
const I32_AND: Code = [0x71];
const I32_XOR: Code = [0x73];
const I32_SHIFT_LEFT: Code = [0x74];
const I32_SHIFT_RIGHT: Code = [0x76];
const loadByte = (offset: number): Code => [0x2d, 0, ...unsigned(offset)];
const store16 = (offset: number): Code => [0x3b, 0, ...unsigned(offset)];
/** An i64 ≥ 0. */
const constant64 = (value: number): Code => [0x42, ...signed(value)];
const float64 = (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)];

/** Four 32-bit lanes of the two vectors on the stack, those of the second counted from 4. */
const lanes = (...chosen: readonly number[]): Code =>
  shuffle(chosen.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]));
const EVEN = lanes(0, 2, 4, 6);
const LOW_HALVES = lanes(0, 1, 4, 5);
const HIGH_HALVES = lanes(2, 3, 6, 7);

/** The row of the layer that a high word chooses; its byte of lowest order is the first in memory. */
const row = (offset: number): Code => [
  ...[...get(FROM), ...loadByte(offset)],
  ...[...constant(4), ...I32_SHIFT_LEFT, ...load(ROWS_AT)],
];

/**
 * Two points, high and low word of each in 64 bits: leaves their samples in a local, and on the stack whether they are
 * safe.
 *
 * The words become numbers without a conversion. As the last 32 bits of a float64 at 2⁴⁴, a word counts in units of
 * 2⁻⁸ (so a high word, without the bits of its layer, gives its quotient by 2⁸); at 2²⁰, in units of 2⁻³². Flipping the
 * first bit of a signed word adds 2³¹ to it: hence 2²³ and ½ in the constants. All differences are exact.
 */
const pair = (offset: number, samples: number): Code => [
  // (high >> 8) + (low * LOW_WORD_UNIT + HALF_STEP)
  ...[...get(FROM), ...load(offset), ...tee(A)],
  ...[...get(HIGH_MASK), ...AND, ...get(HIGH_OFFSET), ...XOR, ...get(HIGH_OFFSET), ...F64X2_SUBTRACT],
  ...[...get(A), ...constant(32), ...I64X2_SHIFT_RIGHT],
  ...[...get(LOW_PATTERN), ...XOR, ...get(LOW_OFFSET), ...F64X2_SUBTRACT],
  ...[...F64X2_ADD, ...set(FRACTIONS)],
  // fraction * unit
  ...[...row(offset), ...tee(A), ...row(offset + 8), ...tee(B), ...LOW_HALVES],
  ...[...get(FRACTIONS), ...F64X2_MULTIPLY, ...F32X4_DEMOTE_F64X2, ...set(samples)],
  // |fraction| < bound
  ...[...get(FRACTIONS), ...F64X2_ABS, ...get(A), ...get(B), ...HIGH_HALVES, ...F64X2_LESS],
];

/** Writes a place always, and counts it if it is unresolved: no branch. */
const append = (point: number): Code => [
  ...[...get(COUNT), ...constant(1), ...I32_SHIFT_LEFT],
  ...[...get(POINT), ...constant(point), ...I32_ADD, ...store16(UNRESOLVED_AT)],
  ...[...get(BITS), ...constant(point), ...I32_SHIFT_RIGHT, ...constant(1), ...I32_AND],
  ...[...get(COUNT), ...I32_ADD, ...set(COUNT)],
];

function code(): Code {
  return [
    ...[...constant64(2 ** 32 - LAYERS), ...I64X2_SPLAT, ...set(HIGH_MASK)],
    ...[...float64(2 ** 44 + 2 ** 23), ...F64X2_SPLAT, ...set(HIGH_OFFSET)],
    ...[...float64(2 ** 20 + 0.5), ...F64X2_SPLAT, ...set(LOW_PATTERN)],
    ...[...float64(2 ** 20 + 0.5 - HALF_STEP), ...F64X2_SPLAT, ...set(LOW_OFFSET)],
    ...LOOP,
    ...[...pair(0, SAMPLES[0]), ...set(SAFE[0])],
    ...[...pair(16, SAMPLES[1]), ...set(SAFE[1])],
    ...[...get(POINT), ...constant(2), ...I32_SHIFT_LEFT],
    ...[...get(SAMPLES[0]), ...get(SAMPLES[1]), ...LOW_HALVES, ...store(SAMPLES_AT)],
    ...[...get(SAFE[0]), ...get(SAFE[1]), ...AND, ...I64X2_BITMASK, ...constant(0b11), ...I32_NOT_EQUAL],
    ...IF,
    ...[...get(SAFE[0]), ...get(SAFE[1]), ...EVEN, ...I32X4_BITMASK],
    ...[...constant(0b1111), ...I32_XOR, ...set(BITS)],
    ...[0, 1, 2, 3].flatMap(append),
    ...END,
    ...advance(FROM, 8 * TURN),
    ...advance(POINT, TURN),
    ...again(TURNS),
    ...END,
    ...get(COUNT),
  ];
}

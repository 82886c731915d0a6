/**
 * What {@link chachaModule} and {@link zigguratModule} need of WebAssembly's binary format (W3C WebAssembly Core
 * Specification 2.0, chapter 5): a module of one function and its memory, assembled from instructions that can be read
 * and reviewed, so that there is no binary to be trusted.
 */

/** Bytes of a function's code, of one instruction or of many. */
export type Code = readonly number[];

export const I32 = 0x7f;
export const V128 = 0x7b;

/** A module that exports its memory, of `pages` of 64 KiB, as `memory`, and one function of 32-bit integers. */
export function assemble(options: {
  readonly name: string;
  readonly parameters: number;
  readonly results: number;
  readonly pages: number;
  /** Types of the locals, which follow the parameters: how many of each. */
  readonly locals: readonly (readonly [count: number, type: number])[];
  readonly code: Code;
}): WebAssembly.Module {
  const { parameters, results, pages, locals, code } = options;
  const body = [locals.length, ...locals.flat(), ...code, ...END];
  const integers = (count: number) => [count, ...Array<number>(count).fill(I32)];
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...section(1, [1, 0x60, ...integers(parameters), ...integers(results)]),
      ...section(3, [1, 0]),
      ...section(5, [1, 0, pages]),
      ...section(7, [2, ...name('memory'), 2, 0, ...name(options.name), 0, 0]),
      ...section(10, [1, ...sized(body)]),
    ]),
  );
}

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
export const tee = (local: number): Code => [0x22, local];
/** An i32 ≥ 0. */
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const I32_ADD: Code = [0x6a];
export const LOOP: Code = [0x03, 0x40];
/** Runs what follows, up to END, if the i32 on the stack is not 0. */
export const IF: Code = [0x04, 0x40];
export const END: Code = [0x0b];

/** An instruction on vectors, by its number. */
export const vector = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
/** Loads 16 bytes from the address on the stack + `offset`. */
export const load = (offset: number): Code => [...vector(0x00), 0, ...unsigned(offset)];
/** Stores 16 bytes at the address on the stack, below the vector, + `offset`. */
export const store = (offset: number): Code => [...vector(0x0b), 0, ...unsigned(offset)];
/** Sixteen bytes of the two vectors on the stack, those of the second counted from 16. */
export const shuffle = (bytes: readonly number[]): Code => [...vector(0x0d), ...bytes];

/** Adds to a local. */
export const advance = (local: number, by: number): Code => [
  ...[...get(local), ...constant(by)],
  ...[...I32_ADD, ...set(local)],
];
/** Repeats the innermost loop as long as the counter, one less, is not 0. */
export const again = (counter: number): Code => [
  ...get(counter),
  ...constant(1),
  0x6b,
  ...tee(counter),
  0x0d,
  0,
];

/** LEB128 of an integer ≥ 0. */
export function unsigned(value: number): Code {
  return value < 128 ? [value] : [128 + (value % 128), ...unsigned(Math.floor(value / 128))];
}

/** Signed LEB128 of an integer ≥ 0. */
export function signed(value: number): Code {
  return value < 64 ? [value] : [128 + (value % 128), ...signed(Math.floor(value / 128))];
}

const sized = (content: Code): Code => [...unsigned(content.length), ...content];
const section = (id: number, content: Code): Code => [id, ...sized(content)];
const name = (text: string): Code => sized([...text].map((letter) => letter.charCodeAt(0)));

import { DpError, type DpEvent, parseEvent } from 'privacy-accounting';
import { badInput, reasonOf } from './failure.js';
import type { Terminal } from './terminal.js';

/** More than any event that the parser admits needs; a stream without end is refused instead of filling memory. */
const MOST_BYTES = 256 * 2 ** 20;

/** Reads an event as JSON from a file, or from standard input when `source` is `-`. */
export async function readEvent(source: string, terminal: Terminal): Promise<DpEvent> {
  const { name, json } = await readJsonText(
    source,
    terminal,
    'an event as JSON, such as {"type":"gaussian","noiseMultiplier":1.1}',
  );
  try {
    return parseEvent(json);
  } catch (cause) {
    if (!(cause instanceof DpError)) throw cause;
    throw new DpError(cause.code, `${name}: ${cause.message}`, { cause });
  }
}

/** Reads JSON from a file, or from standard input when `source` is `-`. `expected` says what it should have been. */
export async function readJsonText(
  source: string,
  terminal: Terminal,
  expected: string,
): Promise<{ readonly name: string; readonly json: unknown }> {
  const name = source === '-' ? 'standard input' : source;
  const text = await readText(source, name, expected, terminal);
  if (text.trim() === '') throw badInput(`${name} is empty: expected ${expected}.`);
  try {
    return { name, json: JSON.parse(text) };
  } catch (cause) {
    throw badInput(`${name} is not JSON: ${reasonOf(cause).replace(/\s+/g, ' ')}.`, cause);
  }
}

async function readText(source: string, name: string, expected: string, terminal: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of await open(source, terminal)) {
      const buffer = Buffer.from(chunk as Uint8Array);
      bytes += buffer.length;
      if (bytes > MOST_BYTES) break;
      chunks.push(buffer);
    }
  } catch (cause) {
    throw badInput(`${name} can't be read (${reasonOf(cause)}).`, cause);
  }
  if (bytes > MOST_BYTES) {
    throw badInput(`${name} has more than ${MOST_BYTES} bytes: use selfComposed for what is repeated.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw badInput(`${name} is not UTF-8 text: expected ${expected}.`, cause);
  }
}

async function open(
  source: string,
  { stdin, stderr }: Terminal,
): Promise<AsyncIterable<Uint8Array | string>> {
  if (source === '-') {
    if (stdin.isTTY === true) stderr.write('Type JSON; Ctrl-D ends it.\n');
    return stdin;
  }
  const { createReadStream } = await import('node:fs');
  return createReadStream(source);
}

/**
 * benchmarks/RESULTS.md and benchmarks/results.json: the same figures for people and for programs.
 *
 * Each benchmark owns one section of both files, under its name, and replaces only that. In RESULTS.md sections lie
 * between `<!-- name -->` and `<!-- /name -->`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RESULTS_SCHEMA = 'tfjs-privacy/benchmarks/1';
const TITLE = '# Measured\n\nWritten by the benchmarks themselves; the same figures are in results.json.\n';

type Sections = Record<string, unknown>;

function read(folder: string): Sections {
  const file = join(folder, 'results.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Sections) : {};
}

/** What the benchmark `name` wrote last, or undefined. */
export function readSection(folder: string, name: string): unknown {
  return read(folder)[name];
}

/** Replaces the section `name` of both files, and leaves the others as they are. */
export function writeSection(folder: string, name: string, content: object, markdown: string): void {
  mkdirSync(folder, { recursive: true });
  const sections: Sections = { ...read(folder), schema: RESULTS_SCHEMA, [name]: content };
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(sections, null, 1)}\n`);

  const file = join(folder, 'RESULTS.md');
  const before = existsSync(file) ? readFileSync(file, 'utf8') : TITLE;
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const section = `${open}\n\n${markdown.trim()}\n\n${close}`;
  const [start, end] = [before.indexOf(open), before.indexOf(close)];
  writeFileSync(
    file,
    start >= 0 && end > start
      ? before.slice(0, start) + section + before.slice(end + close.length)
      : `${before.trimEnd()}\n\n${section}\n`,
  );
}

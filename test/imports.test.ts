/**
 * The architecture as a test: rooms import one way, the accounting package stays free of tfjs and Node, and every
 * package that the published code imports is one that an installation brings.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The rooms of src/ from the bottom up. A room may import rooms of lower layers, and of its own without a cycle. */
const LAYERS = [
  ['noise', 'sampling', 'backend', 'engine'],
  ['optimizer', 'models'],
  ['training'],
  ['ledger'],
  ['audit'],
  ['report'],
  ['cli'],
];
const layerOf = (room: string) => LAYERS.findIndex((rooms) => rooms.includes(room));

interface Import {
  readonly file: string;
  readonly specifier: string;
  /** The imported file, for a relative import. */
  readonly target?: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.d|\.test)\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName: specifier }) =>
      specifier.startsWith('.')
        ? { file, specifier, target: relative(root, resolve(root, dirname(file), specifier)) }
        : { file, specifier },
    );
}

function roomOf(file: string): string | undefined {
  const [top, room, rest] = file.split(sep);
  return top === 'src' && rest !== undefined ? room : undefined;
}

const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
const say = ({ file, specifier }: Import) => `${file} imports ${specifier}`;

function declared(folder: string): Set<string> {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<
    string,
    object
  >;
  return new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
}

const toolkit = sourceFiles('src').flatMap(importsOf);
const accounting = sourceFiles('privacy-accounting/src').flatMap(importsOf);

describe('src', () => {
  it('has only rooms whose place in the order is known', () => {
    const rooms = new Set(sourceFiles('src').flatMap((file) => roomOf(file) ?? []));
    expect([...rooms].filter((room) => layerOf(room) < 0)).toEqual([]);
  });

  it('imports one way, from upper rooms to lower ones', () => {
    const upward = toolkit.filter(({ file, target }) => {
      const from = roomOf(file);
      if (from === undefined || target === undefined) return false;
      const to = roomOf(target);
      // Outside every room lies the public index (which imports the rooms), and what is not ours to import.
      return to === undefined || layerOf(to) > layerOf(from);
    });
    expect(upward.map(say)).toEqual([]);
  });

  it('has no cycle among the rooms of one layer', () => {
    const uses = new Map<string, Set<string>>();
    for (const { file, target } of toolkit) {
      const from = roomOf(file);
      const to = target && roomOf(target);
      if (from && to && from !== to) uses.set(from, (uses.get(from) ?? new Set()).add(to));
    }
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      [...(uses.get(from) ?? [])].some(
        (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
      );
    expect([...uses.keys()].filter((room) => reaches(room, room))).toEqual([]);
  });

  it('imports only Node, itself, and packages that its manifest asks for', () => {
    const allowed = declared('.');
    const foreign = toolkit.filter(
      ({ specifier, target }) => !target && !isBuiltin(specifier) && !allowed.has(packageOf(specifier)),
    );
    expect(foreign.map(say)).toEqual([]);
  });

  it('never imports the union package @tensorflow/tfjs, nor a backend statically', () => {
    const backends = /^@tensorflow\/(tfjs|tfjs-node(-gpu)?|tfjs-backend-\w+)$/;
    expect(toolkit.filter(({ specifier }) => backends.test(specifier)).map(say)).toEqual([]);
  });
});

describe('privacy-accounting', () => {
  it('imports only itself and its declared numeric packages: no tfjs, no Node', () => {
    const allowed = declared('privacy-accounting');
    expect([...allowed].filter((name) => name.startsWith('@tensorflow/'))).toEqual([]);
    const foreign = accounting.filter(({ specifier, target }) =>
      target
        ? !target.startsWith(join('privacy-accounting', 'src'))
        : isBuiltin(specifier) || !allowed.has(packageOf(specifier)),
    );
    expect(foreign.map(say)).toEqual([]);
  });
});

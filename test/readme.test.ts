/**
 * The manuals as tests: every JavaScript block of README.md and of the tutorial runs as it stands, in a project
 * that has what the manuals tell a reader to install; every output that they state is the output; every relative
 * link, file, npm script and error code that a manual names exists.
 *
 * Conventions of the manuals. A block whose first line is `// NAME.js` is saved under that name, and later blocks of
 * the same manual may import it. `// prints TEXT` states one line of output; `…` in it stands for anything. In a
 * `console` block each `$ npx tfjs-privacy …` is followed by its whole output; a line `…` stands for any lines.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'readme-'));
const RUNNABLE = [
  'README.md',
  'docs/getting-started.md',
  'docs/models.md',
  'docs/clipping.md',
  'docs/scale.md',
];
const MANUALS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'privacy-accounting/README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
/** Against a block that never ends; none takes long. */
const PATIENCE = 120_000;

interface Block {
  readonly language: string;
  /** Of the opening fence, counted from 1. */
  readonly line: number;
  readonly text: string;
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');

function blocksOf(manual: string, language: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  read(manual)
    .split('\n')
    .forEach((line, index) => {
      if (open !== undefined && line === '```') {
        blocks.push({ language: open.language, line: open.line, text: `${open.lines.join('\n')}\n` });
        open = undefined;
      } else if (open !== undefined) open.lines.push(line);
      else if (line.startsWith('```')) open = { language: line.slice(3), line: index + 1, lines: [] };
    });
  expect(open, `${manual}: an unclosed block`).toBeUndefined();
  return blocks.filter((block) => block.language === language);
}

/** TEXT as a pattern in which `…` stands for anything within a line. */
function pattern(text: string): RegExp {
  const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** Checks that lines matching `stated` come in this order among the lines of `output`. */
function expectInOrder(output: string, stated: readonly string[]): void {
  const lines = output.split('\n').map((line) => line.trim());
  let from = 0;
  for (const text of stated) {
    const at = lines.findIndex((line, index) => index >= from && pattern(text).test(line));
    expect(at, `"${text}" after line ${from} of:\n${output}`).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
}

/** Checks the whole of `output`, where a stated line `…` stands for any number of lines. */
function expectWhole(output: string, stated: readonly string[]): void {
  const lines = output.trimEnd().split('\n');
  let at = 0;
  stated.forEach((text, index) => {
    if (text === '…') {
      const next = stated[index + 1];
      const after = lines.findIndex((line, i) => i >= at && next !== undefined && pattern(next).test(line));
      at = after < 0 ? lines.length : after;
      return;
    }
    expect(lines[at] ?? 'the end of the output', `line ${at + 1} of:\n${output}`).toMatch(pattern(text));
    at++;
  });
  expect(lines.slice(at), 'output that the manual does not show').toEqual([]);
}

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')]);
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@tensorflow'), { recursive: true });
  symlinkSync(root, join(modules, 'tfjs-privacy'), 'junction');
  for (const name of ['tfjs-core', 'tfjs-layers', 'tfjs-backend-wasm']) {
    symlinkSync(join(root, 'node_modules/@tensorflow', name), join(modules, '@tensorflow', name), 'junction');
  }
  symlinkSync(join(root, 'privacy-accounting'), join(modules, 'privacy-accounting'), 'junction');
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
}, PATIENCE);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe.each(RUNNABLE)('the JavaScript of %s', (manual) => {
  const folder = join(project, manual.replace(/\W/g, '-'));
  const blocks = blocksOf(manual, 'js');

  it('is there', () => expect(blocks.length).toBeGreaterThan(0));

  it.each(blocks)(
    'in line $line runs and prints what it says',
    ({ line, text }) => {
      const name = /^\/\/ ([\w-]+\.js)\n/.exec(text)?.[1] ?? `line-${line}.js`;
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, name), text);
      const { status, stdout, stderr } = spawnSync(process.execPath, [name], {
        cwd: folder,
        encoding: 'utf8',
        timeout: PATIENCE,
        env: { ...process.env, TFJS_PRIVACY_BACKEND: 'wasm', NODE_OPTIONS: '' },
      });
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expectInOrder(
        stdout,
        [...text.matchAll(/\/\/ prints (.+)$/gm)].map(([, stated]) => stated!.trim()),
      );
    },
    PATIENCE,
  );
});

const WITH_COMMANDS = RUNNABLE.filter((manual) => blocksOf(manual, 'console').length > 0);

describe.each(WITH_COMMANDS)('the commands of %s', (manual) => {
  it.each(blocksOf(manual, 'console'))(
    'shows in line $line what the command prints',
    ({ text }) => {
      for (const part of text.split(/^\$ /m).slice(1)) {
        const [command, ...stated] = part.replaceAll('\\\n', ' ').trimEnd().split('\n');
        const [program, ...args] = command!.replace(/^npx /, '').trim().split(/\s+/);
        expect(program).toBe('tfjs-privacy');
        const { stdout, stderr, status } = spawnSync(
          process.execPath,
          [join(root, 'dist/cli/main.js'), ...args],
          { cwd: project, encoding: 'utf8', timeout: PATIENCE, env: { ...process.env, NO_COLOR: '1' } },
        );
        expect(stderr).toBe('');
        expect(status).toBe(0);
        expectWhole(stdout, stated);
      }
    },
    PATIENCE,
  );
});

describe.each(MANUALS)('%s', (manual) => {
  it('links only to files and headings that exist', () => {
    const prose = read(manual).replace(/^```.*?^```$/gms, '');
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
    const broken = links.filter((target) => {
      if (/^(https?|mailto):/.test(target)) return false;
      const [path, heading] = target.split('#');
      const file = path === '' ? join(root, manual) : resolve(root, dirname(manual), path!);
      if (!existsSync(file)) return true;
      return heading !== undefined && heading !== '' && !headingsOf(file).includes(heading);
    });
    expect(broken).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Record<string, string> };
    const named = [...read(manual).matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names only files that exist', () => {
    const folders =
      /(?<![\w./-])(?:\.ci|benchmarks|docs|examples|privacy-accounting|scripts|src|test)\/[\w./-]+/g;
    const prose = read(manual).replace(/\]\([^)]*\)/g, ']');
    const named = [...prose.matchAll(folders)].map(([path]) => path.replace(/\.$/, ''));
    const missing = named.filter(
      (path) => ![root, join(root, dirname(manual))].some((from) => existsSync(join(from, path))),
    );
    expect(missing).toEqual([]);
  });

  it('names only error codes that exist', () => {
    const known = errorCodes();
    const named = [...read(manual).matchAll(/\bDP_[A-Z_]+\b/g)].map(([code]) => code);
    expect(named.filter((code) => !known.includes(code))).toEqual([]);
  });
});

it('explains every error code in docs/sharp-edges.md', () => {
  const explained = read('docs/sharp-edges.md');
  expect(errorCodes().length).toBeGreaterThan(5);
  expect(errorCodes().filter((code) => !explained.includes(`\`${code}\``))).toEqual([]);
});

function errorCodes(): string[] {
  return [...read('privacy-accounting/src/errors.ts').matchAll(/\| '(DP_[A-Z_]+)'/g)].map(
    ([, code]) => code!,
  );
}

/** Anchors of a manual's headings, formed as code hosts form them. */
function headingsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

/** The command as a user runs it: the built program in a process of its own. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { epsilonOf, parseEvent } from 'privacy-accounting';
import { beforeAll, describe, expect, it } from 'vitest';
import { ESCAPE, PLAN } from './captured.js';

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const { FORCE_COLOR: _, DEBUG: __, ...env } = process.env;

const tfjsPrivacy = (args: readonly string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}) =>
  spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env, ...options });

beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root });
});

describe('tfjs-privacy', () => {
  it('answers on stdout and is silent on stderr', () => {
    const { status, stdout, stderr } = tfjsPrivacy(['budget', ...PLAN, '--json']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer.schema).toBe('tfjs-privacy/budget/1');
    const event = parseEvent(answer.events);
    expect(answer.epsilon).toBe(epsilonOf(event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon);
  });

  it('reads an event from a pipe', () => {
    const { status, stdout } = tfjsPrivacy(['budget', '--event', '-', '--delta', '1e-5', '--json'], {
      input: '{"type":"gaussian","noiseMultiplier":4}',
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ accountant: 'gdp', events: { noiseMultiplier: 4 } });
  });

  it('calibrates', () => {
    const plan = PLAN.filter((word) => word !== '--noise-multiplier' && word !== '1.1');
    const { status, stdout } = tfjsPrivacy(['calibrate', '--target-epsilon', '3', ...plan, '--json']);
    expect(status).toBe(0);
    const { epsilon, noiseMultiplier } = JSON.parse(stdout);
    expect(epsilon).toBeLessThanOrEqual(3);
    expect(noiseMultiplier).toBeGreaterThan(0.9);
    expect(noiseMultiplier).toBeLessThan(1.1);
  });

  it('exits with 2 and no stack for bad input', () => {
    const { status, stdout, stderr } = tfjsPrivacy(['budget', ...PLAN, '--delta', '2']);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: --delta must be [^\n]+\n$/);
  });

  it('puts no escape codes into a pipe, unless they are asked for', () => {
    expect(tfjsPrivacy(['budget', ...PLAN]).stdout).not.toContain(ESCAPE);
    expect(
      tfjsPrivacy(['budget', ...PLAN], { env: { ...env, NO_COLOR: '', FORCE_COLOR: '1' } }).stdout,
    ).toContain(ESCAPE);
  });

  it('is quiet when its reader closes the pipe', async () => {
    const child = spawn(process.execPath, [program, 'budget', ...PLAN], { env });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it.skipIf(!existsSync('/dev/full'))('says so when the result cannot be written', () => {
    const { status, stderr } = spawnSync(process.execPath, [program, 'budget', ...PLAN], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    expect(status).toBe(1);
    expect(stderr).toContain("can't be written");
  });

  /** The packages, the rooms of this one, and the files of the accounting that a call loads, by V8's coverage. */
  function loadedBy(args: readonly string[]) {
    const folder = mkdtempSync(join(tmpdir(), 'cli-modules-'));
    try {
      const { status } = tfjsPrivacy(args, { env: { ...env, NODE_V8_COVERAGE: folder } });
      expect(status).toBe(0);
      const urls = readdirSync(folder).flatMap((name) => {
        const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Coverage;
        return result.map(({ url }) => url);
      });
      const packages = urls.flatMap((url) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
      const rooms = urls.flatMap(
        (url) => /\/dist\/(\w+)\//.exec(url.replace(/.*\/privacy-accounting\//, ''))?.[1] ?? [],
      );
      const accounting = urls.flatMap((url) => /\/privacy-accounting\/dist\/(.*)/.exec(url)?.[1] ?? []);
      return { packages: new Set(packages), rooms: new Set(rooms), accounting: new Set(accounting) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** What an accounting question may load: the parser of flags, and what accounting itself depends on. */
  const ACCOUNTING = /^(?:commander|fft\.js|@stdlib\/.*)$/;

  it.each([
    ['an ε', ['budget', ...PLAN]],
    [
      'a calibration',
      ['calibrate', '--target-epsilon', '3', ...PLAN.filter((word) => !/noise|^1\.1$/.test(word))],
    ],
    ['a comparison', ['budget', ...PLAN, '--compare', 'all', '--ceilings']],
  ])('loads nothing but commander and the accounting, which is bundled, to answer %s', (_, args) => {
    const { packages, rooms, accounting } = loadedBy(args);
    expect(accounting).toEqual(new Set(['bundle/index.js', 'bundle/shared.js']));
    expect(packages).toContain('commander');
    expect([...packages].filter((name) => !ACCOUNTING.test(name))).toEqual([]);
    expect(rooms).toEqual(new Set(['cli']));
  });

  it('loads mathjs for an expression, drawing code for a plot, and tfjs for neither', () => {
    const { packages } = loadedBy(['budget', ...PLAN.slice(0, -1), '1/n^1.1']);
    expect(packages).toContain('mathjs');
    expect([...packages].filter((name) => /^@tensorflow|observablehq|linkedom|d3/.test(name))).toEqual([]);
    const text = loadedBy(['budget', ...PLAN, '--plot']);
    expect([...text.packages].filter((name) => !ACCOUNTING.test(name))).toEqual([]);
    expect(text.rooms).toEqual(new Set(['cli', 'report']));
  });

  it('doctor examines this installation', () => {
    const machine = tfjsPrivacy(['doctor', '--json']);
    expect(machine.status).toBe(0);
    const report = JSON.parse(machine.stdout);
    expect(report).toMatchObject({
      schema: 'tfjs-privacy/doctor/1',
      usable: true,
      node: { supported: true },
    });
    const { stdout, status } = tfjsPrivacy(['doctor']);
    expect(status).toBe(0);
    expect(stdout).toContain(`Computing on ${report.selected.name}: `);
    for (const { name } of report.backends) expect(stdout).toContain(`backend ${name}`);
    for (const line of report.advice)
      expect(stdout.replace(/\s+/g, ' ')).toContain(line.replace(/\s+/g, ' '));
  });
});

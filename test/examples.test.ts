/**
 * Every example, run as a user would run it: as a process of its own, on the real digits, in its small mode. And the
 * reader of the digits' files, on files that are not what they should be.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DpError } from 'privacy-accounting';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdx } from '../examples/data/idx.js';
import { loadMnist } from '../examples/data/mnist.js';
import { drawAuditSet, withReferences } from '../examples/lib/audit-digits.js';
import { FEATURES, featuresOf } from '../examples/lib/features.js';
import { parseReport, type Report } from '../src/report/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = { TFJS_PRIVACY_BACKEND: 'wasm', ...process.env, NO_COLOR: '1' };
const command = (example: string, flags: readonly string[]) => [
  '--import',
  'tsx',
  join('examples', `${example}.ts`),
  ...flags,
];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(example: string, ...flags: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: environment };
    execFile(process.execPath, command(example, flags), options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

/** Every ε that was printed as an upper bound. */
function epsilons(text: string): number[] {
  return [...text.matchAll(/(?:ε ≤ |epsilon +)([\d.]+)/g)].map(([, value]) => Number(value));
}

function reportIn(path: string): { readonly html: string; readonly report: Report } {
  const html = readFileSync(path, 'utf8');
  const data = /<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(html)?.[1];
  return { html, report: parseReport(JSON.parse(data ?? 'null')) };
}

/** Nothing that a browser would fetch: no address but of a place in the page itself, no style or script from elsewhere. */
function expectOffline(html: string): void {
  expect(html.slice(0, 15)).toBe('<!doctype html>');
  const attributes = html.matchAll(/\s(?:src|srcset|href|action|data|poster)\s*=\s*["']?([^"'\s>]*)/gi);
  const fetched = [...html.matchAll(/@import|url\(["']?[^)]*/gi)].map(([found]) => found);
  const addresses = [...attributes].map(([, address]) => address);
  expect(
    [...addresses, ...fetched].filter((address) => !/^(?:url\(["']?)?(?:#|data:)/.test(address!)),
  ).toEqual([]);
}

describe('mnist', () => {
  const out = join(folder, 'mnist');
  let outcome: Outcome;
  beforeAll(async () => {
    outcome = await run('mnist', '--small', '--out', out);
  });

  it('prints accuracy, ε with δ and relation, seconds, and what the attacks found', () => {
    expect(outcome.stderr).toMatch(/Computing on \w+/);
    expect(outcome.code).toBe(0);
    for (const text of [
      'Without privacy',
      'With DP-SGD',
      'δ = 10⁻⁵',
      'add-or-remove-one',
      'Accuracy',
      'Time',
    ]) {
      expect(outcome.stdout).toContain(text);
    }
    expect(outcome.stdout).toMatch(/AUC[\s\S]*TPR at 0\.1 % FPR[\s\S]*TPR at 1 % FPR/);
    expect(Math.max(...epsilons(outcome.stdout))).toBeLessThanOrEqual(3);
  });

  it('says one line a stage where there is no terminal', () => {
    const lines = outcome.stderr.split('\n').filter((line) => /digits: [\d.]+ s$/.test(line));
    expect(lines).toHaveLength(4);
  });

  it('writes one page that needs no network, with every run, curve and attack', () => {
    const { html, report } = reportIn(join(out, 'report.html'));
    expectOffline(html);
    expect(report.runs.map(({ id }) => id)).toEqual(['plain', 'private', 'audit-plain', 'audit-private']);
    for (const one of report.runs) {
      const epsilon = one.privacy === 'not private' ? Number.POSITIVE_INFINITY : Number(one.privacy.epsilon);
      expect(one.private ? epsilon : 0).toBeLessThanOrEqual(3);
      expect(one.private).toBe(Number.isFinite(epsilon));
    }
    expect(report.curves.filter(({ metric }) => metric === 'accuracy')).toHaveLength(2);
    expect(report.notes.join(' ')).toMatch(/Tuning is not charged[\s\S]*official test digits/);
    expect(report.audits.map(({ run }) => run)).toEqual(['audit-plain', 'audit-private']);
  });

  it('fails the attack without privacy, and does not with it', () => {
    const { report } = reportIn(join(out, 'report.html'));
    const canaries = report.audits.map(({ result }) => result.attacks.find(({ on }) => on === 'canaries')!);
    expect(canaries[0]!.auc.exact.value).toBeGreaterThan(0.9);
    // About 50 canaries in and 350 out: guessing scatters around 0.5 by 0.045, so 0.8 is 6.6 deviations away (2e-11).
    expect(canaries[1]!.auc.exact.value).toBeLessThan(0.8);
    expect(report.audits[1]!.result.verdict.value).not.toBe('violated');
  });

  it('refuses to train into a run that is there already, and says how to go on', async () => {
    const again = await run('mnist', '--small', '--out', out);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/DP_INVALID_ARGUMENT.*has one/);
  });

  it('keeps a checkpoint on Ctrl-C and goes on from it', async () => {
    const stopped = join(folder, 'stopped');
    const first = await interrupted(stopped);
    expect(first.stderr).toContain(`--resume --out ${stopped}`);
    expect(first.code).toBe(130);
    const steps = Number(/Stopped after step (\d+)/.exec(first.stderr)?.[1]);
    expect(steps).toBeGreaterThan(0);
    const second = await run('mnist', '--small', '--resume', '--out', stopped);
    expect(second.code).toBe(0);
    const { report } = reportIn(join(stopped, 'report.html'));
    const [, resumed] = report.runs;
    expect(resumed!.steps).toBeGreaterThan(steps);
    expect(Math.max(...epsilons(second.stdout))).toBeLessThanOrEqual(3);
  });

  /** The demo, interrupted as soon as its first private step is on record. */
  function interrupted(out: string): Promise<Outcome> {
    return new Promise((resolve) => {
      // The slowest backend: training lasts longer than the interrupt takes to arrive.
      const env = { ...environment, TFJS_PRIVACY_BACKEND: 'cpu' };
      const flags = command('mnist', ['--small', '--out', out]);
      const child = spawn(process.execPath, flags, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.on('data', (chunk) => (stderr += chunk));
      const record = join(out, 'private', 'record.jsonl');
      const timer = setInterval(() => {
        if (!existsSync(record) || statSync(record).size === 0) return;
        clearInterval(timer);
        child.kill('SIGINT');
      }, 20);
      child.on('close', (code) => {
        clearInterval(timer);
        resolve({ code: code ?? -1, stdout: '', stderr });
      });
    });
  }
});

describe('custom-loop', () => {
  it('trains and states ε from the event of its own sampler', async () => {
    const { code, stdout, stderr } = await run('custom-loop', '--small');
    expect(stderr).toContain('Custom loop with DP-SGD');
    expect(code).toBe(0);
    const [epsilon] = epsilons(stdout);
    expect(epsilon).toBeGreaterThan(2.9);
    expect(epsilon).toBeLessThanOrEqual(3);
    expect(stdout).toContain('add-or-remove-one');
    expect(stdout).toContain('Poisson sample of probability 0.05');
    expect(Number(/accuracy +([\d.]+) %/.exec(stdout)?.[1])).toBeGreaterThan(50);
  });
});

describe('drop-in-fit', () => {
  it('books every step without the guard, and one participation an epoch with it', async () => {
    const { code, stdout } = await run('drop-in-fit', '--small');
    expect(code).toBe(0);
    const [unguarded, guarded] = epsilons(stdout);
    expect(unguarded).toBeGreaterThan(2 * guarded!);
    expect(guarded).toBeLessThanOrEqual(3);
    expect(stdout).toContain('replace-special');
  });
});

describe('compare', () => {
  it('draws accuracy against ε = 1, 3, 8 and ∞', async () => {
    const out = join(folder, 'compare');
    const { code, stdout } = await run('compare', '--small', '--out', out);
    expect(code).toBe(0);
    const { html, report } = reportIn(join(out, 'compare.html'));
    expectOffline(html);
    const found = report.runs.map(({ privacy }) =>
      privacy === 'not private' ? 'none' : Number(privacy.epsilon),
    );
    for (const [i, target] of [1, 3, 8].entries()) {
      expect(found[i]).toBeLessThanOrEqual(target);
      expect(found[i]).toBeGreaterThan(0.95 * target);
    }
    expect(found[3]).toBe('none');
    expect(report.comparison?.runs).toHaveLength(4);
    expect(html.includes('Accuracy against ε')).toBe(true);
    expect(stdout).toContain('not private');
  });
});

describe('every example', () => {
  it.each(['mnist', 'custom-loop', 'drop-in-fit', 'compare'])(
    '%s begins with its one command, shows help, and refuses flags it does not know',
    async (example) => {
      const source = readFileSync(join(root, 'examples', `${example}.ts`), 'utf8');
      expect(source).toMatch(
        /^\/\*\*\n \* [^\n]+\n(?: \*[^\n]*\n)*? \* {3}(?:npm run demo|npx tsx examples\/[\w-]+\.ts)\n/,
      );
      expect(source.split('\n').length).toBeLessThanOrEqual(150);
      const help = await run(example, '--help');
      expect(help.code).toBe(0);
      expect(help.stdout).toContain('--small');
      const wrong = await run(example, '--smal');
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toContain("'--smal'");
    },
  );
});

describe('the digits', () => {
  it('are the 60,000 and the 10,000, in [0, 1], each class present', async () => {
    const { train, test } = await loadMnist();
    expect([train.count, test.count]).toEqual([60_000, 10_000]);
    expect(train.pixels.length).toBe(60_000 * 784);
    // The first digit of the training set is a 5, of the test set a 7.
    expect([train.labels[0], test.labels[0]]).toEqual([5, 7]);
    expect(new Set(train.labels).size).toBe(10);
    const first = train.pixels.subarray(0, 784);
    expect([Math.min(...first), Math.max(...first)]).toEqual([0, 1]);
    // 33.3 of 255 is the average grey value known of MNIST.
    expect(test.pixels.reduce((sum, value) => sum + value, 0) / test.pixels.length).toBeCloseTo(0.1325, 3);
  });

  it('become features one at a time: a digit has the same in any company', async () => {
    const { test } = await loadMnist();
    const alone = featuresOf({
      pixels: test.pixels.slice(784, 1568),
      labels: test.labels.slice(1, 2),
      count: 1,
    });
    const together = featuresOf({ pixels: test.pixels.subarray(0, 7840), labels: test.labels, count: 10 });
    expect(together.slice(FEATURES, 2 * FEATURES)).toEqual(alone);
    expect(alone.reduce((sum, value) => sum + value, 0) / FEATURES).toBeCloseTo(0, 5);
  });

  it('of an audit are dealt once: no digit twice, coins for all, references never members', async () => {
    const { train } = await loadMnist();
    const set = drawAuditSet(train, { canaries: 400, ordinary: 3600, references: 4000 });
    const members = Array.from(set.member).filter((bit) => bit === 1).length;
    // 4,000 fair coins come 210 off their mean with a chance of at most 6e-10 (Hoeffding).
    expect(Math.abs(members - 2000)).toBeLessThan(210);
    const all = withReferences(set, train, 4000);
    expect(new Set(all.ids).size).toBe(12_000);
    expect(
      Array.from(all.member)
        .slice(4000)
        .every((bit) => bit === 0),
    ).toBe(true);
    for (const [i, id] of all.ids!.entries()) {
      const truth = train.labels[Number(id.slice('train-'.length))];
      if ((all.labels[i] === truth) === (all.canary![i] === 1)) expect.fail(`${id}: label and part disagree`);
    }
  });
});

describe('readIdx', () => {
  const file = join(folder, 'digits-idx');
  const write = (...bytes: number[]) => writeFileSync(file, Uint8Array.from(bytes));
  const header = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3];

  async function failure(shape: readonly (number | null)[]): Promise<DpError> {
    const error: unknown = await readIdx(file, { shape }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DpError);
    return error as DpError;
  }

  it('reads sizes and bytes', async () => {
    write(...header, 1, 2, 3, 4, 5, 6);
    const { shape, data } = await readIdx(file, { shape: [null, 3] });
    expect(shape).toEqual([2, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    ['an empty file', [], [null, 3], /12 bytes.*0 bytes/],
    ['a cut header', header.slice(0, 7), [null, 3], /12 bytes.*7 bytes/],
    ['cut data', [...header, 1, 2, 3, 4, 5], [null, 3], /18 bytes.*17: the file is truncated/],
    ['data to spare', [...header, 1, 2, 3, 4, 5, 6, 7], [null, 3], /18 bytes.*19: the file is too long/],
    [
      'another element type',
      [0, 0, 13, 2, ...header.slice(4), 1, 2, 3, 4, 5, 6],
      [2, 3],
      /0x00000802.*0x00000d02/,
    ],
    ['another number of dimensions', [...header, 1, 2, 3, 4, 5, 6], [null], /0x00000801.*0x00000802/],
    ['compressed data', [0x1f, 0x8b, 8, 0, ...header], [null, 3], /0x00000802.*0x1f8b0800/],
    ['other sizes', [...header, 1, 2, 3, 4, 5, 6], [60_000, 3], /\[60000,3\].*\[2,3\]/],
    ['sizes past any file', [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255], [null, null], /truncated/],
  ] as const)('refuses %s, naming the file', async (_, bytes, shape, message) => {
    write(...bytes);
    const error = await failure(shape);
    expect(error.code).toBe('DP_CORRUPT');
    expect(error.message).toContain(file);
    expect(error.message).toMatch(message);
  });

  it('says when there is no file, and when a label is no digit', async () => {
    rmSync(file, { force: true });
    expect((await failure([null, 3])).code).toBe('DP_IO');
    await expect(loadMnist({ folder })).rejects.toMatchObject({ code: 'DP_IO' });
  });
});

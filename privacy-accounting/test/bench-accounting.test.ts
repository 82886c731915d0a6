/** The accounting benchmark: it runs, what it writes has its documented shape, and RESULTS.md shows the same figures. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import {
  ACCOUNTING_SCHEMA,
  type AccountingFigures,
  type AccountingPeerRow,
  mergeAccountingFigures,
  type QuestionRow,
} from '../../benchmarks/accounting/figures.js';
import { renderAccountingFigures } from '../../benchmarks/accounting/render.js';
import { readSection } from '../../benchmarks/results-file.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bench-accounting-'));
afterAll(() => rmSync(folder, { recursive: true }));

const machine = { cores: 2, memoryGiB: 24, system: 'linux x64', node: 'v20.0.0' };
const timing = (minimum: number, median = minimum) => ({ minimum, median, rounds: 9 });
const row = (question: string, minimum: number, answer = {}): QuestionRow => ({
  question,
  timing: timing(minimum),
  answer,
});
const peer = (question: string, minimum: number): AccountingPeerRow => ({
  peer: 'dp_accounting',
  version: 'dp_accounting 1',
  question,
  timing: timing(minimum),
  answer: 5.25,
});
const figures = (parts: Partial<AccountingFigures>): AccountingFigures => ({
  schema: ACCOUNTING_SCHEMA,
  machine,
  questions: [],
  peers: [],
  ...parts,
});
/** The cells of the first table row that contains `text`. */
function cells(markdown: string, text: string): string[] {
  const line = markdown.split('\n').find((each) => each.startsWith('|') && each.includes(text));
  return line?.split('|').map((cell) => cell.trim()) ?? [];
}

describe('npm run bench:accounting', () => {
  it('measures, writes results.json and RESULTS.md, and says that it skipped the peers', async () => {
    const args = ['--question', 'rdp-epsilon', '--seconds', '0', '--out', folder];
    const { stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'benchmarks/accounting.ts', ...args],
      {
        cwd: root,
        env: {
          ...process.env,
          TSX_TSCONFIG_PATH: 'test/tsconfig.json',
          TFJS_PRIVACY_PEERS: join(folder, 'none'),
        },
      },
    );
    expect(stderr).toMatch(/peers skipped.*npm run bench:peers/);
    const section = readSection(folder, 'accounting') as AccountingFigures;
    expect(section).toEqual({
      schema: 'tfjs-privacy/bench-accounting/1',
      machine: {
        cores: expect.any(Number),
        memoryGiB: expect.any(Number),
        system: expect.any(String),
        node: process.version,
      },
      questions: [
        {
          question: 'rdp-epsilon',
          timing: { minimum: expect.any(Number), median: expect.any(Number), rounds: 5 },
          answer: { epsilon: expect.closeTo(5.632, 2) },
        },
      ],
      peers: [],
    });
    const written = readFileSync(join(folder, 'RESULTS.md'), 'utf8');
    expect(written).toContain(renderAccountingFigures(section).trim());
    expect(cells(written, 'RDP ε')).toContainEqual(expect.stringMatching(/^epsilon 5\.6318/));
  });
});

describe('the figures', () => {
  it('stand beside their bars, which both minima and medians must meet', () => {
    const text = renderAccountingFigures(
      figures({
        questions: [
          { ...row('pld-epsilon', 40), timing: timing(40, 60) },
          row('certified-epsilon', 100, { lower: 5, upper: 5.0005 }),
          row('rdp-epsilon', 0.5),
        ],
        peers: [peer('pld-epsilon', 400), peer('rdp-epsilon', 25)],
      }),
    );
    expect(cells(text, 'PLD ε, q').slice(2, 5)).toEqual([
      '40.0 / 60.0',
      '≤ 50: missed',
      '10.0 / 6.67 (≥ 8: missed)',
    ]);
    expect(cells(text, 'certified ε')[3]).toBe('≤ 150: met; width 5.0e-4 ≤ 0.001: met');
    expect(cells(text, 'RDP ε').slice(2, 5)).toEqual(['0.50 / 0.50', '≤ 1: met', '50.0 / 50.0 (≥ 20: met)']);
    expect(cells(text, '| dp_accounting | PLD ε').slice(3, 6)).toEqual(['400 / 400', '10.0 / 6.67', '5.25']);
  });

  it('say what was not answered, how flat the cost is, and what the package weighs', () => {
    const failures = ['q 0.1: no bound'];
    const text = renderAccountingFigures(
      figures({
        questions: [
          ...[1e3, 1e4, 1e5, 1e6].map((steps) => row(`pld-steps-${steps}`, 20)),
          row('pld-steps-10000000', 90),
          { question: 'single-steps', timing: null, answer: {}, error: 'not done after 240 s' },
        ],
        hardInputs: { inputs: 180, slowestMilliseconds: 900, slowest: 'q 1', peakMiB: 200, failures },
        bundle: { minifiedBytes: 250_000, gzippedBytes: 80_000 },
      }),
    );
    expect(text).toContain('the slowest PLD ε takes 4.5 times the fastest ("flat" is ≤ 3: missed)');
    expect(cells(text, '100 single steps')).toContain('not done after 240 s');
    expect(text).toContain('not all were bounded (≤ 5 s and 500 MB: missed)');
    expect(text).toContain('Not bounded: q 0.1: no bound');
    expect(text).toContain('250.0 kB minified, 80.0 kB gzipped (≤ 100 kB: met)');
  });

  it('of a filtered run replace only their rows, and other machines’ figures never stay beside new ones', () => {
    const before = figures({
      questions: [row('pld-epsilon', 40), row('rdp-epsilon', 1)],
      bundle: { minifiedBytes: 2, gzippedBytes: 1 },
    });
    const after = figures({ questions: [row('rdp-epsilon', 2)] });
    const merged = mergeAccountingFigures(before, after);
    expect(merged.questions.map(({ timing: each }) => each?.minimum)).toEqual([40, 2]);
    expect(merged.bundle).toEqual(before.bundle);
    expect(mergeAccountingFigures({ ...before, machine: { ...machine, cores: 8 } }, after)).toEqual(after);
    expect(mergeAccountingFigures({ ...before, schema: 'tfjs-privacy/bench-accounting/0' }, after)).toEqual(
      after,
    );
    expect(mergeAccountingFigures(undefined, after)).toEqual(after);
  });
});

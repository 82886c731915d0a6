/** The step benchmark: it runs, what it writes has its documented shape, and RESULTS.md shows the same figures. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSection, writeSection } from '../benchmarks/results-file.js';
import {
  type MemoryRow,
  mergeFigures,
  type PeerRow,
  STEP_SCHEMA,
  type StepFigures,
  type TimeRow,
} from '../benchmarks/step/figures.js';
import { MODELS } from '../benchmarks/step/models.js';
import { renderStepFigures } from '../benchmarks/step/render.js';
import { median, summarise } from '../benchmarks/step/step-times.js';
import { loadBackend } from '../src/backend/load-backend.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tfjs-privacy-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const machine = { cores: 2, memoryGiB: 24, system: 'linux x64', node: 'v20.0.0', tfjs: 'tfjs-core 4.22.0' };
const both = (minimum: number, median = minimum) => ({ minimum, median, cpu: median });

function timeRow(row: Partial<TimeRow>): TimeRow {
  return {
    model: 'mlp',
    backend: 'tensorflow',
    batch: 256,
    parameters: 235_146,
    rounds: 9,
    plain: both(10),
    private: both(12),
    clipOnly: both(10.5),
    errors: {},
    tensorsLeaked: 0,
    ...row,
  };
}
function figures(parts: Partial<StepFigures>): StepFigures {
  return { schema: STEP_SCHEMA, machine, times: [], memory: [], peers: [], ...parts };
}
/** The cells of the first table row that contains `text`. */
function cells(markdown: string, text: string): string[] {
  const line = markdown.split('\n').find((each) => each.startsWith('|') && each.includes(text));
  return line?.split('|').map((cell) => cell.trim()) ?? [];
}

describe('npm run bench:step', () => {
  it('measures, writes results.json and RESULTS.md, and says that it skipped the peers', async () => {
    const args = [
      '--model',
      'mlp',
      '--backend',
      'cpu',
      '--batch',
      '2',
      '--rounds',
      '1',
      '--part',
      'time,peers',
    ];
    const { stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'benchmarks/step.ts', ...args, '--out', folder],
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

    const section = readSection(folder, 'step') as StepFigures;
    expect(section.schema).toBe('tfjs-privacy/bench-step/2');
    expect(section.machine.node).toBe(process.version);
    expect(section.times).toHaveLength(1);
    const [row] = section.times;
    const times = { minimum: expect.any(Number), median: expect.any(Number), cpu: expect.any(Number) };
    expect(row).toEqual({
      model: 'mlp',
      backend: 'cpu',
      batch: 2,
      parameters: 235_146,
      rounds: 1,
      plain: times,
      private: times,
      clipOnly: times,
      errors: {},
      tensorsLeaked: 0,
    });
    expect(row?.private?.minimum).toBeGreaterThan(0);

    const written = readFileSync(join(folder, 'RESULTS.md'), 'utf8');
    expect(written).toContain(renderStepFigures(section).trim());
    expect(cells(written, 'MLP 784-256-128-10')).toContain('2');
  });
});

describe('the models', () => {
  beforeAll(async () => {
    await loadBackend('cpu');
    await tf.setBackend('cpu');
  });

  it.each([
    ['mlp', 235_146],
    ['cnn-opacus', 26_010],
    ['cnn-3x3', 34_826],
    ['lstm-50', 33_154],
    ['gru-200', 24_898],
    ['embedding', 1_280_130],
    ['attention', 1_296_770],
    ['dense-10m', 10_020_874],
  ])('%s has %i parameters', (id, parameters) => {
    const { variables } = MODELS.find((model) => model.id === id)!.make(1);
    expect(variables.reduce((sum, { size }) => sum + size, 0)).toBe(parameters);
    expect(new Set(variables.map((variable) => variable.id)).size).toBe(variables.length);
    tf.disposeVariables();
  });
});

describe('the figures', () => {
  it('are minima and medians', () => {
    const samples = [
      { wall: 5, cpu: 8 },
      { wall: 1, cpu: 6 },
      { wall: 4, cpu: 7 },
    ];
    expect(summarise(samples)).toEqual({ minimum: 1, median: 4, cpu: 7 });
    expect(median([9, 1, 4, 2])).toBe(3);
  });

  it('stand beside their targets, which both minima and medians must meet', () => {
    const times = [
      timeRow({ private: both(12, 12.5), clipOnly: both(11.01, 12) }),
      timeRow({ model: 'dense-10m', private: both(15, 17) }),
      timeRow({ batch: 32, private: both(30) }),
      timeRow({ model: 'cnn-3x3', private: both(20) }),
      timeRow({
        model: 'cnn-3x3',
        backend: 'wasm',
        plain: null,
        private: both(310),
        errors: { plain: 'no kernel' },
      }),
    ];
    const text = renderStepFigures(figures({ times }));
    expect(cells(text, 'MLP').slice(6, 8)).toEqual([
      '1.10 / 1.20 (≤ 1.10: minimum met)',
      '1.20 / 1.25 (≤ 1.25: met)',
    ]);
    expect(cells(text, '10 million')[7]).toBe('1.50 / 1.70 (≤ 1.60: minimum met)');
    expect(cells(text, '| 32 |')[7]).toBe('3.00 / 3.00');
    expect(text).toContain('| 310 / 310 | 20.0 / 20.0 | 15.50 / 15.50 (≤ 15.00: missed) |');
    expect(text).toContain('"cannot train": no kernel');
  });

  it('hold memory and peers against their targets', () => {
    const memory: MemoryRow[] = [
      { model: 'mlp', backend: 'tensorflow', batch: 256, processes: 3, plain: 20, private: 31 },
    ];
    const peer: PeerRow = {
      peer: 'opacus ghost',
      version: 'Opacus',
      model: 'cnn-3x3',
      batch: 256,
      threads: 2,
      parameters: 34_826,
      rounds: 5,
      detail: '4 physical batches',
      plain: both(10),
      private: both(30, 11),
    };
    const failed = { ...peer, peer: 'jax-privacy', plain: null, private: null, error: 'not supported: why' };
    const times = [timeRow({ model: 'cnn-3x3', private: both(12) })];
    const text = renderStepFigures(figures({ memory, times, peers: [peer, failed] }));
    expect(text).toContain('| 20 | 31 | 1.55 (≤ 1.5: missed) | 3 |');
    expect(cells(text, 'opacus ghost')[3]).toBe('opacus ghost, 4 physical batches');
    expect(cells(text, 'opacus ghost')).toContain('2.50 / 0.92 (> 1: missed)');
    expect(cells(text, 'jax-privacy')).toContain('not supported: why');
  });

  it('of a filtered run replace only their rows, and other machines’ figures never stay beside new ones', () => {
    const before = figures({ times: [timeRow({}), timeRow({ batch: 32 })] });
    const after = figures({ times: [timeRow({ rounds: 1 })] });
    expect(mergeFigures(before, after).times.map(({ batch, rounds }) => [batch, rounds])).toEqual([
      [256, 1],
      [32, 9],
    ]);
    expect(mergeFigures({ ...before, machine: { ...machine, cores: 8 } }, after)).toEqual(after);
    expect(mergeFigures({ ...before, schema: 'tfjs-privacy/bench-step/1' }, after)).toEqual(after);
    expect(mergeFigures(undefined, after)).toEqual(after);
  });

  it('of one benchmark leave the sections of the others alone', () => {
    const here = join(folder, 'sections');
    writeSection(here, 'step', { a: 1 }, '## Step $& one');
    writeSection(here, 'accounting', { b: 2 }, '## Accounting');
    writeSection(here, 'step', { a: 3 }, '## Step two');
    expect([readSection(here, 'step'), readSection(here, 'accounting')]).toEqual([{ a: 3 }, { b: 2 }]);
    const text = readFileSync(join(here, 'RESULTS.md'), 'utf8');
    expect(text.match(/^## .*$/gm)).toEqual(['## Step two', '## Accounting']);
  });
});

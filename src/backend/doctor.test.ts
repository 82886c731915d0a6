import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import util from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { doctor } from './doctor.js';
import { restoreUtilFunctions } from './node-runtime.js';

const project = mkdtempSync(join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(project, { recursive: true }));

function pretendPackage(folder: string, version: string): void {
  mkdirSync(join(project, folder), { recursive: true });
  writeFileSync(join(project, folder, 'package.json'), JSON.stringify({ version }));
}

describe('doctor', () => {
  it('finds this repository sound: one engine, a backend that loads, advice only about the native one', async () => {
    const report = await doctor();
    expect(report.node).toMatchObject({ version: process.version, supported: true });
    expect(report.cores).toBeGreaterThanOrEqual(1);
    expect(report.engine.folders).toHaveLength(1);
    expect(report.backends.map((check) => check.name)).toEqual(['tensorflow', 'wasm', 'cpu']);
    expect(report.backends.filter((check) => check.loads).map((check) => check.name)).toContain('wasm');
    expect(report.selected?.name).toBe(report.backends.find((check) => check.loads)?.name);
    const native = report.backends[0];
    if (native?.loads) expect(report.advice).toEqual([]);
    else expect(report.advice.join()).toContain('npm run native');
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('finds a second copy of tfjs-core and mixed versions', async () => {
    pretendPackage('node_modules/@tensorflow/tfjs-core', '4.22.0');
    pretendPackage('node_modules/@tensorflow/tfjs-layers', '4.21.0');
    pretendPackage('node_modules/@tensorflow/tfjs-layers/node_modules/@tensorflow/tfjs-core', '4.21.0');
    const report = await doctor({ project });
    expect(report.packages).toContainEqual({ name: '@tensorflow/tfjs-layers', version: '4.21.0' });
    expect(report.packages).toContainEqual({ name: '@tensorflow/tfjs-backend-wasm' });
    // The two of the project, and the one beside this toolkit.
    expect(report.engine.folders).toHaveLength(3);
    expect(report.advice.join('\n')).toMatch(/3 copies of @tensorflow\/tfjs-core/);
    expect(report.advice.join('\n')).toMatch(/different versions \(4\.22\.0, 4\.21\.0\)/);
  });
});

describe('restoreUtilFunctions', () => {
  it('adds what Node 23 removed, and nothing that is there', () => {
    const functions = util as unknown as Record<string, unknown>;
    const before = functions.isNullOrUndefined;
    const other = functions.inspect;
    delete functions.isNullOrUndefined;
    restoreUtilFunctions();
    const restored = functions.isNullOrUndefined as (value: unknown) => boolean;
    expect([null, undefined, 0, '', false].map(restored)).toEqual([true, true, false, false, false]);
    expect(functions.inspect).toBe(other);
    if (before !== undefined) functions.isNullOrUndefined = before;
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cli, cliIn, PLAN } from './captured.js';

const folder = mkdtempSync(join(tmpdir(), 'cli-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: unknown): string {
  const path = join(folder, 'plan.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const CONFIG = {
  schema: 'tfjs-privacy/plan/1',
  datasetSize: 60_000,
  batchSize: 256,
  epochs: 60,
  noiseMultiplier: 1.1,
  delta: 1e-5,
};

describe('--config', () => {
  it('says what flags would, from a file and from standard input', async () => {
    const flags = (await cli('budget', ...PLAN, '--json')).json();
    const read = await cli('budget', '--config', file(CONFIG), '--json');
    expect(read.stderr).toBe('');
    expect(read.json()).toEqual(flags);
    const piped = await cliIn({ stdin: JSON.stringify(CONFIG) }, 'budget', '--config', '-', '--json');
    expect(piped.json()).toEqual(flags);
  });

  it('refuses a list without values', async () => {
    const { code, stderr } = await cli('budget', '--config', file({ ...CONFIG, delta: [] }));
    expect(code).toBe(2);
    expect(stderr).toContain('a list needs at least one value');
  });

  it('takes expressions and lists, and gives way to flags', async () => {
    const path = file({
      ...CONFIG,
      epochs: undefined,
      steps: '60*n/batch',
      delta: ['1/n^1.1', 1e-6],
      noiseMultiplier: '2*0.5',
    });
    const answer = (await cli('budget', '--config', path, '--noise-multiplier', '1.1', '--json')).json();
    expect(answer.expressions).toMatchObject({ steps: { value: 14_063 }, delta: { text: '1/n^1.1' } });
    expect(answer.events).toMatchObject({ event: { event: { noiseMultiplier: 1.1 } } });
    expect((answer.answers as { delta: number }[]).map(({ delta }) => delta)).toEqual([
      1 / 60_000 ** 1.1,
      1e-6,
    ]);
  });

  it('serves calibrate', async () => {
    const { noiseMultiplier: _, ...plan } = CONFIG;
    const path = file({ ...plan, targetEpsilon: 3, accountant: 'rdp' });
    const answer = (await cli('calibrate', '--config', path, '--json')).json();
    expect(answer).toMatchObject({ targetEpsilon: 3, accountant: 'rdp' });
    expect(answer.epsilon).toBeLessThanOrEqual(3);
  });

  it.each([
    [{ ...CONFIG, noiseMultiplier: -1 }, /plan\.json: noiseMultiplier must be .*got -1/],
    [
      { ...CONFIG, noiseMultiplier: 'foo' },
      /plan\.json: noiseMultiplier must be .*foo is not one of the plan's names/,
    ],
    [{ ...CONFIG, delta: [1e-5, 2] }, /plan\.json: delta\[1\] must be/],
    [{ ...CONFIG, steps: null }, /plan\.json: steps must be/],
    [{ ...CONFIG, dropout: 1 }, /plan\.json: dropout is not a field of a plan \(datasetSize, /],
    [{ ...CONFIG, targetEpsilon: 1 }, /plan\.json: targetEpsilon is not a field of this command/],
    [{ ...CONFIG, sampler: 'shufle' }, /plan\.json: sampler must be one of poisson, shuffle/],
    [{ ...CONFIG, schema: 'tfjs-privacy/plan/2' }, /plan\.json: schema must be/],
    ['{"__proto__": {"delta": 1}}', /plan\.json: __proto__ is not a field/],
    ['[1]', /plan\.json: a plan must be an object/],
    ['{', /plan\.json is not JSON/],
    ['', /plan\.json is empty/],
  ])('%j is refused, with its place', async (content, message) => {
    const { code, stdout, stderr } = await cli('budget', '--config', file(content));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('leaves standard input to one reader', async () => {
    const { code, stderr } = await cli('budget', '--config', '-', '--event', '-', '--delta', '1e-5');
    expect(code).toBe(2);
    expect(stderr).toContain('both read standard input');
  });
});

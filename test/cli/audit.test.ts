/**
 * `audit` on real run directories. Training with learning rate 0 leaves the weights where the test put them, so that
 * what the attack finds is known beforehand although the noise is fresh: only the claim comes from the run.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAuditResult, saveAuditSet } from '../../src/audit/index.js';
import { privateFit } from '../../src/training/index.js';
import { cli, cliIn, ESCAPE } from './captured.js';

const folder = mkdtempSync(join(tmpdir(), 'cli-audit-'));
const EXAMPLES = 1000;

/** A feature in [-1, 1) that tells nothing about the example's index, and a label by its sign. */
const feature = (i: number) => ((i * 0.618_033_988_749_895) % 1) * 2 - 1;
const label = (i: number) => (feature(i) > 0 ? 1 : 0);

interface Subject {
  readonly noiseMultiplier: number;
  /** Whether the model is right about non-members too. */
  readonly leaks: boolean;
  readonly audited: number;
  readonly seed?: string;
}

async function trainedRun(name: string, { noiseMultiplier, leaks, audited, seed }: Subject): Promise<string> {
  const path = join(folder, name);
  const model = tfl.sequential({
    layers: [tfl.layers.dense({ units: 2, inputShape: [1], activation: 'softmax' })],
  });
  model.setWeights([tf.tensor2d([[-3, 3]]), tf.tensor1d([0, 0])]);
  const xs = tf.tensor2d(Array.from({ length: EXAMPLES }, (_, i) => [feature(i)]));
  const ys = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: EXAMPLES }, (_, i) => label(i)),
      'int32',
    ),
    2,
  );
  await privateFit(
    model,
    { xs, ys },
    {
      ...{ noiseMultiplier, delta: 1e-5, steps: 4, expectedBatchSize: 100, l2NormClip: 1 },
      ...{ optimizer: tf.train.sgd(0), loss: 'categoricalCrossentropy', runDirectory: path },
      ...(seed === undefined ? {} : { seed }),
    },
  );
  // Members and non-members alternate. A leaking model is sure of a member's label and of a non-member's opposite.
  const indices = Array.from({ length: audited }, (_, i) => i);
  const wrong = (i: number) => leaks && i % 2 === 1;
  await saveAuditSet(path, {
    features: [{ data: Float32Array.from(indices, feature), shape: [audited, 1] }],
    labels: indices.map((i) => (wrong(i) ? 1 - label(i) : label(i))),
    member: indices.map((i) => (i % 2 === 0 ? 1 : 0)),
    classes: 2,
  });
  model.dispose();
  tf.dispose([xs, ys]);
  return path;
}

let consistent = '';
let violated = '';
let inconclusive = '';

beforeAll(async () => {
  vi.stubEnv('TFJS_PRIVACY_BACKEND', 'cpu');
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  consistent = await trainedRun('consistent', { noiseMultiplier: 2, leaks: false, audited: 1000 });
  violated = await trainedRun('violated', { noiseMultiplier: 2, leaks: true, audited: 1000 });
  inconclusive = await trainedRun('inconclusive', { noiseMultiplier: 2, leaks: true, audited: 8 });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A copy to be broken. */
function copyOf(path: string, name: string): string {
  const copy = join(folder, name);
  cpSync(path, copy, { recursive: true });
  rmSync(join(copy, 'audit.json'), { force: true });
  return copy;
}

describe('audit', () => {
  it.each([
    ['consistent', 0],
    ['violated', 4],
    ['inconclusive', 5],
  ] as const)('says %s with exit code %i, and keeps the result', async (verdict, exitCode) => {
    const path = { consistent, violated, inconclusive }[verdict];
    const { code, stdout, stderr, json } = await cli('audit', path, '--json');
    expect(stderr).toBe('');
    expect(code).toBe(exitCode);
    const result = parseAuditResult(json());
    expect(result.verdict.value).toBe(verdict);
    expect(result.subject).toBe(path);
    const file = join(path, 'audit.json');
    expect(readFileSync(file, 'utf8')).toBe(stdout);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o077).toBe(0);
  });

  it("attacks the run's own claim", async () => {
    const { claim } = parseAuditResult((await cli('audit', violated, '--json')).json());
    const stated = JSON.parse(readFileSync(join(violated, 'privacy.json'), 'utf8'));
    const { epsilon, delta, relation, accountant } = stated.epsilon;
    expect(claim).toEqual({ epsilon, delta, relation, accountant });
  });

  it('prints the verdict, the claim and each attack for people', async () => {
    const { code, stdout } = await cli('audit', violated);
    expect(code).toBe(4);
    const words = stdout.replace(/\s+/g, ' ');
    for (const text of ['AUC', 'TPR at 1 % FPR', 'add-or-remove-one', 'private value', 'Claim violated.']) {
      expect(words).toContain(text);
    }
    expect(words).toMatch(/claim ε ≤ 0\.\d+ at δ = 1e-5/);
    expect(words).toMatch(/at \d\.\d % FPR/);
    expect(stdout).not.toContain(ESCAPE);
    const { stdout: colored } = await cliIn({ isTTY: true }, 'audit', violated);
    expect(colored).toContain(ESCAPE);
  });

  it('says on a terminal where it computes and what it wrote, on stderr', async () => {
    const { stderr } = await cliIn({ isTTY: true, env: { NO_COLOR: '1' } }, 'audit', inconclusive);
    expect(stderr).toMatch(/^Attacking on cpu: /);
    expect(stderr).toContain(join(inconclusive, 'audit.json'));
  });

  it('writes one page that needs nothing else', async () => {
    const page = join(folder, 'page.html');
    const { code } = await cli('audit', violated, '--html', page);
    expect(code).toBe(4);
    const html = readFileSync(page, 'utf8');
    expect(html).not.toMatch(/(?:src|href)="https?:/);
    const { document } = parseHTML(html);
    expect(document.querySelectorAll('h1')).toHaveLength(1);
    expect(document.body.textContent).toContain('Claim violated');
    expect(document.body.textContent).toContain('Noise multiplier');
  });

  it('claims nothing for a run with seeded noise', async () => {
    const path = await trainedRun('seeded', { noiseMultiplier: 2, leaks: true, audited: 1000, seed: 'test' });
    const { code, stdout } = await cli('audit', path);
    expect(code).toBe(5);
    expect(stdout).toContain('ε = ∞');
  });
});

describe('audit of what is broken', () => {
  it.each([
    ['a directory that is not there', () => join(folder, 'nowhere'), 'nowhere'],
    ['a directory without a run', () => folder, 'run.json'],
    [
      'a run without an audit set',
      () => {
        const path = copyOf(consistent, 'no-set');
        rmSync(join(path, 'audit-set.json'));
        return path;
      },
      'audit-set.json',
    ],
    [
      'weights that were cut off',
      () => {
        const path = copyOf(consistent, 'cut');
        const file = join(path, 'checkpoint', 'weights.bin');
        writeFileSync(file, readFileSync(file).subarray(0, 5));
        return path;
      },
      'weights.bin',
    ],
    [
      'a record that was cut off',
      () => {
        const path = copyOf(consistent, 'short');
        writeFileSync(join(path, 'record.jsonl'), '{"step":1}\n');
        return path;
      },
      'record',
    ],
    [
      'a claim smaller than its record allows',
      () => {
        const path = copyOf(consistent, 'boast');
        const file = join(path, 'privacy.json');
        const stated = JSON.parse(readFileSync(file, 'utf8'));
        stated.epsilon.epsilon /= 10;
        writeFileSync(file, JSON.stringify(stated));
        return path;
      },
      'privacy.json states ε ≤',
    ],
  ])('refuses %s with exit code 2 and no stack', async (_name, prepare, message) => {
    const path = prepare();
    const { code, stdout, stderr } = await cli('audit', path);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(existsSync(join(path, 'audit.json'))).toBe(false);
  });

  it('refuses a page in a folder that does not exist, before it begins', async () => {
    const path = copyOf(consistent, 'untouched');
    const { code, stderr } = await cli('audit', path, '--html', join(folder, 'none', 'page.html'));
    expect(code).toBe(2);
    expect(stderr).toContain('does not exist');
    expect(existsSync(join(path, 'audit.json'))).toBe(false);
  });

  it('prints the result even if it cannot be kept, and then fails', async () => {
    // A directory stands where the file should go: no user may write that, not even root.
    const page = join(folder, 'taken');
    cpSync(consistent, join(page, 'something'), { recursive: true });
    const kept = await cli('audit', consistent, '--html', page, '--json');
    expect(kept.code).toBe(1);
    expect(parseAuditResult(kept.json()).verdict.value).toBe('consistent');
    expect(kept.stderr).toContain("can't be written");
    expect((await cli('audit', violated, '--html', page)).code).toBe(4);
  });
});

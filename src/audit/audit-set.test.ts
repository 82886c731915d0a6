import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadAuditSet, saveAuditSet } from './audit-set.js';
import { AUDIT_SET_FILE, type AuditSet } from './audit-set-manifest.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-set-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const set: AuditSet = {
  features: [
    { data: Float32Array.of(0.5, -1, 2, 3.25, 1e-30, 7), shape: [3, 2] },
    { data: Uint8Array.of(255, 0, 1), shape: [3, 1] },
  ],
  labels: [2, 0, 1],
  member: [1, 0, 1],
  canary: [0, 0, 1],
  ids: ['a', 'b', 'c'],
  classes: 3,
  coins: 'canaries',
};

const binaries = async () => (await readdir(directory)).filter((name) => name.endsWith('.bin')).sort();

describe('saveAuditSet and loadAuditSet', () => {
  it('give back what was saved', async () => {
    await saveAuditSet(directory, set);
    const loaded = await loadAuditSet(directory);
    expect(loaded.features).toEqual(set.features);
    expect([...loaded.labels]).toEqual(set.labels);
    expect([...loaded.member]).toEqual(set.member);
    expect([...loaded.canary]).toEqual(set.canary);
    expect(loaded.ids).toEqual(set.ids);
    expect(loaded.classes).toBe(3);
    expect(loaded.coins).toBe('canaries');
  });

  it('keep the files to their owner, say that they are private, and leave nothing temporary', async () => {
    await saveAuditSet(directory, set);
    const names = await readdir(directory);
    expect(names).toHaveLength(3);
    for (const name of names) {
      const { mode } = await stat(join(directory, name));
      if (process.platform !== 'win32') expect(mode & 0o777).toBe(0o600);
    }
    expect(await readFile(join(directory, AUDIT_SET_FILE), 'utf8')).toMatch(/Private data/);
  });

  it('replace an older set and its binaries', async () => {
    await saveAuditSet(directory, set);
    const before = await binaries();
    await saveAuditSet(directory, {
      ...set,
      features: [{ data: new Float32Array(3), shape: [3, 1] }],
    });
    expect(await binaries()).toHaveLength(1);
    expect(before).toHaveLength(2);
    expect((await loadAuditSet(directory)).features).toHaveLength(1);
  });

  it('read a set whose successor never got as far as its manifest', async () => {
    await saveAuditSet(directory, set);
    await writeFile(join(directory, 'audit-set-0-0123456789abcdef.bin'), 'half');
    await writeFile(join(directory, `${AUDIT_SET_FILE}.1.tmp`), '{');
    expect((await loadAuditSet(directory)).ids).toEqual(set.ids);
  });

  it('fill in the columns that are optional', async () => {
    const { canary: _, ids: __, coins: ___, ...plain } = set;
    await saveAuditSet(directory, plain);
    const loaded = await loadAuditSet(directory);
    expect([...loaded.canary]).toEqual([0, 0, 0]);
    expect(loaded.ids).toEqual(['0', '1', '2']);
    expect(loaded.coins).toBe('none');
  });
});

describe('a directory that was changed', () => {
  beforeEach(() => saveAuditSet(directory, set));
  const corrupt = (file: string | RegExp) => ({
    code: 'DP_CORRUPT',
    message: expect.stringMatching(file),
  });

  it('names a truncated binary', async () => {
    const [file] = await binaries();
    await truncate(join(directory, file!), 4);
    await expect(loadAuditSet(directory)).rejects.toMatchObject(corrupt(`${file}: expected .* bytes, got 4`));
  });

  it('names an altered binary', async () => {
    const [file] = await binaries();
    const bytes = await readFile(join(directory, file!));
    bytes[0]! ^= 1;
    await writeFile(join(directory, file!), bytes);
    await expect(loadAuditSet(directory)).rejects.toMatchObject(corrupt(`${file}: its SHA-256`));
  });

  it('names a missing binary', async () => {
    const [file] = await binaries();
    await rm(join(directory, file!));
    await expect(loadAuditSet(directory)).rejects.toMatchObject(corrupt(file!));
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, text.length / 2)],
    ['with a member bit flipped', (text: string) => text.replace('"member":0', '"member":1')],
    ['with another label', (text: string) => text.replace('"label":2', '"label":1')],
    ['of another schema', (text: string) => text.replace('audit-set/1', 'audit-set/9')],
    ['that is a list', () => '[]'],
    ['that is null', () => 'null'],
    ['that points out of the directory', (text: string) => text.replace('"audit-set-0-', '"../audit-set-0-')],
  ])('names a manifest %s', async (_, change) => {
    const path = join(directory, AUDIT_SET_FILE);
    await writeFile(path, change(await readFile(path, 'utf8')));
    await expect(loadAuditSet(directory)).rejects.toMatchObject(corrupt(AUDIT_SET_FILE));
  });

  it('says when there is no audit set', async () => {
    await rm(join(directory, AUDIT_SET_FILE));
    await expect(loadAuditSet(directory)).rejects.toMatchObject({
      code: 'DP_IO',
      message: expect.stringContaining(AUDIT_SET_FILE),
    });
  });
});

describe('bad columns', () => {
  it.each([
    [{ member: [1, 0] }, /member: expected 3 examples/],
    [{ canary: [1] }, /canary: expected 3/],
    [{ ids: ['a'] }, /ids: expected 3/],
    [{ labels: [0, 1, 3] }, /labels\[2\].*0…2/],
    [{ labels: [0, 1, 1.5] }, /examples\.2\.label/],
    [{ member: [0, 1, 2] }, /examples\.2\.member/],
    [{ features: [{ data: new Float32Array(4), shape: [3, 2] }] }, /shape \[3,2\] needs 6/],
    [{ features: [{ data: new Float32Array(4), shape: [4] }] }, /features\[0\]: expected 3/],
    [{ features: [] }, /features/],
  ])('%o are refused and nothing is written', async (change, message) => {
    await expect(saveAuditSet(directory, { ...set, ...change })).rejects.toMatchObject({
      code: 'DP_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(await readdir(directory)).toHaveLength(0);
  });
});

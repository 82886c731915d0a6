/**
 * The packages as a stranger gets them: packed, unpacked into an empty project, used from plain JavaScript. Only
 * what their manifests ask for is within reach there, linked from this repository so that no network is needed;
 * CI installs the same tarballs with npm and runs the same script on another Node.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'packed-'));
const modules = join(project, 'node_modules');
const PACKAGES = { 'tfjs-privacy': root, 'privacy-accounting': join(root, 'privacy-accounting') };

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}
let packed: readonly Packed[] = [];

function linkDependencies(folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, object>;
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    if (name in PACKAGES || name === '@tensorflow/tfjs-node') continue; // unpacked; left to be absent
    const link = join(modules, name);
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(join(root, 'node_modules', name), link, 'junction');
  }
}

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')]);
  const out = ['--pack-destination', project, '--json', '--ignore-scripts'];
  const output = execFileSync('npm', ['pack', ...Object.values(PACKAGES), ...out], { encoding: 'utf8' });
  packed = JSON.parse(output) as Packed[];
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  for (const { name, filename } of packed) {
    const folder = join(modules, name);
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['xzf', join(project, filename), '-C', folder, '--strip-components=1']);
    linkDependencies(folder);
  }
  copyFileSync(new URL('./packed/smoke.mjs', import.meta.url), join(project, 'smoke.mjs'));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the packed packages', () => {
  it('hold the build, the manuals and nothing of the workshop', () => {
    expect(packed.map(({ name }) => name).sort()).toEqual(Object.keys(PACKAGES).sort());
    for (const { files } of packed) {
      const paths = files.map(({ path }) => path);
      expect(paths).toContain('package.json');
      expect(paths).toContain('dist/index.js');
      expect(paths).toContain('dist/index.d.ts');
      expect(
        paths.filter((path) => /\.test\.|^src\/|tsbuildinfo|node_modules|\.ts(?<!\.d\.ts)$/.test(path)),
      ).toEqual([]);
    }
    const accounting = packed
      .find(({ name }) => name === 'privacy-accounting')
      ?.files.map(({ path }) => path);
    for (const path of ['index.js', 'index.js.map', 'errors.js', 'shared.js']) {
      expect(accounting).toContain(`dist/bundle/${path}`);
    }
    const toolkit = packed.find(({ name }) => name === 'tfjs-privacy')?.files.map(({ path }) => path);
    for (const path of [
      'README.md',
      'LICENSE',
      'dist/cli/main.js',
      'scripts/native.mjs',
      'scripts/native/loader.cc',
    ]) {
      expect(toolkit).toContain(path);
    }
  });

  it('run from plain JavaScript with what their manifests ask for', () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['smoke.mjs'], {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, TFJS_PRIVACY_BACKEND: '', NODE_OPTIONS: '' },
    });
    expect(stdout.split('\n').filter((line) => !line.startsWith('ok ') && line !== '')).toEqual([]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

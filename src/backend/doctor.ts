import { version_core } from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { BackendInfo } from './backend-info.js';
import { type BackendCheck, loadBackend, NODE_BACKENDS, nativeCommand } from './load-backend.js';
import { isNode, parallelism } from './node-runtime.js';
import { selectBackend } from './select-backend.js';

const MINIMUM_NODE = [20, 16] as const;
const PACKAGES = [
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-layers',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-backend-cpu',
];

/** A package as the project sees it; no version when it is not installed. */
export interface PackageReport {
  readonly name: string;
  readonly version?: string;
}

/** The copies of tfjs-core that the installed packages would load; more than one is a fault. */
export interface EngineCopies {
  readonly version: string;
  readonly folders: readonly string[];
}

/** What `doctor` found. All of it is JSON. */
export interface DoctorReport {
  readonly node: { readonly version: string; readonly supported: boolean; readonly minimum: string };
  readonly platform: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly packages: readonly PackageReport[];
  readonly engine: EngineCopies;
  readonly backends: readonly BackendCheck[];
  /** Absent when no backend loads. */
  readonly selected?: BackendInfo;
  /** What to do, most important first; empty when nothing is to be done. */
  readonly advice: readonly string[];
}

type Resolver = (
  from: string,
  name: string,
) => { readonly folder: string; readonly version: string } | undefined;

/** Finds a package as Node's `require` would from a folder, by its package.json. */
function nodeResolver(): Resolver {
  const { existsSync, readFileSync, realpathSync } = process.getBuiltinModule('node:fs');
  const { dirname, join } = process.getBuiltinModule('node:path');
  return (from, name) => {
    for (let folder = from; ; folder = dirname(folder)) {
      const candidate = join(folder, 'node_modules', name);
      const manifest = join(candidate, 'package.json');
      if (existsSync(manifest)) {
        const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: unknown };
        return { folder: realpathSync(candidate), version: String(version) };
      }
      if (folder === dirname(folder)) return undefined;
    }
  };
}

/** Looks up tfjs-core from the project, from the toolkit, and from every tfjs package that imports it. */
function engineCopies(resolve: Resolver, starts: readonly string[]): EngineCopies {
  const folders = new Set<string>();
  const importers = [...PACKAGES.slice(1), '@tensorflow/tfjs'];
  for (const start of starts) {
    const places = [start, ...importers.flatMap((name) => resolve(start, name)?.folder ?? [])];
    for (const place of places) {
      const core = resolve(place, '@tensorflow/tfjs-core');
      if (core) folders.add(core.folder);
    }
  }
  return { version: version_core, folders: [...folders] };
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

/**
 * Examines the installation: Node, the machine, the tfjs packages and whether they share one engine, and each
 * backend by loading it and computing with it. Changes nothing but the active backend, which afterwards is what
 * `selectBackend()` chooses. Node only.
 *
 * @param options.project the folder whose installed packages are examined; default: the working directory.
 *
 * @example
 * const report = await doctor();
 * for (const line of report.advice) console.error(line);
 */
export async function doctor(options: { readonly project?: string } = {}): Promise<DoctorReport> {
  if (!isNode()) {
    throw new DpError('DP_INVALID_ARGUMENT', 'doctor examines an installation: expected Node, got a browser');
  }
  const { totalmem } = process.getBuiltinModule('node:os');
  const { dirname } = process.getBuiltinModule('node:path');
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  const project = options.project ?? process.cwd();
  const resolve = nodeResolver();

  const packages = PACKAGES.map((name) => {
    const version = resolve(project, name)?.version;
    return version === undefined ? { name } : { name, version };
  });
  const engine = engineCopies(resolve, [project, dirname(fileURLToPath(import.meta.url))]);
  const backends: BackendCheck[] = [];
  for (const name of NODE_BACKENDS) backends.push(await loadBackend(name));
  const selected = await selectBackend().catch(() => undefined);
  const supported = isSupported(process.version);
  return {
    node: { version: process.version, supported, minimum: `v${MINIMUM_NODE.join('.')}` },
    platform: `${process.platform} ${process.arch}`,
    cores: parallelism(),
    memoryGigabytes: Math.round(totalmem() / 1e8) / 10,
    packages,
    engine,
    backends,
    ...(selected === undefined ? {} : { selected }),
    advice: adviceFor({ supported, packages, engine, backends, selected }),
  };
}

function adviceFor(found: {
  readonly supported: boolean;
  readonly packages: readonly PackageReport[];
  readonly engine: EngineCopies;
  readonly backends: readonly BackendCheck[];
  readonly selected: BackendInfo | undefined;
}): string[] {
  const advice: string[] = [];
  if (!found.supported) advice.push(`Node ${MINIMUM_NODE.join('.')} or newer is needed.`);
  if (found.engine.folders.length > 1) {
    advice.push(
      `${found.engine.folders.length} copies of @tensorflow/tfjs-core are installed (${found.engine.folders.join(', ')}): ` +
        'tensors and optimizers of one are strangers to the other. `npm dedupe` joins copies of one version; else ' +
        'make every @tensorflow package the same version.',
    );
  }
  const versions = new Set(found.packages.flatMap((p) => p.version ?? []));
  if (versions.size > 1) {
    advice.push(
      `The @tensorflow packages have different versions (${[...versions].join(', ')}): install one version.`,
    );
  }
  const native = found.backends.find((check) => check.name === 'tensorflow');
  if (native && !native.loads) {
    advice.push(`For the native backend, about ten times faster: ${native.advice}`);
    if (!found.packages.some((p) => p.name === '@tensorflow/tfjs-node' && p.version !== undefined)) {
      advice.push(
        'An @tensorflow/tfjs-node installed by hand downloads its library in an install script, which npm 11 runs ' +
          `only when package.json allows it under "allowScripts"; \`${nativeCommand()}\` needs no such permission.`,
      );
    }
  }
  if (!found.selected) advice.push('No backend loads: npm install @tensorflow/tfjs-backend-wasm');
  return advice;
}

import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { BackendInfo } from './backend-info.js';
import { hasGraphicsProcessor } from './graphics.js';
import { type BackendCheck, loadBackend, NODE_BACKENDS } from './load-backend.js';
import { environment, isNode } from './node-runtime.js';

const VARIABLE = 'TFJS_PRIVACY_BACKEND';

/**
 * Candidates, best first: Node's three, or a page's two fast ones; then whatever else the program registered, by
 * tfjs's own priority.
 */
function candidates(): string[] {
  const factories = tf.engine().registryFactory;
  const registered = Object.keys(factories).sort(
    (a, b) => (factories[b]?.priority ?? 0) - (factories[a]?.priority ?? 0),
  );
  if (isNode()) return [...new Set([...NODE_BACKENDS, ...registered])];
  const first = hasGraphicsProcessor() ? ['webgl', 'wasm', 'cpu'] : ['wasm', 'webgl', 'cpu'];
  return [...new Set([...first.filter((name) => registered.includes(name)), ...registered])];
}

async function activate(
  check: BackendCheck & { readonly loads: true },
  reason: string,
): Promise<BackendInfo> {
  await tf.setBackend(check.name);
  const { name, threads, simd, version } = check;
  return { name, reason, threads, version, ...(simd === undefined ? {} : { simd }) };
}

/**
 * Chooses and activates the backend that everything after computes on.
 *
 * The environment variable `TFJS_PRIVACY_BACKEND` decides before `prefer`, and `prefer` before the automatic
 * choice: in Node `tensorflow` (native), else `wasm`, else `cpu`; in a browser, of those that the page registered,
 * `webgl`, else `wasm`, else `cpu`, with `wasm` first where WebGL is a program that computes on the processor. A
 * backend that computes in less than float32 does not load. The choice holds although another backend's package is in the process.
 *
 * @param options.prefer a backend's name; `auto` and undefined mean the automatic choice.
 * @returns what was chosen, why, and what would be faster.
 * @throws DpError `DP_INVALID_ARGUMENT` when the backend that was asked for by name is unknown or does not load,
 *   or when none loads at all.
 *
 * @example
 * const backend = await selectBackend({ prefer: 'wasm' });
 * console.error(`${backend.name}, ${backend.threads} thread(s): ${backend.reason}`);
 */
export async function selectBackend(options: { readonly prefer?: string } = {}): Promise<BackendInfo> {
  const byVariable = environment(VARIABLE);
  const wanted = byVariable ?? options.prefer;
  if (wanted !== undefined && wanted !== 'auto') {
    const source = byVariable === undefined ? 'by the caller' : `by ${VARIABLE}`;
    return await selectNamed(wanted, source);
  }
  const failures: Exclude<BackendCheck, { loads: true }>[] = [];
  for (const name of candidates()) {
    const check = await loadBackend(name);
    if (!check.loads) {
      failures.push(check);
      continue;
    }
    const first = failures[0];
    if (first === undefined) return await activate(check, 'the fastest that this toolkit knows here');
    const info = await activate(check, `the fastest that loads (${failures.map(describe).join('; ')})`);
    return { ...info, advice: `for a faster backend: ${first.advice}` };
  }
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `expected a tfjs backend that loads, got none (${failures.map(describe).join('; ') || 'none is registered'}); ` +
      'install @tensorflow/tfjs-backend-wasm, or in a browser import a backend package first',
  );
}

async function selectNamed(name: string, source: string): Promise<BackendInfo> {
  const known = candidates();
  if (!known.includes(name)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `expected a backend among auto, ${known.join(', ')}; got "${name}", asked for ${source}`,
    );
  }
  const check = await loadBackend(name);
  if (check.loads) return await activate(check, `asked for ${source}`);
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `the backend ${name}, asked for ${source}, does not load: ${check.reason}; to have it: ${check.advice}; ` +
      'or ask for auto',
  );
}

function describe(failure: Exclude<BackendCheck, { loads: true }>): string {
  return `${failure.name}: ${failure.reason}`;
}

/**
 * The backends that load here, fastest first. The active backend stays what it was; where none was active yet,
 * the fastest becomes it.
 */
export async function availableBackends(): Promise<string[]> {
  const before: string | undefined = tf.getBackend();
  const names: string[] = [];
  for (const name of candidates()) {
    if ((await loadBackend(name)).loads) names.push(name);
  }
  const fastest = names[0];
  if (before === undefined && fastest !== undefined) await tf.setBackend(fastest);
  return names;
}

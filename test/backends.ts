/**
 * Runs a suite on each of several backends. Which: the environment variable TFJS_PRIVACY_BACKENDS, a list such as
 * `tensorflow` or `cpu,wasm`; without it cpu and wasm, and tensorflow when it loads. A backend that the variable
 * names and that does not load is a failing test, never a silent gap.
 */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BackendCheck, loadBackend } from '../src/backend/load-backend.js';

const asked = process.env.TFJS_PRIVACY_BACKENDS?.split(',').map((name) => name.trim());
const wanted = asked?.filter((name) => name !== '') ?? ['cpu', 'wasm', 'tensorflow'];

const checks: BackendCheck[] = [];
for (const name of wanted) checks.push(await loadBackend(name));

/** The backends that suites run on in this process. */
export const testedBackends: readonly string[] = checks
  .filter((check) => check.loads)
  .map((check) => check.name);

/**
 * Describes `suite` once for each backend, active before each of its tests' hooks run.
 *
 * @example
 * eachBackend((name) => {
 *   it('multiplies', () => expect(tf.matMul([[2]], [[3]]).dataSync()[0]).toBe(6));
 * });
 */
export function eachBackend(suite: (name: string) => void): void {
  for (const check of checks) {
    if (!check.loads) {
      if (asked) it(`on ${check.name}`, () => expect.fail(`${check.name} does not load: ${check.reason}`));
      continue;
    }
    describe(`on ${check.name}`, () => {
      beforeAll(async () => {
        await tf.setBackend(check.name);
      });
      suite(check.name);
    });
  }
}

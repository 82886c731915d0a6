import * as tf from '@tensorflow/tfjs-core';
import type { BenchmarkModel } from './models.js';
import { makeSide, SIDE_NAMES, type SideName } from './sides.js';

/** What one kind of operation took in an average step. */
export interface ProfileEntry {
  readonly operation: string;
  readonly shapes: string;
  readonly calls: number;
  readonly milliseconds: number;
}
export interface Profile {
  readonly side: SideName;
  readonly error?: string;
  /** The whole step, measured with the observation switched on. */
  readonly stepMilliseconds: number;
  readonly entries: readonly ProfileEntry[];
}

type Execute = (
  name: string,
  attributes: unknown,
  inputs: readonly tf.Tensor[],
  ...rest: unknown[]
) => unknown;
type Tally = Map<string, { operation: string; shapes: string; calls: number; milliseconds: number }>;

/**
 * Times every operation of each side on the active backend: on tfjs-node TensorFlow's own operations, those
 * included that bypass tfjs's kernels; elsewhere tfjs's kernels. What is left of a step is JavaScript: the tape,
 * the engine, the noise, copies in and out.
 */
export function profileSides(model: BenchmarkModel, batch: number, steps: number): Profile[] {
  const problem = model.make(batch);
  const tally: Tally = new Map();
  observe(tally);
  return SIDE_NAMES.map((side) => {
    const step = makeSide(side, problem, batch);
    try {
      step();
      step();
    } catch (error) {
      return { side, error: (error as Error).message, stepMilliseconds: 0, entries: [] };
    }
    tally.clear();
    globalThis.gc?.();
    const from = performance.now();
    for (let i = 0; i < steps; i++) step();
    const stepMilliseconds = (performance.now() - from) / steps;
    const entries = [...tally.values()].map((entry) => ({
      ...entry,
      calls: entry.calls / steps,
      milliseconds: entry.milliseconds / steps,
    }));
    return { side, stepMilliseconds, entries };
  });
}

const shapeOf = (tensors: readonly (tf.TensorInfo | undefined)[]) =>
  tensors.map((tensor) => `[${tensor?.shape.join(',') ?? ''}]`).join(' ');

function note(tally: Tally, operation: string, shapes: string, milliseconds: number): void {
  const key = `${operation} ${shapes}`;
  const entry = tally.get(key) ?? { operation, shapes, calls: 0, milliseconds: 0 };
  entry.calls++;
  entry.milliseconds += milliseconds;
  tally.set(key, entry);
}

function observe(tally: Tally): void {
  const backend = tf.backend() as unknown as Record<string, unknown>;
  if (tf.getBackend() === 'tensorflow') {
    for (const method of ['executeSingleOutput', 'executeMultipleOutputs']) {
      const execute = (backend[method] as Execute).bind(backend);
      backend[method] = (...args: Parameters<Execute>) => {
        const from = performance.now();
        const result = execute(...args);
        note(tally, args[0], shapeOf(args[2]), performance.now() - from);
        return result;
      };
    }
  } else {
    for (const config of tf.getKernelsForBackend(tf.getBackend())) {
      tf.unregisterKernel(config.kernelName, config.backendName);
      const { kernelFunc } = config;
      tf.registerKernel({
        ...config,
        kernelFunc: (args) => {
          const from = performance.now();
          const result = kernelFunc(args);
          note(
            tally,
            config.kernelName,
            shapeOf(Object.values(args.inputs).flat()),
            performance.now() - from,
          );
          return result;
        },
      });
    }
  }
  for (const method of ['readSync', 'write']) {
    const original = (backend[method] as (...args: unknown[]) => unknown).bind(backend);
    backend[method] = (...args: unknown[]) => {
      const from = performance.now();
      const result = original(...args);
      note(tally, `(${method})`, '', performance.now() - from);
      return result;
    };
  }
}

/** The operations of the three sides beside each other, the dearest of the private side first. */
export function formatProfiles(profiles: readonly Profile[], limit = 25): string {
  const lines: string[] = [];
  const cell = (value: string, width = 11) => value.padStart(width);
  const table = (title: string, nameOf: (entry: ProfileEntry) => string, width: number) => {
    const rows = new Map<string, Record<SideName, { calls: number; milliseconds: number }>>();
    for (const { side, entries } of profiles) {
      for (const entry of entries) {
        const name = nameOf(entry);
        const none = () => ({ calls: 0, milliseconds: 0 });
        const row = rows.get(name) ?? { plain: none(), private: none(), clipOnly: none() };
        row[side].calls += entry.calls;
        row[side].milliseconds += entry.milliseconds;
        rows.set(name, row);
      }
    }
    const sorted = [...rows].sort(
      ([, a], [, b]) =>
        b.private.milliseconds + b.plain.milliseconds - a.private.milliseconds - a.plain.milliseconds,
    );
    lines.push(
      '',
      `${title.padEnd(width)}${SIDE_NAMES.map((side) => cell(`${side} ms`) + cell('calls', 8)).join('')}`,
    );
    for (const [name, row] of sorted.slice(0, limit)) {
      const cells = SIDE_NAMES.map(
        (side) => cell(row[side].milliseconds.toFixed(3)) + cell(row[side].calls.toFixed(1), 8),
      );
      lines.push(`${name.slice(0, width - 1).padEnd(width)}${cells.join('')}`);
    }
  };
  for (const { side, error, stepMilliseconds, entries } of profiles) {
    const inside = entries.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const calls = entries.reduce((sum, entry) => sum + entry.calls, 0);
    lines.push(
      error === undefined
        ? `${side}: ${stepMilliseconds.toFixed(2)} ms a step, ${inside.toFixed(2)} in ${calls.toFixed(0)} ` +
            `operations, ${(stepMilliseconds - inside).toFixed(2)} outside of them`
        : `${side}: ${error}`,
    );
  }
  table('operation', ({ operation }) => operation, 28);
  table('operation and shapes', ({ operation, shapes }) => `${operation} ${shapes}`, 64);
  return `${lines.join('\n')}\n`;
}

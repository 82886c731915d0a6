/** The parts of Node that this room needs, reached without an import so that the module also loads in a browser. */

/** True in Node (and in what imitates it well enough to have built-in modules). */
export function isNode(): boolean {
  return typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function';
}

/** Threads that the machine can run at once, as the operating system lets this process see it; ≥ 1. */
export function parallelism(): number {
  if (isNode()) return process.getBuiltinModule('node:os').availableParallelism();
  return typeof navigator === 'undefined' ? 1 : Math.max(1, navigator.hardwareConcurrency);
}

/** An environment variable; undefined in a browser, and when it is empty. */
export function environment(name: string): string | undefined {
  return (isNode() && process.env[name]?.trim()) || undefined;
}

/** True when the toolkit was installed as a package, false in a checkout of its repository. */
export function installedAsPackage(): boolean {
  return String(import.meta.url).includes('/node_modules/'); // undefined in some bundles
}

/**
 * Gives back to `node:util` what Node 23 removed and tfjs-node 4.22.0 still calls (`util.isNullOrUndefined`
 * throws at the first topk or fused operation, tensorflow/tfjs#8609). Only absent functions are added.
 */
export function restoreUtilFunctions(): void {
  const util: object = process.getBuiltinModule('node:util');
  const missing: Readonly<Record<string, unknown>> = {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  };
  for (const [name, value] of Object.entries(missing)) {
    if (!(name in util)) Object.defineProperty(util, name, { value, configurable: true, writable: true });
  }
}

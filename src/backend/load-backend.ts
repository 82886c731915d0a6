import * as tf from '@tensorflow/tfjs-core';
import { arithmeticFault } from './backend-health.js';
import {
  environment,
  installedAsPackage,
  isNode,
  parallelism,
  restoreUtilFunctions,
} from './node-runtime.js';

/** What became of the attempt to load one backend. */
export type BackendCheck =
  | {
      readonly name: string;
      readonly loads: true;
      readonly threads: number;
      readonly simd?: boolean;
      readonly version: string;
      /** From the first import to the first result. */
      readonly loadMilliseconds: number;
    }
  | {
      readonly name: string;
      readonly loads: false;
      readonly reason: string;
      readonly advice: string;
    };

type Facts = { readonly threads: number; readonly simd?: boolean; readonly version: string };
type Module = Readonly<Record<string, unknown>>;

interface Recipe {
  readonly package: string;
  readonly before?: () => void;
  readonly facts: (module: Module) => Promise<Facts>;
  readonly advice: (installed: boolean) => string;
}

/** Node's backends, fastest first. */
const RECIPES: ReadonlyMap<string, Recipe> = new Map([
  [
    'tensorflow',
    {
      package: '@tensorflow/tfjs-node',
      before: () => {
        restoreUtilFunctions();
        // libtensorflow reads this once, when it loads: 2 leaves out its notes about the processor.
        process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
      },
      facts: async (module) => ({
        threads: Number(environment('TF_NUM_INTRAOP_THREADS')) || parallelism(),
        version: `${text(module.version, 'tfjs-node')} on libtensorflow ${text(tf.backend(), 'binding', 'TF_Version')}`,
      }),
      advice: (installed) =>
        installed
          ? `${nativeCommand()}; or its own installer: npm install-scripts approve @tensorflow/tfjs-node (npm 11 ` +
            'blocks install scripts until then), npm rebuild @tensorflow/tfjs-node'
          : nativeCommand(),
    },
  ],
  [
    'wasm',
    {
      package: '@tensorflow/tfjs-backend-wasm',
      facts: async (module) => ({
        threads: (await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT')) === true ? parallelism() : 1,
        simd: (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) === true,
        version: text(module.version_wasm),
      }),
      advice: () => 'npm install @tensorflow/tfjs-backend-wasm',
    },
  ],
  [
    'cpu',
    {
      package: '@tensorflow/tfjs-backend-cpu',
      facts: async (module) => ({ threads: 1, version: text(module.version_cpu) }),
      advice: () => 'npm install @tensorflow/tfjs-backend-cpu',
    },
  ],
]);

/** The names that `loadBackend` can bring into Node by itself, fastest first. */
export const NODE_BACKENDS: readonly string[] = [...RECIPES.keys()];

/** What to type to make the native backend work. */
export function nativeCommand(): string {
  return installedAsPackage() ? 'node node_modules/tfjs-privacy/scripts/native.mjs' : 'npm run native';
}

function text(value: unknown, ...path: string[]): string {
  let at = value;
  for (const key of path) at = typeof at === 'object' && at !== null ? (at as Module)[key] : undefined;
  return typeof at === 'string' ? at : 'of unknown version';
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]?.trim() ?? message;
}

function isAbsent(error: unknown, name: string): boolean {
  if (!(error instanceof Error) || !error.message.includes(name)) return false;
  return ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(String((error as NodeJS.ErrnoException).code));
}

/** Computes what norms rest on, without the advertisement that the cpu backend prints at its first tensor. */
function useOnce(): void {
  const before = tf.env().getBool('PROD');
  tf.env().set('PROD', true);
  try {
    const fault = arithmeticFault();
    if (fault !== undefined) throw new Error(`it ${fault}, so that norms and sums would not agree`);
  } finally {
    tf.env().set('PROD', before);
  }
}

/**
 * Loads a backend, computes a known norm and sum on it, and makes the backend active again that was active before. In Node the
 * backend's package is imported when it is one of `tensorflow`, `wasm` and `cpu`; in a browser, and for other
 * names, only what the program registered itself counts. Never rejects.
 */
export async function loadBackend(name: string): Promise<BackendCheck> {
  const recipe = isNode() ? RECIPES.get(name) : undefined;
  const active: string | undefined = tf.getBackend();
  const begin = performance.now();
  let module: Module = {};
  try {
    if (recipe) {
      recipe.before?.();
      // A variable keeps bundlers and the type checker from requiring an optional package.
      const specifier: string = recipe.package;
      const imported: Module = await import(/* @vite-ignore */ specifier);
      module = { ...imported, ...(imported.default as Module | undefined) };
    }
    if (tf.engine().registryFactory[name] === undefined)
      throw new Error(`no backend named ${name} is registered`);
    if (!(await tf.setBackend(name))) throw new Error(`tfjs could not start the backend ${name}`);
    useOnce();
    const facts = recipe ? await recipe.facts(module) : { threads: 1, version: tf.version_core };
    return { name, loads: true, ...facts, loadMilliseconds: performance.now() - begin };
  } catch (error) {
    const installed = !(recipe && isAbsent(error, recipe.package));
    return {
      name,
      loads: false,
      reason: installed ? firstLine(error) : `${recipe?.package} is not installed`,
      advice: recipe?.advice(installed) ?? `import the package that registers ${name} before`,
    };
  } finally {
    if (active !== undefined && active !== tf.getBackend()) await tf.setBackend(active);
  }
}

// npm run native: makes @tensorflow/tfjs-node work for this project, also where its own download cannot be
// reached. Without it everything still runs, on the WebAssembly backend.
//
// usage: node scripts/native.mjs [--check] [--force] [--via auto|official|wheel] [--wheel FILE] [--project FOLDER]

import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installOfficially } from './native/official.mjs';
import { must, NativeError, run, step } from './native/run.mjs';
import { buildFromWheel, cacheFolder, linkInto, wheelIsBuilt, wheelUnsupported } from './native/wheel.mjs';

const PACKAGE = '@tensorflow/tfjs-node';
const VERSION = '4.22.0';
const PROBE = fileURLToPath(new URL('./native/probe.mjs', import.meta.url));

const HELP = `npm run native -- [options]

Makes ${PACKAGE} ${VERSION} work: by its own download where that can be reached, else (Linux x64) by
compiling its binding against the library in TensorFlow's wheel for Python. Needs python3 with pip and g++ for
that; downloads 274 MB once and keeps 0.9 GB in ${cacheFolder()}.
A later npm install removes the package again, because package.json does not list it: run this again then
(seconds, from the cache).

  --check            only say whether it works; exit code 1 when not
  --force            install it anew though it works
  --via WAY          auto (default), official or wheel
  --wheel FILE       use this tensorflow_cpu wheel instead of downloading one
  --project FOLDER   the project to install into (default: the folder you are in)
`;

function projectFolder(start) {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new NativeError(`no package.json in ${start} or above it`);
  }
}

/** Where the package lies, looking from the project upwards as Node does; undefined when it is not there. */
function findPackage(project) {
  for (let folder = project; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', PACKAGE);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

async function probe(project) {
  const { code, output } = await run(process.execPath, [PROBE, project], { timeoutSeconds: 120 });
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(last);
  } catch {
    return { works: false, reason: `loading it ended the process (code ${code}): ${last}` };
  }
}

function describe({ works, version, library, node, loadMilliseconds, reason }) {
  if (!works) return `${PACKAGE} does not work: ${reason}`;
  const load = `${Math.round(loadMilliseconds)} ms`;
  return `${PACKAGE} ${version} works (libtensorflow ${library}, Node ${node}, loads in ${load})`;
}

function npmCommand() {
  const script = process.env.npm_execpath;
  if (script && /\.[cm]?js$/.test(script) && existsSync(script))
    return { program: process.execPath, args: [script] };
  return { program: 'npm', args: [] };
}

async function installPackage(project, npm) {
  step(`installing ${PACKAGE} ${VERSION} without its install script`);
  const flags = ['--no-save', '--save-dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  await must('npm', npm.program, [...npm.args, 'install', ...flags, `${PACKAGE}@${VERSION}`], {
    cwd: project,
  });
  const folder = findPackage(project);
  if (folder) return folder;
  throw new NativeError(`npm installed ${PACKAGE} without an error, but not into ${project}/node_modules`);
}

function checkVersion(folder) {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (version !== VERSION)
    throw new NativeError(`expected ${PACKAGE} ${VERSION}, found ${version} in ${folder}`);
}

/** Installs by whichever way works; returns the package's folder. */
async function install(project, options, npm, state) {
  const { via, wheel } = options;
  const unsupported = wheelUnsupported();
  const byWheel = via !== 'official' && (unsupported === undefined || via === 'wheel');
  const officialFirst =
    via === 'official' || (via === 'auto' && !wheel && (!byWheel || !wheelIsBuilt(VERSION)));
  if (byWheel && unsupported) throw new NativeError(unsupported);
  const ensurePackage = async () => {
    const there = findPackage(project);
    if (there) return there;
    state.installed = join(project, 'node_modules', PACKAGE);
    return await installPackage(project, npm);
  };
  if (officialFirst) {
    const folder = await ensurePackage();
    checkVersion(folder);
    const reason = await installOfficially(folder);
    if (reason === undefined) return;
    step(`not that way: ${reason}`);
    if (!byWheel)
      throw new NativeError(unsupported ?? 'the official download failed; --via wheel is another way');
  }
  await buildFromWheel(VERSION, npm, { wheel: wheel && resolve(wheel) });
  const folder = await ensurePackage();
  checkVersion(folder);
  await linkInto(folder, VERSION);
}

async function main() {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      via: { type: 'string', default: 'auto' },
      wheel: { type: 'string' },
      project: { type: 'string', default: process.cwd() },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!['auto', 'official', 'wheel'].includes(values.via)) {
    throw Object.assign(new Error(`--via takes auto, official or wheel; got ${values.via}`), {
      code: 'ERR_PARSE_ARGS_VALUE',
    });
  }
  const project = projectFolder(values.project);
  const before = await probe(project);
  if (values.check || (before.works && !values.force)) {
    process.stdout.write(`${describe(before)}\n`);
    return before.works ? 0 : 1;
  }
  const state = { installed: undefined };
  const undo = async () => {
    // A package without its library would only throw on import: better none.
    if (state.installed) await rm(state.installed, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => undo().finally(() => process.exit(130)));
  }
  try {
    await install(project, values, npmCommand(), state);
    step('checking a product and a convolution gradient');
    const after = await probe(project);
    if (!after.works) throw new NativeError(describe(after));
    process.stdout.write(`${describe(after)}\n`);
    return 0;
  } catch (error) {
    await undo();
    throw error;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const usage = String(error?.code).startsWith('ERR_PARSE_ARGS');
  if (!usage && !(error instanceof NativeError)) throw error;
  process.stderr.write(`\nnative: ${error.message}\n`);
  if (usage) process.stderr.write(HELP);
  else process.stderr.write('Nothing is lost: without it the toolkit runs on the WebAssembly backend.\n');
  process.exitCode = usage ? 2 : 1;
}

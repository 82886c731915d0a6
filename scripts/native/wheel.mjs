// Builds what @tensorflow/tfjs-node lacks from TensorFlow's wheel for Python: the wheel carries the same C
// library that tfjs-node's own installer would download, and the headers to compile tfjs-node's binding with.
// Everything is made in the user's cache folder, each stage in a staging folder that is renamed when it is
// complete; so an interrupted run goes on where it stopped, and a second project only links the files.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, link, mkdir, mkdtemp, readdir, rename, rm, stat, statfs, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, NativeError, run, step } from './run.mjs';

const TENSORFLOW = '2.21.0';
const PYTHON_OF_WHEEL = '3.11';
const PLATFORM_OF_WHEEL = 'manylinux_2_27_x86_64';
const NODE_API_HEADERS = '1.9.0';
const NAPI = 8;
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/', 'tsl/', 'xla/tsl/'];
const BINDINGS = ['tfjs_binding_tensorflow.node', 'tfjs_binding.node'];
const LOADER = fileURLToPath(new URL('./loader.cc', import.meta.url));
const GIGABYTE = 1e9;

/** The folder that keeps the unpacked library and the compiled binding between runs and projects. */
export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'tfjs-privacy', 'native');
}

/** Why this machine cannot use the wheel, or undefined when it can. */
export function wheelUnsupported() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `the wheel build supports Linux on x64; this is ${process.platform} on ${process.arch}`;
  }
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (!glibc) return 'the wheel build needs glibc; this system uses another C library (Alpine uses musl)';
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27)) return `the wheel build needs glibc 2.27, found ${glibc}`;
  return undefined;
}

function folders(version) {
  const cache = cacheFolder();
  const recipe = createHash('sha256').update(readFileSync(LOADER)).update(`${NAPI} ${NODE_API_HEADERS}`);
  return {
    cache,
    tensorflow: join(cache, `tensorflow-${TENSORFLOW}`),
    binding: join(cache, `tfjs-node-${version}-tensorflow-${TENSORFLOW}-${recipe.digest('hex').slice(0, 8)}`),
  };
}

/** True when an earlier run left everything in the cache, so that installing is a matter of linking. */
export function wheelIsBuilt(version) {
  const { tensorflow, binding } = folders(version);
  return existsSync(tensorflow) && existsSync(binding);
}

/** Finds a Python that has pip, and a C++ compiler; names all that is missing in one error. */
async function findTools({ needPip }) {
  const first = async (programs, args) => {
    for (const program of programs.filter(Boolean)) {
      if ((await run(program, args)).code === 0) return program;
    }
    return undefined;
  };
  const pythons = [process.env.PYTHON, 'python3', 'python'];
  const python = await first(pythons, needPip ? ['-m', 'pip', '--version'] : ['--version']);
  const compiler = await first([process.env.CXX, 'g++', 'clang++'], ['--version']);
  const missing = [];
  if (!python) {
    missing.push(
      needPip
        ? 'Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip; Fedora: dnf install python3-pip), ' +
            'or the wheel itself by --wheel FILE'
        : 'Python 3 (Debian, Ubuntu: apt-get install python3)',
    );
  }
  if (!compiler)
    missing.push('a C++17 compiler (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++)');
  if (missing.length > 0) {
    throw new NativeError(
      `missing:\n${missing.map((what) => `    - ${what}`).join('\n')}\n  then run it again`,
    );
  }
  return { python, compiler };
}

async function requireSpace(folder, gigabytes) {
  const { bavail, bsize } = await statfs(folder);
  const free = (bavail * bsize) / GIGABYTE;
  if (free >= gigabytes) return;
  throw new NativeError(
    `${folder} has ${free.toFixed(1)} GB free and the build needs ${gigabytes} GB: free some, or set ` +
      'XDG_CACHE_HOME to a folder that has more',
  );
}

/** Removes what runs that were killed left behind; younger staging folders may belong to a run in progress. */
async function sweep(cache) {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (name.includes('.part-') && Date.now() - (await stat(path)).mtimeMs > 3_600_000) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** Makes `target` by filling a staging folder beside it; keeps what an other process finished meanwhile. */
async function stage(target, fill) {
  if (existsSync(target)) return;
  const staging = await mkdtemp(`${target}.part-`);
  try {
    await fill(staging);
    if (!existsSync(target)) await rename(staging, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function download(python, folder) {
  step(`downloading the wheel tensorflow-cpu ${TENSORFLOW} (274 MB) with pip`);
  const implementation = ['--implementation', 'cp', '--abi', `cp${PYTHON_OF_WHEEL.replace('.', '')}`];
  const which = ['--python-version', PYTHON_OF_WHEEL, '--platform', PLATFORM_OF_WHEEL, ...implementation];
  const flags = ['--no-deps', '--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check'];
  const args = [
    '-m',
    'pip',
    'download',
    ...flags,
    ...which,
    '--dest',
    folder,
    `tensorflow-cpu==${TENSORFLOW}`,
  ];
  const show = process.stderr.isTTY === true;
  try {
    await must('the download', python, show ? args : [...args, '--quiet'], { show });
  } catch (error) {
    throw new NativeError(
      `${error.message}\n  Check that pip reaches its package index, or fetch tensorflow_cpu-${TENSORFLOW}-cp311-…-` +
        `${PLATFORM_OF_WHEEL}.whl by other means and pass it by --wheel FILE`,
    );
  }
}

const UNPACK = `
import sys, zipfile
wheel, target, *wanted = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if any(name == w or (w.endswith('/') and name.startswith(w)) for w in wanted):
            archive.extract(name, target)
`;

async function unpack(python, wheel, target) {
  step('unpacking the library and its headers');
  const wanted = [
    ...LIBRARIES.map((name) => `tensorflow/${name}`),
    ...HEADERS.map((h) => `tensorflow/include/${h}`),
  ];
  await must('unpacking the wheel', python, ['-c', UNPACK, wheel, target, ...wanted]);
  for (const name of LIBRARIES) {
    if (existsSync(join(target, 'tensorflow', name))) continue;
    throw new NativeError(
      `${wheel} holds no tensorflow/${name}: it is not TensorFlow ${TENSORFLOW} for Linux`,
    );
  }
}

async function compile(compiler, npm, version, tensorflow, target) {
  step(`compiling tfjs-node ${version}'s binding with ${compiler}`);
  for (const name of [`@tensorflow/tfjs-node@${version}`, `node-api-headers@${NODE_API_HEADERS}`]) {
    const args = ['pack', name, '--silent', '--pack-destination', target];
    await must(`fetching ${name}`, npm.program, [...npm.args, ...args], { cwd: target });
  }
  for (const file of await readdir(target)) {
    const folder = join(target, file.startsWith('node-api') ? 'headers' : 'source');
    await mkdir(folder);
    await must(`unpacking ${file}`, 'tar', ['xzf', join(target, file), '-C', folder, '--strip-components=1']);
    await rm(join(target, file));
  }
  const source = (name) => join(target, 'source', 'binding', name);
  const flags = ['-std=c++17', '-O3', '-fPIC', '-shared', `-DNAPI_VERSION=${NAPI}`];
  const includes = [
    `-I${join(target, 'headers', 'include')}`,
    `-I${join(tensorflow, 'tensorflow', 'include')}`,
  ];
  const [inner, outer] = BINDINGS.map((name) => join(target, name));
  await must('compiling the binding', compiler, [
    ...[...flags, ...includes, source('tfjs_backend.cc'), source('tfjs_binding.cc'), '-o', inner],
    ...[`-L${join(tensorflow, 'tensorflow')}`, '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    ...LIBRARIES.map((name) => `-l:${name}`),
  ]);
  await must('compiling the loader', compiler, [...flags, ...includes, LOADER, '-o', outer, '-ldl']);
  await rm(join(target, 'source'), { recursive: true });
  await rm(join(target, 'headers'), { recursive: true });
}

/** Fills the cache: wheel, library, binding. Does only what is not there yet. */
export async function buildFromWheel(version, npm, { wheel } = {}) {
  if (wheelIsBuilt(version)) return;
  const { cache, tensorflow, binding } = folders(version);
  const wheels = join(cache, `wheel-${TENSORFLOW}`);
  const needPip = !wheel && !existsSync(tensorflow) && !existsSync(wheels);
  const { python, compiler } = await findTools({ needPip });
  await mkdir(cache, { recursive: true });
  await sweep(cache);
  if (!existsSync(tensorflow)) {
    await requireSpace(cache, 1.5);
    if (!wheel) await stage(wheels, (folder) => download(python, folder));
    const file = wheel ?? join(wheels, (await readdir(wheels)).find((name) => name.endsWith('.whl')) ?? '');
    try {
      await stage(tensorflow, (folder) => unpack(python, file, folder));
    } finally {
      await rm(wheels, { recursive: true, force: true }); // of no more use, or broken
    }
  }
  await stage(binding, (folder) => compile(compiler, npm, version, tensorflow, folder));
}

async function linkOrCopy(from, to) {
  await rm(to, { force: true });
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to); // another file system, or one without hard links
  }
}

/** Puts the library and the binding into an installed tfjs-node; the binding last, which makes it loadable. */
export async function linkInto(packageFolder, version) {
  step('linking the library and the binding into the package');
  const { tensorflow, binding } = folders(version);
  const library = join(packageFolder, 'deps', 'lib');
  const bindings = join(packageFolder, 'lib', `napi-v${NAPI}`);
  await mkdir(library, { recursive: true });
  await mkdir(bindings, { recursive: true });
  for (const name of LIBRARIES) {
    await linkOrCopy(join(tensorflow, 'tensorflow', name), join(library, name));
    const plain = join(library, name.replace('_cc', '').replace(/\.2$/, ''));
    await rm(plain, { force: true });
    await symlink(basename(name), plain);
  }
  for (const name of BINDINGS) await linkOrCopy(join(binding, name), join(bindings, name));
}

// Answers, in a process of its own (a broken native library may crash it), whether @tensorflow/tfjs-node works
// for the project in the folder given: it must load, become the backend of the project's own
// @tensorflow/tfjs-core, and compute a product, a convolution's gradient and a topk correctly. Prints one JSON object.
//
// usage: node probe.mjs PROJECT_FOLDER

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import util from 'node:util';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
// Node 23 removed what tfjs-node 4.22.0 still calls.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;

const require = createRequire(resolve(process.argv[2] ?? '.', 'package.json'));

function close(what, got, expected) {
  const same = got.length === expected.length && got.every((g, i) => Math.abs(g - expected[i]) <= 1e-4);
  if (!same) throw new Error(`${what}: expected [${expected}], got [${got}]`);
}

function examine() {
  const begin = performance.now();
  const node = require('@tensorflow/tfjs-node');
  const loadMilliseconds = performance.now() - begin;
  const tf = require('@tensorflow/tfjs-core');
  if (tf.getBackend() !== 'tensorflow')
    throw new Error(`expected backend tensorflow, got ${tf.getBackend()}`);
  const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]));
  close('matMul', [...product.dataSync()], [19, 22, 43, 50]);
  // The gradient of Σ conv(x, w) with 'valid' padding is, at each filter tap, the sum of the inputs it met.
  const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
  const gradient = tf.grad((w) => tf.sum(tf.conv2d(x, w, 1, 'valid')))(tf.ones([2, 2, 1, 1]));
  close('conv2d gradient', [...gradient.dataSync()], [12, 16, 24, 28]);
  // topk is among the operations that call what Node 23 removed.
  close('topk', [...tf.topk(tf.tensor1d([3, 9, 4]), 2).values.dataSync()], [9, 4]);
  const { TF_Version: library } = tf.backend().binding;
  return {
    works: true,
    version: node.version['tfjs-node'],
    library,
    node: process.version,
    loadMilliseconds,
  };
}

let answer;
try {
  answer = examine();
} catch (error) {
  answer = { works: false, node: process.version, reason: String(error?.message ?? error).split('\n')[0] };
}
process.stdout.write(`${JSON.stringify(answer)}\n`);

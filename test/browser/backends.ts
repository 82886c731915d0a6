/**
 * What `../backends.js` is to the suites of test/engine when they run in a browser: webgl alone, and of each file an
 * evenly spread choice of its tests, since a software renderer compiles a shader for every shape it meets
 * (30 ms each, some thousands for all). TFJS_PRIVACY_BROWSER_SUITES=all runs every test.
 */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, type RunnerTask } from 'vitest';

/** Tests of one file that run. */
const TESTS_A_FILE = 8;

/** Where a forward pass differs on webgl, by tfjs's shaders or by GLSL, so that there is another gradient, or none. */
const DIFFERENT: readonly [RegExp, string][] = [
  [/zero times an infinite slope/, 'equal numbers divide to 1, 0/0 too: the gradient is finite'],
  [
    /two inputs at once|positions made inside|rotary positions|by two coordinates|random models equal/,
    'a sine may err by 2^-11',
  ],
  [/backwards, other activations/, 'tensors of rank 4 at most are reversed'],
];

export const testedBackends: readonly string[] = ['webgl'];

export function eachBackend(suite: (name: string) => void): void {
  describe('on webgl', () => {
    beforeAll(async () => {
      await tf.setBackend('cpu'); // The oracle's, so that it can be switched to without waiting.
      if (!(await tf.setBackend('webgl'))) throw new Error('webgl does not start in this browser');
    });
    beforeEach(({ task, skip }) => {
      const why = DIFFERENT.find(([name]) => name.test(fullName(task)))?.[1];
      if (why !== undefined) skip(why);
      if (!isChosen(task)) skip('not among the chosen');
    });
    suite('webgl');
  });
}

function isChosen(task: RunnerTask): boolean {
  if (import.meta.env.WHOLE_ENGINE === true) return true;
  const all = testsOf(task.file.tasks);
  const stride = Math.max(1, all.length / TESTS_A_FILE);
  const place = all.findIndex(({ id }) => id === task.id);
  return Math.floor(place / stride) !== Math.floor((place - 1) / stride);
}

function testsOf(tasks: readonly RunnerTask[]): RunnerTask[] {
  return tasks.flatMap((task) => (task.type === 'suite' ? testsOf(task.tasks) : [task]));
}

function fullName(task: RunnerTask): string {
  return task.suite === undefined ? task.name : `${fullName(task.suite)} ${task.name}`;
}

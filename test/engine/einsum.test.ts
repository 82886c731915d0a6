/** tf.einsum, of which tfjs has no gradient: the oracle writes the same sums with other operations. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { PerExampleEngine } from '../../src/engine/index.js';
import { eachBackend } from '../backends.js';
import { meanOfExample } from './layers-problem.js';
import { expectBoundedByNeighbours } from './neighbouring-steps.js';
import { expectNoFallback } from './no-fallback.js';
import { expectEqualsLoop, oneExampleGradients } from './one-example-loop.js';
import { normal, variable } from './seeded-data.js';

const extents: Readonly<Record<string, number>> = { b: 3, t: 4, s: 5, i: 2, j: 3, k: 4, h: 2, d: 3, m: 4 };
const shapeOf = (letters: string) => [...letters].map((letter) => extents[letter]!);
const power = (y: tf.Tensor) => meanOfExample(tf.square(tf.tanh(y)));

/** Σ over the letters that the output lacks, one operand after the other broadcast to all letters. */
function summed(equation: string, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const [left, output] = equation.split('->') as [string, string];
  const [first, second] = left.split(',') as [string, string];
  const all = [...new Set(output + first + second)];
  const widened = (letters: string, tensor: tf.Tensor) => {
    const order = all.filter((letter) => letters.includes(letter));
    const moved = tf.transpose(
      tensor,
      order.map((letter) => letters.indexOf(letter)),
    );
    let next = 0;
    return tf.reshape(
      moved,
      all.map((letter) => (letters.includes(letter) ? moved.shape[next++]! : 1)),
    );
  };
  const product = tf.mul(widened(first, a), widened(second, b));
  const gone = all.map((_, axis) => axis).filter((axis) => !output.includes(all[axis]!));
  return gone.length === 0 ? product : tf.sum(product, gone);
}

/** Equations of data and one parameter; the parameter is the operand without b. */
const equations = [
  'bi,ij->bj',
  'ij,bj->bi',
  'bti,ij->btj',
  'bti,ji->btj',
  'tbi,ij->tbj',
  'bti,ij->bjt',
  'btd,dhk->bthk',
  'btd,dhk->bhtk',
  'btd,hdk->bhtk',
  'bthd,hdm->btm',
  'bthd,mhd->btm',
  'bhtd,hdm->btm',
  'bthd,hmd->btm',
  'bhij,hjd->bhid',
  'bti,ti->bt',
  'bti,i->bti',
  'bti,t->bi',
  'bi,i->b',
  'bi,j->bij',
  'bti,ij->bj',
  'bt,i->bi',
  'bt,ik->bti',
  'bti,jk->bj',
];

function problemOf(equation: string, form: (equation: string, a: tf.Tensor, b: tf.Tensor) => tf.Tensor) {
  const [first, second] = equation.split('->')[0]!.split(',') as [string, string];
  const dataFirst = first.includes('b');
  const [dataLetters, letters] = dataFirst ? [first, second] : [second, first];
  const w = variable(shapeOf(letters), 1);
  // The loop slices examples off the first axis.
  const order = ['b', ...[...dataLetters].filter((letter) => letter !== 'b')];
  const data = [normal(shapeOf(order.join('')), 2)];
  const back = [...dataLetters].map((letter) => order.indexOf(letter));
  const output = equation.split('->')[1]!;
  const front = [output.indexOf('b'), ...[...output].map((_, k) => k).filter((k) => output[k] !== 'b')];
  const loss = ([x]: readonly tf.Tensor[]) => {
    const arranged = tf.transpose(x!, back);
    const y = dataFirst ? form(equation, arranged, w) : form(equation, w, arranged);
    return power(tf.transpose(y, front));
  };
  return { data, variables: [w], loss };
}

eachBackend((backend) => {
  describe('einsum', () => {
    if (backend === 'wasm') {
      it('names the kernel that the backend lacks', () => {
        const { data, variables, loss } = problemOf('bti,ij->btj', (e, a, b) => tf.einsum(e, a, b));
        const f = () => loss(data);
        expect(() => new PerExampleEngine().clippedSum(f, variables, { l2NormClip: 1 })).toThrow(
          expect.objectContaining({
            code: 'DP_UNSUPPORTED_OP',
            message: expect.stringMatching(/wasm.*Einsum/),
          }),
        );
      });
      return;
    }

    // tfjs's own kernel for cpu and webgl does not sum over a letter that one operand alone has.
    const alone = (equation: string) => {
      const [left, output] = equation.split('->') as [string, string];
      return [...left].some(
        (letter) => left.split(letter).length === 2 && !output.includes(letter) && letter !== ',',
      );
    };
    it.each(equations.filter((equation) => !['cpu', 'webgl'].includes(backend) || !alone(equation)))(
      '%s with one parameter',
      (equation) => {
        const problem = problemOf(equation, (e, a, b) => tf.einsum(e, a, b));
        const w = problem.variables[0]!;
        const byHand = problemOf(equation, summed);
        byHand.variables[0]!.assign(w);
        const gradients = oneExampleGradients(byHand);
        // Sums over time cancel, in another order than the oracle's.
        expectEqualsLoop(problem, { gradients, tolerance: /t.*->bj/.test(equation) ? 2e-4 : 1e-5 });
        expectNoFallback(problem);
      },
    );

    it.each([1, 2])('%i examples, between other operations on both sides', (batch) => {
      const [first, second, third] = [variable([3, 4], 1), variable([4, 2, 3], 2), variable([2, 3, 2], 3)];
      const data = [normal([batch, 5, 3], 4)];
      const form =
        (one: typeof summed) =>
        ([x]: readonly tf.Tensor[]) => {
          const hidden = tf.tanh(one('bti,ij->btj', x!, first));
          const heads = tf.tanh(one('btd,dhk->bthk', hidden, second));
          return power(one('bthk,hkm->btm', heads, third));
        };
      const variables = [first, second, third];
      const gradients = oneExampleGradients({ data, variables, loss: form(summed) });
      const problem = { data, variables, loss: form((e, a, b) => tf.einsum(e, a, b)) };
      expectEqualsLoop(problem, { gradients });
      expectNoFallback(problem);
    });

    it('attention: both operands data', () => {
      const [query, key, value] = [variable([3, 2, 4], 1), variable([3, 2, 4], 2), variable([3, 2, 4], 3)];
      const data = [normal([3, 5, 3], 4)];
      const attention =
        (one: typeof summed) =>
        ([x]: readonly tf.Tensor[]) => {
          const [q, k, v] = [query, key, value].map((w) => one('bti,ihd->bthd', x!, w));
          const weights = tf.softmax(tf.div(one('bthd,bshd->bhts', q!, k!), 2));
          return power(one('bhts,bshd->bthd', weights, v!));
        };
      const variables = [query, key, value];
      const gradients = oneExampleGradients({ data, variables, loss: attention(summed) });
      const problem = { data, variables, loss: attention((e, a, b) => tf.einsum(e, a, b)) };
      expectEqualsLoop(problem, { gradients });
      expectNoFallback(problem);
    });

    it('rows of all examples merged on one axis', () => {
      const w = variable([3, 4], 1);
      const data = [normal([3, 5, 3], 2)];
      const merged =
        (one: typeof summed) =>
        ([x]: readonly tf.Tensor[]) =>
          power(tf.reshape(one('ni,ij->nj', tf.reshape(x!, [-1, 3]), w), [-1, 5, 4]));
      const gradients = oneExampleGradients({ data, variables: [w], loss: merged(summed) });
      const problem = { data, variables: [w], loss: merged((e, a, b) => tf.einsum(e, a, b)) };
      expectEqualsLoop(problem, { gradients });
      expectNoFallback(problem);
    });

    it('one weight for two equations, once transposed', () => {
      const w = variable([3, 4], 1);
      const data = [normal([4, 5, 3], 2)];
      const tied =
        (one: typeof summed) =>
        ([x]: readonly tf.Tensor[]) =>
          power(one('btj,ij->bti', tf.tanh(one('bti,ij->btj', x!, w)), w));
      const gradients = oneExampleGradients({ data, variables: [w], loss: tied(summed) });
      const problem = { data, variables: [w], loss: tied((e, a, b) => tf.einsum(e, a, b)) };
      expectEqualsLoop(problem, { gradients });
      expectNoFallback(problem);
    });

    it('neighbouring steps differ by at most C', () => {
      const [w, stacked] = [variable([2, 3], 1), variable([2, 3, 2], 2)];
      expectBoundedByNeighbours({
        width: 4,
        variables: [w, stacked],
        loss: (rows) => {
          const y = tf.einsum('bti,ij->btj', tf.reshape(rows, [-1, 2, 2]), w);
          return meanOfExample(tf.square(tf.einsum('btj,tjd->btd', y, stacked)));
        },
      });
    });

    const mixing: Record<string, (x: tf.Tensor, w: tf.Tensor) => tf.Tensor> = {
      'the batch summed over': (x, w) => tf.einsum('bi,ij->j', x, w),
      'every example with every other': (x, w) =>
        tf.einsum('bi,ci->bc', tf.einsum('bi,ij->bj', x, w), tf.einsum('bi,ij->bj', x, w)),
      'the batch taken for features': (x, w) => tf.einsum('bi,ij->bj', x, tf.einsum('bi,ij->bj', x, w)),
      'a parameter with a row for every place': (x, w) => tf.einsum('bi,bi->b', x, w),
      'a number for every place': (x, w) =>
        tf.einsum('b,bj->b', tf.range(0, 3), tf.einsum('bi,ij->bj', x, w)),
    };
    it.each(Object.entries(mixing))('refuses %s', (_, f) => {
      const [w, x] = [variable([3, 3], 1), normal([3, 3], 2)];
      const loss = () => {
        const y = f(x, w);
        return y.rank === 1 ? y : tf.sum(y, 1);
      };
      expect(() => new PerExampleEngine().clippedSum(loss, [w], { l2NormClip: 1 })).toThrow(
        expect.objectContaining({ code: 'DP_CROSS_EXAMPLE', message: expect.stringMatching(/Einsum/) }),
      );
    });
  });
});

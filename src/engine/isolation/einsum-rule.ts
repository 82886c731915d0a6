import type { KernelCall } from '../tape.js';
import { batchAxisOf, layoutAt } from './layout.js';
import { PUBLIC, rows, type Taint } from './taint.js';
import { mixed, outputShape, shapeOf, type TaintRule } from './taint-rule.js';

/** An equation such as 'bij,jk->bik', taken apart: one letter an axis, none twice in one operand. */
export interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

export function equationOf(call: KernelCall): Equation {
  const [left = '', output = ''] = String(call.attrs.equation).replace(/\s/g, '').split('->');
  return { inputs: left.split(','), output };
}

/** The letter that carries the batch must be in the output, and be the same for every operand that has examples. */
export const einsum: TaintRule = (context) => {
  const { call, batch, taintOf } = context;
  const { inputs, output } = equationOf(call);
  const target = outputShape(call);
  let found: { readonly letter: string; readonly taint: Taint & { kind: 'rows' } } | undefined;
  for (const [k, letters] of inputs.entries()) {
    const name = String(k);
    const taint = taintOf(name);
    if (taint.kind === 'public') continue;
    if (taint.kind === 'total') return mixed('multiplies a sum over examples');
    const at = batchAxisOf(shapeOf(call, name), taint.layout, batch);
    const letter = at && letters[at.axis];
    if (at === undefined || letter === undefined) return mixed('finds the batch spread over several axes');
    const axis = output.indexOf(letter);
    if (axis < 0) return mixed(`sums over the batch ('${letter}')`);
    const here = rows(layoutAt(target, axis, at.block)) as Taint & { kind: 'rows' };
    if (batch > 1 && found !== undefined) {
      if (found.letter !== letter) return mixed('multiplies every example with every other');
      if (found.taint.layout.inner !== here.layout.inner) {
        return mixed('multiplies tensors whose batches lie differently along one axis');
      }
    }
    found = { letter, taint: here };
  }
  if (found === undefined) return PUBLIC;
  // The cpu and webgl backends do not sum over a letter that one operand alone has.
  if (target.length !== output.length) return mixed('gives another shape than its equation says');
  const { letter } = found;
  const byPlace = inputs.some((letters, k) => {
    const axis = letters.indexOf(letter);
    return axis >= 0 && taintOf(String(k)).kind === 'public' && context.isVaried(String(k), axis);
  });
  if (batch > 1 && byPlace) return mixed('meets the batch with another value for every place in it');
  return found.taint;
};

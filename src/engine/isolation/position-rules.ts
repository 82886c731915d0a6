import { batchAxisOf, layoutAt, sizeOf } from './layout.js';
import { PUBLIC, rows } from './taint.js';
import { mixed, onBatchAxis, outputShape, shapeOf, type TaintRule } from './taint-rule.js';

/** Rules of kernels that find, count, move or fill elements by position. */

/** Positions are computed across the whole tensor: sound where no example's data take part, and only there. */
export const publicOnly: TaintRule = ({ call, taintOf }) => {
  const taken = Object.keys(call.inputs).some((name) => taintOf(name).kind !== 'public');
  return taken ? mixed('moves, counts or drops examples by positions in the whole batch') : PUBLIC;
};

/** Works along the last axis, and keeps the axes before it. */
export function onLastAxis(input: string): TaintRule {
  return onBatchAxis(input, (at, shape, { call }) => {
    if (at.axis === shape.length - 1) return mixed('works along the batch');
    return rows(layoutAt(outputShape(call), at.axis, at.block));
  });
}

/** A public table looked up by several coordinates at once, the coordinates on the last axis of the indices. */
export const gatherNd: TaintRule = (context) => {
  const { call, batch, taintOf } = context;
  const taint = taintOf('indices');
  if (taintOf('params').kind !== 'public') return mixed('picks values out of the batch by coordinates');
  if (taint.kind === 'public') return PUBLIC;
  if (taint.kind === 'total') return mixed('looks up a sum over examples');
  const shape = shapeOf(call, 'indices');
  const at = batchAxisOf(shape, taint.layout, batch);
  if (at === undefined || at.axis === shape.length - 1) return mixed('takes the batch for coordinates');
  return rows(layoutAt(outputShape(call), at.axis, at.block));
};

/** Counts of each row of a matrix; of a vector, they would be counts of the batch. */
export const histogram: TaintRule = (context) => {
  const { call, batch, taintOf } = context;
  const taint = taintOf('x');
  const weights = taintOf('weights');
  if (taint.kind === 'public' && weights.kind === 'public') return PUBLIC;
  const shape = shapeOf(call, 'x');
  const whole = { inner: shape[1] ?? 1, axis: 0 };
  for (const each of [taint, weights]) {
    if (each.kind === 'total') return mixed('counts a sum over examples');
    if (each.kind !== 'rows') continue;
    const at = batchAxisOf(shape, each.layout, batch);
    if (shape.length !== 2 || at?.axis !== 0 || at.block !== 1 || at.outer !== 1) {
      return mixed('counts over the batch');
    }
  }
  const other = taint.kind === 'public' ? 'x' : weights.kind === 'public' ? 'weights' : undefined;
  const spans = other !== undefined && sizeOf(shapeOf(call, other)) > 1;
  if (batch > 1 && spans && context.isVaried(other, 0)) {
    return mixed('meets the batch with another value for every place in it');
  }
  return rows({ ...whole, inner: outputShape(call)[1] ?? 1 });
};

/** The place of each value in its sorted row: one public row for all, or every example's own. */
export const searchSorted: TaintRule = (context) => {
  const { call, batch, taintOf } = context;
  const [sorted, values] = [taintOf('sortedSequence'), taintOf('values')];
  if (sorted.kind === 'public' && values.kind === 'public') return PUBLIC;
  if (sorted.kind === 'public' && values.kind === 'rows' && shapeOf(call, 'sortedSequence')[0] === 1)
    return values;
  if (sorted.kind !== 'rows' || values.kind !== 'rows') return mixed('searches values of other examples');
  const own = (['sortedSequence', 'values'] as const).every((name, k) => {
    const at = batchAxisOf(shapeOf(call, name), (k === 0 ? sorted : values).layout, batch);
    return at?.axis === 0 && at.block === 1 && at.outer === 1;
  });
  return own ? rows(layoutAt(outputShape(call), 0, 1)) : mixed('searches values of other examples');
};

/** Blocks of pixels become images of their own: block after block, each for the whole batch. */
export const spaceToBatch: TaintRule = onBatchAxis('x', (at, _shape, { call }) => {
  if (at.axis !== 0 || at.block !== 1) return mixed('moves pixels along the batch');
  return rows(layoutAt(outputShape(call), 0, 1));
});

export const batchToSpace: TaintRule = onBatchAxis('x', (at, _shape, { call }) => {
  const blocks = sizeOf(call.attrs.blockShape as number[]);
  if (at.axis !== 0 || at.block !== 1 || at.outer % blocks !== 0)
    return mixed('makes one image of several examples');
  return rows(layoutAt(outputShape(call), 0, 1));
});

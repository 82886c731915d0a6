import { type DpSgdParameters, planEvent, planSteps, stepsEvent } from './dp-sgd-plan.js';
import {
  type AttainedTarget,
  evaluateTarget,
  type OneSided,
  type PrivacyTarget,
  searchTarget,
} from './target-search.js';
import { namedUnknown, type SearchedUnknown } from './unknowns.js';

/**
 * A search where the number of epochs E is given, so that steps T = ⌈E·N/B⌉ change with the unknown. As a function of
 * N, B or q = B/N, ε is a saw-tooth: on each tooth, T fixed, it is monotone; where T changes, it jumps the other way.
 *
 * The least ε of a tooth is not below that of (q = E/T, T). These envelopes fall with T, so that the first T that attains
 * the target is found first; no tooth of fewer steps has an attaining value. From there on teeth are searched outwards:
 * the first has it, or the next few. The result is the least private value that attains the target.
 */
export function searchEpochs(
  plan: DpSgdParameters,
  unknown: SearchedUnknown,
  target: PrivacyTarget,
  tolerance: number | undefined,
): AttainedTarget | OneSided {
  const precision = tolerance === undefined ? {} : { tolerance };
  const name = unknown.name as 'datasetSize' | 'expectedBatchSize' | 'samplingProbability';
  const epochs = plan.epochs!;
  const sigma = plan.noiseMultiplier!;
  const makeEvent = (value: number) => planEvent({ ...plan, [name]: value });
  const within = (from: number, to: number, event = makeEvent) =>
    searchTarget({
      makeEvent: event,
      target,
      range: { ...unknown, from, to },
      start: from,
      ...precision,
    });

  // The first number of steps whose envelope attains the target: teeth of fewer steps have no attaining value.
  const fewest = Math.max(1, Math.ceil(epochs));
  const envelope = searchTarget({
    makeEvent: (steps) => stepsEvent(sigma, Math.min(1, epochs / steps), steps),
    target,
    range: { ...namedUnknown('steps'), privateSide: 'large', from: fewest },
    start: Math.max(fewest, Math.ceil(100 * epochs)),
  });
  if ('kind' in envelope && envelope.kind === 'never') {
    return { ...envelope, end: unknown.privateSide === 'large' ? unknown.to : unknown.from };
  }
  const first = 'kind' in envelope ? fewest : envelope.value;

  if (name === 'samplingProbability') {
    if ('kind' in envelope) return { ...envelope, end: 1 };
    // The tooth of `first` steps; at its far end an epoch needs one step less.
    const near = (epochs / first) * (1 + 4 * Number.EPSILON);
    const far = epochs / (first - 1);
    const tooth = (q: number) => stepsEvent(sigma, q, first);
    const found = within(near, far, tooth);
    if (!('kind' in found)) return found;
    const misses = { value: far, epsilon: envelope.misses.epsilon };
    return { value: near, ...evaluateTarget(tooth(near), target), misses, tolerance: far / near - 1 };
  }

  const outward = name === 'datasetSize' ? 1 : -1;
  const [start, end] = outward > 0 ? [unknown.from, unknown.to] : [unknown.to, unknown.from];
  const stepsAt = (value: number) => planSteps({ ...plan, [name]: value });
  // Where teeth of `first` steps begin, to a value or two.
  const edge =
    name === 'datasetSize'
      ? Math.floor(((first - 1) * plan.expectedBatchSize!) / epochs)
      : Math.ceil((epochs * plan.datasetSize!) / Math.max(1, first - 1));
  let value = Math.min(unknown.to, Math.max(unknown.from, edge));
  while (value !== end && stepsAt(value) < first) value += outward;
  for (;;) {
    const last = lastOfTooth(value, end, outward, stepsAt);
    const found = within(Math.min(value, last), Math.max(value, last));
    if (!('kind' in found)) return found;
    if (found.kind === 'always') {
      const { event, bound } = evaluateTarget(makeEvent(value), target);
      if (value === start) return { ...found, end: start, epsilon: bound.epsilon };
      const before = evaluateTarget(makeEvent(value - outward), target).bound;
      if (before.epsilon > target.epsilon) {
        return {
          value,
          event,
          bound,
          misses: { value: value - outward, epsilon: before.epsilon },
          tolerance: 0,
        };
      }
      value -= outward;
      continue;
    }
    if (last === end) return found;
    value = last + outward;
  }
}

/** The last value, going outward from `value`, that has as many steps. */
function lastOfTooth(
  value: number,
  end: number,
  outward: 1 | -1,
  stepsAt: (value: number) => number,
): number {
  const steps = stepsAt(value);
  let inside = value;
  let stride: number = outward;
  while (inside !== end) {
    const next = outward > 0 ? Math.min(end, inside + stride) : Math.max(end, inside + stride);
    if (stepsAt(next) === steps) {
      inside = next;
      stride *= 2;
    } else if (Math.abs(stride) > 1) {
      stride = outward;
    } else {
      break;
    }
  }
  return inside;
}

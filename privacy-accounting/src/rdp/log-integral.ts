import { GAUSS_LEGENDRE } from '../math/index.js';
import { LogSum } from './log-space.js';

/** Panels more than this many nats below the whole are not refined: thousands of them stay below 1e-17 of it. */
const NEGLIGIBLE = 50;
/** Splits in all; what is left unrefined then is reported as error, so that the result stays a bound. */
const MAX_SPLITS = 4000;

/** One panel: its ends, and ln of the rule's value on it. */
interface Panel {
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/**
 * ln ∫ e^{f(x)} dx over [points[0], points.at(-1)], from above: the value of an adaptive Gauss–Legendre rule plus its
 * own estimate of its error. `f` is the logarithm of a non-negative integrand, smooth between the `points`; panels are
 * at most `width` wide to begin with, so that no peak of that width is overlooked.
 *
 * A panel is accepted when its two halves agree with it to `tolerance` (relative to the whole). The halves are some
 * 2²⁰ times more accurate than the panel, so that the difference, which is added, is many times their true error.
 */
export function logIntegralUpper(options: {
  readonly f: (x: number) => number;
  readonly points: readonly number[];
  readonly width: number;
  readonly tolerance?: number;
}): number {
  const { f, points, width, tolerance = 1e-12 } = options;
  let pending: Panel[] = [];
  for (let i = 1; i < points.length; i++) {
    const from = points[i - 1]!;
    const length = points[i]! - from;
    if (!(length > 0)) continue;
    const count = Math.ceil(length / width);
    for (let k = 0; k < count; k++) {
      pending.push(panel(f, from + (k / count) * length, from + ((k + 1) / count) * length));
    }
  }
  const accepted = new LogSum();
  const errors = new LogSum();
  let splits = 0;
  while (pending.length > 0) {
    const all = new LogSum();
    all.add(accepted.value);
    for (const { value } of pending) all.add(value);
    const whole = all.value;
    if (whole === Number.NEGATIVE_INFINITY) return whole;
    const next: Panel[] = [];
    for (const parent of pending) {
      if (parent.value < whole - NEGLIGIBLE) {
        accepted.add(parent.value);
        // What is negligible is doubled: its own relative error is not measured.
        errors.add(parent.value);
        continue;
      }
      const middle = (parent.from + parent.to) / 2;
      const left = panel(f, parent.from, middle);
      const right = panel(f, middle, parent.to);
      const halves = new LogSum();
      halves.add(left.value);
      halves.add(right.value);
      const difference = Math.abs(Math.expm1(parent.value - halves.value));
      const share = Math.exp(halves.value - whole);
      splits++;
      if (difference * share <= tolerance || splits >= MAX_SPLITS) {
        accepted.add(halves.value);
        errors.add(halves.value + Math.log(difference));
      } else {
        next.push(left, right);
      }
    }
    pending = next;
  }
  accepted.add(errors.value);
  return accepted.value;
}

function panel(f: (x: number) => number, from: number, to: number): Panel {
  const middle = (from + to) / 2;
  const half = (to - from) / 2;
  const sum = new LogSum();
  for (const [node, weight] of GAUSS_LEGENDRE) {
    const logWeight = Math.log(weight * half);
    sum.add(f(middle - half * node) + logWeight);
    sum.add(f(middle + half * node) + logWeight);
  }
  return { from, to, value: sum.value };
}

import type { Enclosure } from './privacy-loss-distribution.js';

/** ln δ beyond which a curve is not followed further: an ε is searched up to where δ is as small. */
const FAR = -36;
const REFINEMENTS = 160;

/**
 * f(α) = sup_ε max(0, 1 − δ(ε) − e^ε·α) over ε ∈ ℝ, from `forward`, ln δ(ε) for ε ≥ 0, and `backward`, that of the
 * reversed pair: at −ε the term is e^{−ε}(1 − α − δ′(ε)).
 *
 * Any ε gives a lower bound, with the upper end of δ. For the upper bound the line is cut into intervals [a, b], on
 * each of which the term is at most 1 − δ(b) − e^a·α (and e^{−a}(1 − α − δ′(b))), because δ falls; the
 * interval with the largest bound is halved again and again.
 */
export function traceTradeOff(
  alpha: number,
  forward: (epsilon: number) => Enclosure,
  backward: (epsilon: number) => Enclosure,
): Enclosure {
  let lower = 0;
  let upper = 0;
  for (const side of ['forward', 'backward'] as const) {
    const curve = side === 'forward' ? forward : backward;
    const least = (epsilon: number, delta: number) =>
      side === 'forward' ? 1 - delta - Math.exp(epsilon) * alpha : Math.exp(-epsilon) * (1 - alpha - delta);
    const points = new Map<number, { readonly lower: number; readonly upper: number }>();
    const at = (epsilon: number) => {
      let value = points.get(epsilon);
      if (value === undefined) {
        const log = curve(epsilon);
        value = { lower: Math.exp(log.lower), upper: Math.exp(log.upper) };
        points.set(epsilon, value);
        lower = Math.max(lower, least(epsilon, value.upper));
      }
      return value;
    };
    let end = 1;
    while (end < 1e6 && curve(end).upper > FAR && (side === 'backward' || Math.exp(end) * alpha < 1))
      end *= 2;
    const bound = (a: number, b: number) => Math.max(0, least(a, at(b).lower));
    const intervals: { readonly a: number; readonly b: number; readonly bound: number }[] = [];
    const push = (a: number, b: number) => intervals.push({ a, b, bound: bound(a, b) });
    at(0);
    const cells = 16;
    for (let i = 0; i < cells; i++) push((end * i) / cells, (end * (i + 1)) / cells);
    for (let i = 0; i < REFINEMENTS; i++) {
      let worst = 0;
      for (let k = 1; k < intervals.length; k++) if (intervals[k]!.bound > intervals[worst]!.bound) worst = k;
      const { a, b, bound: value } = intervals[worst]!;
      if (value <= lower || b - a < 1e-9 * (1 + b)) break;
      intervals.splice(worst, 1);
      push(a, (a + b) / 2);
      push((a + b) / 2, b);
    }
    upper = Math.max(upper, ...intervals.map((interval) => interval.bound));
    // Beyond the end δ may be as little as that of ∞, and only the other factor shrinks.
    upper = Math.max(upper, side === 'forward' ? 1 - Math.exp(end) * alpha : Math.exp(-end) * (1 - alpha));
  }
  const rounding = 1e-15;
  return {
    lower: Math.max(0, lower - rounding),
    upper: Math.min(1 - alpha, Math.max(lower, upper) + rounding),
  };
}

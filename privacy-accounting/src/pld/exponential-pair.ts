import type { DominatingPair, LossContinuum } from './dominating-pair.js';

const U = 2 ** -53;

/**
 * An ε-bounded-range mechanism, such as the exponential mechanism of ε: the log-ratio of neighbours' probabilities lies in
 * an interval [t − ε, t], 0 ≤ t ≤ ε. Two outcomes are worst given t, with δ_t(x) = (1 − e^{t−ε})(1 − e^{x−t})/(1 − e^{−ε}); the
 * worst t for x is (x + ε)/2, and
 *
 *   δ(x) = (1 − e^{(x−ε)/2})²/(1 − e^{−ε}),  |x| ≤ ε,
 *
 * is convex and falling in e^x: the profile of a pair, with Q(L > x) = (e^{−(ε+x)/2} − e^{−ε})/(1 − e^{−ε}), P(L > x) =
 * (1 − e^{(x−ε)/2})/(1 − e^{−ε}). It dominates whatever t is, also where it depends on earlier results.
 * Source: Dong, Durfee & Rogers 2020 (arXiv:1909.13830), Lemma 3.2; Zhu, Dong & Wang 2022 (arXiv:2106.08567), Prop. 8.
 */
export function boundedRangePair(epsilon: number): DominatingPair {
  const scale = Math.exp(-epsilon / 2) / -Math.expm1(-epsilon);
  const inside = (l: number) => Math.min(epsilon, Math.max(-epsilon, l));
  const cell: LossContinuum['cell'] = (a, b) => {
    const [from, to] = [inside(a), inside(b)];
    if (!(to > from)) return { p: 0, q: 0 };
    const share = scale * -Math.expm1((from - to) / 2);
    return { p: share * Math.exp(to / 2), q: share * Math.exp(-from / 2) };
  };
  const step = epsilon / 64;
  return {
    key: `bounded range ${epsilon}`,
    symmetric: true,
    atoms: [],
    continua: [{ lowest: -epsilon, highest: epsilon, range: [-epsilon, epsilon], cell }],
    singular: { p: 0, q: 0 },
    sketch: Array.from({ length: 128 }, (_, i) => {
      const from = -epsilon + i * step;
      return { loss: from + step / 2, ...cell(from, from + step) };
    }).filter(({ p, q }) => p > 0 && q > 0),
    relativeError: (64 + 4 * epsilon) * U,
    lossRounding: 16 * U * (1 + epsilon),
  };
}

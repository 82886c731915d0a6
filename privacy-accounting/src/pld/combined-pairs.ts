import type { DominatingPair, LossAtom, LossContinuum, PairMass } from './dominating-pair.js';

/**
 * One of several pairs is drawn, with the given weights, and it is public which: the laws of outcomes side by side. Bounds
 * any mechanism that, given something that may be revealed, is dominated by one of the pairs. (δ is the weighted sum.)
 */
export function revealedChoice(
  key: string,
  choices: readonly { readonly weight: number; readonly pair: DominatingPair }[],
): DominatingPair {
  const used = choices.filter(({ weight }) => weight > 0);
  const sum = (part: (pair: DominatingPair) => PairMass): PairMass => ({
    p: used.reduce((total, { weight, pair }) => total + weight * part(pair).p, 0),
    q: used.reduce((total, { weight, pair }) => total + weight * part(pair).q, 0),
  });
  const most = (of: (pair: DominatingPair) => number) => Math.max(...used.map(({ pair }) => of(pair)));
  return {
    key,
    symmetric: used.every(({ pair }) => pair.symmetric),
    atoms: used.flatMap(({ weight, pair }) => scaled(pair.atoms, weight)).sort((a, b) => a.loss - b.loss),
    continua: used.flatMap(({ weight, pair }) =>
      pair.continua.map(
        (continuum): LossContinuum => ({
          lowest: continuum.lowest,
          highest: continuum.highest,
          range: continuum.range,
          cell: (a, b) => {
            const { p, q } = continuum.cell(a, b);
            return { p: weight * p, q: weight * q };
          },
        }),
      ),
    ),
    singular: sum((pair) => pair.singular),
    sketch: used.flatMap(({ weight, pair }) => scaled(pair.sketch, weight)),
    relativeError: most((pair) => pair.relativeError) + 2 ** -50,
    lossRounding: most((pair) => pair.lossRounding),
  };
}

function scaled(atoms: readonly LossAtom[], weight: number): readonly LossAtom[] {
  return atoms.map(({ loss, p, q }) => ({ loss, p: weight * p, q: weight * q }));
}

/**
 * The pair whose δ(ε) is that of `pair` for ε ≥ 0, in both directions: positive losses as they are, their mirror image, and
 * the rest at 0. It dominates a mechanism of which δ(ε) ≤ δ_pair(ε), ε ≥ 0, is known for both orders of any neighbours
 * (Zhu, Dong & Wang 2022, arXiv:2106.08567, Prop. 30). Needs P(L > 0) + Q(L > 0) ≤ 1 and no atoms: a
 * Poisson-sampled Gaussian.
 */
export function symmetrisedPair(key: string, pair: DominatingPair): DominatingPair {
  const [continuum] = pair.continua;
  const { p, q } = continuum!.cell(0, Number.POSITIVE_INFINITY);
  // Rounded up: mass at 0 that is missing from the sum would make a law lighter than it is.
  const rest = Math.max(0, 1 - p - q) + 2 ** -50;
  const upper: LossContinuum = {
    lowest: 0,
    highest: continuum!.highest,
    range: [0, continuum!.range[1]],
    cell: (a, b) => (b > Math.max(0, a) ? continuum!.cell(Math.max(0, a), b) : { p: 0, q: 0 }),
  };
  const lower: LossContinuum = {
    lowest: -continuum!.highest,
    highest: 0,
    range: [-continuum!.range[1], 0],
    cell: (a, b) => {
      const mass = upper.cell(-b, -a);
      return { p: mass.q, q: mass.p };
    },
  };
  const positive = pair.sketch.filter(({ loss }) => loss > 0);
  const atom = { loss: 0, p: rest, q: rest };
  return {
    key,
    symmetric: true,
    atoms: [atom],
    continua: [lower, upper],
    singular: { p: pair.singular.p, q: pair.singular.p },
    sketch: [...positive, ...positive.map((a) => ({ loss: -a.loss, p: a.q, q: a.p })), atom],
    relativeError: pair.relativeError,
    lossRounding: pair.lossRounding,
  };
}

import { type DominatingPair, type LossAtom, TAIL_EXPONENT } from './dominating-pair.js';

const U = 2 ** -53;
/** Atoms of one law, at most. Beyond, the noise is so wide that the continuous mechanism is the right model. */
export const MOST_ATOMS = 1 << 18;

/** How many outcomes of a discrete Gaussian matter. */
export function discreteGaussianAtoms(options: {
  readonly sigma: number;
  readonly sensitivity: number;
}): number {
  const { sigma, sensitivity } = options;
  return 2 * reachOf(sigma) + sensitivity;
}

function reachOf(sigma: number): number {
  return Math.ceil(Math.sqrt(2 * (TAIL_EXPONENT + 2)) * sigma) + 1;
}

/**
 * The scalar discrete Gaussian, Pr[x] ∝ e^{−x²/2σ²} over the integers, for integer queries of `sensitivity` Δ: P is Q
 * moved by Δ, and the loss at x is Δ(2x − Δ)/2σ². (Canonne, Kamath & Steinke 2020, arXiv:2004.00010.) One
 * dimension only: noise on a vector is not rotation-invariant, and this pair does not dominate it.
 *
 * The domination of smaller shifts holds because the law is log-concave.
 */
export function discreteGaussianPair(options: {
  readonly sigma: number;
  readonly sensitivity: number;
}): DominatingPair {
  const { sigma, sensitivity } = options;
  const variance = sigma * sigma;
  const reach = reachOf(sigma);
  const weight = (x: number) => Math.exp((-x * x) / (2 * variance));
  let total = 0;
  for (let x = reach; x >= 1; x--) total += 2 * weight(x);
  total += 1;
  const atoms: LossAtom[] = [];
  for (let x = -reach; x <= reach + sensitivity; x++) {
    const p = weight(x - sensitivity) / total;
    const q = weight(x) / total;
    if (p > 0 && q > 0) atoms.push({ loss: (sensitivity * (2 * x - sensitivity)) / (2 * variance), p, q });
  }
  // Both tails beyond ±reach, under either law: geometric sums with ratio e^{−reach/σ²}, and what underflowed.
  const tail = (4 * weight(reach)) / total / -Math.expm1(-reach / variance) + Number.MIN_VALUE * atoms.length;
  return {
    key: `discrete gaussian ${sigma} ${sensitivity}`,
    symmetric: true,
    atoms,
    continua: [],
    singular: { p: tail, q: tail },
    sketch: thinned(atoms),
    lattice: sensitivity / (2 * variance),
    relativeError: (512 + 8 * sensitivity) * U + (4 * reach + 8) * U,
    lossRounding: 16 * U * ((sensitivity * (2 * (reach + sensitivity) + sensitivity)) / (2 * variance)),
  };
}

/**
 * The discrete Laplace (two-sided geometric) mechanism, Pr[x] ∝ e^{−a|x|} over the integers, a = `parameter`, for integer
 * queries of `sensitivity` Δ: losses a(|x| − |x − Δ|) from −aΔ to aΔ, in steps of 2a.
 */
export function discreteLaplacePair(options: {
  readonly parameter: number;
  readonly sensitivity: number;
}): DominatingPair {
  const { parameter: a, sensitivity } = options;
  const end = 1 / (1 + Math.exp(-a));
  const centre = Math.tanh(a / 2);
  const atoms: LossAtom[] = [{ loss: -a * sensitivity, p: end * Math.exp(-a * sensitivity), q: end }];
  for (let x = 1; x < sensitivity; x++) {
    const p = centre * Math.exp(-a * (sensitivity - x));
    const q = centre * Math.exp(-a * x);
    if (p > 0 && q > 0) atoms.push({ loss: a * (2 * x - sensitivity), p, q });
  }
  atoms.push({ loss: a * sensitivity, p: end, q: end * Math.exp(-a * sensitivity) });
  const kept = atoms.filter(({ p, q }) => p > 0 && q > 0);
  const lost = kept.length < atoms.length ? 1e-300 : 0;
  return {
    key: `discrete laplace ${a} ${sensitivity}`,
    symmetric: true,
    atoms: kept,
    continua: [],
    singular: { p: kept.length < 2 ? 1 : lost, q: kept.length < 2 ? 1 : lost },
    sketch: thinned(kept),
    lattice: a,
    relativeError: (64 + 4 * a * sensitivity) * U,
    lossRounding: 16 * U * a * sensitivity,
  };
}

/**
 * k-ary randomized response: the true answer with probability 1 − p, else one of `buckets` = k answers at random (p =
 * `noiseParameter`). Two data sets with different true answers: loss ±ln((1 − p + p/k)/(p/k)), or 0.
 */
export function randomizedResponsePair(options: {
  readonly noiseParameter: number;
  readonly buckets: number;
}): DominatingPair {
  const { noiseParameter, buckets } = options;
  const other = noiseParameter / buckets;
  const own = 1 - noiseParameter + other;
  const key = `randomized response ${noiseParameter} ${buckets}`;
  const epsilon = Math.log1p((1 - noiseParameter) / other);
  const neither = (buckets - 2) * other;
  if (other === 0) return twoPoint(key, epsilon, { own, other, neither: 0, singular: own });
  return twoPoint(key, epsilon, { own, other, neither, singular: 0 });
}

/**
 * k-ary randomized response, a true answer against none at all, for which a uniform one is drawn: losses ln(1 + (k − 1)(1 − p))
 * and ln p.
 */
export function randomizedResponseBlankPair(options: {
  readonly noiseParameter: number;
  readonly buckets: number;
}): DominatingPair {
  const { noiseParameter, buckets } = options;
  const rest = (buckets - 1) / buckets;
  const all: LossAtom[] = [
    { loss: Math.log(noiseParameter), p: noiseParameter * rest, q: rest },
    {
      loss: Math.log1p((buckets - 1) * (1 - noiseParameter)),
      p: 1 - noiseParameter + noiseParameter / buckets,
      q: 1 / buckets,
    },
  ];
  const atoms = all.filter(({ p, q }) => p > 0 && q > 0);
  return {
    key: `randomized response, blank ${noiseParameter} ${buckets}`,
    symmetric: false,
    atoms,
    continua: [],
    singular: { p: 0, q: noiseParameter * rest > 0 ? 0 : rest },
    sketch: atoms,
    relativeError: 32 * U,
    lossRounding: 64 * U * (1 + Math.log(buckets)),
  };
}

/**
 * Anything (ε, δ)-differentially private: dominated by the pair that reveals everything with probability δ and is
 * ε-randomized response otherwise (Kairouz, Oh & Viswanath 2015, arXiv:1311.0776, Thm 3.1).
 */
export function epsilonDeltaPair(options: {
  readonly epsilon: number;
  readonly delta: number;
}): DominatingPair {
  const { epsilon, delta } = options;
  const own = (1 - delta) / (1 + Math.exp(-epsilon));
  const other = (1 - delta) / (1 + Math.exp(epsilon));
  const key = `epsilon delta ${epsilon} ${delta}`;
  return twoPoint(key, epsilon, { own, other, neither: 0, singular: delta });
}

function twoPoint(
  key: string,
  epsilon: number,
  masses: {
    readonly own: number;
    readonly other: number;
    readonly neither: number;
    readonly singular: number;
  },
): DominatingPair {
  const { own, other, neither, singular } = masses;
  const all: LossAtom[] = [
    { loss: -epsilon, p: other, q: own },
    { loss: 0, p: neither, q: neither },
    { loss: epsilon, p: own, q: other },
  ];
  const atoms = all.filter(({ p, q }) => p > 0 && q > 0);
  // Where e^{−ε} underflows, the larger mass has nothing to hide behind.
  const revealed = other > 0 ? singular : Math.min(1, singular + own);
  return {
    key,
    symmetric: true,
    atoms,
    continua: [],
    singular: { p: revealed, q: revealed },
    sketch: atoms,
    ...(epsilon > 0 ? { lattice: epsilon } : {}),
    relativeError: 32 * U,
    lossRounding: 32 * U * (1 + epsilon),
  };
}

/** At most some hundreds of the atoms, neighbours merged. */
function thinned(atoms: readonly LossAtom[]): readonly LossAtom[] {
  const group = Math.ceil(atoms.length / 600);
  if (group === 1) return atoms;
  const merged: LossAtom[] = [];
  for (let i = 0; i < atoms.length; i += group) {
    let p = 0;
    let q = 0;
    for (const atom of atoms.slice(i, i + group)) {
      p += atom.p;
      q += atom.q;
    }
    if (p > 0 && q > 0) merged.push({ loss: Math.log(p / q), p, q });
  }
  return merged;
}

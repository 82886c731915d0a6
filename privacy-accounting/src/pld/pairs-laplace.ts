import type { DominatingPair, LossAtom, LossContinuum } from './dominating-pair.js';

const U = 2 ** -53;

/**
 * A Laplace mechanism of scale b = `parameter` (in units of the L1 sensitivity) on a Poisson sample of rate q:
 * P = (1 − q)·Lap(0, b) + q·Lap(1, b) against Q = Lap(0, b).
 *
 * With w(x) = (|x| − |x − 1|)/b the loss is ln(1 − q + q·e^w): outcomes below 0 and above 1 are two atoms, w = ±1/b, and
 * between them w runs from −1/b to 1/b linearly. (Zhu, Dong & Wang 2022, arXiv:2106.08567, Thm 11, for the sampled.)
 */
export function laplacePair(options: {
  readonly parameter: number;
  readonly samplingProbability: number;
}): DominatingPair {
  const { parameter: b, samplingProbability: rate } = options;
  const most = 1 / b;
  const loss = (w: number) => (rate === 1 ? w : Math.log1p(rate * Math.expm1(w)));
  /** Of two masses, that of the shifted law first. */
  const mixed = (shifted: number, base: number) =>
    rate === 1 ? shifted : (1 - rate) * base + rate * shifted;
  const far = 0.5 * Math.exp(-most);
  const atoms: LossAtom[] = [
    { loss: loss(-most), p: mixed(far, 0.5), q: 0.5 },
    { loss: loss(most), p: mixed(0.5, far), q: far },
  ];
  const continuum = new LaplaceContinuum(b, rate, loss, mixed);
  return {
    key: `laplace ${b} ${rate}`,
    symmetric: rate === 1,
    atoms,
    continua: [continuum],
    singular: { p: 0, q: 0 },
    sketch: [...atoms, ...continuum.sketch()],
    relativeError: 64 * U,
    lossRounding: 64 * U * (1 + most + Math.log(1 / rate)),
    ...(rate === 1 ? { lattice: most } : {}),
  };
}

/** The outcomes in [0, 1], as x. */
class LaplaceContinuum implements LossContinuum {
  readonly lowest: number;
  readonly highest: number;
  readonly range: readonly [number, number];
  readonly #b: number;
  readonly #rate: number;
  readonly #loss: (w: number) => number;
  readonly #mixed: (shifted: number, base: number) => number;

  constructor(
    b: number,
    rate: number,
    loss: (w: number) => number,
    mixed: (shifted: number, base: number) => number,
  ) {
    this.#b = b;
    this.#rate = rate;
    this.#loss = loss;
    this.#mixed = mixed;
    this.lowest = loss(-1 / b);
    this.highest = loss(1 / b);
    this.range = [this.lowest, this.highest];
  }

  cell(a: number, c: number) {
    return this.#mass(this.#inverse(a), this.#inverse(c));
  }

  sketch(): readonly LossAtom[] {
    return Array.from({ length: 128 }, (_, i) => {
      const x = (i + 0.5) / 128;
      return { loss: this.#loss((2 * x - 1) / this.#b), ...this.#mass(i / 128, (i + 1) / 128) };
    });
  }

  #mass(from: number, to: number) {
    if (!(to > from)) return { p: 0, q: 0 };
    const inside = -0.5 * Math.expm1((from - to) / this.#b);
    const base = Math.exp(-from / this.#b) * inside;
    return { p: this.#mixed(Math.exp((to - 1) / this.#b) * inside, base), q: base };
  }

  #inverse(l: number): number {
    if (l <= this.lowest) return 0;
    if (l >= this.highest) return 1;
    const w =
      this.#rate === 1 ? l : l > 700 ? l - Math.log(this.#rate) : Math.log1p(Math.expm1(l) / this.#rate);
    return Math.min(1, Math.max(0, (w * this.#b + 1) / 2));
  }
}

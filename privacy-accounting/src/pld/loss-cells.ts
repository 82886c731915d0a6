import { DpError } from '../errors.js';
import type { DominatingPair, LossContinuum, PairMass } from './dominating-pair.js';
import type { Tilt } from './loss-law.js';

/**
 * What a wide cell may add to the discretisation error, (width/h)²·mass under the tilted law, relative to the h² of
 * cells of width h: some hundreds of wide cells add a few per cent.
 */
const WIDE_CELL_COST = 5e-5;

/** No cell is wider than this part of the range, so that moments of the far tail, which bound what is folded, stay as they are. */
const WIDEST = 1 / 512;

/** Beyond it grid points, and halves of them, are no longer told apart. */
const LARGEST_INDEX = 2 ** 50;

/** Outcomes with losses from `low` to `high`, in half grid intervals, ascending. */
export interface LossCells {
  readonly interval: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly p: Float64Array;
  readonly q: Float64Array;
  readonly length: number;
  /** Masses below and above all cells. */
  readonly below: PairMass & { readonly edge: number };
  readonly above: PairMass & { readonly edge: number };
}

/** The tilts with the logarithm of the normaliser: mass·e^{θL − logMoment} is a probability. */
export interface NormalisedTilt {
  readonly tilt: Tilt;
  readonly logMoment: Tilt;
  /** How small a part of the tilted mass the question is about: cells must resolve that. At most 1. */
  readonly share: number;
}

/**
 * Cuts a continuum into cells whose ends lie on the grid hℤ. Where the tilted laws have little mass, cells widen in powers
 * of two; elsewhere they have width h, or h/2 with `halves` (merging them needs twice the resolution of splitting).
 * So a law on a million grid points takes some thousands of evaluations.
 */
export function cutIntoCells(
  continuum: LossContinuum,
  options: { readonly interval: number; readonly halves: boolean; readonly tilts: NormalisedTilt },
): LossCells {
  const { interval: h, halves, tilts } = options;
  const start = Math.floor(continuum.range[0] / h);
  const end = Math.max(start + 1, Math.ceil(continuum.range[1] / h));
  if (!(start >= -LARGEST_INDEX && end <= LARGEST_INDEX)) {
    throw new DpError(
      'DP_NUMERICAL',
      'Expected privacy losses that a grid in float64 resolves, got some beyond: the noise is too small, relative to the ' +
        'sensitivity. Use the gdp or rdp accountant.',
    );
  }
  const cells = new CellList(h);
  const cost = (mass: PairMass, middle: number) =>
    Math.max(
      mass.p > 0 ? mass.p * Math.exp(tilts.tilt.remove * middle - tilts.logMoment.remove) : 0,
      mass.q > 0 ? mass.q * Math.exp(-tilts.tilt.add * middle - tilts.logMoment.add) : 0,
    );
  const limit = WIDE_CELL_COST * tilts.share;
  const widest = WIDEST * (end - start);
  let width = 1;
  for (let at = start; at < end; ) {
    while (width > 1 && (at % width !== 0 || at + width > end)) width /= 2;
    if (width === 1 && halves) {
      const first = continuum.cell(at * h, (at + 0.5) * h);
      const second = continuum.cell((at + 0.5) * h, (at + 1) * h);
      cells.push(2 * at, 2 * at + 1, first);
      cells.push(2 * at + 1, 2 * at + 2, second);
      const both = { p: first.p + second.p, q: first.q + second.q };
      if (8 * cost(both, (at + 0.5) * h) <= limit && widest >= 2) width = 2;
      at++;
      continue;
    }
    const mass = continuum.cell(at * h, (at + width) * h);
    const price = width * width * cost(mass, (at + width / 2) * h);
    if (width > 1 && price > limit) {
      width /= 2;
      continue;
    }
    cells.push(2 * at, 2 * (at + width), mass);
    at += width;
    if (8 * price <= limit && 2 * width <= widest) width *= 2;
  }
  const below = continuum.cell(Number.NEGATIVE_INFINITY, start * h);
  const above = continuum.cell(end * h, Number.POSITIVE_INFINITY);
  return cells.finish({ ...below, edge: start }, { ...above, edge: end });
}

class CellList {
  readonly #interval: number;
  #columns = [0, 1, 2, 3].map(() => new Float64Array(4096));
  #length = 0;

  constructor(interval: number) {
    this.#interval = interval;
  }

  push(low: number, high: number, { p, q }: PairMass): void {
    if (!(p > 0 || q > 0)) return;
    if (this.#length === this.#columns[0]!.length) {
      this.#columns = this.#columns.map((column) => {
        const longer = new Float64Array(2 * column.length);
        longer.set(column);
        return longer;
      });
    }
    const [lows, highs, ps, qs] = this.#columns as [Float64Array, Float64Array, Float64Array, Float64Array];
    lows[this.#length] = low;
    highs[this.#length] = high;
    ps[this.#length] = p;
    qs[this.#length] = q;
    this.#length++;
  }

  finish(below: LossCells['below'], above: LossCells['above']): LossCells {
    const [low, high, p, q] = this.#columns as [Float64Array, Float64Array, Float64Array, Float64Array];
    return { interval: this.#interval, low, high, p, q, length: this.#length, below, above };
  }
}

/** The cells of every continuum of a pair. */
export function cellsOf(
  pair: DominatingPair,
  options: Parameters<typeof cutIntoCells>[1],
): readonly LossCells[] {
  return pair.continua.map((continuum) => cutIntoCells(continuum, options));
}
